/*
 * How items end: each result goes through the ledger, and what the ledger
 * takes is told to whoever listens, so that no item is counted without being
 * told or told twice. Counts what ended badly; decides nothing about the run.
 */
#ifndef RUN_BOOK_H
#define RUN_BOOK_H

#include "model/ledger.h"
#include "run/chronicle.h"

/* All borrowed. */
struct book {
    struct items *items;
    struct ledger *ledger;
    struct chronicle *chronicle;
    uint32_t bad; // items that ended badly
    bool full;    // an item appeared for which there was no room
};

/* Selected, and without a state. */
bool book_is_open(const struct items *items, uint32_t item);
/* How many items of a job are. */
uint32_t book_count_open(const struct items *items, uint32_t job);

/* What an attempt said about an item, if it still counts. */
void book_take(struct book *book, const struct chronicle_place *place,
               const struct outcome *outcome);

/* The run's own word on an item, unless it has a state. */
void book_decide(struct book *book, const struct chronicle_place *place,
                 const struct outcome *outcome);

/* The same for all that is left of a job. */
void book_decide_rest(struct book *book, uint32_t job, uint16_t attempt,
                      int slot, const struct outcome *outcome);

/*
 * An item that nobody collected was seen while `job` ran, and ended; `place`
 * gets its number. Where there is no room for it the book is `full` and
 * nothing is told.
 */
void book_appear(struct book *book, struct chronicle_place *place,
                 struct slice id, uint32_t line, const struct outcome *outcome);

/* Items without a state did not run: `reason` says why. */
void book_close(struct book *book, const char *reason);

#endif
