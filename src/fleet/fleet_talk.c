#include "fleet/fleet_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "celery/names.h"
#include "celery/producer.h"
#include "util/alloc.h"
#include "util/json_text.h"
#include "util/log.h"

// Orders of one message; a single one may be as long as the broker allows.
#define RUN_TEXT_MAX (16UL << 20)
#define RUN_TEXT_FULL (256UL << 10)

// ------------------------------------------------------------ control

// At the very end those too are told that are over: their last words came.
static bool
is_told(const struct fleet *fleet, const struct join *join)
{
    return join->state != JOIN_LOST &&
           (join->state != JOIN_LEFT || fleet->deleting);
}

/* The nodes of all joins that have not come to their end. To be freed. */
static const char **
list_nodes(const struct fleet *fleet, size_t *count)
{
    const struct roster *roster = &fleet->roster;
    const char **nodes = alloc_zero(roster->count + 1, sizeof(const char *));
    *count = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const struct join *join = roster->joins[i];
        if (is_told(fleet, join)) {
            nodes[(*count)++] = join->node;
        }
    }
    return nodes;
}

struct control {
    const char *method; // "mule_lease"
    const char *join;   // or NULL
    uint64_t n;
    json_t *members;
    const char *const *nodes;
    size_t node_count;
};

static void
send_control(struct fleet *fleet, const struct control *control)
{
    struct envelope_text text = {0};
    envelope_write(&text,
                   &(struct envelope_params){
                       .msg = control->method + strlen("mule_"),
                       .build = fleet->params.build_id,
                       .nonce = fleet->nonce,
                       .join = control->join,
                       .to = TO_WORKER,
                       .n = control->n,
                   },
                   control->members, fleet->params.secret);
    struct sealed sealed = envelope_sealed(&text);
    json_t *arguments = envelope_to_arguments(&sealed);
    asker_tell(fleet->asker, &(struct ask){
                                 .method = control->method,
                                 .arguments = arguments,
                                 .destinations = control->nodes,
                                 .destination_count = control->node_count,
                             });
    json_decref(arguments);
    envelope_text_release(&text);
}

void
fleet_tell(struct fleet *fleet, struct join *join, const char *method,
           json_t *members)
{
    struct control control = {.method = method, .members = members};
    if (fleet->asker == NULL) {
        json_decref(members);
        return;
    }
    if (join != NULL) {
        const char *node = join->node;
        control.join = join->id;
        control.n = ++join->said;
        control.nodes = &node;
        control.node_count = 1;
        send_control(fleet, &control);
    } else {
        const char **nodes = list_nodes(fleet, &control.node_count);
        control.nodes = nodes;
        control.n = ++fleet->said;
        if (control.node_count > 0) {
            send_control(fleet, &control);
        }
        free(nodes);
    }
    json_decref(members);
}

static uint32_t
depth_now(const struct fleet *fleet)
{
    int slots = fleet->roster.working_slots;
    struct demand demand = {
        .waiting = fleet->waiting,
        .expect_us = fleet->next_us,
    };
    return feed_depth(&fleet->feed, &demand, slots > 0 ? slots : 1);
}

/* Fails for want of memory only: all that goes in is UTF-8. */
static json_t *
pack(json_t *value)
{
    if (value == NULL) {
        alloc_failed(0);
    }
    return value;
}

void
fleet_welcome(struct fleet *fleet, struct join *join)
{
    json_t *plan = pack(json_deep_copy(fleet->params.plan));
    json_object_set_new(plan, "base", json_integer(join->base));
    json_object_set_new(plan, "slots", json_integer(join->slots));
    json_object_set_new(plan, "total",
                        json_integer(roster_total(&fleet->roster)));
    fleet_tell(fleet, join, FLEET_WELCOME,
               pack(json_pack("{s:b,s:s,s:i,s:i,s:I,s:I,s:o}", "accept", 1,
                              "queue", fleet->names.queue, "base", join->base,
                              "slots", join->slots, "lease_ms",
                              (json_int_t)fleet->params.lease_ms, "depth",
                              (json_int_t)depth_now(fleet), "plan", plan)));
}

void
fleet_refuse(struct fleet *fleet, struct slice join, struct slice node,
             const char *reason)
{
    char *id = slice_dup(join);
    char *name = slice_dup(node);
    const char *nodes[] = {name};
    json_t *members =
        pack(json_pack("{s:b,s:s}", "accept", 0, "reason", reason));
    send_control(fleet, &(struct control){
                            .method = FLEET_WELCOME,
                            .join = id,
                            .n = 1,
                            .members = members,
                            .nodes = nodes,
                            .node_count = 1,
                        });
    json_decref(members);
    free(id);
    free(name);
}

