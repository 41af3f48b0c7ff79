/*
 * Jobs that are to run again, but not yet: retries until their delay is over,
 * rounds until nothing else waits. Knows jobs by their numbers and from which
 * slot each should stay away; gives nothing out.
 */
#ifndef RUN_AGAIN_H
#define RUN_AGAIN_H

#include "loop/deadline.h"
#include "util/array.h"
#include "util/list.h"

/* Where a job ran before. */
struct again_place {
    uint32_t job;
    int slot;
};

struct again {
    struct loop *loop;
    void (*on_due)(void *ctx, uint32_t job);
    void *ctx;
    struct list delayed;
    uint32_t delayed_count;
    ARRAY(uint32_t) rounds;
    size_t rounds_taken;              // from the front
    ARRAY(struct again_place) places; // JOB_NONE: told
    size_t places_taken;              // from the front
};

/* Borrows `loop`. `on_due` comes from the loop. */
void again_init(struct again *again, struct loop *loop,
                void (*on_due)(void *ctx, uint32_t job), void *ctx);
void again_release(struct again *again);

/* The job is due in that time; its last attempt was at `slot`. */
void again_delay(struct again *again, uint32_t job, uint32_t ms, int slot);

/* The job waits for the next round. */
void again_add_round(struct again *again, uint32_t job);
/* The first one that does, taken out; JOB_NONE: none. */
uint32_t again_next_round(struct again *again);

/* Forgets all that waits. */
void again_drop(struct again *again);

/* How many wait. */
uint32_t again_count(const struct again *again);

/* Where the job was last, told once; -1: not known. */
int again_take_slot(struct again *again, uint32_t job);

#endif
