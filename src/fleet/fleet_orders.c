#include "fleet/fleet_internal.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/log.h"

// What workers say of orders, for the tracker to judge and the run to hear.

/* A slot of this join's, whatever it says. */
static int
slot_of(const struct join *join, int slot)
{
    bool own = slot >= join->base && slot < join->base + join->slots;
    return own ? slot : join->base;
}

static uint64_t
began_us(const struct fleet *fleet, uint64_t us)
{
    uint64_t now = (uint64_t)loop_now_us(fleet->params.loop);
    return us < now ? now - us : 0;
}

void
fleet_hear_took(struct fleet *fleet, struct join *join,
                const struct update *update)
{
    struct order_names wrong = {0};
    for (size_t i = 0; i < update->os_count; i++) {
        if (tracker_take(fleet->tracker, update->os[i], join->number) ==
            TRACKER_SECOND) {
            ARRAY_ADD(&wrong, update->os[i]);
        }
    }
    if (wrong.count > 0) {
        fleet_tell_drop(fleet, join, wrong.items, wrong.count);
    }
    ARRAY_RELEASE(&wrong);
}

void
fleet_hear_bounced(struct fleet *fleet, const struct update *update)
{
    struct tracked_list lost = {0};
    for (size_t i = 0; i < update->os_count; i++) {
        tracker_bounce(fleet->tracker, update->os[i], &lost);
    }
    fleet_end_all(fleet, &lost, ORDER_LOST, "it was lost on its way");
    fleet_flush_soon(fleet);
}

void
fleet_hear_holds(struct fleet *fleet, struct join *join,
                 const struct update *update)
{
    struct tracked_list lost = {0};
    struct order_names wrong = {0};
    join->answered = update->ask;
    tracker_hold(fleet->tracker, join->number, update->os, update->os_count,
                 &lost, &wrong);
    if (wrong.count > 0) {
        fleet_tell_drop(fleet, join, wrong.items, wrong.count);
    }
    ARRAY_RELEASE(&wrong);
    fleet_end_all(fleet, &lost, ORDER_LOST, "its worker no longer had it");
    fleet_flush_soon(fleet);
}

void
fleet_hear_begin(struct fleet *fleet, struct join *join,
                 const struct update *update)
{
    const struct executor_events *events = fleet->params.events;
    struct order_name o = update->o;
    int slot = slot_of(join, update->slot);
    bool item = update->kind == UPDATE_BEGIN;
    uint32_t place = item ? update->place : ITEM_NONE;
    if (tracker_begin(fleet->tracker, o, join->number, slot, place) !=
        TRACKER_YES) {
        return;
    }
    if (!item) {
        events->on_job_begin(fleet->params.ctx, &(struct order_begin){
                                                    .job = o.job,
                                                    .attempt = o.attempt,
                                                    .slot = slot,
                                                    .process = update->process,
                                                });
        return;
    }
    uint32_t number = order_item_at(fleet->params.items, o.job, place);
    if (number != ITEM_NONE) {
        events->on_begin(fleet->params.ctx, o.job, o.attempt, number, slot,
                         began_us(fleet, 0));
    }
}

void
fleet_hear_slow(struct fleet *fleet, struct join *join,
                const struct update *update)
{
    struct order_name o = update->o;
    if (tracker_hear(fleet->tracker, o, join->number) != TRACKER_YES) {
        return;
    }
    uint32_t item = order_item_at(fleet->params.items, o.job, update->place);
    if (item != ITEM_NONE) {
        fleet->params.events->on_slow(fleet->params.ctx, o.job, item,
                                      slot_of(join, update->slot), update->us);
    }
}

void
fleet_hear_result(struct fleet *fleet, struct join *join,
                  const struct update *update)
{
    struct order_name o = update->o;
    if (tracker_hear(fleet->tracker, o, join->number) != TRACKER_YES) {
        fleet->params.events->on_late(fleet->params.ctx);
        return;
    }
    struct order_result result = {
        .job = o.job,
        .attempt = o.attempt,
        .item = order_item_at(fleet->params.items, o.job, update->place),
        .slot = slot_of(join, update->slot),
        .began_us = began_us(fleet, update->outcome->us),
        .outcome = update->outcome,
    };
    if (result.item == ITEM_NONE) {
        log_warn("fleet: %s tells of item %u, which job %u has not", join->node,
                 update->place, o.job);
        return;
    }
    fleet->params.events->on_result(fleet->params.ctx, &result);
}

