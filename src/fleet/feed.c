#include "fleet/feed.h"

// What lies ready for a slot should take this long: some times what a message
// takes to a worker and back.
#define FEED_GOAL_US 50000U
// A message costs a broker and two programs about a tenth of a millisecond:
// hardly to be seen beside this much work.
#define FEED_MESSAGE_US 4000U
// Up to here the next order lies ready on the queue while one runs: the way
// would be seen in the time of a build.
#define FEED_SHORT_US 500000U

void
feed_learn(struct feed *feed, uint64_t us)
{
    batch_learn(&feed->seen, us);
}

/* What the next job will take; 0: nobody knows. */
static uint64_t
expected(const struct feed *feed)
{
    const struct batch *seen = &feed->seen;
    if (seen->mean_us == 0) {
        return 0;
    }
    return seen->mean_us + (seen->worst_us - seen->mean_us + 7) / 8;
}

uint32_t
feed_depth(const struct feed *feed, uint32_t waiting, int slots)
{
    uint64_t us = expected(feed);
    if (us == 0 || slots <= 0) {
        return 1;
    }
    uint64_t depth = FEED_GOAL_US / us;
    uint64_t share = waiting / (2 * (uint64_t)slots) + 1;
    depth = depth > share ? share : depth;
    depth = depth > FEED_DEPTH_MAX ? FEED_DEPTH_MAX : depth;
    return depth < 1 ? 1 : (uint32_t)depth;
}

uint32_t
feed_room(const struct feed *feed, uint32_t waiting, int slots, uint32_t out,
          uint32_t queued, uint32_t idle)
{
    if (slots <= 0) {
        return 0;
    }
    uint64_t us = expected(feed);
    uint32_t most = feed_depth(feed, waiting, slots) * (uint32_t)slots;
    if (us > 0 && us < FEED_SHORT_US) {
        // On the queue, where whoever is free first takes it.
        most += ((uint32_t)slots + 1) / 2;
    }
    uint32_t room = out < most ? most - out : 0;
    uint32_t hungry = queued < idle ? idle - queued : 0;
    return room > hungry ? room : hungry;
}

uint32_t
feed_message(const struct feed *feed, uint32_t depth)
{
    if (feed->batch > 0) {
        return feed->batch < FEED_BATCH_MAX ? feed->batch : FEED_BATCH_MAX;
    }
    uint64_t us = expected(feed);
    uint64_t count = us > 0 ? FEED_MESSAGE_US / us : 1;
    count = count > depth ? depth : count;
    count = count > FEED_BATCH_MAX ? FEED_BATCH_MAX : count;
    return count < 1 ? 1 : (uint32_t)count;
}
