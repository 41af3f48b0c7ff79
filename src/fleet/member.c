#include "fleet/member.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet/member_internal.h"
#include "util/alloc.h"
#include "util/json_text.h"
#include "util/path.h"

/* What happens to a member: what the carrier tells, time, and orders to stop. */

enum {
    SOFT_MS = 10000,
    TICK_MIN_MS = 20,
    TICK_MAX_MS = 500,
    DROPPED_PAUSE_MS = 60000,
};

void
member_say(struct member *member, const char *format, ...)
{
    va_list arguments;

    if (member->params.say == NULL) {
        return;
    }
    va_start(arguments, format);
    char *line = alloc_vprintf(format, arguments);
    va_end(arguments);
    member->params.say(member->params.ctx, line);
    free(line);
}

void
member_note_dropped(struct member *member, const struct err *err)
{
    msec now = now_boot_msec();

    member->dropped++;
    if (member->dropped_said != 0 &&
        now - member->dropped_said < DROPPED_PAUSE_MS) {
        return;
    }
    member->dropped_said = now;
    member_say(member, "a message was dropped (%llu so far): %s",
               (unsigned long long)member->dropped, err->text);
}

void
member_set_why(struct service *service, const char *format, ...)
{
    va_list arguments;

    free(service->why);
    va_start(arguments, format);
    service->why = alloc_vprintf(format, arguments);
    va_end(arguments);
}

// ---------------------------------------------------------------- stopping

void
member_finish(struct member *member)
{
    if (!member->stopped) {
        member->stopped = true;
        deadline_disarm(&member->soft);
        member->carrier->ops->stopped(member->carrier);
    }
}

static void
drain(struct member *member)
{
    struct service *service = member->service;

    if (!service->ready) {
        member_step(member, MEMBER_STOP);
        return;
    }
    if (!service->draining) {
        service->draining = true;
        member_say(member, "what runs may end; %zu jobs",
                   service->holdings.begun);
        member_engine_slots(member, 0);
        member_set_prefetch(member);
    }
}

static void
stop_now(struct member *member)
{
    struct service *service = member->service;

    service->now = true;
    if (member->state == MEMBER_LEAVING && service->dismissed) {
        member_engine_dismiss(member);
    }
    member_step(member, MEMBER_STOP);
}

static void
on_soft_over(void *ctx)
{
    struct member *member = ctx;

    member->stop = STOP_COLD;
    if (member->service != NULL) {
        stop_now(member);
    }
}

static void
on_stop(void *ctx, enum carrier_stop how)
{
    struct member *member = ctx;

    if (!member->stopping || how > member->stop) {
        member->stop = how;
    }
    member->stopping = true;
    member->carrier->ops->offers(member->carrier, false);
    if (member->service == NULL) {
        member_finish(member);
        return;
    }
    if (member->service->why == NULL) {
        member_set_why(member->service, "the worker was stopped");
    }
    if (member->stop == STOP_COLD) {
        stop_now(member);
        return;
    }
    if (member->stop == STOP_SOFT && !deadline_is_armed(&member->soft)) {
        deadline_arm(&member->soft, member->params.soft_ms > 0
                                        ? member->params.soft_ms
                                        : SOFT_MS);
    }
    if (member->state == MEMBER_SERVING) {
        drain(member);
    } else {
        member_step(member, MEMBER_STOP);
    }
}

// ------------------------------------------------------------ lease, ticks

bool
member_check_lease(struct member *member)
{
    struct service *service = member->service;

    if (service == NULL || member->state == MEMBER_LEAVING ||
        service->until == 0 || now_boot_msec() <= service->until) {
        return true;
    }
    if (member->state == MEMBER_ASKED) {
        member_say(member, "no answer from build %s", service->build);
        member->carrier->ops->erase(member->carrier, service->names.inbox,
                                    false);
        member_step(member, MEMBER_SILENCE);
        return false;
    }
    service->lease_over = true;
    service->now = true;
    member_set_why(service, "nothing was heard of the build for %lld ms",
                   (long long)service->lease_ms);
    member_step(member, MEMBER_LEASE_OVER);
    return false;
}

static void
on_tick(void *ctx)
{
    struct member *member = ctx;
    msec now = now_boot_msec();
    struct service *service = member->service;

    if (service != NULL && member->ticked != 0 &&
        now - member->ticked > service->lease_ms / 3) {
        service->cut = true; // we were stopped, or starved
    }
    member->ticked = now;
    past_tidy(member);
    member_check_lease(member);
    service = member->service;
    if (service == NULL) {
        if (!member->leftovers_done && !member->stopping) {
            member_take_next(member);
        }
        return;
    }
    member_arm_tick(member);
    if (member->state == MEMBER_ASKED) {
        member_hello(member);
    } else if (service->outbox != NULL) {
        usec quiet =
            loop_now_us(member->params.loop) - outbox_sent(service->outbox);
        if (quiet >= (service->lease_ms / 6 - TICK_MIN_MS) * 1000) {
            outbox_flush(service->outbox, true);
        }
    }
}

