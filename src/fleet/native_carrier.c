#include "fleet/native_carrier.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "celery/node.h"
#include "fleet/envelope.h"
#include "fleet/fleet_names.h"
#include "loop/deadline.h"
#include "transport/broker_url.h"
#include "util/alloc.h"
#include "util/list.h"
#include "util/log.h"

enum {
    PATIENCE_MS = 60000,
    CLOSE_MS = 5000, // for the last words
    PIECES_AT_ONCE = 16,
    LOOK_MS = 1000, // nobody leaves a message in an inbox for so long
};

// A task between on_task and its end.
struct native_task {
    struct list_link link;
    uint64_t number;
    struct node_task *task;
    bool terminated;
};

struct native_reply {
    struct list_link link;
    uint64_t number;
    struct node_reply *reply;
};

struct native_carrier {
    struct carrier base;
    struct native_carrier_params params;
    char *texts[4];
    const struct carrier_events *carried;
    void *their;
    const struct native_carrier_events *events;
    void *ctx;
    struct transport *transport;
    struct node *node;
    struct consumer *pieces;
    char *pieces_name;
    struct list tasks;
    struct list replies;
    uint64_t next;
    struct deadline patience;
    struct deadline look;
    char *suspect; // an inbox that nobody may take from, or NULL
    uint64_t suspect_count;
    struct err last; // why it cannot connect, so far
    char *declared;  // the inbox that the transport knows
    char *joined;    // a build's queue
    bool redis;
    bool wants_offers;
    bool ready;
    bool connected; // once
    bool stopping;
    bool over;
};

static struct native_carrier *
of(struct carrier *carrier)
{
    return (struct native_carrier *)(void *)carrier;
}

static void
tell_over(struct native_carrier *carrier, const struct err *err)
{
    if (!carrier->over) {
        carrier->over = true;
        deadline_disarm(&carrier->patience);
        carrier->events->on_over(carrier->ctx, err);
    }
}

// ----------------------------------------------------------------- offers

static struct queue_params
build_queue(const char *name, uint32_t expires_ms)
{
    return (struct queue_params){
        .name = name,
        .durable = true,
        .passive_first = true,
        .expires_ms = expires_ms,
    };
}

static void
on_offers_there(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (err != NULL) {
        carrier->events->on_note(carrier->ctx, err->text, err->hint);
    }
}

static void
apply_offers(struct native_carrier *carrier)
{
    struct slice rest = slice_of(carrier->params.queues);
    struct slice part;

    if (!carrier->ready || carrier->stopping) {
        return;
    }
    while (slice_split(&rest, ',', &part)) {
        char *name = slice_dup(slice_trim(part));
        struct queue_params queue = {
            .name = name, .durable = true, .passive_first = true};
        if (*name == '\0') {
            // "a,,b"
        } else if (carrier->wants_offers) {
            node_consume(carrier->node, &queue, 1, on_offers_there, carrier);
        } else if (node_consumes(carrier->node, name)) {
            // What was delivered is ended by whoever was given it: the offer
            // because of which the queue is left, above all.
            node_cancel(carrier->node, name, false, NULL, NULL);
        }
        free(name);
    }
}

static void
do_offers(struct carrier *base, bool wanted)
{
    struct native_carrier *carrier = of(base);

    if (carrier->wants_offers != wanted) {
        carrier->wants_offers = wanted;
        apply_offers(carrier);
    }
}

// ------------------------------------------------------------------- build

static void
do_join(struct carrier *base, const char *name, uint32_t prefetch)
{
    struct native_carrier *carrier = of(base);
    struct queue_params queue = build_queue(name, FLEET_QUEUE_EXPIRES_MS);

    free(carrier->joined);
    carrier->joined = alloc_dup(name);
    node_consume(carrier->node, &queue, prefetch, on_offers_there, carrier);
}

static void
do_prefetch(struct carrier *base, uint32_t prefetch)
{
    struct native_carrier *carrier = of(base);

    if (carrier->joined != NULL) {
        node_prefetch(carrier->node, carrier->joined, prefetch);
    }
}

static void
do_leave(struct carrier *base, carrier_done_fn done, void *ctx)
{
    struct native_carrier *carrier = of(base);

    node_cancel(carrier->node, carrier->joined != NULL ? carrier->joined : "",
                true, done, ctx);
    free(carrier->joined);
    carrier->joined = NULL;
}

