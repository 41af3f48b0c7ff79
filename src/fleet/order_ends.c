#include "fleet/order_ends.h"

#include <stdlib.h>

#include "util/alloc.h"

// Open addressing; an attempt of 0 is a free place.
struct place {
    uint32_t job;
    uint16_t attempt;
};

struct order_ends {
    struct place *places;
    size_t capacity; // a power of two, or 0
    size_t count;
};

struct order_ends *
order_ends_new(void)
{
    return ALLOC(struct order_ends);
}

void
order_ends_free(struct order_ends *ends)
{
    if (ends != NULL) {
        free(ends->places);
        free(ends);
    }
}

// The place of the job, or the free one where it belongs.
static struct place *
find(const struct order_ends *ends, uint32_t job)
{
    size_t mask = ends->capacity - 1;
    size_t at = (job * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;

    while (ends->places[at].attempt != 0 && ends->places[at].job != job) {
        at = (at + 1) & mask;
    }
    return &ends->places[at];
}

static void
grow(struct order_ends *ends)
{
    struct place *old = ends->places;
    size_t old_capacity = ends->capacity;

    ends->capacity = old_capacity > 0 ? 2 * old_capacity : 64;
    ends->places = alloc_zero(ends->capacity, sizeof(struct place));
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].attempt != 0) {
            *find(ends, old[i].job) = old[i];
        }
    }
    free(old);
}

void
order_ends_add(struct order_ends *ends, struct order_name name)
{
    if (name.attempt == 0) {
        return;
    }
    if (4 * (ends->count + 1) > 3 * ends->capacity) {
        grow(ends);
    }
    struct place *place = find(ends, name.job);
    if (place->attempt == 0) {
        ends->count++;
        place->job = name.job;
    }
    if (name.attempt > place->attempt) {
        place->attempt = name.attempt;
    }
}

bool
order_ends_has(const struct order_ends *ends, struct order_name name)
{
    return ends->capacity > 0 && name.attempt > 0 &&
           find(ends, name.job)->attempt >= name.attempt;
}
