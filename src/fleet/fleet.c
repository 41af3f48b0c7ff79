#include "fleet/fleet.h"

#include "fleet/fleet_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "celery/producer.h"
#include "util/alloc.h"
#include "util/log.h"

// What is sent last has so long to get out.
#define FLEET_CLOSE_MS 2000

static struct fleet *
of_executor(struct executor *executor)
{
    return (struct fleet *)(void *)((char *)executor -
                                    offsetof(struct fleet, executor));
}

msec
fleet_tick_ms(const struct fleet *fleet)
{
    msec ms = fleet->params.lease_ms / 20;
    return ms < 50 ? 50 : ms > 500 ? 500 : ms;
}

msec
fleet_sixth(const struct fleet *fleet)
{
    return fleet->params.lease_ms / 6;
}

void
fleet_note(struct fleet *fleet, enum note_level level, const char *hint,
           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = alloc_vprintf(format, arguments);
    va_end(arguments);
    fleet->params.events->on_note(fleet->params.ctx, level, text, hint);
    free(text);
}

void
fleet_offer_room(struct fleet *fleet)
{
    if (fleet->phase == FLEET_OPEN && !fleet->broken) {
        fleet->params.events->on_room(fleet->params.ctx);
    }
}

// -------------------------------------------------------- orders that end

void
fleet_end_all(struct fleet *fleet, struct tracked_list *list,
              enum order_end end, const char *problem)
{
    // What is told may lead to new orders: the list is ours alone.
    for (size_t i = 0; i < list->count; i++) {
        const struct tracked *tracked = &list->items[i];
        bool lost = end == ORDER_LOST || tracked->began;
        struct order_report report = {
            .job = tracked->order.job,
            .attempt = tracked->order.attempt,
            .slot = tracked->slot,
            .end = lost ? ORDER_LOST : end,
            .running = ITEM_NONE,
            .problem = problem,
        };
        if (lost && tracked->place != ITEM_NONE) {
            report.running =
                order_item_at(fleet->params.items, report.job, tracked->place);
        }
        fleet->params.events->on_end(fleet->params.ctx, &report);
    }
    ARRAY_RELEASE(list);
}

static void
end_everything(struct fleet *fleet, const char *problem)
{
    struct tracked_list list = {0};
    tracker_clear(fleet->tracker, &list);
    fleet_end_all(fleet, &list, ORDER_CANCELLED, problem);
}

static void
end_posted(void *ctx)
{
    end_everything(ctx, "the fleet could not go on");
}

void
fleet_break(struct fleet *fleet, const struct err *err)
{
    if (fleet->broken || fleet->phase >= FLEET_LEAVING) {
        return;
    }
    log_info("fleet: broken: %s", err->text);
    fleet->broken = true;
    fleet->params.events->on_broken(fleet->params.ctx, err);
    loop_post(fleet->params.loop, end_posted, fleet);
}

// --------------------------------------------------------------- beginning

static void
on_asked_inbox(void *ctx, const struct err *err)
{
    struct fleet *fleet = ctx;
    struct err why = {0};
    if (err != NULL) {
        why = *err;
        err_wrap(&why, "taking from \"%s\"", fleet->names.inbox);
        fleet_break(fleet, &why);
    }
}

static void
on_declared(void *ctx, const struct err *err)
{
    struct fleet *fleet = ctx;
    if (err == NULL || fleet->phase >= FLEET_LEAVING) {
        return;
    }
    struct err why = *err;
    why.kind = ERR_SYSTEM; // not the user's command line
    err_wrap(&why, "declaring the queues of build \"%s\"",
             fleet->params.build_id);
    err_hint(&why, "does this user have all permissions on the broker, and is "
                   "no other build of that --id under way?");
    fleet_break(fleet, &why);
}

