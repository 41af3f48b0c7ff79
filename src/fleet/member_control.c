#include "fleet/member_internal.h"

#include <string.h>

#include "util/field.h"

/* What the build tells its workers, and what anybody may ask. */

enum {
    RUNNING_MAX = 256,
};

struct command {
    const char *method;
    void (*obey)(struct member *member, const struct envelope *envelope);
};

static json_t *
running(const struct service *service)
{
    json_t *list = json_array();
    msec now = now_boot_msec();

    LIST_FOR_EACH(link, &service->holdings.orders)
    {
        const struct holding *holding = LIST_ENTRY(link, struct holding, link);
        if (holding->begun && json_array_size(list) < RUNNING_MAX) {
            json_array_append_new(
                list,
                json_pack("{s:O, s:i, s:i, s:I}", "job",
                          json_object_get(holding->order, "name"), "slot",
                          holding->slot, "attempt", (int)holding->name.attempt,
                          "ms", (json_int_t)(now - holding->began_boot)));
        }
    }
    return list;
}

static json_t *
status_of(const struct member *member)
{
    const struct member_params *params = &member->params;
    const struct service *service = member->service;
    json_t *facts = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "role", "worker", "node",
        params->node, "kind", params->kind, "program", params->program, "queue",
        params->queue, "state",
        service != NULL && service->draining ? "stopping"
                                             : member_state_name(member->state),
        "slots", member->slots);

    json_object_set_new(facts, "since_ms",
                        json_integer(now_boot_msec() - member->since));
    if (service != NULL) {
        json_object_set_new(facts, "build", json_string(service->build));
        json_object_set_new(facts, "held",
                            json_integer((json_int_t)service->holdings.count));
        json_object_set_new(facts, "running", running(service));
    }
    return json_pack("{s:o}", "ok", facts);
}

static bool
read_now(const json_t *object)
{
    return json_is_true(json_object_get(object, "now"));
}

static void
obey_acks(struct member *member, const json_t *acks)
{
    struct service *service = member->service;
    const char *join = NULL;
    json_t *value = NULL;
    json_t *number =
        json_object_get(acks, service != NULL ? service->join : "");

    if (service != NULL && json_is_integer(number) &&
        json_integer_value(number) >= 0) {
        outbox_acknowledge(service->outbox,
                           (uint64_t)json_integer_value(number));
    }
    for (size_t i = 0; i < MEMBER_PAST_MAX; i++) {
        struct past *past = &member->past[i];
        join = past->join;
        value = past->outbox != NULL ? json_object_get(acks, join) : NULL;
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            continue;
        }
        outbox_acknowledge(past->outbox, (uint64_t)json_integer_value(value));
    }
}

static void
obey_lease(struct member *member, const struct envelope *envelope)
{
    struct service *service = member->service;
    struct err err = {0};
    int64_t ttl_ms = 0;
    int64_t depth = service->depth;

    if (!field_int(envelope->object, "ttl_ms",
                   (struct field_range){100, 60LL * 60 * 1000}, &ttl_ms,
                   &err) ||
        !field_int_optional(envelope->object, "depth",
                            (struct field_range){1, 1024}, &depth, &err)) {
        member_note_dropped(member, &err);
        return;
    }
    if (member->state != MEMBER_ASKED) {
        if (service->lease_ms != ttl_ms) {
            service->lease_ms = ttl_ms;
            member_arm_tick(member);
        }
        service->until = now_boot_msec() + ttl_ms;
        service->cut = false;
    }
    service->depth = (uint32_t)depth;
    if (service->held && !outbox_is_full(service->outbox) &&
        service->engine != NULL) {
        service->held = false;
        service->engine->ops->hold(service->engine, false);
    }
    if (member->state == MEMBER_SERVING) {
        member_set_prefetch(member);
    }
}

static void
obey_cancel(struct member *member, const struct envelope *envelope)
{
    struct service *service = member->service;
    json_t *message = json_pack("{s:s, s:b}", "msg", "cancel", "now",
                                (int)read_now(envelope->object));
    json_t *orders = json_object_get(envelope->object, "orders");
    json_t *ours = json_array();

    LIST_FOR_EACH(link, &service->holdings.orders)
    {
        const struct holding *holding = LIST_ENTRY(link, struct holding, link);
        json_t *name = service_order(holding->name);
        bool meant = !json_is_array(orders);
        for (size_t i = 0; !meant && i < json_array_size(orders); i++) {
            meant = json_equal(name, json_array_get(orders, i)) != 0;
        }
        if (meant) {
            json_array_append(ours, name);
        }
        json_decref(name);
    }
    if (json_array_size(ours) > 0 && service->ready) {
        json_object_set(message, "orders", ours);
        member_engine_send(member, json_incref(message));
    } else if (json_array_size(ours) > 0) {
        member_cancel_here(member, ours);
    }
    json_decref(ours);
    json_decref(message);
}

static void
obey_resend(struct member *member, const struct envelope *envelope)
{
    struct err err = {0};
    int64_t from = 0;

    if (field_int(envelope->object, "from", (struct field_range){0, INT64_MAX},
                  &from, &err)) {
        outbox_resend(member->service->outbox, (uint64_t)from);
    }
}

