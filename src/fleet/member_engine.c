#include "fleet/member_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/field.h"

/* The engine of a join: its plan, its words, its end. */

int
member_slots(const struct member *member)
{
    const struct service *service = member->service;

    return member->slots < service->slots_max ? member->slots
                                              : service->slots_max;
}

void
member_engine_send(struct member *member, json_t *message)
{
    struct engine_link *engine = member->service->engine;
    char *text = json_dumps(message, JSON_COMPACT);

    if (engine != NULL && text != NULL) {
        engine->ops->send(engine, slice_of(text));
    }
    free(text);
    json_decref(message);
}

void
member_engine_slots(struct member *member, int slots)
{
    if (member->service->ready) {
        member_engine_send(
            member, json_pack("{s:s, s:i}", "msg", "pool", "slots", slots));
    }
}

void
member_engine_dismiss(struct member *member)
{
    struct service *service = member->service;

    service->dismissed = true;
    service->ready = false;
    member_engine_send(member, json_pack("{s:s, s:b}", "msg", "teardown", "now",
                                         (int)service->now));
}

static json_t *
own_workspace(const struct workspace *own)
{
    return json_pack("{s:s, s:s?, s:s?, s:s?, s:I, s:I}", "name", own->name,
                     "setup", own->setup, "teardown", own->teardown, "root",
                     own->root, "setup_timeout_ms",
                     (json_int_t)own->setup_timeout_ms, "teardown_timeout_ms",
                     (json_int_t)own->teardown_timeout_ms);
}

static bool
has_scripts(const json_t *workspace)
{
    return json_is_string(json_object_get(workspace, "setup")) ||
           json_is_string(json_object_get(workspace, "teardown"));
}

// This machine's own scripts win; others run only where that is allowed.
static json_t *
choose_workspace(const struct member *member, const json_t *sent,
                 struct err *err)
{
    struct slice name;

    if (sent == NULL || json_is_null(sent)) {
        return json_null();
    }
    if (!field_text(sent, "name", &name, err)) {
        return NULL;
    }
    for (int i = 0; i < member->params.workspace_count; i++) {
        const struct workspace *own = &member->params.workspaces[i];
        if (slice_equals_text(name, own->name)) {
            return own_workspace(own);
        }
    }
    if (has_scripts(sent) && !member->params.allow_scripts) {
        err_set(err, ERR_CONFIG,
                "the mule.yaml of this worker has no workspace \"%.*s\", and "
                "it runs no scripts of builds (--allow-scripts)",
                name.len < 80 ? (int)name.len : 80, name.data);
        return NULL;
    }
    return json_deep_copy(sent);
}

json_t *
member_make_plan(const struct member *member, struct err *err)
{
    const struct service *service = member->service;
    const struct member_params *params = &member->params;
    json_t *workspace = choose_workspace(
        member, json_object_get(service->plan, "workspace"), err);

    if (workspace == NULL) {
        return NULL;
    }
    json_t *plan = json_copy(service->plan);
    bool noop = params->noop || json_is_true(json_object_get(plan, "noop"));
    json_object_set_new(plan, "msg", json_string("plan"));
    json_object_set_new(plan, "build", json_string(service->build));
    json_object_set_new(plan, "node", json_string(params->node));
    json_object_set_new(plan, "base", json_integer(service->base));
    json_object_set_new(plan, "slots", json_integer(member_slots(member)));
    json_object_set_new(plan, "workspace", workspace);
    json_object_set_new(plan, "home", json_string(params->home));
    json_object_set_new(plan, "prepared", json_boolean(service->prepared));
    json_object_set_new(plan, "noop", json_boolean(noop));
    return plan;
}

static void
on_hello(void *ctx)
{
    struct member *member = ctx;
    struct service *service = member->service;
    struct err err = {0};
    json_t *plan = member_make_plan(member, &err);

    if (plan == NULL) {
        member_set_why(service, "%s", err.text);
        service->engine->ops->kill(service->engine);
        return;
    }
    service->planned = true;
    member_engine_send(member, plan);
}

