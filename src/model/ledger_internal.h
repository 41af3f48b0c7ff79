/*
 * The inside of the ledger, for the files it is made of: ledger.c (results,
 * and jobs that end) and ledger_again.c (what runs again). Nobody else
 * includes it.
 */
#ifndef MODEL_LEDGER_INTERNAL_H
#define MODEL_LEDGER_INTERNAL_H

#include "model/ledger.h"
#include "model/pending.h"
#include "util/array.h"

// What the ledger knows of a job beside what stands in the items.
struct page {
    uint16_t rounds; // that were repeated
    uint8_t losses;
    bool running;  // given out, and neither ended nor lost
    bool ended;    // what was left of it went into another job
    bool awaited;  // lost: its next attempt has a number already
    bool progress; // an item of it ended in the current attempt
};

struct ledger {
    struct items *items;
    struct tally tally;
    bool refuses_flaky;
    ARRAY(struct page) pages;
    struct pendings pendings;
    struct kept *spent;  // the last word that was given
    struct outcome pass; // likewise, where it is a pass
};

struct page *ledger_page(struct ledger *ledger, uint32_t job);

/* Selected, and without a state. */
bool ledger_is_open(const struct item *item);

/* Numbers of items of a job, to be freed. */
struct picked {
    uint32_t *items;
    uint32_t count;
};

/* The items of a job that have not ended, ready for another attempt. */
struct picked ledger_pick_due(struct ledger *ledger, uint32_t job);

#endif
