#include "fleet/noop.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

// Orders taken at once for each slot.
#define NOOP_DEPTH 64U

struct noop {
    struct executor executor;
    struct noop_params params;
    void *ctx; // of the events
    ARRAY(struct order) orders;
    unsigned next_slot;
    bool posted;
    bool draining;
};

static struct noop *
of_executor(struct executor *executor)
{
    return (struct noop *)(void *)((char *)executor -
                                   offsetof(struct noop, executor));
}

static void
pass_items(struct noop *noop, const struct order *order, int slot, uint64_t now)
{
    static const struct outcome passed = {
        .state = STATE_PASSED,
        .ran = true,
        .counted = true,
    };
    const struct items *items = noop->params.items;
    uint32_t count = items_peek_job(items, order->job)->count;

    for (uint32_t i = 0; i < count; i++) {
        struct order_result result = {
            .job = order->job,
            .attempt = order->attempt,
            .item = items_of_job(items, order->job, i),
            .slot = slot,
            .began_us = now,
            .outcome = &passed,
        };
        noop->params.events->on_result(noop->ctx, &result);
    }
}

static void
run_order(struct noop *noop, const struct order *order)
{
    const struct executor_events *events = noop->params.events;
    int slot = noop->params.base +
               (int)(noop->next_slot++ % (unsigned)noop->params.slots);
    uint64_t now = (uint64_t)loop_now_us(noop->params.loop);

    events->on_job_begin(noop->ctx, &(struct order_begin){
                                        .job = order->job,
                                        .attempt = order->attempt,
                                        .slot = slot,
                                    });
    pass_items(noop, order, slot, now);
    struct order_report report = {
        .job = order->job,
        .attempt = order->attempt,
        .slot = slot,
        .end = ORDER_DONE,
        .running = ITEM_NONE,
        .problem = "",
    };
    events->on_end(noop->ctx, &report);
}

static void
on_turn_end(void *ctx)
{
    struct noop *noop = ctx;

    noop->posted = false;
    // What an event makes the listener start comes behind, in this list too.
    for (size_t i = 0; i < noop->orders.count; i++) {
        struct order order = noop->orders.items[i];
        run_order(noop, &order);
    }
    ARRAY_CLEAR(&noop->orders);
    if (noop->draining) {
        noop->params.events->on_drained(noop->ctx);
    } else {
        noop->params.events->on_room(noop->ctx);
    }
}

static void
post(struct noop *noop)
{
    if (!noop->posted) {
        noop->posted = true;
        loop_post(noop->params.loop, on_turn_end, noop);
    }
}

static uint32_t
executor_room(struct executor *executor, const struct demand *demand)
{
    const struct noop *noop = of_executor(executor);
    uint32_t most = NOOP_DEPTH * (uint32_t)noop->params.slots;

    (void)demand;
    return noop->draining || noop->orders.count >= most
               ? 0
               : most - (uint32_t)noop->orders.count;
}

static void
executor_start(struct executor *executor, const struct order *order)
{
    struct noop *noop = of_executor(executor);

    ARRAY_ADD(&noop->orders, *order);
    post(noop);
}

// What was begun is over before anybody could cancel it.
static void
executor_cancel(struct executor *executor, bool now)
{
    (void)executor;
    (void)now;
}

static void
executor_cancel_order(struct executor *executor, uint32_t job, uint16_t attempt,
                      bool now)
{
    (void)executor;
    (void)job;
    (void)attempt;
    (void)now;
}

static bool
executor_resize(struct executor *executor, int slots, struct err *err)
{
    (void)err;
    of_executor(executor)->params.slots = slots;
    return true;
}

static void
executor_pause(struct executor *executor, bool paused)
{
    (void)executor;
    (void)paused;
}

static void
executor_drain(struct executor *executor)
{
    struct noop *noop = of_executor(executor);

    noop->draining = true;
    post(noop);
}

struct noop *
noop_new(const struct noop_params *params)
{
    static const struct executor_ops ops = {
        .room = executor_room,
        .start = executor_start,
        .cancel = executor_cancel,
        .cancel_order = executor_cancel_order,
        .resize = executor_resize,
        .pause = executor_pause,
        .drain = executor_drain,
    };
    struct noop *noop = ALLOC(struct noop);

    noop->executor.ops = &ops;
    noop->params = *params;
    return noop;
}

void
noop_free(struct noop *noop)
{
    if (noop != NULL) {
        loop_cancel(noop->params.loop, noop);
        ARRAY_RELEASE(&noop->orders);
        free(noop);
    }
}

void
noop_listen(struct noop *noop, void *ctx)
{
    noop->ctx = ctx;
}

struct executor *
noop_executor(struct noop *noop)
{
    return &noop->executor;
}
