#include "schedule/lineup.h"

#include <stdlib.h>

#include "schedule/name_hash.h"

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
    if (a->expect_us != b->expect_us) {
        return compare(b->expect_us, a->expect_us);
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

void
lineup_sort(struct lineup_job *jobs, size_t count, enum order_mode order)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i].place = (uint32_t)i;
    }
    if (count < 2) {
        return; // qsort wants an array
    }
    switch (order) {
    case ORDER_HISTORY:
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