// Where a list expires as its declarer says, whoever writes must be one.
static void
declare_inbox(struct native_carrier *carrier, const char *name)
{
    struct queue_params queue = build_queue(name, FLEET_INBOX_EXPIRES_MS);

    if (!carrier->redis ||
        (carrier->declared != NULL && strcmp(carrier->declared, name) == 0)) {
        return;
    }
    free(carrier->declared);
    carrier->declared = alloc_dup(name);
    transport_declare_queue(carrier->transport, &queue, NULL, NULL);
}

static void
do_send(struct carrier *base, const char *queue, const struct sealed *sealed,
        carrier_done_fn done, void *ctx)
{
    struct native_carrier *carrier = of(base);
    struct buf body = BUF_INIT(ENVELOPE_BODY_MAX);
    struct err err = {0};

    declare_inbox(carrier, queue);
    if (!envelope_to_body(sealed, &body)) {
        err_set(&err, ERR_LIMIT, "a message to %.60s is too long", queue);
        log_error("carrier: %s", err.text);
        buf_release(&body);
        if (done != NULL) {
            done(ctx, &err);
        }
        return;
    }
    struct message message = {
        .body = buf_slice(&body),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .persistent = true,
    };
    transport_publish(carrier->transport,
                      &(struct publish){.exchange = "",
                                        .key = queue,
                                        .message = &message,
                                        .mandatory = true},
                      done, ctx);
    buf_release(&body);
}

static void
end_suspicion(struct native_carrier *carrier)
{
    free(carrier->suspect);
    carrier->suspect = NULL;
}

static void
on_second_look(void *ctx, uint64_t count, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (err == NULL && count >= carrier->suspect_count) {
        transport_delete(carrier->transport, carrier->suspect, true, NULL,
                         NULL);
    }
    end_suspicion(carrier);
}

static void
look_again(void *ctx)
{
    struct native_carrier *carrier = ctx;

    transport_length(carrier->transport, carrier->suspect, on_second_look,
                     carrier);
}

static void
on_first_look(void *ctx, uint64_t count, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (err != NULL || count == 0) {
        end_suspicion(carrier);
        return;
    }
    carrier->suspect_count = count;
    deadline_arm(&carrier->look, LOOK_MS);
}

static void
do_erase(struct carrier *base, const char *queue, bool sure)
{
    struct native_carrier *carrier = of(base);

    if (!sure && carrier->redis) {
        // It does not know who takes from a list; but what lies there for a
        // while nobody takes. Others than the inbox may wait for takers.
        if (carrier->declared != NULL && carrier->suspect == NULL &&
            strcmp(carrier->declared, queue) == 0) {
            carrier->suspect = alloc_dup(queue);
            transport_length(carrier->transport, queue, on_first_look, carrier);
        }
        return;
    }

    transport_delete(carrier->transport, queue, true, NULL, NULL);
    transport_delete_exchange(carrier->transport, queue, NULL, NULL);
}

// ------------------------------------------------------------------ pieces

static void
on_piece(void *ctx, const struct delivery *delivery)
{
    struct native_carrier *carrier = ctx;

    carrier->carried->on_piece(carrier->their, delivery->message.body);
    transport_ack(carrier->transport, delivery->tag);
}

static void
on_pieces_ended(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    (void)err; // who asks for a piece that does not come asks again
    if (carrier->pieces != NULL) {
        consumer_stop(carrier->pieces, NULL, NULL);
        carrier->pieces = NULL;
    }
}

static void
do_listen(struct carrier *base, const char *name)
{
    struct native_carrier *carrier = of(base);

    if (carrier->pieces != NULL) {
        consumer_stop(carrier->pieces, NULL, NULL);
        carrier->pieces = NULL;
        transport_forget_queue(carrier->transport, carrier->pieces_name);
    }
    free(carrier->pieces_name);
    carrier->pieces_name = alloc_dup_or_null(name);
    if (name == NULL) {
        return;
    }
    struct queue_params queue = build_queue(name, FLEET_INBOX_EXPIRES_MS);
    transport_declare_queue(carrier->transport, &queue, NULL, NULL);
    carrier->pieces =
        transport_take(carrier->transport,
                       &(struct consume_params){.queue = name,
                                                .prefetch = PIECES_AT_ONCE,
                                                .on_delivery = on_piece,
                                                .on_ended = on_pieces_ended,
                                                .ctx = carrier});
}

