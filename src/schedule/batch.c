#include "schedule/batch.h"

#include <assert.h>

// What lies at a slot should take this long: a hundred times what asking
// costs while all processors are busy, and short enough that nobody notices it
// behind a slow test.
#define BATCH_GOAL_US 25000U
// How long a job takes is known to that part of it and no better: nothing is
// laid behind a long one because it should be nearly done.
#define BATCH_DOUBT 8U

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

uint64_t
batch_expect(const struct batch *batch, uint64_t us)
{
    if (us > 0 || batch->mean_us == 0) {
        return us;
    }
    // A long job among short ones asks for care: whatever lies behind the next
    // one would wait for it. Not too much: on a busy machine any job may lose
    // its processor for some milliseconds.
    return batch->mean_us + (batch->worst_us - batch->mean_us + 7) / 8;
}

uint64_t
batch_left(uint64_t us, uint64_t ran_us)
{
    uint64_t left = us > ran_us ? us - ran_us : ran_us - us;
    uint64_t least = us / BATCH_DOUBT;
    return left > least ? left : least;
}

/* What a slot will be busy for; UINT64_MAX: nobody knows. */
static uint64_t
busy_us(const struct batch *batch, const struct batch_load *load)
{
    uint64_t usual = batch_expect(batch, 0);
    if (load->unknown > 0 && usual == 0) {
        return UINT64_MAX;
    }
    uint64_t us = 0;
    bool huge = __builtin_mul_overflow(load->unknown, usual, &us) ||
                __builtin_add_overflow(us, load->us, &us);
    return huge ? UINT64_MAX : us;
}

bool
batch_is_freer(const struct batch *batch, const struct batch_load *load,
               const struct batch_load *other)
{
    if (load->jobs == 0 || other->jobs == 0) {
        return load->jobs < other->jobs;
    }
    uint64_t us = busy_us(batch, load);
    uint64_t other_us = busy_us(batch, other);
    return us != other_us ? us < other_us : load->jobs < other->jobs;
}

/* How many may lie there at all: fewer, when not many are left. */
static uint32_t
share_of(uint32_t waiting, int slots)
{
    uint64_t share = waiting / (2 * (uint64_t)slots) + 1;
    return share < BATCH_MOST ? (uint32_t)share : BATCH_MOST;
}

uint32_t
batch_room(const struct batch *batch, const struct batch_load *load,
           uint64_t us, uint32_t waiting, int slots)
{
    assert(slots > 0);
    uint32_t least = load->jobs == 0 ? 1 : 0;
    uint64_t each = batch_expect(batch, us);
    uint32_t share = share_of(waiting, slots);
    uint64_t busy = busy_us(batch, load);
    if (each == 0 || busy >= BATCH_GOAL_US || load->jobs >= share) {
        return least;
    }
    uint64_t fit = (BATCH_GOAL_US - busy) / each;
    uint64_t room = fit < share - load->jobs ? fit : share - load->jobs;
    return room > least ? (uint32_t)room : least;
}
