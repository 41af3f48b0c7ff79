/*
 * Keeps a store within its bounds: the oldest builds and their recordings go
 * first. The newest build of a suite, those it goes back to, and its newest
 * whole one stay. A recording that no build knows, of a run that was killed,
 * counts as a build of its own, unless it is being written (it is locked).
 */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H

#include "store/store.h"

struct bounds {
    uint32_t builds; // at most; 0: any number
    uint64_t bytes;  // database and recordings together; 0: any size
    bool thorough;   // also forget tests that were not seen for a year, and
                     // give all free room back
};

struct pruned {
    uint32_t builds;
    uint32_t recordings;
    uint32_t tests;
    uint64_t bytes; // that were freed
    uint64_t size;  // afterwards
};

/* Nothing to do is fine. */
bool prune(struct store *store, const struct bounds *bounds,
           struct pruned *pruned, struct err *err);

/* What database and recordings take, without what is free in the database. */
bool prune_measure(struct store *store, uint64_t *bytes, struct err *err);

#endif
