/*
 * Which job may lie ready at a slot behind another one: none where they are
 * long, several where a job takes less time than asking for the next one. Goes
 * by how long each of them should take and, where nobody knows, by the jobs
 * that ended; time comes as numbers. Near the end it gives out less, so that
 * no slot sits on work while another one is idle.
 */
#ifndef SCHEDULE_BATCH_H
#define SCHEDULE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#define BATCH_MOST 64 // jobs at one slot, the running one included

/* Zeroed = nothing was learned yet. */
struct batch {
    uint64_t mean_us;  // of the last jobs; the newest weighs an eighth
    uint64_t worst_us; // a slowly forgotten maximum
};

/* What lies at a slot. Zeroed = nothing. */
struct batch_load {
    uint32_t jobs;    // the running one included
    uint32_t unknown; // of those behind it: nobody knows how long they take
    uint64_t us;      // what all others will still take
};

/* A job took `us`. */
void batch_learn(struct batch *batch, uint64_t us);

/* What a job takes that should take `us` (0: nobody says); 0: not known. */
uint64_t batch_expect(const struct batch *batch, uint64_t us);

/*
 * What a job will still take that should take `us` and runs for `ran_us`; an
 * eighth of `us` at least. One that is late is not nearly done: it takes as
 * long again as it is late.
 */
uint64_t batch_left(uint64_t us, uint64_t ran_us);

/* Whether a slot will be free before another one. */
bool batch_is_freer(const struct batch *batch, const struct batch_load *load,
                    const struct batch_load *other);

/*
 * How many jobs that should take `us` each (0: not known) a slot may be given,
 * when `waiting` have not been given out and there are `slots`. An idle slot
 * takes at least one, whatever it is; all in all there are BATCH_MOST at most.
 */
uint32_t batch_room(const struct batch *batch, const struct batch_load *load,
                    uint64_t us, uint32_t waiting, int slots);

#endif
