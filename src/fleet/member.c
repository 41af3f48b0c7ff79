#include "fleet/member.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/member_internal.h"
#include "util/alloc.h"
#include "util/field.h"
#include "util/json_text.h"
#include "util/path.h"

/* What follows from what happens: the actions of member_life. */

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

static void
finish(struct member *member)
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
        finish(member);
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

// ----------------------------------------------------------------- actions

static void take_next(struct member *member);

static void
try_to_part(struct member *member)
{
    struct service *service = member->service;

    if (service == NULL || !service->torn_down) {
        return;
    }
    if (service->queue_joined && !service->queue_left && member->way_up) {
        return;
    }
    member_step(member, MEMBER_TORN_DOWN);
}

void
member_torn_down(struct member *member)
{
    member->service->torn_down = true;
    try_to_part(member);
}

static void
on_queue_left(void *ctx, const struct err *err)
{
    struct member *member = ctx;

    (void)err;
    member->leaves_done++;
    if (member->service != NULL && member->leaves_done == member->leaves) {
        member->service->queue_left = true;
        try_to_part(member);
    }
}

static void
leave_queue(struct member *member)
{
    struct service *service = member->service;

    if (service->queue_joined && !service->queue_leaving) {
        service->queue_leaving = true;
        member->leaves++;
        member->carrier->ops->leave(member->carrier, on_queue_left, member);
    }
}

static void
leave(struct member *member)
{
    struct service *service = member->service;

    member_say(member, "leaving build %s%s%s", service->build,
               service->why != NULL ? ": " : "",
               service->why != NULL ? service->why : "");
    leave_queue(member);
    if (service->engine == NULL) {
        service->left_ok = service->left_ok || !service->prepared;
        member_torn_down(member);
    } else if (service->planned) {
        member_engine_dismiss(member);
    } else if (!service->prepared) {
        // It has not begun with anything.
        service->left = service->left_ok = true;
        service->engine->ops->kill(service->engine);
    }
}

static void
say_failed(struct member *member)
{
    struct service *service = member->service;

    refused_add(member, service->build);
    json_t *why = json_string(service->why != NULL ? service->why : "");
    if (why == NULL) {
        why = json_string("its reason is no text");
    }
    service_update(service, json_pack("{s:s, s:o}", "k", "failed", "why", why));
}

static void
serve(struct member *member)
{
    struct service *service = member->service;

    service_update(service, json_pack("{s:s, s:I}", "k", "joined", "us",
                                      (json_int_t)service->left_us));
    outbox_flush(service->outbox, false);
    service->queue_joined = true;
    service->message_orders = 1;
    member_set_prefetch(member);
    member->carrier->ops->join(member->carrier, service->names.queue,
                               service->prefetch);
    member_say(member, "joined build %s with %d slots from %d on",
               service->build, member_slots(member), service->base);
}

static void
go_on(struct member *member)
{
    if (member->stopping) {
        // What ran was lost with the engine before this one.
        member_step(member, MEMBER_STOP);
        return;
    }
    if (member->service->live != NULL) {
        member_engine_send(member, json_incref(member->service->live));
    }
    member_give_all(member);
}

static void
listen_to_pieces(struct member *member)
{
    struct service *service = member->service;
    const json_t *tree = json_object_get(service->plan, "tree");

    if (json_is_string(json_object_get(tree, "ship"))) {
        service->pieces = fleet_names_ship(&service->names, service->join);
        member->carrier->ops->listen(member->carrier, service->pieces);
    }
}

static void
prepare(struct member *member)
{
    member_say(member, "preparing for build %s", member->service->build);
    struct err err = {0};
    json_t *plan = member_make_plan(member, &err);
    if (plan == NULL) {
        member_set_why(member->service, "%s", err.text);
        member_step(member, MEMBER_UNREADY);
        return;
    }
    json_decref(plan);
    listen_to_pieces(member);
    member_engine_start(member);
}

static void
erase(struct member *member)
{
    struct service *service = member->service;
    struct carrier *carrier = member->carrier;
    // Whoever was cut off itself cannot know that the build is dead.
    bool sure = !service->cut;

    if (service->pieces != NULL) {
        carrier->ops->erase(carrier, service->pieces, sure);
    }
    carrier->ops->erase(carrier, service->names.inbox, sure);
    carrier->ops->erase(carrier, service->names.queue, sure);
}

static json_t *
last_word(const struct service *service)
{
    const char *why = service->left_why != NULL && !service->left_ok
                          ? service->left_why
                          : service->why;
    json_t *text = json_string(why != NULL ? why : "");

    if (text == NULL) {
        text = json_string("");
    }
    return json_pack("{s:s, s:o, s:b, s:I}", "k", "left", "why", text, "ok",
                     (int)service->left_ok, "us", (json_int_t)service->left_us);
}

