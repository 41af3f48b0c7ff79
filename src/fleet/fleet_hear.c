#include "fleet/fleet_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/field.h"
#include "util/log.h"

#define SLOTS_MAX 4096
// Updates that wait behind a hole, of one join.
#define WAITING_BYTES_MAX (32UL << 20)
// What is kept of a script's output, to be shown when it fails.
#define PRINTED_MAX 4096
// So many messages are acknowledged at once, before the lease is due.
#define ACKNOWLEDGE_MANY 64
#define ACKNOWLEDGE_BYTES (1UL << 20)

static void
free_object(void *message)
{
    json_decref(message);
}

void
fleet_tell_worker(struct fleet *fleet, const struct join *join,
                  enum worker_what what, uint64_t us, struct slice text)
{
    struct event_worker worker = {
        .what = what,
        .node = join->node,
        .host = join->host,
        .kind = join->native ? "native" : "celery",
        .base = join->base,
        .slots = join->slots,
        .us = us,
        .text = text,
    };
    fleet->params.events->on_worker(fleet->params.ctx, &worker);
}

// ------------------------------------------------------- joins come and go

static void
on_reclaimed(void *ctx, uint64_t count, const struct err *err)
{
    (void)ctx;
    log_debug("fleet: %" PRIu64 " messages of a lost worker went back%s", count,
              err != NULL ? ", in vain" : "");
}

void
fleet_join_over(struct fleet *fleet, struct join *join, enum join_state state,
                const char *why)
{
    struct tracked_list lost = {0};
    bool died = state == JOIN_LOST;
    fleet_ship_close(fleet, join);
    log_info("fleet: %s %s: %s", join->node, died ? "is lost" : "left", why);
    roster_move(&fleet->roster, join, state);
    tracker_lose(fleet->tracker, join->number, died ? join->slots : 0, &lost);
    fleet->audit.ask = 0; // one that was asked does not answer any more
    if (died) {
        transport_reclaim(fleet->transport, fleet->names.queue, join->node,
                          on_reclaimed, fleet);
    }
    fleet_tell_worker(fleet, join, died ? WORKER_LOST : WORKER_LEFT, 0,
                      slice_of(why));
    char *problem = alloc_printf("worker %s was lost: %s", join->node, why);
    fleet_end_all(fleet, &lost, ORDER_LOST, problem);
    free(problem);
    fleet_flush_soon(fleet);
    fleet_step(fleet);
}

/* A node has one process: another join of its name is of one that died. */
static void
bury_namesake(struct fleet *fleet, struct slice node)
{
    for (size_t i = 0; i < fleet->roster.count; i++) {
        struct join *join = fleet->roster.joins[i];
        if (join->state != JOIN_LEFT && join->state != JOIN_LOST &&
            slice_equals_text(node, join->node)) {
            fleet_join_over(fleet, join, JOIN_LOST,
                            "another process has its name now");
        }
    }
}

/* Why nobody is needed; NULL: somebody is. */
static const char *
refusal(const struct fleet *fleet)
{
    size_t hands = roster_hands(&fleet->roster);
    uint32_t most = fleet->params.max_workers;
    bool work = fleet->waiting + tracker_ready(fleet->tracker) +
                    tracker_sent(fleet->tracker) >
                0;
    if (fleet->phase != FLEET_OPEN || fleet->broken || fleet->cancelled) {
        return "the build is over";
    }
    if (most > 0 && hands >= most) {
        return "the build has all the workers it wants";
    }
    return work ? NULL : "the build needs no more workers";
}

static bool
read_hello(const struct envelope *envelope, struct join_params *params,
           struct err *err)
{
    struct slice kind = {0};
    int64_t slots = 0;
    const struct field_range range = {1, SLOTS_MAX};
    const struct field_range pids = {0, INT32_MAX};
    params->id = envelope->join;
    if (!field_text(envelope->object, "node", &params->node, err) ||
        !field_text(envelope->object, "kind", &kind, err) ||
        !field_int(envelope->object, "slots", range, &slots, err) ||
        !field_int_optional(envelope->object, "pid", pids, &params->pid, err) ||
        !field_text_optional(envelope->object, "host", &params->host, err) ||
        !field_text_optional(envelope->object, "python", &params->python,
                             err)) {
        return false;
    }
    if (envelope->join.len == 0 || params->node.len == 0 ||
        params->node.len > 255) {
        return err_set(err, ERR_PROTOCOL, "a hello without a name");
    }
    params->native = slice_equals_text(kind, "native");
    params->slots = (int)slots;
    return true;
}