static void
obey_state(struct member *member, const struct envelope *envelope)
{
    struct service *service = member->service;
    json_t *ask = json_object_get(envelope->object, "ask");
    json_t *orders = json_array();

    LIST_FOR_EACH(link, &service->holdings.orders)
    {
        json_array_append_new(
            orders,
            service_order(LIST_ENTRY(link, struct holding, link)->name));
    }
    service_update(service, json_pack("{s:s, s:O?, s:o}", "k", "holds", "ask",
                                      ask, "os", orders));
    outbox_flush(service->outbox, false);
}

static void
obey_live(struct member *member, const struct envelope *envelope)
{
    struct service *service = member->service;

    json_decref(service->live);
    service->live =
        json_pack("{s:s, s:O?, s:O?}", "msg", "live", "pattern",
                  json_object_get(envelope->object, "pattern"), "credit",
                  json_object_get(envelope->object, "credit"));
    if (service->ready) {
        member_engine_send(member, json_incref(service->live));
    }
}

static void
obey_teardown(struct member *member, const struct envelope *envelope)
{
    struct service *service = member->service;
    bool sooner = read_now(envelope->object) && !service->now;

    service->now = service->now || sooner;
    if (service->why == NULL && member->state != MEMBER_LEAVING) {
        member_set_why(service, "the build has no use for it any more");
    }
    if (member->state == MEMBER_LEAVING && sooner && service->dismissed) {
        member_engine_dismiss(member);
    }
    member_step(member, MEMBER_DISMISSAL);
}

static const struct command commands[] = {
    {FLEET_WELCOME, member_welcome}, {FLEET_LEASE, obey_lease},
    {FLEET_CANCEL, obey_cancel},     {FLEET_RESEND, obey_resend},
    {FLEET_STATE, obey_state},       {FLEET_LIVE, obey_live},
    {FLEET_TEARDOWN, obey_teardown},
};

// For a join that is over: its last word, or what is missing of it.
static void
obey_past(struct member *member, const char *method,
          const struct envelope *envelope)
{
    struct past *past = past_find(member, envelope->join);
    json_t *from = json_object_get(envelope->object, "from");

    if (past == NULL || past->outbox == NULL) {
        return;
    }
    if (strcmp(method, FLEET_RESEND) == 0) {
        outbox_resend(past->outbox, (uint64_t)json_integer_value(from));
    } else if (strcmp(method, FLEET_TEARDOWN) == 0 ||
               strcmp(method, FLEET_WELCOME) == 0) {
        past_repeat(member, past);
    }
}

static bool
is_about(const struct service *service, const struct envelope *envelope)
{
    return service != NULL && service->outbox != NULL &&
           slice_equals_text(envelope->build, service->build) &&
           slice_equals_text(envelope->nonce, service->nonce) &&
           (envelope->join.len == 0 ||
            slice_equals_text(envelope->join, service->join));
}

static void
dispatch(struct member *member, const struct command *command,
         const struct envelope *envelope)
{
    struct service *service = member->service;

    if (strcmp(command->method, FLEET_LEASE) == 0) {
        obey_acks(member, json_object_get(envelope->object, "acks"));
    }
    if (!is_about(service, envelope)) {
        obey_past(member, command->method, envelope);
        return;
    }
    bool needs_join = command->obey == member_welcome ||
                      command->obey == obey_resend ||
                      command->obey == obey_teardown;
    struct envelope_count *count =
        envelope->join.len > 0 ? &service->own : &service->all;
    if ((needs_join && envelope->join.len == 0) ||
        !envelope_count_take(count, envelope->n)) {
        return;
    }
    if (member->state == MEMBER_ASKED && command->obey != member_welcome &&
        command->obey != obey_teardown) {
        return;
    }
    command->obey(member, envelope);
}

static const struct command *
find_command(const char *method)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].method, method) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool
says_what_it_is(const char *method, const struct envelope *envelope)
{
    return slice_equals_text(envelope->msg, method + strlen("mule_"));
}

void
member_control(struct member *member, const char *method,
               const struct sealed *sealed, uint64_t reply)
{
    struct carrier *carrier = member->carrier;
    const struct command *command = find_command(method);
    struct envelope envelope = {0};
    struct err err = {0};
    json_t *answer = NULL;

    if (strcmp(method, FLEET_STATUS) == 0) {
        answer = status_of(member);
    } else if (command == NULL) {
        answer = json_pack("{s:s}", "error", "no such command");
    } else if (envelope_read(&envelope, sealed, TO_WORKER,
                             member->params.secret, &err) != ENVELOPE_GOOD ||
               (!says_what_it_is(method, &envelope) &&
                !err_set(&err, ERR_PROTOCOL, "a %s that is none", method))) {
        member_note_dropped(member, &err);
        answer = json_pack("{s:s}", "error", err.text);
    } else {
        dispatch(member, command, &envelope);
        answer = json_pack("{s:b}", "ok", 1);
    }
    if (reply != 0) {
        carrier->ops->reply(carrier, reply, answer);
    }
    json_decref(answer);
    envelope_release(&envelope);
}
