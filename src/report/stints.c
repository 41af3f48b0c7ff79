#include "report/stints.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

#define MOST_NAME 400 // bytes

struct stints {
    ARRAY(struct stint) stints;
    uint64_t seen;
};

struct stints *
stints_new(void)
{
    return ALLOC(struct stints);
}

void
stints_free(struct stints *stints)
{
    for (size_t i = 0; i < stints->stints.count; i++) {
        free(stints->stints.items[i].name);
    }
    ARRAY_RELEASE(&stints->stints);
    free(stints);
}

void
stints_add(struct stints *stints, const struct event_job *job, uint32_t lane,
           uint64_t began_us, uint64_t end_us)
{
    stints->seen++;
    if (stints->stints.count >= STINTS_MOST) {
        return;
    }
    ARRAY_ADD(
        &stints->stints,
        ((struct stint){
            .name = slice_dup(slice_first(slice_of(job->name), MOST_NAME)),
            .began_us = began_us,
            .us = end_us > began_us ? end_us - began_us : 0,
            .expect_us = job->expect_us,
            .usage = job->usage,
            .lane = lane,
            .items = job->items,
            .process = job->process,
            .attempt = job->attempt,
        }));
}

size_t
stints_count(const struct stints *stints)
{
    return stints->stints.count;
}

const struct stint *
stints_get(const struct stints *stints, size_t place)
{
    return &stints->stints.items[place];
}

uint64_t
stints_seen(const struct stints *stints)
{
    return stints->seen;
}