static void
hear_hello(struct fleet *fleet, const struct envelope *envelope)
{
    struct err err = {0};
    struct join_params params = {0};
    if (!read_hello(envelope, &params, &err)) {
        log_warn("fleet: hello: %s", err.text);
        return;
    }
    struct join *join = roster_find(&fleet->roster, params.id);
    bool known = join != NULL;
    if (!known) {
        offers_taken(&fleet->offers);
        bury_namesake(fleet, params.node);
    }
    const char *why = known ? NULL : refusal(fleet);
    if (known && join->state >= JOIN_LEAVING) {
        why = "the build is over for this worker";
    }
    if (why != NULL) {
        fleet_refuse(fleet, params.id, params.node, why);
        return;
    }
    if (!known) {
        join = roster_greet(&fleet->roster, &params, fleet->now);
        stream_in_init(&join->updates, WAITING_BYTES_MAX, free_object);
        buf_init(&join->printed, 2UL * PRINTED_MAX);
    }
    roster_hear(join, fleet->now);
    fleet_ship_open(fleet, join);
    fleet_welcome(fleet, join);
    fleet_flush_soon(fleet); // another offer may take its place
}

static void
take_in(struct fleet *fleet, struct join *join, uint64_t us)
{
    if (join->state != JOIN_GREETED) {
        return;
    }
    join->joined = fleet->now;
    fleet_ship_settled(fleet, join);
    roster_move(&fleet->roster, join, JOIN_WORKING);
    fleet_tell_worker(fleet, join, WORKER_JOINED, us, SLICE(""));
    fleet_tell_lease(fleet); // with a depth for so many
    fleet_offer_room(fleet);
    fleet_release_idle(fleet);
}

static void
hear_said(struct fleet *fleet, struct join *join, struct slice text)
{
    struct buf *printed = &join->printed;
    if (text.len > PRINTED_MAX) {
        text = slice_skip(text, text.len - PRINTED_MAX);
    }
    buf_add_slice(printed, text);
    if (printed->len > PRINTED_MAX) {
        buf_drop(printed, printed->len - PRINTED_MAX);
    }
    fleet_tell_worker(fleet, join, WORKER_SAID, 0, text);
}

static void
hear_failed(struct fleet *fleet, struct join *join, struct slice why)
{
    struct buf text = BUF_INIT(4UL * PRINTED_MAX);
    buf_add_slice(&text, slice_first(why, PRINTED_MAX));
    if (join->printed.len > 0) {
        buf_add_text(&text, "\n");
        buf_add_slice(&text, buf_slice(&join->printed));
    }
    fleet->failed++;
    free(fleet->failure);
    fleet->failure = slice_dup(slice_first(why, 200));
    fleet_tell_worker(fleet, join, WORKER_FAILED, 0, buf_slice(&text));
    buf_release(&text);
}

static void
hear_left(struct fleet *fleet, struct join *join, const struct update *update)
{
    bool asked = join->state == JOIN_LEAVING;
    char *why = slice_dup(slice_first(update->text, 400));
    if (!update->ok && join->state != JOIN_LOST) {
        fleet_note(fleet, NOTE_WARNING, NULL, "worker %s left: %s", join->node,
                   why[0] != '\0' ? why : "its teardown failed");
    }
    if (join->state == JOIN_LOST) {
        roster_move(&fleet->roster, join, JOIN_LEFT);
    } else {
        fleet_join_over(fleet, join, JOIN_LEFT, asked && update->ok ? "" : why);
    }
    free(why);
}

// ------------------------------------------------------------ other things

static void
hear_bail(struct fleet *fleet, struct join *join, const struct update *update)
{
    if (tracker_hear(fleet->tracker, update->o, join->number) == TRACKER_YES) {
        fleet->params.events->on_bail(fleet->params.ctx, update->o.job,
                                      update->text);
    }
}