static void
on_updates(void *ctx, struct slice list)
{
    struct member *member = ctx;
    struct service *service = member->service;

    member_check_lease(member);
    member_updates(member, list);
    if (service->drained && service->open == 0) {
        member_step(member, MEMBER_STOP);
    }
}

static void
on_ready(void *ctx, uint64_t us)
{
    struct member *member = ctx;
    struct service *service = member->service;

    member_check_lease(member);
    service->prepared = true;
    service->left_us = us;
    if (!service->dismissed) {
        service->ready = member->state != MEMBER_LEAVING;
        member_step(member, MEMBER_READY);
    }
}

static void
on_failed(void *ctx, struct slice why)
{
    struct member *member = ctx;
    struct service *service = member->service;

    service->prepared = true; // as far as it goes: it is to be torn down
    if (!service->dismissed) {
        char *text = slice_dup(why);
        member_set_why(service, "%s", text);
        free(text);
        member_step(member, MEMBER_UNREADY);
    }
}

static void
on_left(void *ctx, bool ok, struct slice why, uint64_t us)
{
    struct member *member = ctx;
    struct service *service = member->service;

    service->left = true;
    service->left_ok = ok;
    service->left_us = us;
    free(service->left_why);
    service->left_why = slice_dup(why);
}

static void
on_other(void *ctx, struct slice msg, json_t *object)
{
    struct member *member = ctx;
    struct service *service = member->service;
    const json_t *slots = json_object_get(object, "slots");
    const json_t *open = json_object_get(object, "open");

    if (slice_equals_text(msg, "pool")) {
        if (service->draining && json_integer_value(slots) == 0) {
            service->drained = true;
            service->open = json_integer_value(open);
            if (service->open <= 0) {
                member_step(member, MEMBER_STOP);
            }
        }
    } else if (service->outbox != NULL && (slice_equals_text(msg, "output") ||
                                           slice_equals_text(msg, "want"))) {
        char *name = slice_dup(msg);
        json_object_del(object, "msg");
        outbox_tell(service->outbox, name, object, NULL, NULL);
        free(name);
    }
}

static void
on_gone(void *ctx, const char *why)
{
    struct member *member = ctx;
    struct service *service = member->service;

    service->engine = NULL;
    service->planned = false;
    service->ready = false;
    service->held = false;
    if (!service->left) {
        service->losses++;
        member_say(member, "the engine of build %s died: %s", service->build,
                   why);
    }
    if (member->state == MEMBER_LEAVING) {
        if (!service->left) {
            free(service->left_why);
            service->left_why =
                alloc_printf("the engine died in its teardown: %s", why);
        }
        member_torn_down(member);
    } else if (service->left) {
        member_step(member, MEMBER_DISMISSAL); // it did all there is to do
    } else {
        if (service->why == NULL) {
            member_set_why(service, "its engine died: %s", why);
        }
        member_step(member, service->losses == 1 ? MEMBER_ENGINE_LOST
                                                 : MEMBER_ENGINE_LOST_AGAIN);
    }
}

void
member_engine_start(struct member *member)
{
    static const struct engine_link_events events = {
        .on_hello = on_hello,
        .on_updates = on_updates,
        .on_ready = on_ready,
        .on_failed = on_failed,
        .on_left = on_left,
        .on_other = on_other,
        .on_gone = on_gone,
    };
    struct service *service = member->service;
    struct err err = {0};

    service->dismissed = false;
    service->engine = member->params.start_engine(member->params.engine,
                                                  &events, member, &err);
    if (service->engine == NULL) {
        member_set_why(service, "%s", err.text);
        if (member->state == MEMBER_LEAVING) {
            member_torn_down(member);
        } else {
            member_step(member, MEMBER_ENGINE_LOST_AGAIN);
        }
    }
}
