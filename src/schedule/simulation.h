/*
 * A run in virtual time: the line-up, the queue and the batches of a real one,
 * with slots that take as long as they are told and cost nothing. No processes
 * and no clock; what a decision costs is for the caller to measure.
 *
 *     simulation_new -> simulation_add ... -> simulation_line_up
 *         -> simulation_run
 */
#ifndef SCHEDULE_SIMULATION_H
#define SCHEDULE_SIMULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schedule/lineup.h"
#include "schedule/queue.h"

#define SIMULATION_JOBS_MAX 100000000U
#define SIMULATION_SLOTS_MAX 1000000U

struct simulated_job {
    uint64_t us;        // how long it takes
    uint64_t expect_us; // how long it should take; 0: not known
    uint32_t needs;     // of simulation_needs; 0: nothing
    uint32_t rank;
    bool failed; // the last time
    bool alone;
    struct slice name; // for a random order; not kept
};

struct simulation_params {
    uint32_t slots; // 1 to SIMULATION_SLOTS_MAX
    enum order_mode order;
    uint64_t seed;         // of a random order
    const uint32_t *units; // of each resource; copied
    uint32_t resources;
};

/* Which bound no order can go below. */
enum simulation_bound {
    BOUND_SUM,      // all jobs on all slots
    BOUND_LONGEST,  // one job
    BOUND_RESOURCE, // the jobs that share one
};

struct simulation_report {
    uint32_t jobs;
    uint64_t sum_us;
    uint64_t longest_us;
    uint64_t makespan_us;
    uint64_t bound_us; // jobs that want to be alone come on top of `bound`
    enum simulation_bound bound;
    uint64_t decisions;
};

struct simulation;
struct simulation *simulation_new(const struct simulation_params *params);
void simulation_free(struct simulation *simulation);

/* As queue_needs. */
uint32_t simulation_needs(struct simulation *simulation,
                          const struct queue_need *needs, size_t count);
/* At most SIMULATION_JOBS_MAX, in the order of collection. */
void simulation_add(struct simulation *simulation,
                    const struct simulated_job *job);

/* Sorts the jobs into the queue. */
void simulation_line_up(struct simulation *simulation);
/* Runs them all. */
void simulation_run(struct simulation *simulation);

/* Whole after simulation_run. */
const struct simulation_report *
simulation_report(const struct simulation *simulation);

#endif