static void
hear_leak(struct fleet *fleet, const struct update *update)
{
    char *job = slice_dup(update->leak.job);
    char *id = slice_dup(update->leak.id);
    char *command = slice_dup(update->leak.command);
    struct event_leak leak = {
        .job = job,
        .id = id,
        .pid = update->leak.pid,
        .command = command,
    };
    fleet->params.events->on_leak(fleet->params.ctx, &leak);
    free(job);
    free(id);
    free(command);
}

static void
hear_note(struct fleet *fleet, const struct join *join,
          const struct update *update)
{
    char *hint =
        update->note.hint.len > 0 ? slice_dup(update->note.hint) : NULL;
    fleet_note(fleet, update->note.level, hint, "worker %s: %.*s", join->node,
               SLICE_ARG(slice_first(update->note.text, 4000)));
    free(hint);
}

static void
hear_update(struct fleet *fleet, struct join *join, const struct update *update)
{
    switch (update->kind) {
    case UPDATE_SAID:
        hear_said(fleet, join, update->text);
        break;
    case UPDATE_JOINED:
        take_in(fleet, join, update->us);
        break;
    case UPDATE_TOOK:
        fleet_hear_took(fleet, join, update);
        break;
    case UPDATE_BOUNCED:
        fleet_hear_bounced(fleet, update);
        break;
    case UPDATE_JOB:
    case UPDATE_BEGIN:
        fleet_hear_begin(fleet, join, update);
        break;
    case UPDATE_SLOW:
        fleet_hear_slow(fleet, join, update);
        break;
    case UPDATE_RESULT:
        fleet_hear_result(fleet, join, update);
        break;
    case UPDATE_APPEARED:
        fleet_hear_appeared(fleet, join, update);
        break;
    case UPDATE_BAIL:
        hear_bail(fleet, join, update);
        break;
    case UPDATE_END:
        fleet_hear_end(fleet, join, update);
        break;
    case UPDATE_DIFFERS:
        fleet_hear_differs(fleet, join, update);
        break;
    case UPDATE_LEAK:
        hear_leak(fleet, update);
        break;
    case UPDATE_NOTE:
        hear_note(fleet, join, update);
        break;
    case UPDATE_HOLDS:
        fleet_hear_holds(fleet, join, update);
        break;
    case UPDATE_FAILED:
        hear_failed(fleet, join, update->text);
        break;
    case UPDATE_LEFT:
        hear_left(fleet, join, update);
        break;
    case UPDATE_OTHER:
    case UPDATE_KIND_COUNT:
        break;
    }
}

/* One that is over may still speak: nothing of it counts but its end. */
static void
hear_ghost(struct fleet *fleet, struct join *join, const struct update *update)
{
    if (update->kind == UPDATE_RESULT || update->kind == UPDATE_APPEARED) {
        fleet->params.events->on_late(fleet->params.ctx);
    } else if (update->kind == UPDATE_LEFT && join->state == JOIN_LOST) {
        hear_left(fleet, join, update);
    }
}

static void
hear_list(struct fleet *fleet, struct join *join, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct err err = {0};
        struct update update = {0};
        if (!update_decode(json_array_get(list, i), &fleet->memory, &update,
                           &err)) {
            log_warn("fleet: %s: %s", join->node, err.text);
        } else if (join->state == JOIN_LOST || join->state == JOIN_LEFT) {
            hear_ghost(fleet, join, &update);
        } else {
            hear_update(fleet, join, &update);
        }
    }
}

static void
lease_posted(void *ctx)
{
    struct fleet *fleet = ctx;
    fleet->lease_posted = false;
    if (fleet->phase < FLEET_CLEANING) {
        fleet_tell_lease(fleet);
    }
}

/* Workers keep what is not acknowledged. */
static void
acknowledge_many(struct fleet *fleet, struct join *join, size_t size)
{
    join->unacknowledged += size;
    fleet->unacknowledged++;
    if ((fleet->unacknowledged >= ACKNOWLEDGE_MANY ||
         join->unacknowledged >= ACKNOWLEDGE_BYTES) &&
        !fleet->lease_posted) {
        fleet->lease_posted = true;
        join->unacknowledged = 0;
        loop_post(fleet->params.loop, lease_posted, fleet);
    }
}

