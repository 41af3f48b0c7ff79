/*
 * In what order jobs are given out. Gets numbers and sorts them; where they
 * come from is not its business.
 */
#ifndef SCHEDULE_LINEUP_H
#define SCHEDULE_LINEUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/settings.h"
#include "util/slice.h"

/* One job. 32 bytes: there may be a million of them. */
struct lineup_job {
    uint32_t job;   // its number; means nothing here
    uint32_t place; // in which it was added; set by lineup_sort
    uint32_t rank;  // lower goes first, whatever else: not with ORDER_GIVEN
    bool failed;    // the last time
    uint64_t expect_us;
    uint64_t key; // ORDER_RANDOM: what lineup_key gave; else lineup_sort's
};

/*
 * ORDER_HISTORY: what failed last time first, then the longest first, counted
 * in steps of `step_us` (0: of a microsecond), ties as they were added.
 * ORDER_GIVEN: as they were added. ORDER_RANDOM: by the key, so that the same
 * jobs are in the same order whatever else is sorted with them.
 */
void lineup_sort(struct lineup_job *jobs, size_t count, enum order_mode order,
                 uint64_t step_us);

/*
 * The step for that many slots (0: nobody knows): below a hundredth of the
 * time that the jobs take at least. It is what the end of the run may come
 * later by. Neighbours in a suite share modules, queries and warm caches, and
 * an order by differences that mean nothing tears them apart.
 */
uint64_t lineup_step(const struct lineup_job *jobs, size_t count,
                     uint32_t slots);

/*
 * The place in a random order of a job of that name, as a number: it depends
 * on the seed and the name alone.
 */
uint64_t lineup_key(uint64_t seed, struct slice name);

#endif
