/*
 * Numbers of tests and jobs: those of suite S lie between S << 40 and
 * (S + 1) << 40, so that a suite is one range of the table and needs no index.
 * And what a duration may be at most.
 */
#ifndef STORE_SUITE_RANGE_H
#define STORE_SUITE_RANGE_H

#include <stdint.h>

#define SUITE_RANGE_BITS 40
/* More suites than that are not told apart by numbers. */
#define SUITE_MAX (INT64_C(1) << 22)

/* A year: what is longer was not measured but made up. In microseconds. */
#define DURATION_MAX (UINT64_C(365) * 24 * 3600 * 1000 * 1000)

static inline int64_t
suite_range_first(int64_t suite)
{
    return suite << SUITE_RANGE_BITS;
}

static inline int64_t
suite_range_suite(int64_t number)
{
    return number >> SUITE_RANGE_BITS;
}

#endif
