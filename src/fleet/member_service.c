#include "fleet/member_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/field.h"

/* What one join has, and what is remembered of those before it. */

enum {
    LEASE_MIN_MS = 100,
    LEASE_MAX_MS = 60 * 60 * 1000,
    // How long what was not acknowledged is kept after the end.
    KEEP_MS = 5 * 60 * 1000,
};

static bool
read_lease(const json_t *object, msec *lease_ms, struct err *err)
{
    const struct field_range range = {LEASE_MIN_MS, LEASE_MAX_MS};
    int64_t ms = 0;
    bool fine = field_int(object, "lease_ms", range, &ms, err);

    *lease_ms = ms;
    return fine;
}

struct service *
service_new(struct member *member, const struct envelope *offer,
            struct err *err)
{
    struct service *service = ALLOC(struct service);
    struct slice inbox;

    service->build = slice_dup(offer->build);
    memcpy(service->nonce, offer->nonce.data, offer->nonce.len);
    envelope_draw(service->join, sizeof(service->join));
    holdings_init(&service->holdings);
    if (!read_lease(offer->object, &service->lease_ms, err) ||
        !field_text(offer->object, "inbox", &inbox, err) ||
        !fleet_names_init(&service->names, service->build, err) ||
        (!slice_equals_text(inbox, service->names.inbox) &&
         !err_set(err, ERR_PROTOCOL, "its inbox is not that of its build"))) {
        service_free(service);
        return NULL;
    }
    service->outbox = outbox_new(&(struct outbox_params){
        .loop = member->params.loop,
        .carrier = member->carrier,
        .secret = member->params.secret,
        .inbox = service->names.inbox,
        .build = service->build,
        .nonce = service->nonce,
        .join = service->join,
    });
    return service;
}

void
service_free(struct service *service)
{
    if (service == NULL) {
        return;
    }
    if (service->engine != NULL) {
        service->engine->ops->drop(service->engine);
    }
    outbox_free(service->outbox);
    holdings_release(&service->holdings);
    marker_free(service->marker);
    json_decref(service->plan);
    json_decref(service->live);
    fleet_names_release(&service->names);
    free(service->build);
    free(service->pieces);
    free(service->left_why);
    free(service->why);
    free(service);
}

void
service_update(struct service *service, json_t *update)
{
    char *text = json_dumps(update, JSON_COMPACT);

    if (text != NULL && service->outbox != NULL) {
        outbox_add(service->outbox, slice_of(text));
    }
    free(text);
    json_decref(update);
}

json_t *
service_order(struct order_name name)
{
    return json_pack("[I, i]", (json_int_t)name.job, (int)name.attempt);
}

static void
past_release(struct past *past)
{
    outbox_free(past->outbox);
    json_decref(past->left);
    free(past->inbox);
    *past = (struct past){0};
}

static void
wait_for_echo(struct member *member, struct past *past)
{
    past->open = true;
    deadline_arm(&member->echo, past->lease_ms);
}

void
past_add(struct member *member, struct service *service, json_t *left)
{
    struct past *past = &member->past[member->past_count++ % MEMBER_PAST_MAX];

    past_release(past);
    memcpy(past->join, service->join, sizeof(past->join));
    past->left = left;
    past->outbox = service->outbox;
    service->outbox = NULL;
    past->until = now_boot_msec() + KEEP_MS;
    past->inbox = alloc_dup(service->names.inbox);
    past->lease_ms = service->lease_ms;
    wait_for_echo(member, past);
}

void
past_clean(struct member *member)
{
    for (size_t i = 0; i < MEMBER_PAST_MAX; i++) {
        struct past *past = &member->past[i];
        if (past->open && past->outbox != NULL &&
            !outbox_is_empty(past->outbox)) {
            member->carrier->ops->erase(member->carrier, past->inbox, false);
        }
        past->open = false;
    }
}

struct past *
past_find(struct member *member, struct slice join)
{
    for (size_t i = 0; join.len > 0 && i < MEMBER_PAST_MAX; i++) {
        if (slice_equals_text(join, member->past[i].join)) {
            return &member->past[i];
        }
    }
    return NULL;
}

void
past_repeat(struct member *member, struct past *past)
{
    if (past->outbox == NULL) {
        return; // it is long ago
    }
    wait_for_echo(member, past);
    if (outbox_is_empty(past->outbox)) {
        char *text = json_dumps(past->left, JSON_COMPACT);
        outbox_add(past->outbox, slice_of(text));
        outbox_flush(past->outbox, false);
        free(text);
    } else {
        outbox_resend(past->outbox, 0);
    }
}

void
past_tidy(struct member *member)
{
    msec now = now_boot_msec();

    for (size_t i = 0; i < MEMBER_PAST_MAX; i++) {
        struct past *past = &member->past[i];
        if (past->outbox != NULL && now > past->until) {
            outbox_free(past->outbox);
            past->outbox = NULL;
        }
    }
}

void
past_free(struct member *member)
{
    for (size_t i = 0; i < MEMBER_PAST_MAX; i++) {
        past_release(&member->past[i]);
        free(member->refused[i]);
    }
}

void
refused_add(struct member *member, const char *build)
{
    char **place = &member->refused[member->refused_count++ % MEMBER_PAST_MAX];

    free(*place);
    *place = alloc_dup(build);
}

bool
refused_has(const struct member *member, struct slice build)
{
    for (size_t i = 0; i < MEMBER_PAST_MAX; i++) {
        if (member->refused[i] != NULL &&
            slice_equals_text(build, member->refused[i])) {
            return true;
        }
    }
    return false;
}
