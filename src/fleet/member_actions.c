#include <assert.h>
#include <stdlib.h>

#include "fleet/member_internal.h"
#include "util/alloc.h"

/* What follows from what happens: the actions of member_life. */

void
member_try_to_part(struct member *member)
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
    member_try_to_part(member);
}

static void
on_queue_left(void *ctx, const struct err *err)
{
    struct member *member = ctx;

    (void)err;
    member->leaves_done++;
    if (member->service != NULL && member->leaves_done == member->leaves) {
        member->service->queue_left = true;
        member_try_to_part(member);
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
    member_take_next(member);
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