static void
declare(struct fleet *fleet)
{
    struct queue_params orders = {
        .name = fleet->names.queue,
        .durable = true,
        .expires_ms = FLEET_QUEUE_EXPIRES_MS,
    };
    struct queue_params inbox = {
        .name = fleet->names.inbox,
        .durable = true,
        .expires_ms = FLEET_INBOX_EXPIRES_MS,
    };
    struct queue_params offers = {
        .name = fleet->params.queue,
        .durable = true,
        .passive_first = true,
    };
    transport_declare_queue(fleet->transport, &inbox, on_declared, fleet);
    transport_declare_queue(fleet->transport, &orders, on_declared, fleet);
    transport_declare_queue(fleet->transport, &offers, on_declared, fleet);
    fleet->inbox =
        transport_take(fleet->transport, &(struct consume_params){
                                             .queue = fleet->names.inbox,
                                             // What is lost is asked for again.
                                             .no_ack = true,
                                             .on_delivery = fleet_on_inbox,
                                             .on_ended = on_asked_inbox,
                                             .ctx = fleet,
                                         });
    fleet_listen_to_nodes(fleet);
    fleet_answer_status(fleet);
    fleet->asker = asker_new(&(struct asker_params){
        .loop = fleet->params.loop,
        .transport = fleet->transport,
        .inbox = fleet->names.inbox,
    });
}

static void
on_up(void *ctx)
{
    struct fleet *fleet = ctx;
    log_info("fleet: connected");
    if (fleet->was_up) {
        fleet_note(fleet, NOTE_INFO, NULL, "connected to %s again",
                   transport_address(fleet->transport));
    }
    fleet->up = true;
    fleet->was_up = true;
    roster_forgive(&fleet->roster, fleet->now);
    fleet->audit.ask = 0;
    fleet->audit.looking = false;
    fleet->probing = false;
    if (fleet->phase == FLEET_OPENING && !fleet->survey.asked) {
        fleet_survey(fleet);
    } else if (fleet->phase >= FLEET_OPEN) {
        fleet_tell_lease(fleet); // some may have come near its end
        fleet_flush_soon(fleet);
    }
}

static void
on_down(void *ctx, const struct err *err)
{
    struct fleet *fleet = ctx;
    log_info("fleet: not connected: %s", err->text);
    if (fleet->up && fleet->phase < FLEET_CLEANING) {
        fleet_note(fleet, NOTE_WARNING, NULL,
                   "lost the broker, and looks for it again: %s", err->text);
    }
    if (fleet->up) {
        fleet->down_since = fleet->real;
    }
    fleet->up = false;
    fleet->down = *err;
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct fleet *fleet = ctx;
    struct err why = *err;
    why.kind = ERR_SYSTEM;
    err_wrap(&why, "broker");
    err_hint(&why, "`mule doctor --broker` looks at it more closely");
    fleet->up = false;
    fleet->gone = true;
    fleet_break(fleet, &why);
}

static void
on_transport_note(void *ctx, const char *text, const char *hint)
{
    fleet_note(ctx, NOTE_WARNING, hint, "broker: %s", text);
}

void
fleet_surveyed(struct fleet *fleet)
{
    if (fleet->phase == FLEET_OPENING) {
        fleet->phase = FLEET_OPEN;
        fleet_offer_room(fleet);
    }
}

// -------------------------------------------------------------- the executor

static void
flush_posted(void *ctx)
{
    struct fleet *fleet = ctx;
    fleet->posted = false;
    fleet_flush(fleet);
    fleet_release_idle(fleet);
    fleet_look_at_offers(fleet);
}

void
fleet_flush_soon(struct fleet *fleet)
{
    if (!fleet->posted) {
        fleet->posted = true;
        loop_post(fleet->params.loop, flush_posted, fleet);
    }
}

