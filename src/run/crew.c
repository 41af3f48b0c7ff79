#include "run/crew.h"

#include "util/alloc.h"

#include <assert.h>
#include <stdlib.h>

bool
crew_init(struct crew *crew, struct slot_shared *shared, int count,
          struct err *err)
{
    crew->shared = shared;
    return crew_grow(crew, count, err);
}

bool
crew_grow(struct crew *crew, int count, struct err *err)
{
    if (count <= crew->count) {
        return true;
    }
    crew->slots =
        alloc_resize(crew->slots, (size_t)count, sizeof(struct slot *));
    while (crew->count < count) {
        int number = crew->shared->base + crew->count;
        struct slot *slot = slot_new(crew->shared, number, err);
        if (slot == NULL) {
            return err_wrap(err, "preparing slot %d", number);
        }
        crew->slots[crew->count++] = slot;
    }
    return true;
}

void
crew_release(struct crew *crew)
{
    for (int i = 0; i < crew->count; i++) {
        slot_free(crew->slots[i]);
    }
    free(crew->slots);
    *crew = (struct crew){0};
}

struct slot *
crew_find(const struct crew *crew, int number)
{
    int place = number - crew->shared->base;
    bool valid = place >= 0 && place < crew->count;
    return valid ? crew->slots[place] : NULL;
}

bool
crew_is_working(const struct crew *crew)
{
    for (int i = 0; i < crew->count; i++) {
        if (!slot_is_empty(crew->slots[i])) {
            return true;
        }
    }
    return false;
}

static uint64_t
now_of(const struct crew *crew)
{
    return (uint64_t)loop_now_us(crew->shared->loop);
}

uint32_t
crew_room(const struct crew *crew, int slots, const struct batch *batch,
          const struct demand *demand)
{
    uint64_t now_us = now_of(crew);
    uint64_t usual_us = batch_expect(batch, 0);
    uint32_t room = 0;
    for (int i = 0; i < slots; i++) {
        struct batch_load load;
        slot_load(crew->slots[i], now_us, usual_us, &load);
        room += demand->idle_only ? load.jobs == 0
                                  : batch_room(batch, &load, demand->expect_us,
                                               demand->waiting, slots);
    }
    return room;
}

void
crew_give(struct crew *crew, int slots, const struct batch *batch,
          const struct order *order)
{
    struct slot *wanted =
        order->slot > 0 ? crew_find(crew, order->slot - 1) : NULL;
    if (wanted != NULL) {
        slot_give(wanted, order);
        return;
    }
    uint64_t now_us = now_of(crew);
    uint64_t usual_us = batch_expect(batch, 0);
    int avoid = order->avoid - 1 - crew->shared->base;
    int best = -1;
    struct batch_load least = {.jobs = BATCH_MOST};
    for (int i = 0; i < slots; i++) {
        struct batch_load load;
        slot_load(crew->slots[i], now_us, usual_us, &load);
        if (load.jobs < BATCH_MOST &&
            (best < 0 || batch_is_freer(batch, &load, &least) ||
             (best == avoid && !batch_is_freer(batch, &least, &load)))) {
            best = i;
            least = load;
        }
    }
    assert(best >= 0); // there was room
    slot_give(crew->slots[best], order);
}

void
crew_tick(struct crew *crew, uint64_t now_us)
{
    for (int i = 0; i < crew->count; i++) {
        slot_tick(crew->slots[i], now_us);
    }
}

void
crew_cancel(struct crew *crew, bool now)
{
    for (int i = 0; i < crew->count; i++) {
        slot_cancel(crew->slots[i], now);
    }
}

void
crew_cancel_order(struct crew *crew, uint32_t job, uint16_t attempt, bool now)
{
    for (int i = 0; i < crew->count; i++) {
        slot_cancel_order(crew->slots[i], job, attempt, now);
    }
}

struct slot *
crew_view(struct crew *crew, uint32_t job, struct order_view *view)
{
    for (int i = 0; i < crew->count; i++) {
        if (slot_view(crew->slots[i], job, view)) {
            return crew->slots[i];
        }
    }
    return NULL;
}

void
crew_stop(struct crew *crew)
{
    for (int i = 0; i < crew->count; i++) {
        slot_stop(crew->slots[i]);
    }
}

void
crew_orphaned(struct crew *crew)
{
    for (int i = 0; i < crew->count; i++) {
        slot_orphaned(crew->slots[i]);
    }
}