static void
hear_updates(struct fleet *fleet, const struct envelope *envelope, size_t size)
{
    struct join *join = roster_find(&fleet->roster, envelope->join);
    const json_t *list = NULL;
    struct err err = {0};
    if (join == NULL || !field_array(envelope->object, "u", &list, &err)) {
        log_warn("fleet: updates: %s",
                 join == NULL ? "of nobody who greeted" : err.text);
        return;
    }
    if (join->state != JOIN_LOST && join->state != JOIN_LEFT) {
        roster_hear(join, fleet->now);
    } else if (join->state == JOIN_LOST && fleet->now - join->told >= 1000) {
        fleet_tell_teardown(fleet, join);
    }
    stream_in_offer(&join->updates, envelope->n,
                    json_incref(json_object_get(envelope->object, "u")), size);
    json_t *next = NULL;
    while ((next = stream_in_take(&join->updates)) != NULL) {
        hear_list(fleet, join, next);
        json_decref(next);
    }
    acknowledge_many(fleet, join, size);
}

/* What a test prints while it runs; its result brings all of it again. */
static void
hear_output(struct fleet *fleet, const struct envelope *envelope)
{
    const struct join *join = roster_find(&fleet->roster, envelope->join);
    struct event_worker worker = {.what = WORKER_PRINTED};
    struct err err = {0};
    if (join == NULL || fleet->params.live == NULL ||
        !field_text(envelope->object, "text", &worker.text, &err) ||
        !field_text(envelope->object, "id", &worker.id, &err)) {
        log_debug("fleet: output that nobody asked for");
        return;
    }
    worker.node = join->node;
    worker.host = join->host;
    worker.kind = join->native ? "native" : "celery";
    worker.base = join->base;
    worker.slots = join->slots;
    fleet->params.events->on_worker(fleet->params.ctx, &worker);
}

static void
note_forged(struct fleet *fleet, const struct err *err)
{
    log_warn("fleet: a message was dropped: %s", err->text);
    fleet->forged++;
    if (fleet->forged_told == 0 || fleet->real - fleet->forged_told >= 60000) {
        fleet->forged_told = fleet->real;
        fleet_note(fleet, NOTE_WARNING, NULL,
                   "messages to this build were dropped, %" PRIu64
                   " so far: %s",
                   fleet->forged, err->text);
    }
}

static void
hear(struct fleet *fleet, const struct sealed *sealed)
{
    struct envelope envelope = {0};
    struct err err = {0};
    if (envelope_read(&envelope, sealed, TO_COORDINATOR, fleet->params.secret,
                      &err) != ENVELOPE_GOOD) {
        note_forged(fleet, &err);
    } else if (!slice_equals_text(envelope.build, fleet->params.build_id) ||
               !slice_equals_text(envelope.nonce, fleet->nonce)) {
        // Of a build before this one that had the same id.
        log_warn("fleet: a message of another build was dropped");
    } else if (slice_equals_text(envelope.msg, "hello")) {
        hear_hello(fleet, &envelope);
    } else if (slice_equals_text(envelope.msg, "updates")) {
        hear_updates(fleet, &envelope, sealed->payload.len);
    } else if (slice_equals_text(envelope.msg, "want")) {
        fleet_hear_want(fleet, &envelope);
    } else if (slice_equals_text(envelope.msg, "output")) {
        hear_output(fleet, &envelope);
    } else {
        log_debug("fleet: unknown message \"%.*s\"", SLICE_ARG(envelope.msg));
    }
    envelope_release(&envelope);
}

void
fleet_on_inbox(void *ctx, const struct delivery *delivery)
{
    struct fleet *fleet = ctx;
    json_t *held = NULL;
    struct sealed sealed = {0};
    struct err err = {0};
    if (envelope_from_body(delivery->message.body, &held, &sealed, &err)) {
        if (fleet->phase < FLEET_CLEANING) {
            hear(fleet, &sealed);
        }
    } else if (fleet->asker == NULL || !asker_feed(fleet->asker, delivery)) {
        note_forged(fleet, &err);
    }
    json_decref(held);
    if (delivery->tag != 0 && fleet->transport != NULL) {
        transport_ack(fleet->transport, delivery->tag);
    }
}