/* Slots that have nothing to do. */
static uint32_t
count_idle(const struct fleet *fleet)
{
    uint32_t idle = 0;
    for (size_t i = 0; i < fleet->roster.count; i++) {
        const struct join *join = fleet->roster.joins[i];
        uint32_t held = tracker_held(fleet->tracker, join->number);
        if (join->state == JOIN_WORKING && held < (uint32_t)join->slots) {
            idle += (uint32_t)join->slots - held;
        }
    }
    return idle;
}

static uint32_t
executor_room(struct executor *executor, const struct demand *demand)
{
    struct fleet *fleet = of_executor(executor);
    fleet->waiting = demand->waiting + demand->later;
    fleet->next_us = demand->expect_us;
    fleet->wanted = true;
    if (fleet->phase != FLEET_OPEN || fleet->broken || fleet->cancelled ||
        fleet->paused || demand->waiting == 0) {
        return 0;
    }
    if (roster_hands(&fleet->roster) == 0) {
        fleet_flush_soon(fleet); // with offers
        return 0;
    }
    struct feed_out out;
    tracker_out(fleet->tracker, &out);
    int slots = fleet->roster.working_slots;
    // Counting who is idle takes time that is only spent where it matters.
    uint32_t room = feed_room(&fleet->feed, demand, slots, &out);
    if (room == 0) {
        out.idle = count_idle(fleet);
        room = feed_room(&fleet->feed, demand, slots, &out);
    }
    return room;
}

static void
executor_start(struct executor *executor, const struct order *order)
{
    struct fleet *fleet = of_executor(executor);
    tracker_add(fleet->tracker, order);
    fleet->waiting -= fleet->waiting > 0;
    fleet_flush_soon(fleet);
}

static void
on_purged(void *ctx, uint64_t count, const struct err *err)
{
    (void)ctx;
    log_debug("fleet: purged %llu messages%s", (unsigned long long)count,
              err != NULL ? ", in vain" : "");
}

/* What nobody has taken is taken back. */
static void
drop_untaken(void *ctx)
{
    struct fleet *fleet = ctx;
    struct tracked_list list = {0};
    tracker_drop(fleet->tracker, &list);
    fleet_end_all(fleet, &list, ORDER_CANCELLED,
                  "the run was stopped before it began");
}

static void
executor_cancel(struct executor *executor, bool now)
{
    struct fleet *fleet = of_executor(executor);
    bool first = !fleet->cancelled;
    fleet->cancelled = true;
    fleet->cancelled_now |= now;
    fleet->waiting = 0;
    if (fleet->phase < FLEET_LEAVING) {
        if (first && fleet->asker != NULL) {
            transport_purge(fleet->transport, fleet->names.queue, on_purged,
                            fleet);
        }
        fleet_tell_cancel(fleet);
        loop_post(fleet->params.loop, drop_untaken, fleet);
    } else if (now && fleet->phase == FLEET_LEAVING) {
        fleet_leave(fleet); // again, without grace
    }
    if (now && !fleet->up) {
        loop_post(fleet->params.loop, end_posted, fleet);
    }
}

static void
executor_recall(struct executor *executor)
{
    struct fleet *fleet = of_executor(executor);
    fleet->waiting = 0;
    if (fleet->phase < FLEET_LEAVING && fleet->asker != NULL) {
        transport_purge(fleet->transport, fleet->names.queue, on_purged, fleet);
        loop_post(fleet->params.loop, drop_untaken, fleet);
    }
}

static void
executor_pause(struct executor *executor, bool paused)
{
    // Workers go on with what they have: their leases are longer than most
    // pauses, and those that run out are given anew.
    (void)executor;
    (void)paused;
}

static void
executor_drain(struct executor *executor)
{
    struct fleet *fleet = of_executor(executor);
    assert(tracker_count(fleet->tracker) == 0);
    fleet_leave(fleet);
}

// ---------------------------------------------------------------- the end

static void
tell_drained(void *ctx)
{
    struct fleet *fleet = ctx;
    if (!fleet->drained) {
        fleet->drained = true;
        deadline_release(&fleet->tick);
        fleet->params.events->on_drained(fleet->params.ctx);
    }
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct fleet *fleet = ctx;
    (void)err;
    fleet->up = false;
    loop_post(fleet->params.loop, tell_drained, fleet);
}