void
fleet_tell_cancel(struct fleet *fleet)
{
    fleet->cancel_said = fleet->now;
    fleet_tell(fleet, NULL, FLEET_CANCEL,
               pack(json_pack("{s:b}", "now", fleet->cancelled_now)));
}

void
fleet_tell_drop(struct fleet *fleet, struct join *join,
                const struct order_name *names, size_t count)
{
    json_t *orders = pack(json_array());
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(orders,
                              pack(json_pack("[I,i]", (json_int_t)names[i].job,
                                             (int)names[i].attempt)));
    }
    fleet_tell(fleet, join, FLEET_CANCEL,
               pack(json_pack("{s:o,s:b}", "orders", orders, "now", 1)));
}

void
fleet_tell_lease(struct fleet *fleet)
{
    json_t *acks = pack(json_object());
    for (size_t i = 0; i < fleet->roster.count; i++) {
        struct join *join = fleet->roster.joins[i];
        uint64_t done = stream_in_done(&join->updates);
        if (!is_told(fleet, join)) {
            continue;
        }
        // Said again each time: control messages may be lost.
        join->acknowledged = done;
        json_object_set_new(acks, join->id, json_integer((json_int_t)done));
    }
    fleet->leased = fleet->now;
    fleet->unacknowledged = 0;
    fleet_tell(fleet, NULL, FLEET_LEASE,
               pack(json_pack("{s:I,s:o,s:I}", "ttl_ms",
                              (json_int_t)fleet->params.lease_ms, "acks", acks,
                              "depth", (json_int_t)depth_now(fleet))));
    if (fleet->params.live != NULL) {
        // Said again each time, too: with new credit.
        fleet_tell(fleet, NULL, FLEET_LIVE,
                   pack(json_pack("{s:s,s:I}", "pattern", fleet->params.live,
                                  "credit", (json_int_t)LIVE_CREDIT)));
    }
}

void
fleet_tell_teardown(struct fleet *fleet, struct join *join)
{
    join->told = fleet->now;
    join->tellings++;
    fleet_tell(fleet, join, FLEET_TEARDOWN,
               pack(json_pack("{s:b}", "now", fleet->cancelled_now)));
}

uint64_t
fleet_ask_state(struct fleet *fleet, struct join *join)
{
    uint64_t ask = ++fleet->asked;
    fleet_tell(fleet, join, FLEET_STATE,
               pack(json_pack("{s:I}", "ask", (json_int_t)ask)));
    return ask;
}

// -------------------------------------------------------------------- tasks

struct task_text {
    const char *msg;
    const char *task;
    const char *queue;
    json_t *members; // taken
    uint32_t expires_ms;
};

static bool
send_task(struct fleet *fleet, const struct task_text *what,
          transport_done_fn done, void *ctx, struct err *err)
{
    char id[NAMES_UUID_SIZE];
    struct envelope_text text = {0};
    envelope_write(&text,
                   &(struct envelope_params){
                       .msg = what->msg,
                       .build = fleet->params.build_id,
                       .nonce = fleet->nonce,
                       .to = TO_WORKER,
                   },
                   what->members, fleet->params.secret);
    json_decref(what->members);
    struct sealed sealed = envelope_sealed(&text);
    json_t *args = envelope_to_args(&sealed);
    json_t *headers =
        pack(json_pack("{s:s}", FLEET_HEADER_BUILD, fleet->names.build));
    names_uuid(id);
    bool ok = producer_send(
        fleet->transport, what->queue,
        &(struct task_params){
            .id = id,
            .name = what->task,
            .args = args,
            .headers = headers,
            .origin = fleet->origin,
            .expires = what->expires_ms > 0
                           ? now_wall_usec() + (usec)what->expires_ms * 1000
                           : 0,
            .expiration_ms = what->expires_ms,
            .ignore_result = true,
        },
        done, ctx, err);
    json_decref(args);
    json_decref(headers);
    envelope_text_release(&text);
    return ok;
}

static void
on_offer(void *ctx, const struct err *err)
{
    struct fleet *fleet = ctx;
    if (err != NULL && !err_is_set(&fleet->refused)) {
        fleet->refused = *err;
        fleet_note(fleet, NOTE_WARNING, err->hint,
                   "the broker takes no offers: %s", err->text);
    } else if (err == NULL) {
        err_clear(&fleet->refused);
    }
}

