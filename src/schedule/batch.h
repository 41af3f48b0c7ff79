/*
 * How many jobs may lie ready at a slot: one where jobs are long, several
 * where a job takes less time than asking for the next one. Learns from the
 * jobs that ended; time comes as numbers. Near the end it gives out less, so
 * that no slot sits on work while another one is idle.
 */
#ifndef SCHEDULE_BATCH_H
#define SCHEDULE_BATCH_H

#include <stdint.h>

#define BATCH_MOST 64 // jobs at one slot, the running one included

/* Zeroed = nothing was learned yet. */
struct batch {
    uint64_t mean_us;  // of the last jobs; the newest weighs an eighth
    uint64_t worst_us; // a slowly forgotten maximum
};

/* A job took `us`. */
void batch_learn(struct batch *batch, uint64_t us);

/*
 * Jobs that one slot should hold, the running one included, when `waiting`
 * have not been given out and there are `slots`: 1 to BATCH_MOST.
 */
uint32_t batch_depth(const struct batch *batch, uint32_t waiting, int slots);

#endif
