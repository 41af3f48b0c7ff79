#include "run/again.h"

#include "model/items.h"
#include "util/alloc.h"

#include <stdlib.h>

struct delayed {
    struct list_link link;
    struct deadline deadline;
    struct again *again;
    uint32_t job;
};

void
again_init(struct again *again, struct loop *loop,
           void (*on_due)(void *ctx, uint32_t job), void *ctx)
{
    *again = (struct again){.loop = loop, .on_due = on_due, .ctx = ctx};
    list_init(&again->delayed);
}

static void
forget(struct delayed *delayed)
{
    delayed->again->delayed_count--;
    list_remove(&delayed->link);
    deadline_release(&delayed->deadline);
    free(delayed);
}

void
again_drop(struct again *again)
{
    LIST_FOR_EACH(link, &again->delayed)
    {
        forget(LIST_ENTRY(link, struct delayed, link));
    }
    ARRAY_CLEAR(&again->rounds);
    ARRAY_CLEAR(&again->places);
    again->rounds_taken = again->places_taken = 0;
}

void
again_release(struct again *again)
{
    again_drop(again);
    ARRAY_RELEASE(&again->rounds);
    ARRAY_RELEASE(&again->places);
}

static void
on_deadline(void *ctx)
{
    struct delayed *delayed = ctx;
    struct again *again = delayed->again;
    uint32_t job = delayed->job;
    forget(delayed);
    again->on_due(again->ctx, job);
}

void
again_delay(struct again *again, uint32_t job, uint32_t ms, int slot)
{
    struct delayed *delayed = ALLOC(struct delayed);
    delayed->again = again;
    delayed->job = job;
    list_add(&again->delayed, &delayed->link);
    again->delayed_count++;
    deadline_init(&delayed->deadline, again->loop, on_deadline, delayed);
    deadline_arm(&delayed->deadline, ms);
    if (slot >= 0) {
        ARRAY_ADD(&again->places, ((struct again_place){job, slot}));
    }
}

void
again_add_round(struct again *again, uint32_t job)
{
    ARRAY_ADD(&again->rounds, job);
}

uint32_t
again_next_round(struct again *again)
{
    if (again->rounds_taken == again->rounds.count) {
        ARRAY_CLEAR(&again->rounds);
        again->rounds_taken = 0;
        return JOB_NONE;
    }
    return again->rounds.items[again->rounds_taken++];
}

uint32_t
again_count(const struct again *again)
{
    return again->delayed_count +
           (uint32_t)(again->rounds.count - again->rounds_taken);
}

int
again_take_slot(struct again *again, uint32_t job)
{
    struct again_place *places = again->places.items;
    size_t at = again->places_taken;
    while (at < again->places.count && places[at].job != job) {
        at++;
    }
    if (at == again->places.count) {
        return -1;
    }
    int slot = places[at].slot;
    places[at].job = JOB_NONE;
    while (again->places_taken < again->places.count &&
           places[again->places_taken].job == JOB_NONE) {
        again->places_taken++;
    }
    return slot;
}
