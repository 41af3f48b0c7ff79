/*
 * How much work to keep out, on the queue and with workers: enough that nobody
 * waits for the way to and fro, little enough that nobody sits on what another
 * one could do. Goes by how long each job should take and, where nobody knows,
 * by the jobs that ended. Pure: numbers in, numbers out.
 */
#ifndef FLEET_FEED_H
#define FLEET_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "run/executor.h"
#include "schedule/batch.h"

// What lies ready for a slot should take this long: some times what a message
// takes to a worker and back.
#define FEED_GOAL_US 50000U
#define FEED_DEPTH_MAX 64 // orders for each slot
#define FEED_BATCH_MAX 64 // orders in a message

struct feed {
    struct batch seen;
    uint32_t batch; // orders in a message, as the user wants it; 0: as fits
};

/* What is out: on the queue and with workers. */
struct feed_out {
    uint32_t count;
    uint32_t unknown; // of which nobody knows how long they take
    uint64_t us;      // what the others take, FEED_GOAL_US each at most
    uint32_t queued;  // of all: nobody has taken them
    uint32_t idle;    // slots that have nothing to do
};

/* A job took `us`. */
void feed_learn(struct feed *feed, uint64_t us);

/*
 * Orders such as the next one that may be out for each of `slots` slots:
 * FEED_GOAL_US of work, 1 to FEED_DEPTH_MAX.
 */
uint32_t feed_depth(const struct feed *feed, const struct demand *demand,
                    int slots);

/*
 * How many more orders such as the next one may go out now. A slot with a long
 * job has enough; those without share what is short.
 */
uint32_t feed_room(const struct feed *feed, const struct demand *demand,
                   int slots, const struct feed_out *out);

/* Orders at most in one message when each slot may have `depth` of them. */
uint32_t feed_message(const struct feed *feed, uint32_t depth);

/*
 * Whether an order that should take `us` (0: not known) travels with `count`
 * others that together should take `sum_us`; if so adds it to them.
 */
bool feed_travels(const struct feed *feed, uint32_t count, uint64_t *sum_us,
                  uint64_t us);

#endif