// ------------------------------------------------------------------- tasks

static struct native_task *
find_task(struct native_carrier *carrier, uint64_t number)
{
    LIST_FOR_EACH(link, &carrier->tasks)
    {
        struct native_task *task = LIST_ENTRY(link, struct native_task, link);
        if (task->number == number) {
            return task;
        }
    }
    return NULL;
}

static void
forget_task(struct native_task *task)
{
    list_remove(&task->link);
    free(task);
}

static void
do_end(struct carrier *base, uint64_t number, enum carrier_end how,
       const json_t *value)
{
    struct native_task *task = find_task(of(base), number);

    if (task == NULL) {
        return;
    }
    struct node_task *there = task->task;
    bool terminated = task->terminated;
    forget_task(task);
    switch (how) {
    case TASK_DONE:
        if (terminated) {
            node_task_revoked(there, "terminated");
        } else {
            node_task_done(there, value);
        }
        break;
    case TASK_FAILED:
        node_task_failed(there, "ValueError",
                         json_is_string(value) ? json_string_value(value)
                                               : "it failed");
        break;
    case TASK_RETURNED:
        node_task_requeued(there);
        break;
    }
}

static void
on_task(void *ctx, struct node_task *there)
{
    struct native_carrier *carrier = ctx;
    const struct task *about = node_task_get(there);
    bool offer = slice_equals_text(about->name, FLEET_TASK_OFFER);
    struct sealed sealed;
    struct err err = {0};

    if (!envelope_from_args(about->args, &sealed, &err)) {
        node_task_failed(there, "TypeError", err.text);
        return;
    }
    if (!offer && !node_task_started(there, 0)) {
        return; // revoked meanwhile
    }
    struct native_task *task = ALLOC(struct native_task);
    task->number = ++carrier->next;
    task->task = there;
    list_add(&carrier->tasks, &task->link);
    node_task_set(there, task);
    carrier->carried->on_task(carrier->their, task->number,
                              offer ? TASK_OFFER : TASK_RUN, &sealed,
                              node_task_is_redelivered(there));
}

static void
on_withdrawn(void *ctx, struct node_task *there)
{
    struct native_carrier *carrier = ctx;
    struct native_task *task = node_task_mine(there);

    if (task != NULL) {
        uint64_t number = task->number;
        forget_task(task);
        carrier->carried->on_task_gone(carrier->their, number);
    }
}

static void
on_terminate(void *ctx, struct node_task *there, const char *signal_name)
{
    struct native_carrier *carrier = ctx;
    struct native_task *task = node_task_mine(there);

    if (task != NULL) {
        task->terminated = true;
        int signo = strcmp(signal_name, "SIGKILL") == 0 ? SIGKILL : SIGTERM;
        carrier->carried->on_terminate(carrier->their, task->number, signo);
    }
}

// ----------------------------------------------------------------- control

static void
do_reply(struct carrier *base, uint64_t number, const json_t *value)
{
    LIST_FOR_EACH(link, &of(base)->replies)
    {
        struct native_reply *reply =
            LIST_ENTRY(link, struct native_reply, link);
        if (reply->number == number) {
            node_reply(reply->reply, value);
            list_remove(&reply->link);
            free(reply);
        }
    }
}

static void
on_command(void *ctx, const char *method, const json_t *arguments,
           struct node_reply *there)
{
    struct native_carrier *carrier = ctx;
    struct sealed sealed = {0};
    struct err err = {0};
    uint64_t number = 0;

    if (strcmp(method, FLEET_STATUS) != 0 &&
        !envelope_from_arguments(arguments, &sealed, &err)) {
        node_reply_error(there, "%s", err.text);
        return;
    }
    if (there != NULL) {
        struct native_reply *reply = ALLOC(struct native_reply);
        reply->number = number = ++carrier->next;
        reply->reply = there;
        list_add(&carrier->replies, &reply->link);
    }
    carrier->carried->on_control(carrier->their, method, &sealed, number);
}

