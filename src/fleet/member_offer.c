#include "fleet/member_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/field.h"

/* From an offer to the welcome. */

enum {
    HELLO_MS = 1000,     // so often
    PATIENCE_MS = 10000, // so long, or for a lease
    SLOTS_MAX = 65536,
    DEPTH_MAX = 1024,
};

static void
end_task(struct member *member, uint64_t task, enum carrier_end how)
{
    member->carrier->ops->end(member->carrier, task, how, NULL);
}

void
member_take_offer(struct member *member, uint64_t task,
                  const struct sealed *sealed)
{
    struct envelope envelope;
    struct err err = {0};
    struct service *service = NULL;
    enum carrier_end how = TASK_DONE;
    bool good = envelope_read(&envelope, sealed, TO_WORKER,
                              member->params.secret, &err) == ENVELOPE_GOOD;

    if (good && !slice_equals_text(envelope.msg, "offer")) {
        good = err_set(&err, ERR_PROTOCOL, "an offer that is none");
    }
    if (!good) {
        member_note_dropped(member, &err);
    } else if (member->service != NULL || member->stopping) {
        how = TASK_RETURNED; // it came while we were leaving the queue
    } else if (!refused_has(member, envelope.build)) {
        service = service_new(member, &envelope, &err);
        if (service == NULL) {
            member_note_dropped(member, &err);
        }
    }
    envelope_release(&envelope);
    if (service != NULL) {
        member->service = service;
        member_step(member, MEMBER_OFFER);
    }
    // Only now, so that the next one is not ours.
    end_task(member, task, how);
}

// The inbox is not there: the build is over.
static void
on_hello_sent(void *ctx, const struct err *err)
{
    struct member *member = ctx;
    uint64_t number = member->answered++;

    if (err != NULL && member->state == MEMBER_ASKED &&
        number >= member->first) {
        member_say(member, "the offer of build %s is void: %s",
                   member->service->build, err->text);
        member_step(member, MEMBER_SILENCE);
    }
}

void
member_hello(struct member *member)
{
    struct service *service = member->service;
    msec now = now_boot_msec();
    char host[256] = "";

    if (service->hello == 0) {
        msec patience =
            service->lease_ms < PATIENCE_MS ? service->lease_ms : PATIENCE_MS;
        service->until = now + patience;
        member->first = member->hellos;
    } else if (now - service->hello < HELLO_MS) {
        return;
    }
    service->hello = now;
    gethostname(host, sizeof(host) - 1);
    const struct member_params *params = &member->params;
    json_t *members = json_pack(
        "{s:s, s:s, s:i, s:s, s:i, s:s, s:s}", "node", params->node, "kind",
        params->kind, "slots", member->slots, "host", host, "pid",
        (int)getpid(), "program", params->program, "python", params->python);
    member->hellos++;
    outbox_tell(service->outbox, "hello", members, on_hello_sent, member);
    json_decref(members);
}

static bool
read_welcome(struct service *service, const json_t *object, struct err *err)
{
    const json_t *plan = NULL;
    struct slice queue;
    int64_t base = 0;
    int64_t slots = 0;
    int64_t lease_ms = 0;
    int64_t depth = 1;

    if (!field_text(object, "queue", &queue, err) ||
        !field_int(object, "base", (struct field_range){0, INT32_MAX / 2},
                   &base, err) ||
        !field_int(object, "slots", (struct field_range){1, SLOTS_MAX}, &slots,
                   err) ||
        !field_int(object, "lease_ms",
                   (struct field_range){100, 60LL * 60 * 1000}, &lease_ms,
                   err) ||
        !field_int_optional(object, "depth", (struct field_range){1, DEPTH_MAX},
                            &depth, err) ||
        !field_object(object, "plan", &plan, err)) {
        return false;
    }
    if (!slice_equals_text(queue, service->names.queue)) {
        return err_set(err, ERR_PROTOCOL, "its queue is not its build's");
    }
    service->base = (int)base;
    service->slots_max = (int)slots;
    service->lease_ms = lease_ms;
    service->until = now_boot_msec() + lease_ms;
    service->depth = (uint32_t)depth;
    service->plan = json_deep_copy(plan);
    return true;
}

static void
write_marker(struct member *member)
{
    struct service *service = member->service;
    struct err err = {0};
    json_t *about = json_pack("{s:s, s:s, s:s, s:i, s:i, s:O}", "build",
                              service->build, "nonce", service->nonce, "join",
                              service->join, "base", service->base, "slots",
                              service->slots_max, "plan", service->plan);

    service->marker = marker_write(member->params.state, member->params.node,
                                   service->join, about, &err);
    if (service->marker == NULL) {
        member_say(member, "no marker for build %s: %s", service->build,
                   err.text);
    }
    json_decref(about);
}

void
member_welcome(struct member *member, const struct envelope *envelope)
{
    struct service *service = member->service;
    struct err err = {0};
    struct slice reason = {0};
    bool accept = false;

    if (member->state != MEMBER_ASKED) {
        return; // the same one again
    }
    bool fine = field_bool(envelope->object, "accept", &accept, &err) &&
                field_text_optional(envelope->object, "reason", &reason, &err);
    if (fine && !accept) {
        member_say(member, "build %s does not need this worker%s%.*s",
                   service->build, reason.len > 0 ? ": " : "",
                   reason.len < 200 ? (int)reason.len : 200,
                   reason.len > 0 ? reason.data : "");
        member_step(member, MEMBER_REFUSAL);
        return;
    }
    if (!fine || !read_welcome(service, envelope->object, &err)) {
        member_note_dropped(member, &err);
        return;
    }
    write_marker(member);
    member_arm_tick(member);
    member_step(member, MEMBER_WELCOME);
}