void
fleet_step_posted(void *ctx)
{
    fleet_step(ctx);
}

void
fleet_step(struct fleet *fleet)
{
    if (fleet->phase == FLEET_LEAVING && roster_open(&fleet->roster) == 0) {
        fleet_clean(fleet);
    }
    if (fleet->phase == FLEET_CLEANING && fleet->cleaning == 0 &&
        !fleet->closing) {
        fleet->closing = true;
        fleet->phase = FLEET_OVER;
        asker_free(fleet->asker);
        fleet->asker = NULL;
        transport_close(fleet->transport, fleet->up ? FLEET_CLOSE_MS : 0,
                        on_closed, fleet);
    }
}

// ----------------------------------------------------------- from outside

static bool
open_transport(struct fleet *fleet, struct err *err)
{
    static const struct transport_events events = {
        .on_up = on_up,
        .on_down = on_down,
        .on_failed = on_failed,
        .on_note = on_transport_note,
    };
    char *name = alloc_printf("mule build %s", fleet->params.build_id);
    uint32_t heartbeat = fleet->params.lease_ms / 2;
    heartbeat = heartbeat < 1000 ? 1000 : heartbeat;
    fleet->transport = transport_open(
        &(struct transport_params){
            .loop = fleet->params.loop,
            .urls = fleet->params.urls,
            .name = name,
            .heartbeat_ms = heartbeat > 60000 ? 60000 : heartbeat,
            .events = &events,
            .ctx = fleet,
        },
        err);
    free(name);
    return fleet->transport != NULL;
}

struct fleet *
fleet_new(const struct fleet_params *params, struct err *err)
{
    static const struct executor_ops ops = {
        .room = executor_room,
        .start = executor_start,
        .cancel = executor_cancel,
        .recall = executor_recall,
        .pause = executor_pause,
        .drain = executor_drain,
    };
    struct fleet *fleet = ALLOC(struct fleet);
    fleet->executor.ops = &ops;
    fleet->params = *params;
    fleet->params.urls = NULL; // ours to forget: it has a password
    fleet->phase = FLEET_OPENING;
    fleet->feed.batch = params->batch;
    fleet->now = 1;
    fleet->real = fleet->opened = loop_now_us(params->loop) / 1000;
    fleet->tracker = tracker_new();
    roster_init(&fleet->roster, params->first_slot);
    deadline_init(&fleet->tick, params->loop, fleet_on_tick, fleet);
    envelope_draw(fleet->nonce, sizeof(fleet->nonce));
    fleet->origin = producer_origin();
    fleet->params.urls = params->urls;
    bool ok = fleet_names_init(&fleet->names, params->build_id, err) &&
              open_transport(fleet, err);
    fleet->params.urls = NULL;
    if (!ok) {
        fleet_free(fleet);
        return NULL;
    }
    declare(fleet);
    deadline_arm(&fleet->tick, fleet_tick_ms(fleet));
    return fleet;
}

void
fleet_listen(struct fleet *fleet, void *ctx)
{
    fleet->params.ctx = ctx;
}

void
fleet_free(struct fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    loop_cancel(fleet->params.loop, fleet);
    deadline_release(&fleet->tick);
    asker_free(fleet->asker);
    transport_free(fleet->transport);
    fleet_names_release(&fleet->names);
    roster_release(&fleet->roster);
    tracker_free(fleet->tracker);
    update_memory_release(&fleet->memory);
    survey_release(&fleet->survey);
    ARRAY_RELEASE(&fleet->places);
    free(fleet->failure);
    free(fleet->origin);
    free(fleet->name);
    free(fleet);
}

struct executor *
fleet_executor(struct fleet *fleet)
{
    return &fleet->executor;
}
