/*
 * Made-up durations of jobs, the same for the same numbers: a suite to try the
 * scheduler on where there is no recording of one.
 */
#ifndef SCHEDULE_DISTRIBUTION_H
#define SCHEDULE_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum distribution_kind {
    DISTRIBUTION_CONSTANT,  // `max_us` each
    DISTRIBUTION_UNIFORM,   // between `min_us` and `max_us`
    DISTRIBUTION_LOGNORMAL, // the longest takes `max_us`, all `sum_us`
};

struct distribution {
    enum distribution_kind kind;
    uint64_t min_us;
    uint64_t max_us;
    uint64_t sum_us;
    uint64_t seed;
};

/*
 * Fills in how long each of `count` jobs takes. False with ERR_USAGE: no such
 * jobs add up to that sum.
 */
bool distribution_fill(const struct distribution *distribution, uint64_t *us,
                       size_t count, struct err *err);

/* The next number of a row that begins with any `state`; evenly spread. */
uint64_t distribution_draw(uint64_t *state);

#endif