void
member_arm_tick(struct member *member)
{
    msec ms = member->service->lease_ms / 24;

    ms = ms < TICK_MIN_MS ? TICK_MIN_MS : ms;
    deadline_arm(&member->tick, ms > TICK_MAX_MS ? TICK_MAX_MS : ms);
}

static void
on_no_echo(void *ctx)
{
    past_clean(ctx);
}

// ------------------------------------------------- what the carrier tells

static void
on_task(void *ctx, uint64_t task, enum carrier_task_kind kind,
        const struct sealed *sealed, bool redelivered)
{
    struct member *member = ctx;

    member_check_lease(member);
    switch (kind) {
    case TASK_OFFER:
        member_take_offer(member, task, sealed);
        break;
    case TASK_RUN:
        member_take_run(member, task, sealed, redelivered);
        break;
    }
}

static void
on_task_gone(void *ctx, uint64_t task)
{
    struct member *member = ctx;
    struct held_task *held =
        member->service != NULL
            ? holdings_find_task(&member->service->holdings, task)
            : NULL;

    if (held != NULL) {
        held->gone = true;
    }
}

static void
on_terminate(void *ctx, uint64_t task, int signo)
{
    struct member *member = ctx;

    (void)signo;
    if (member_check_lease(member) && member->service != NULL) {
        member_cancel_task(member, task, true);
    }
}

static void
on_control(void *ctx, const char *method, const struct sealed *sealed,
           uint64_t reply)
{
    struct member *member = ctx;

    member_check_lease(member);
    member_control(member, method, sealed, reply);
}

static void
on_piece(void *ctx, struct slice body)
{
    struct member *member = ctx;
    struct err err = {0};

    if (!member_check_lease(member) || member->service == NULL) {
        return;
    }
    json_t *piece = json_text_parse_object(body, &err);
    if (piece == NULL) {
        member_note_dropped(member, &err);
        return;
    }
    json_object_set_new(piece, "msg", json_string("piece"));
    member_engine_send(member, piece);
}

static void
on_way(void *ctx, bool up)
{
    struct member *member = ctx;
    struct service *service = member->service;

    member->way_up = up;
    if (!up && service != NULL) {
        service->cut = true;
        member_try_to_part(member);
        return;
    }
    if (!member_check_lease(member)) {
        return;
    }
    if (service != NULL && service->outbox != NULL) {
        outbox_resend(service->outbox, 0);
    }
    for (size_t i = 0; i < MEMBER_PAST_MAX; i++) {
        struct past *past = &member->past[i];
        if (past->outbox != NULL && !outbox_is_empty(past->outbox)) {
            outbox_resend(past->outbox, 0);
        }
    }
}

static void
on_slots(void *ctx, int slots)
{
    struct member *member = ctx;

    member->slots = slots;
    if (member->service != NULL && member->service->slots_max > 0 &&
        !member->service->draining) {
        member_engine_slots(member, member_slots(member));
        member_set_prefetch(member);
    }
}

const struct carrier_events member_carrier_events = {
    .on_task = on_task,
    .on_task_gone = on_task_gone,
    .on_terminate = on_terminate,
    .on_control = on_control,
    .on_piece = on_piece,
    .on_way = on_way,
    .on_slots = on_slots,
    .on_stop = on_stop,
};

// --------------------------------------------------------- begin and end

struct member *
member_new(const struct member_params *params)
{
    struct member *member = ALLOC(struct member);
    const char *const texts[] = {params->node,    params->kind,  params->python,
                                 params->program, params->queue, params->state,
                                 params->home};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        member->texts[i] = alloc_dup(texts[i]);
    }
    member->params = *params;
    member->params.node = member->texts[0];
    member->params.kind = member->texts[1];
    member->params.python = member->texts[2];
    member->params.program = member->texts[3];
    member->params.queue = member->texts[4];
    member->params.state = member->texts[5];
    member->params.home = member->texts[6];
    member->slots = params->slots;
    member->since = now_boot_msec();
    deadline_init(&member->tick, params->loop, on_tick, member);
    deadline_init(&member->soft, params->loop, on_soft_over, member);
    deadline_init(&member->echo, params->loop, on_no_echo, member);
    return member;
}

void
member_free(struct member *member)
{
    if (member == NULL) {
        return;
    }
    service_free(member->service);
    past_free(member);
    deadline_release(&member->tick);
    deadline_release(&member->soft);
    deadline_release(&member->echo);
    for (size_t i = 0; i < sizeof(member->texts) / sizeof(char *); i++) {
        free(member->texts[i]);
    }
    free(member);
}

bool
member_start(struct member *member, struct carrier *carrier, struct err *err)
{
    member->carrier = carrier;
    if (!path_check_writable(member->params.state, err)) {
        return err_wrap(err, "the folder for what must outlive a worker");
    }
    member_take_next(member);
    return true;
}

const char *
member_about(struct member *member)
{
    const struct service *service = member->service;

    snprintf(member->about, sizeof(member->about), "%s%s%s",
             member_state_name(member->state), service != NULL ? " " : "",
             service != NULL ? service->build : "");
    return member->about;
}
