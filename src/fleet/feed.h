/*
 * How much work to keep out, on the queue and with workers: enough that nobody
 * waits for the way to and fro, little enough that nobody sits on what another
 * one could do. Learns from the jobs that ended. Pure: numbers in, numbers
 * out.
 */
#ifndef FLEET_FEED_H
#define FLEET_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "schedule/batch.h"

#define FEED_DEPTH_MAX 64 // orders for each slot
#define FEED_BATCH_MAX 64 // orders in a message

struct feed {
    struct batch seen;
    uint32_t batch; // orders in a message, as the user wants it; 0: as fits
};

/* A job took `us`. */
void feed_learn(struct feed *feed, uint64_t us);

/*
 * Orders that may be out for each of `slots` slots, when `waiting` jobs have
 * not been given out: about 50 ms of work, 1 to FEED_DEPTH_MAX.
 */
uint32_t feed_depth(const struct feed *feed, uint32_t waiting, int slots);

/*
 * How many more orders may go out now: `out` are, of which `queued` nobody
 * has taken, and `idle` slots have nothing to do.
 */
uint32_t feed_room(const struct feed *feed, uint32_t waiting, int slots,
                   uint32_t out, uint32_t queued, uint32_t idle);

/* Orders to put into one message when each slot may have `depth` of them. */
uint32_t feed_message(const struct feed *feed, uint32_t depth);

#endif