void
fleet_hear_appeared(struct fleet *fleet, struct join *join,
                    const struct update *update)
{
    struct order_name o = update->o;
    if (tracker_hear(fleet->tracker, o, join->number) != TRACKER_YES) {
        fleet->params.events->on_late(fleet->params.ctx);
        return;
    }
    struct order_appeared appeared = {
        .id = update->appeared.id,
        .file = update->appeared.file,
        .line = update->appeared.line,
        .slot = slot_of(join, update->slot),
        .whole = update->appeared.whole,
        .began_us = began_us(fleet, update->outcome->us),
        .outcome = update->outcome,
    };
    fleet->params.events->on_appeared(fleet->params.ctx, o.job, o.attempt,
                                      &appeared);
}

/* Nobody asked for it: its worker goes, with a test in the middle. */
static bool
was_abandoned(const struct fleet *fleet, const struct update *update)
{
    return update->end.end == ORDER_CANCELLED && !fleet->cancelled &&
           update->place != ITEM_NONE;
}

void
fleet_hear_end(struct fleet *fleet, struct join *join,
               const struct update *update)
{
    struct order_name o = update->o;
    const struct update_end *end = &update->end;
    if (tracker_end(fleet->tracker, o, join->number) != TRACKER_YES) {
        return;
    }
    char *problem = slice_dup(end->problem);
    struct order_report report = {
        .job = o.job,
        .attempt = o.attempt,
        .slot = slot_of(join, update->slot),
        .end = was_abandoned(fleet, update) ? ORDER_LOST : end->end,
        .running = ITEM_NONE,
        .running_us = end->running_us,
        .status = end->status,
        .problem = problem,
        .job_limit = end->job_limit,
        .left = end->left,
        .usage = end->usage,
        .us = update->us,
        .out = end->out,
        .err = end->err,
    };
    if (update->place != ITEM_NONE) {
        report.running =
            order_item_at(fleet->params.items, o.job, update->place);
    }
    if (end->end != ORDER_CANCELLED) {
        feed_learn(&fleet->feed, update->us);
    }
    fleet->params.events->on_end(fleet->params.ctx, &report);
    free(problem);
    fleet_release_idle(fleet);
}

/* Its items cannot run there, and would not be the same ones. */
void
fleet_hear_differs(struct fleet *fleet, struct join *join,
                   const struct update *update)
{
    struct order_name o = update->o;
    const struct items *items = fleet->params.items;
    if (tracker_end(fleet->tracker, o, join->number) != TRACKER_YES) {
        return;
    }
    char *message =
        alloc_printf("worker %s does not know this job as it was collected: "
                     "%.*s",
                     join->node, SLICE_ARG(slice_first(update->text, 1000)));
    struct finding finding = {
        .kind = FINDING_ERROR,
        .where = SLICE("test"),
        .type = SLICE("differs"),
        .message = slice_of(message),
    };
    struct outcome outcome = {
        .state = STATE_ERROR,
        .findings = &finding,
        .finding_count = 1,
        .counted = true,
    };
    uint32_t count = items_peek_job(items, o.job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(items, o.job, i);
        if (items_is_due(items, item)) {
            struct order_result result = {
                .job = o.job,
                .attempt = o.attempt,
                .item = item,
                .slot = join->base,
                .outcome = &outcome,
            };
            fleet->params.events->on_result(fleet->params.ctx, &result);
        }
    }
    struct order_report report = {
        .job = o.job,
        .attempt = o.attempt,
        .slot = join->base,
        .end = ORDER_DONE,
        .running = ITEM_NONE,
        .problem = "",
    };
    fleet->params.events->on_end(fleet->params.ctx, &report);
    free(message);
    fleet_release_idle(fleet);
}
