#include <string.h>

#include "fleet/member_internal.h"
#include "util/alloc.h"
#include "util/field.h"

#define LOOK_MS 100
#define LOOKS_MAX 20

/* What comes next, once a member is free: what others left, offers, the end. */

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
take_up_leftover(struct member *member, bool *held)
{
    json_t *about = NULL;
    struct marker *marker = NULL;
    struct service *service = NULL;

    while (service == NULL &&
           (marker = marker_find(member->params.state, member->params.node,
                                 &about, held)) != NULL) {
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

void
member_take_next(struct member *member)
{
    deadline_disarm(&member->tick);
    if (member->stopping || (member->params.once && member->served)) {
        member_finish(member);
        return;
    }
    bool held = false;
    if (!member->leftovers_done && take_up_leftover(member, &held)) {
        return;
    }
    // Who was killed a moment ago may hold its marker for another moment. One
    // that lives keeps it: then again when a build is over.
    if (held && member->looks < LOOKS_MAX) {
        member->looks++;
        deadline_arm(&member->tick, LOOK_MS);
        return;
    }
    member->leftovers_done = !held;
    member->carrier->ops->offers(member->carrier, true);
}
