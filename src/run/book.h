/*
 * How items end: each result goes through the ledger, and what the ledger
 * takes is told to whoever listens, so that no item is counted without being
 * told or told twice. Counts what ended badly; keeps what is to run again for
 * the run to fetch; decides nothing about the run.
 */
#ifndef RUN_BOOK_H
#define RUN_BOOK_H

#include "model/ledger.h"
#include "run/chances.h"
#include "run/chronicle.h"
#include "util/array.h"

/*
 * An item that appeared, a fixture, ended badly and was set aside. It is
 * decided when `job` ends: in which it ended, or which is its next attempt.
 */
struct book_extra {
    uint32_t item;
    uint32_t job;
};

/* A program of which points were set aside: it runs again as a whole. */
struct book_whole {
    uint32_t job;
    bool aside; // in the current attempt
};

/* A job that is to run again. */
struct book_retry {
    uint32_t job;
    uint32_t delay_ms;
    int slot;   // of the last attempt
    bool round; // it passed, and is repeated: after all that waits
};

/* What is pointed to is borrowed. */
struct book {
    struct items *items;
    struct ledger *ledger;
    struct chronicle *chronicle;
    struct chances chances;
    ARRAY(struct book_extra) extras;
    ARRAY(struct book_whole) wholes;
    ARRAY(struct book_retry) retries; // for the run to take
    uint32_t bad;                     // items that ended badly
    bool full; // an item appeared for which there was no room
    struct buf owner;
    struct buf id;
};

void book_init(struct book *book, const struct settings *settings,
               struct items *items, struct ledger *ledger,
               struct chronicle *chronicle);
void book_release(struct book *book);

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

/*
 * The same for all of a job that has not ended, as if the job had said so:
 * what is bad may run again. `kept`: something that runs again kept them from
 * running.
 */
void book_take_rest(struct book *book, uint32_t job, int slot,
                    const struct outcome *outcome, bool kept);

/* What appeared in the job `from` is settled with the job `to`. */
void book_move_extras(struct book *book, uint32_t from, uint32_t to);

/*
 * An item that nobody collected was seen while `job` ran, and ended; `place`
 * gets its number. Where there is no room for it the book is `full` and
 * nothing is told. In a retry it is the next attempt of what appeared before.
 */
void book_appear(struct book *book, struct chronicle_place *place,
                 struct slice id, uint32_t line, const struct outcome *outcome);

/*
 * Whether an item belongs to what appeared, by its name: to `setUpClass (C)`
 * belong the tests of C.
 */
bool book_owns(struct book *book, uint32_t extra, uint32_t item);

/* The program of that job, of which points were set aside; or NULL. */
struct book_whole *book_find_whole(struct book *book, uint32_t job);

/* Items without a state did not run: `reason` says why. */
void book_close(struct book *book, const char *reason);

#endif