static void
part(struct member *member, bool say)
{
    struct service *service = member->service;

    if (service->outbox != NULL) {
        member_drop_orders(member);
        json_t *left = last_word(service);
        if (say) {
            service_update(service, json_incref(left));
            outbox_flush(service->outbox, false);
        }
        past_add(member, service, left);
    }
    if (service->pieces != NULL) {
        member->carrier->ops->listen(member->carrier, NULL);
    }
    marker_remove(service->marker);
    service->marker = NULL;
    if (service->lease_over && !service->leftover) {
        erase(member);
    }
    if (say) {
        member_say(member, "left build %s%s%s", service->build,
                   service->left_ok ? "" : ": ",
                   service->left_ok            ? ""
                   : service->left_why != NULL ? service->left_why
                   : service->why != NULL      ? service->why
                                               : "its teardown failed");
    }
    member->served = member->served || (say && !service->leftover);
    member->service = NULL;
    service_free(service);
    take_next(member);
}

static void
replace_engine(struct member *member)
{
    struct service *service = member->service;

    member_lose_begun(member);
    free(service->why);
    service->why = NULL;
    member_engine_start(member);
}

static void
leave_with_new_engine(struct member *member)
{
    member_lose_begun(member);
    say_failed(member);
    leave_queue(member);
    member->service->prepared = true;
    member_engine_start(member);
}

static void
act(struct member *member, enum member_action action)
{
    assert(member->service != NULL || action == ACT_NOTHING);
    switch (action) {
    case ACT_NOTHING:
        break;
    case ACT_ASK:
        member->carrier->ops->offers(member->carrier, false);
        member_arm_tick(member);
        member_hello(member);
        break;
    case ACT_FORGET:
        part(member, false);
        break;
    case ACT_PREPARE:
        prepare(member);
        break;
    case ACT_SERVE:
        serve(member);
        go_on(member);
        break;
    case ACT_GO_ON:
        go_on(member);
        break;
    case ACT_REPLACE:
        replace_engine(member);
        break;
    case ACT_GIVE_UP:
        say_failed(member);
        leave(member);
        break;
    case ACT_LEAVE:
        leave(member);
        break;
    case ACT_LEAVE_NEW:
        leave_with_new_engine(member);
        break;
    case ACT_TEAR_DOWN:
        member_engine_dismiss(member);
        break;
    case ACT_PART:
        part(member, true);
        break;
    }
}

void
member_step(struct member *member, enum member_input input)
{
    struct member_step step = member_life(member->state, input);

    if (step.next != member->state) {
        member->since = now_boot_msec();
    }
    member->state = step.next;
    act(member, step.action);
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
        try_to_part(member);
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

// A worker before this one was killed: what it set up is torn down.
static struct service *
service_of_marker(struct marker *marker, const json_t *about)
{
    struct service *service = ALLOC(struct service);
    struct slice join = {0};
    struct slice build = {0};
    struct err err = {0};
    const json_t *plan = NULL;
    int64_t base = 0;
    int64_t slots = 1;

    holdings_init(&service->holdings);
    service->leftover = true;
    service->prepared = true;
    service->now = true;
    service->lease_ms = 1000;
    if (!field_text(about, "join", &join, &err) ||
        !field_text(about, "build", &build, &err) ||
        !field_object(about, "plan", &plan, &err) ||
        !field_int(about, "base", (struct field_range){0, INT32_MAX / 2}, &base,
                   &err) ||
        !field_int(about, "slots", (struct field_range){1, 65536}, &slots,
                   &err) ||
        !envelope_is_drawn(join, ENVELOPE_JOIN_SIZE)) {
        marker_remove(marker);
        service_free(service);
        return NULL;
    }
    memcpy(service->join, join.data, join.len);
    service->build = slice_dup(build);
    service->plan = json_deep_copy(plan);
    service->base = (int)base;
    service->slots_max = (int)slots;
    service->marker = marker;
    return service;
}

static bool
take_up_leftover(struct member *member)
{
    json_t *about = NULL;
    struct marker *marker = NULL;
    struct service *service = NULL;

    while (service == NULL &&
           (marker = marker_find(member->params.state, member->params.node,
                                 &about)) != NULL) {
        service = service_of_marker(marker, about);
        json_decref(about);
    }
    if (service == NULL) {
        return false;
    }
    member_say(member, "tearing down what build %s left here", service->build);
    member->service = service;
    member->state = MEMBER_LEAVING;
    member->since = now_boot_msec();
    member_engine_start(member);
    return true;
}

static void
take_next(struct member *member)
{
    deadline_disarm(&member->tick);
    if (member->stopping || (member->params.once && member->served)) {
        finish(member);
    } else if (member->leftovers_done || !take_up_leftover(member)) {
        member->leftovers_done = true;
        member->carrier->ops->offers(member->carrier, true);
    }
}

bool
member_start(struct member *member, struct carrier *carrier, struct err *err)
{
    member->carrier = carrier;
    if (!path_check_writable(member->params.state, err)) {
        return err_wrap(err, "the folder for what must outlive a worker");
    }
    take_next(member);
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
