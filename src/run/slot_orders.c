#include "run/slot_internal.h"

#include "run/run_request.h"

#include <assert.h>
#include <string.h>

int
slot_local(const struct slot *slot)
{
    return slot->number - slot->shared->base;
}

const char *
slot_tmp(struct slot *slot, int lane)
{
    return workplace_tmp(slot->shared->workplace, slot_local(slot), lane);
}

struct order *
slot_front(struct slot *slot)
{
    return slot->order_count > 0 && slot->sent ? &slot->orders[0] : NULL;
}

void
slot_begin_front(struct slot *slot)
{
    slot->run = (struct running){
        .began_us = slot_now(slot),
        .item = ITEM_NONE,
    };
    slot->early_count = 0;
    slot->told_count = 0;
    slot->page_state = (struct page_state){0};
    if (slot->order_count == 0) {
        return;
    }
    const struct order *order = &slot->orders[0];
    struct watch_limits limits = {
        .job_ms = order->timeout_ms,
        .item_ms = order->test_timeout_ms,
        .slow_ms = order->slow_ms,
        .grace_ms = slot->shared->settings->grace_ms,
    };
    if (slot->shared->inside) {
        limits = (struct watch_limits){.grace_ms = limits.grace_ms};
    }
    watch_begin(&slot->run.watch, &limits,
                slot_watch_time(slot, slot->run.began_us));
    if (slot->sent && (slot->doomed >> slot->lanes[0] & 1) != 0) {
        watch_cancel(&slot->run.watch, true); // acted upon by the next tick
    }
}

static void
count_order(struct slot *slot, const struct order *order)
{
    slot->unknown += order->expect_us == 0;
    slot->expect_us += order->expect_us;
}

static void
uncount_order(struct slot *slot, const struct order *order)
{
    slot->unknown -= order->expect_us == 0;
    slot->expect_us -= order->expect_us;
}

void
slot_add(struct slot *slot, const struct order *order)
{
    assert(slot->order_count < BATCH_MOST);
    int lane = ffsll((int64_t)~slot->lanes_used) - 1;
    slot->lanes_used |= (uint64_t)1 << lane;
    slot->lanes[slot->order_count] = lane;
    slot->orders[slot->order_count++] = *order;
    count_order(slot, order);
}

void
slot_load(const struct slot *slot, uint64_t now_us, uint64_t usual_us,
          struct batch_load *load)
{
    *load = (struct batch_load){
        .jobs = slot->order_count,
        .unknown = slot->unknown,
        .us = slot->expect_us,
    };
    if (slot->order_count == 0 || !slot->sent) {
        return;
    }
    // Of the one that runs a part is done.
    uint64_t us = slot->orders[0].expect_us;
    uint64_t ran_us =
        now_us > slot->run.began_us ? now_us - slot->run.began_us : 0;
    if (us > 0) {
        load->us += batch_left(us, ran_us) - us;
    } else if (usual_us > 0) {
        load->unknown--;
        load->us += batch_left(usual_us, ran_us);
    }
}

static void
take_out(struct slot *slot, uint32_t place)
{
    uncount_order(slot, &slot->orders[place]);
    uint64_t lane = (uint64_t)1 << slot->lanes[place];
    slot->order_count--;
    slot->lanes_used &= ~lane;
    slot->doomed &= ~lane;
    memmove(&slot->orders[place], &slot->orders[place + 1],
            (slot->order_count - place) * sizeof(slot->orders[0]));
    memmove(&slot->lanes[place], &slot->lanes[place + 1],
            (slot->order_count - place) * sizeof(slot->lanes[0]));
}

void
slot_drop_unsent(struct slot *slot, uint32_t place)
{
    assert(place >= slot->sent_count && place < slot->order_count);
    take_out(slot, place);
}

void
slot_drop_front(struct slot *slot)
{
    assert(slot->order_count > 0);
    take_out(slot, 0);
    if (slot->sent_count > 0) {
        slot->sent_count--;
    }
    slot->sent = slot->sent_count > 0;
    slot_begin_front(slot);
}

bool
slot_needs_spawn(const struct slot *slot, const struct order *order)
{
    uint8_t flags = items_peek_job(slot->shared->items, order->job)->flags;
    return slot->shared->spawn || (flags & JOB_SPAWN) != 0;
}

/* Whether the order wants a worker that has run nothing, and this one has. */
static bool
is_too_late(const struct slot *slot, const struct order *order)
{
    return order->fresh && slot->used && !slot_forks_jobs(slot);
}

/* Whether the next order that was not sent can go to this worker. */
static bool
fits(const struct slot *slot)
{
    if (slot->shared->inside) {
        return true;
    }
    if (is_too_late(slot, &slot->orders[slot->sent_count])) {
        return false;
    }
    return slot_needs_spawn(slot, &slot->orders[slot->sent_count]) ==
               slot->spawned &&
           (slot->sent_count == 0 || !slot_is_single_use(slot));
}

static bool
add_run(struct slot *slot, uint32_t place)
{
    const struct slot_shared *shared = slot->shared;
    struct run_request request = {
        .items = shared->items,
        .build_id = shared->build_id,
        .job = slot->orders[place].job,
        .attempt = slot->orders[place].attempt,
        .tmp = slot_tmp(slot, slot->lanes[place]),
        .by_id = slot->spawned,
    };
    return run_request_add(&slot->shared->line, &request);
}

/* Sends what has not been sent, as long as it fits the worker that is there. */
void
slot_send(struct slot *slot)
{
    if ((slot->state != SLOT_IDLE && slot->state != SLOT_BUSY) ||
        slot->killed) {
        return;
    }
    buf_reset(&slot->shared->line);
    bool any = false;
    while (slot->sent_count < slot->order_count && fits(slot)) {
        if (!add_run(slot, slot->sent_count)) {
            slot_condemn(slot, true,
                         "has more tests than fit into one request");
            break;
        }
        slot->sent_count++;
        slot->used = true;
        any = true;
    }
    if (any) {
        if (!slot->sent) {
            slot->sent = true;
            slot_begin_front(slot);
        }
        slot->state = SLOT_BUSY;
        slot_send_line(slot);
    } else if (slot->order_count > 0 && slot->sent_count == 0) {
        // A worker of the wrong kind is there: it makes room for another.
        slot->state = SLOT_IDLE;
        slot_stop(slot);
        slot->stopping = false;
    }
}

/* Gives every order that lies here back, all with the same fate. */
void
slot_give_back(struct slot *slot, enum order_end end, const char *problem)
{
    while (slot->order_count > 0) {
        struct order order = slot->orders[0];
        slot->sent_count = 0;
        slot_drop_front(slot);
        struct order_report report = {
            .job = order.job,
            .attempt = order.attempt,
            .slot = slot->number,
            .end = end,
            .running = ITEM_NONE,
            .problem = problem,
        };
        slot->shared->events->on_end(slot->shared->ctx, &report);
    }
}
