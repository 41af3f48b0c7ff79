/*
 * How far two words are apart, for "did you mean". Counts insertions,
 * deletions, replacements and swaps of neighbours.
 */
#ifndef UTIL_DISTANCE_H
#define UTIL_DISTANCE_H

#include <stddef.h>

#include "util/slice.h"

/* The distance by bytes; very long words are compared by their ends only. */
size_t distance_between(struct slice a, struct slice b);

/*
 * The candidate nearest to a word. Zeroed but for `wanted`:
 *     struct distance_nearest nearest = {.wanted = word};
 *     for each candidate: distance_offer(&nearest, candidate);
 */
struct distance_nearest {
    struct slice wanted;
    struct slice best; // of what was offered so far; borrowed
    size_t distance;   // of `best`; meaningless before the first offer
    size_t offered;
};

void distance_offer(struct distance_nearest *nearest, struct slice candidate);

/* The nearest one, if it is near enough to be meant; else empty. */
struct slice distance_best(const struct distance_nearest *nearest);

#endif
