/*
 * The part of a selected suite that is run here when it is divided among
 * machines that do not talk to each other. Whole jobs stay together. What it
 * leaves to others is told, so that somebody who has all reports can say what
 * nobody ran.
 */
#ifndef RUN_SHARDING_H
#define RUN_SHARDING_H

#include "model/settings.h"
#include "run/chronicle.h"
#include "schedule/durations.h"
#include "util/array.h"

/* Zeroed = everything is run here. */
struct sharding {
    ARRAY(uint32_t) jobs; // that others have
    ARRAY(uint32_t) of;   // of each of these its shard
    char shard[32];       // "2/5"; "": there are none
    char selection[SHA256_SIZE];
    const char *durations; // their hash, or NULL
    bool in_vain;          // the durations know none of the jobs
};

/*
 * Takes ITEM_SELECTED from what the settings leave to other shards.
 * `durations`, or NULL: by them the shards are balanced. Borrowed.
 */
void sharding_divide(struct sharding *sharding, const struct settings *settings,
                     struct items *items, const struct durations *durations);
void sharding_release(struct sharding *sharding);

/* Fills in what everybody should know of it; texts live as long as it. */
void sharding_describe(const struct sharding *sharding,
                       struct event_collected *collected);

/* After COLLECTED: what others have. */
void sharding_tell(const struct sharding *sharding,
                   struct chronicle *chronicle);

#endif
