/*
 * What `mule simulate` simulates, from the words of its command line: the jobs
 * of a recorded build, or as many as are wanted of a distribution, the slots, and
 * what the jobs share.
 */
#ifndef COMMAND_SIMULATED_H
#define COMMAND_SIMULATED_H

#include "model/settings.h"
#include "schedule/simulation.h"
#include "util/array.h"
#include "util/err.h"

/* A resource that so many of 1,000,000 jobs need. */
struct simulated_share {
    uint32_t jobs;
};

/* On what terms a recorded job runs. */
struct simulated_terms {
    const struct need *needs; // borrowed from the settings
    int need_count;
    bool alone;
};

/* Zeroed = nothing. */
struct simulated {
    uint32_t slots;
    enum order_mode order;
    uint64_t seed;
    ARRAY(uint64_t) us;        // of each job
    ARRAY(uint64_t) expect_us; // likewise; as many, or none: as it takes
    ARRAY(struct simulated_terms) terms;  // likewise
    ARRAY(uint32_t) units;                // of the settings' resources and...
    ARRAY(struct simulated_share) shares; // ... of these, which come last
    uint64_t recorded_us; // how long the recorded run took; 0: none was
};

/* Borrows the settings. False with err, ERR_USAGE where the words are wrong. */
bool simulated_read(struct simulated *simulated,
                    const struct settings *settings, struct err *err);
void simulated_release(struct simulated *simulated);

/* Hands over all jobs. */
void simulated_add(const struct simulated *simulated,
                   struct simulation *simulation);

#endif
