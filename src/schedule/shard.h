/*
 * Which shard a job belongs to when a suite is divided among machines that do
 * not talk to each other. Each of them must come to the same answer: it
 * depends on names, the number of shards and, when balanced, on the durations
 * that are handed in, never on what this machine remembers.
 */
#ifndef SCHEDULE_SHARD_H
#define SCHEDULE_SHARD_H

#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

#define SHARDS_MAX 10000

/* 1 to `count`, by a hash of the name. */
uint32_t shard_of_name(struct slice name, uint32_t count);

/* A job to be dealt out. */
struct shard_job {
    struct slice name; // borrowed; equal names are told apart by their place
    uint64_t us;
    uint32_t place; // as it was handed in; set by shard_balance
    uint32_t shard; // the answer: 1 to the number of shards
};

/*
 * Deals jobs out, longest first and by name where they are equal, each to the
 * shard that has least; of those, the one with the fewest jobs. They stay in
 * the order in which they came.
 */
void shard_balance(struct shard_job *jobs, size_t count, uint32_t shards);

#endif
