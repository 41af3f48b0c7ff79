#include "fleet/feed.h"

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

static uint64_t
least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Near the end nobody is to sit on much. */
static uint64_t
share_of(const struct demand *demand, int slots)
{
    uint64_t share = demand->waiting / (2 * (uint64_t)slots) + 1;
    return least_of(share, FEED_DEPTH_MAX);
}

uint32_t
feed_depth(const struct feed *feed, const struct demand *demand, int slots)
{
    uint64_t us = batch_expect(&feed->seen, demand->expect_us);
    if (us == 0 || slots <= 0) {
        return 1;
    }
    uint64_t depth = least_of(FEED_GOAL_US / us, share_of(demand, slots));
    return depth < 1 ? 1 : (uint32_t)depth;
}

uint32_t
feed_room(const struct feed *feed, const struct demand *demand, int slots,
          const struct feed_out *out)
{
    uint32_t hungry = out->queued < out->idle ? out->idle - out->queued : 0;
    if (slots <= 0) {
        return 0;
    }
    if (demand->idle_only) {
        return hungry;
    }
    uint64_t usual = batch_expect(&feed->seen, 0);
    uint64_t us = batch_expect(&feed->seen, demand->expect_us);
    uint64_t count = (uint64_t)slots;
    // What counts for an order is how long a slot has enough with it.
    uint64_t weight = us == 0 ? FEED_GOAL_US : least_of(us, FEED_GOAL_US);
    uint64_t unknown =
        usual == 0 ? FEED_GOAL_US : least_of(usual, FEED_GOAL_US);
    // On the queue, where whoever is free first takes it.
    uint64_t spare = us > 0 && us < FEED_SHORT_US ? (count + 1) / 2 : 0;
    uint64_t most_us = count * FEED_GOAL_US + spare * weight;
    uint64_t out_us = out->us + out->unknown * unknown;
    uint64_t most = count * share_of(demand, slots) + spare;
    uint64_t room = out_us < most_us ? (most_us - out_us) / weight : 0;
    room = least_of(room, out->count < most ? most - out->count : 0);
    return room > hungry ? (uint32_t)room : hungry;
}

uint32_t
feed_message(const struct feed *feed, uint32_t depth)
{
    uint32_t most = feed->batch > 0 ? feed->batch : depth;
    most = most < FEED_BATCH_MAX ? most : FEED_BATCH_MAX;
    return most < 1 ? 1 : most;
}

bool
feed_travels(const struct feed *feed, uint32_t count, uint64_t *sum_us,
             uint64_t us)
{
    uint64_t each = batch_expect(&feed->seen, us);
    // What nobody can tell anything of travels alone, unless it has to.
    bool fits = each > 0 && *sum_us <= FEED_MESSAGE_US &&
                each <= FEED_MESSAGE_US - *sum_us;
    if (count > 0 && feed->batch == 0 && !fits) {
        return false;
    }
    *sum_us += least_of(each > 0 ? each : FEED_GOAL_US, FEED_GOAL_US);
    return true;
}