static bool
on_resize(void *ctx, int concurrency, struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (concurrency < 1 || concurrency > 4096) {
        return err_set(err, ERR_LIMIT, "slots are between 1 and 4096");
    }
    node_set_concurrency(carrier->node, concurrency);
    carrier->carried->on_slots(carrier->their, concurrency);
    return true;
}

static void
on_shutdown(void *ctx)
{
    struct native_carrier *carrier = ctx;

    carrier->carried->on_stop(carrier->their, STOP_WARM);
}

// ------------------------------------------------------------------- ready

static void
on_node_ready(void *ctx)
{
    struct native_carrier *carrier = ctx;

    carrier->ready = true;
    carrier->events->on_connected(carrier->ctx,
                                  transport_address(carrier->transport));
    apply_offers(carrier);
    carrier->carried->on_way(carrier->their, true);
}

static void
on_node_failed(void *ctx, const struct err *err)
{
    tell_over(ctx, err);
}

static bool
start_node(struct native_carrier *carrier, struct err *err)
{
    static const char *const tasks[] = {FLEET_TASK_OFFER, FLEET_TASK_RUN, NULL};
    static const struct node_command commands[] = {
        {FLEET_WELCOME, false},  {FLEET_LEASE, false},  {FLEET_CANCEL, false},
        {FLEET_RESEND, false},   {FLEET_STATE, false},  {FLEET_LIVE, false},
        {FLEET_TEARDOWN, false}, {FLEET_STATUS, false}, {NULL, false},
    };
    static const struct node_events events = {
        .on_ready = on_node_ready,
        .on_failed = on_node_failed,
        .on_task = on_task,
        .on_withdrawn = on_withdrawn,
        .on_terminate = on_terminate,
        .on_command = on_command,
        .on_resize = on_resize,
        .on_shutdown = on_shutdown,
    };
    carrier->node = node_new(
        &(struct node_params){
            .loop = carrier->params.loop,
            .transport = carrier->transport,
            .name = carrier->params.node,
            .concurrency = carrier->params.slots,
            .software = "mule",
            .version = carrier->params.version,
            .system = "Linux",
            .urls = carrier->params.urls,
            .tasks = tasks,
            .commands = commands,
            .allow_control = carrier->params.allow_control,
            .events = &events,
            .ctx = carrier,
        },
        err);
    return carrier->node != NULL;
}

static void
on_up(void *ctx)
{
    struct native_carrier *carrier = ctx;

    deadline_disarm(&carrier->patience);
    carrier->connected = true;
    node_up(carrier->node);
    if (carrier->ready) {
        carrier->events->on_connected(carrier->ctx,
                                      transport_address(carrier->transport));
        carrier->carried->on_way(carrier->their, true);
    }
}

