/*
 * Keeps a store within its bounds: the oldest builds and their recordings go
 * first; the newest whole build of a suite, and those that its newest build
 * goes back to, stay. What no build has run for a year goes too, and a file
 * in recordings/ that no build knows, unless it is being written.
 */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H

#include "store/store.h"

struct bounds {
    uint32_t builds; // at most; 0: any number
    uint64_t bytes;  // database and recordings together; 0: any size
};

struct pruned {
    uint32_t builds;
    uint32_t recordings;
    uint32_t tests;
    uint64_t bytes; // that were freed
    uint64_t size;  // afterwards
};

/* Nothing to do is fine. `now_ms` is a date, as in the database. */
bool prune(struct store *store, const struct bounds *bounds, int64_t now_ms,
           struct pruned *pruned, struct err *err);

/* What database and recordings take, without what is free in the database. */
bool prune_measure(struct store *store, uint64_t *bytes, struct err *err);

#endif
