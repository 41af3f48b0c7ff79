#include "schedule/lineup.h"

#include <stdlib.h>

#include "schedule/name_hash.h"

// Of the time that all jobs take at least: what is no difference.
#define STEP_PART 128U
// Of a fleet that nobody has counted.
#define SLOTS_USUAL 64U

static int
compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int
compare_place(const struct lineup_job *a, const struct lineup_job *b)
{
    return compare(a->place, b->place);
}

static int
compare_past(const void *left, const void *right)
{
    const struct lineup_job *a = left;
    const struct lineup_job *b = right;
    if (a->rank != b->rank) {
        return compare(a->rank, b->rank);
    }
    if (a->failed != b->failed) {
        return a->failed ? -1 : 1;
    }
    if (a->key != b->key) {
        return compare(b->key, a->key);
    }
    return compare_place(a, b);
}

static int
compare_random(const void *left, const void *right)
{
    const struct lineup_job *a = left;
    const struct lineup_job *b = right;
    if (a->rank != b->rank) {
        return compare(a->rank, b->rank);
    }
    if (a->key != b->key) {
        return compare(a->key, b->key);
    }
    return compare_place(a, b);
}

uint64_t
lineup_step(const struct lineup_job *jobs, size_t count, uint32_t slots)
{
    uint64_t sum = 0;
    uint64_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(sum, jobs[i].expect_us, &sum)) {
            sum = UINT64_MAX;
        }
        if (jobs[i].expect_us > longest) {
            longest = jobs[i].expect_us;
        }
    }
    uint64_t share = sum / (slots > 0 ? slots : SLOTS_USUAL);
    return (share > longest ? share : longest) / STEP_PART;
}

void
lineup_sort(struct lineup_job *jobs, size_t count, enum order_mode order,
            uint64_t step_us)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i].place = (uint32_t)i;
    }
    if (count < 2) {
        return; // qsort wants an array
    }
    switch (order) {
    case ORDER_HISTORY:
        for (size_t i = 0; i < count; i++) {
            jobs[i].key = jobs[i].expect_us / (step_us > 0 ? step_us : 1);
        }
        qsort(jobs, count, sizeof(*jobs), compare_past);
        break;
    case ORDER_GIVEN:
        break;
    case ORDER_RANDOM:
        qsort(jobs, count, sizeof(*jobs), compare_random);
        break;
    }
}

uint64_t
lineup_key(uint64_t seed, struct slice name)
{
    return name_hash(name, seed);
}