static void
on_down(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    carrier->last = *err;
    carrier->events->on_note(carrier->ctx, err->text, err->hint);
    node_down(carrier->node);
    if (carrier->ready) {
        carrier->carried->on_way(carrier->their, false);
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    tell_over(ctx, err);
}

static void
on_note(void *ctx, const char *text, const char *hint)
{
    struct native_carrier *carrier = ctx;

    carrier->events->on_note(carrier->ctx, text, hint);
}

static void
on_late(void *ctx)
{
    struct native_carrier *carrier = ctx;
    struct err err = carrier->last;

    if (!err_is_set(&err)) {
        err_set(&err, ERR_SYSTEM, "%s does not answer",
                transport_address(carrier->transport));
    }
    err_hint(&err, "is the broker up, and is this its address?");
    tell_over(carrier, &err);
}

// --------------------------------------------------------------------- end

static void
on_closed(void *ctx, const struct err *err)
{
    (void)err;
    tell_over(ctx, NULL);
}

static void
close_transport(void *ctx)
{
    struct native_carrier *carrier = ctx;

    bool up = transport_is_up(carrier->transport);
    deadline_disarm(&carrier->patience);
    transport_close(carrier->transport, up ? CLOSE_MS : 1, on_closed, carrier);
}

static void
on_node_stopped(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    (void)err;
    loop_post(carrier->params.loop, close_transport, carrier);
}

static void
on_stop_late(void *ctx)
{
    close_transport(ctx);
}

static void
do_stopped(struct carrier *base)
{
    struct native_carrier *carrier = of(base);

    if (carrier->stopping) {
        return;
    }
    carrier->stopping = true;
    deadline_disarm(&carrier->look);
    deadline_release(&carrier->patience);
    // Where there is no way to say goodbye, nobody waits for one.
    deadline_init(&carrier->patience, carrier->params.loop, on_stop_late,
                  carrier);
    if (carrier->connected && transport_is_up(carrier->transport)) {
        deadline_arm(&carrier->patience, CLOSE_MS);
        node_stop(carrier->node, NODE_COLD, on_node_stopped, carrier);
    } else {
        loop_post(carrier->params.loop, close_transport, carrier);
    }
}

static bool
is_redis(const char *urls)
{
    struct broker_urls parsed;
    struct err err = {0};
    bool redis = broker_urls_parse(&parsed, urls, &err) &&
                 parsed.items[0].kind == BROKER_REDIS;

    broker_urls_release(&parsed);
    return redis;
}

static bool
open_all(struct native_carrier *carrier, struct err *err)
{
    static const struct transport_events events = {
        .on_up = on_up,
        .on_down = on_down,
        .on_failed = on_failed,
        .on_note = on_note,
    };
    carrier->transport = transport_open(
        &(struct transport_params){
            .loop = carrier->params.loop,
            .urls = carrier->params.urls,
            .name = carrier->params.node,
            .events = &events,
            .ctx = carrier,
        },
        err);
    return carrier->transport != NULL && start_node(carrier, err);
}

struct native_carrier *
native_carrier_new(const struct native_carrier_params *params,
                   const struct carrier_events *carried, void *their,
                   const struct native_carrier_events *events, void *ctx,
                   struct err *err)
{
    static const struct carrier_ops ops = {
        .offers = do_offers,
        .join = do_join,
        .prefetch = do_prefetch,
        .leave = do_leave,
        .send = do_send,
        .end = do_end,
        .reply = do_reply,
        .listen = do_listen,
        .erase = do_erase,
        .stopped = do_stopped,
    };
    struct native_carrier *carrier = ALLOC(struct native_carrier);

    carrier->base.ops = &ops;
    carrier->params = *params;
    carrier->params.urls = carrier->texts[0] = alloc_dup(params->urls);
    carrier->params.node = carrier->texts[1] = alloc_dup(params->node);
    carrier->params.queues = carrier->texts[2] = alloc_dup(params->queues);
    carrier->params.version = carrier->texts[3] = alloc_dup(params->version);
    carrier->carried = carried;
    carrier->their = their;
    carrier->events = events;
    carrier->ctx = ctx;
    carrier->redis = is_redis(params->urls);
    list_init(&carrier->tasks);
    list_init(&carrier->replies);
    deadline_init(&carrier->patience, params->loop, on_late, carrier);
    deadline_init(&carrier->look, params->loop, look_again, carrier);
    if (!open_all(carrier, err)) {
        native_carrier_free(carrier);
        return NULL;
    }
    deadline_arm(&carrier->patience,
                 params->patience_ms > 0 ? params->patience_ms : PATIENCE_MS);
    return carrier;
}

struct carrier *
native_carrier_base(struct native_carrier *carrier)
{
    return &carrier->base;
}

void
native_carrier_free(struct native_carrier *carrier)
{
    if (carrier == NULL) {
        return;
    }
    loop_cancel(carrier->params.loop, carrier);
    deadline_release(&carrier->patience);
    deadline_release(&carrier->look);
    node_free(carrier->node);
    transport_free(carrier->transport);
    LIST_FOR_EACH(link, &carrier->tasks)
    {
        forget_task(LIST_ENTRY(link, struct native_task, link));
    }
    LIST_FOR_EACH(link, &carrier->replies)
    {
        struct native_reply *reply =
            LIST_ENTRY(link, struct native_reply, link);
        list_remove(&reply->link);
        free(reply);
    }
    free(carrier->declared);
    free(carrier->suspect);
    free(carrier->joined);
    free(carrier->pieces_name);
    for (size_t i = 0; i < sizeof(carrier->texts) / sizeof(char *); i++) {
        free(carrier->texts[i]);
    }
    free(carrier);
}