void
fleet_send_offers(struct fleet *fleet, uint32_t count)
{
    struct err err = {0};
    for (uint32_t i = 0; i < count && !err_is_set(&err); i++) {
        json_t *members =
            pack(json_pack("{s:s,s:I,s:s}", "inbox", fleet->names.inbox,
                           "lease_ms", (json_int_t)fleet->params.lease_ms,
                           "program", fleet->params.version));
        send_task(fleet,
                  &(struct task_text){
                      .msg = "offer",
                      .task = FLEET_TASK_OFFER,
                      .queue = fleet->params.queue,
                      .members = members,
                      .expires_ms = OFFERS_EXPIRE_MS,
                  },
                  on_offer, fleet, &err);
    }
    if (err_is_set(&err)) {
        log_warn("fleet: offers: %s", err.text);
    }
    offers_sent(&fleet->offers, count, fleet->now);
}

/* Orders in one message, until the broker has it. */
struct parcel {
    struct fleet *fleet;
    size_t count;
    struct order_name names[FEED_BATCH_MAX];
};

static void
on_parcel(void *ctx, const struct err *err)
{
    struct parcel *parcel = ctx;
    struct fleet *fleet = parcel->fleet;
    if (err != NULL && fleet->phase < FLEET_LEAVING) {
        log_warn("fleet: %zu orders were refused: %s", parcel->count,
                 err->text);
        if (fleet->refused_told == 0 ||
            fleet->real - fleet->refused_told >= 60000) {
            fleet->refused_told = fleet->real;
            fleet_note(fleet, NOTE_WARNING, err->hint,
                       "the broker takes no orders, they are sent again: %s",
                       err->text);
        }
        fleet->paused = true; // until the next tick
        for (size_t i = 0; i < parcel->count; i++) {
            tracker_unsend(fleet->tracker, parcel->names[i]);
        }
    }
    free(parcel);
}

/* Takes READY orders into a message of up to `most`. */
static void
fill(struct fleet *fleet, struct parcel *parcel, uint32_t most,
     struct buf *orders)
{
    const struct tracked *tracked = NULL;
    uint64_t sum_us = 0;
    buf_add_char(orders, '[');
    while (parcel->count < most && orders->len < RUN_TEXT_FULL &&
           (tracked = tracker_next(fleet->tracker)) != NULL &&
           feed_travels(&fleet->feed, (uint32_t)parcel->count, &sum_us,
                        tracked->order.expect_us)) {
        struct order_text text = {0};
        tracked = tracker_send(fleet->tracker, fleet->now);
        order_describe(&text, fleet->params.items, &tracked->order,
                       &fleet->places);
        buf_add_text(orders, parcel->count > 0 ? "," : "");
        order_add(orders, &text);
        parcel->names[parcel->count++] = (struct order_name){
            tracked->order.job,
            tracked->order.attempt,
        };
    }
    buf_add_char(orders, ']');
}

static void
send_parcel(struct fleet *fleet, uint32_t most)
{
    struct err err = {0};
    struct buf orders = BUF_INIT(RUN_TEXT_MAX);
    struct parcel *parcel = ALLOC(struct parcel);
    parcel->fleet = fleet;
    fill(fleet, parcel, most, &orders);
    json_t *list = json_text_parse(buf_slice(&orders), &err);
    buf_release(&orders);
    bool ok = list != NULL &&
              send_task(fleet,
                        &(struct task_text){
                            .msg = "run",
                            .task = FLEET_TASK_RUN,
                            .queue = fleet->names.queue,
                            .members = pack(json_pack("{s:o}", "orders", list)),
                        },
                        on_parcel, parcel, &err);
    if (ok) {
        return;
    }
    // Too long to be sent, ever.
    struct tracked_list lost = {0};
    for (size_t i = 0; i < parcel->count; i++) {
        const struct tracked *tracked =
            tracker_find(fleet->tracker, parcel->names[i]);
        ARRAY_ADD(&lost, *tracked);
        tracker_end(fleet->tracker, parcel->names[i], 0);
    }
    free(parcel);
    fleet_end_all(fleet, &lost, ORDER_BREACH, err.text);
}

void
fleet_flush(struct fleet *fleet)
{
    if (fleet->paused || fleet->phase != FLEET_OPEN || fleet->cancelled) {
        return;
    }
    uint32_t most = feed_message(&fleet->feed, depth_now(fleet));
    while (tracker_ready(fleet->tracker) > 0 && fleet->phase == FLEET_OPEN) {
        send_parcel(fleet, most);
    }
}
