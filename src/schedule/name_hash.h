/*
 * A hash of names that people may count on: shards and shuffled orders are
 * made of it, so that it is the same on every machine and in every version.
 * FNV-1a of 64 bits, whose lowest bits alone are poor, and the last step of
 * MurmurHash3 behind it.
 */
#ifndef SCHEDULE_NAME_HASH_H
#define SCHEDULE_NAME_HASH_H

#include <stdint.h>

#include "util/slice.h"

/* A seed of 0 is none: FNV-1a begins as its authors have it. */
uint64_t name_hash(struct slice name, uint64_t seed);

#endif
