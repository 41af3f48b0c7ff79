#include "schedule/batch.h"

#include <assert.h>

// What lies at a slot should take this long: some hundred times what asking
// costs, and short enough that nobody notices it behind a slow test.
#define BATCH_GOAL_US 8000U

void
batch_learn(struct batch *batch, uint64_t us)
{
    if (us == 0) {
        us = 1;
    }
    if (batch->mean_us == 0) {
        batch->mean_us = us;
        batch->worst_us = us;
        return;
    }
    batch->mean_us = (7 * batch->mean_us + us) / 8;
    batch->worst_us -= batch->worst_us / 16;
    if (us > batch->worst_us) {
        batch->worst_us = us;
    }
    if (batch->worst_us < batch->mean_us) {
        batch->worst_us = batch->mean_us;
    }
}

uint32_t
batch_depth(const struct batch *batch, uint32_t waiting, int slots)
{
    assert(slots > 0);
    if (batch->mean_us == 0) {
        return 1;
    }
    // A long job among short ones asks for care: whatever lies behind the next
    // one would wait for it. Not too much: on a busy machine any job may lose
    // its processor for some milliseconds.
    uint64_t expected =
        batch->mean_us + (batch->worst_us - batch->mean_us + 7) / 8;
    if (expected == 0) {
        expected = 1;
    }
    uint64_t depth = BATCH_GOAL_US / expected;
    uint64_t share = waiting / (2 * (uint64_t)slots) + 1;
    if (depth > share) {
        depth = share;
    }
    if (depth > BATCH_MOST) {
        depth = BATCH_MOST;
    }
    return depth < 1 ? 1 : (uint32_t)depth;
}
