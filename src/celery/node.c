#include "celery/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "celery/node_internal.h"
#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/log.h"

#define HEARTBEAT_MS 2000
#define HELLO_MS 1000
// Of the queue for remote control, as all nodes have them.
#define CONTROL_EXPIRES_MS 10000
#define CONTROL_TTL_MS 300000
// Revoked ids, as stock nodes keep them.
#define REVOKED_MAX 50000
#define REVOKED_LIFE_MS 10800000
#define FINISHED_MAX 10000
#define FINISHED_LIFE_MS 10800000

static const char *const no_tasks[] = {NULL};
static const struct node_command no_commands[] = {{NULL, false}};

// ---- the end ----

// From here on the transport is not touched.
static void
let_go(struct node *node)
{
    node->state = NODE_GONE;
    deadline_disarm(&node->heartbeat);
    asker_free(node->asker);
    node->asker = NULL;
    if (node->control != NULL) {
        consumer_stop(node->control, NULL, NULL);
        node->control = NULL;
    }
}

static void
tell_failure(void *ctx)
{
    struct node *node = ctx;

    let_go(node);
    node->events->on_failed(node->ctx, &node->failure);
}

static void
fail(struct node *node)
{
    if (node->state != NODE_GONE) {
        node->state = NODE_GONE;
        loop_post(node->loop, tell_failure, node);
    }
}

static void
fail_name(struct node *node)
{
    if (node->state == NODE_GONE) {
        return;
    }
    err_set(&node->failure, ERR_CONFIG, "another worker is called %s already",
            node->name);
    err_hint(&node->failure, "give this one a name of its own with -n");
    fail(node);
}

static void
queue_free(struct node_queue *queue)
{
    list_remove(&queue->link);
    free(queue->name);
    free(queue);
}

void
node_free(struct node *node)
{
    if (node == NULL) {
        return;
    }
    loop_cancel(node->loop, node);
    asker_forget(node->asker);
    while (!list_is_empty(&node->tasks)) {
        node_task_free(
            LIST_ENTRY(list_first(&node->tasks), struct node_task, link));
    }
    while (!list_is_empty(&node->queues)) {
        queue_free(
            LIST_ENTRY(list_first(&node->queues), struct node_queue, link));
    }
    while (!list_is_empty(&node->replies)) {
        node_reply_free(
            LIST_ENTRY(list_first(&node->replies), struct node_reply, link));
    }
    deadline_release(&node->heartbeat);
    map_release(&node->by_id);
    idset_release(&node->revoked);
    idset_release(&node->finished);
    json_decref(node->revoked_stamps);
    json_decref(node->total);
    json_decref(node->settings);
    ARRAY_RELEASE(&node->processes);
    free(node->name);
    free(node->software);
    free(node->version);
    free(node->system);
    free(node->urls);
    free(node);
}

// ---- the beginning ----

static void
greeted(void *ctx, size_t replies, const struct err *err)
{
    struct node *node = ctx;

    (void)replies;
    (void)err;
    if (node->state != NODE_GREETING) {
        return;
    }
    node->state = NODE_READY;
    asker_free(node->asker);
    node->asker = NULL;
    node_event_worker(node, "worker-online", NULL, NULL);
    deadline_arm(&node->heartbeat, node->heartbeat_ms);
    node->events->on_ready(node->ctx);
}

static void
take_revoked(struct node *node, const json_t *revoked)
{
    const char *id = NULL;
    json_t *value = NULL;
    size_t index = 0;

    if (json_is_object(revoked)) {
        json_t *members = wire_json_share(revoked);
        json_object_foreach(members, id, value)
        {
            idset_add(&node->revoked, slice_of(id), now_msec());
        }
        json_decref(members);
    }
    json_array_foreach(revoked, index, value)
    {
        if (json_is_string(value)) {
            idset_add(
                &node->revoked,
                slice_make(json_string_value(value), json_string_length(value)),
                now_msec());
        }
    }
}

static void
heard(void *ctx, struct slice name, const json_t *value)
{
    struct node *node = ctx;
    const json_t *clock = json_object_get(value, "clock");

    if (slice_equals_text(name, node->name)) {
        fail_name(node);
        return;
    }
    if (json_is_integer(clock)) {
        lamport_adjust(&node->clock, json_integer_value(clock));
    }
    take_revoked(node, json_object_get(value, "revoked"));
}

static void
greet(struct node *node)
{
    struct asker_params params = {.loop = node->loop,
                                  .transport = node->transport,
                                  .clock = &node->clock};
    json_t *arguments = json_object();
    struct ask ask = {.method = "hello",
                      .arguments = arguments,
                      .timeout_ms = node->hello_ms,
                      .on_reply = heard,
                      .on_done = greeted,
                      .ctx = node};

    // The token tells nodes of this kind from stock ones, which ignore it,
    // and one of two that claim a name at the same moment from the other.
    names_uuid(node->token);
    wire_json_set(arguments, "from_node", wire_json_text(slice_of(node->name)));
    wire_json_set(arguments, "revoked", json_array());
    wire_json_set(arguments, "token", json_string(node->token));
    node->state = NODE_GREETING;
    node->asker = asker_new(&params);
    (void)asker_ask(node->asker, &ask);
    json_decref(arguments);
}

json_t *
node_hello(struct node *node, const json_t *arguments)
{
    struct slice from = wire_json_get(arguments, "from_node");
    struct slice token = wire_json_get(arguments, "token");
    bool same = slice_equals_text(from, node->name);

    take_revoked(node, json_object_get(arguments, "revoked"));
    if (same && token.len > 0) {
        int order = slice_compare(token, slice_of(node->token));
        if (order == 0) {
            return NULL; // its own
        }
        if (node->state == NODE_GREETING && order < 0) {
            fail_name(node); // the other one keeps it
            return NULL;
        }
        return json_null();
    }
    if (token.len > 0) {
        return NULL;
    }
    if (same) {
        return json_null();
    }
    json_t *answer = json_object();
    wire_json_set(answer, "revoked", idset_json(&node->revoked, now_msec()));
    wire_json_set(answer, "clock", json_integer(lamport_tick(&node->clock)));
    return answer;
}

static void
on_subscribed(void *ctx, const struct err *err)
{
    struct node *node = ctx;

    if (node->state != NODE_SUBSCRIBING) {
        return;
    }
    if (err != NULL) {
        // Nobody but another node of that name would have made its queue.
        node->failure = *err;
        err_wrap(&node->failure, "is another worker called %s?", node->name);
        err_hint(&node->failure, "give this one a name of its own with -n");
        fail(node);
        return;
    }
    greet(node);
}

static void
subscribe(struct node *node)
{
    char *queue = names_control_queue(node->name);
    struct subscribe_params params = {
        .exchange = names_control_exchange,
        .key = "",
        .queue = {.name = queue,
                  .exclusive = true,
                  .auto_delete = true,
                  .expires_ms = CONTROL_EXPIRES_MS,
                  .message_ttl_ms = CONTROL_TTL_MS},
        .on_delivery = node_control,
        .on_subscribed = on_subscribed,
        .ctx = node};

    transport_declare_exchange(node->transport, &names_event_exchange, NULL,
                               NULL);
    transport_declare_exchange(node->transport, &names_reply_exchange, NULL,
                               NULL);
    node->control = transport_subscribe(node->transport, &params);
    free(queue);
}

static void
copy_params(struct node *node, const struct node_params *params)
{
    node->loop = params->loop;
    node->transport = params->transport;
    node->events = params->events;
    node->ctx = params->ctx;
    node->name = alloc_dup(params->name);
    node->software = alloc_dup(params->software);
    node->version = alloc_dup(params->version);
    node->system = alloc_dup(params->system);
    node->urls = alloc_dup(params->urls);
    node->concurrency = params->concurrency;
    node->tasks_known = params->tasks != NULL ? params->tasks : no_tasks;
    node->commands = params->commands != NULL ? params->commands : no_commands;
    node->settings = json_deep_copy(params->settings);
    node->allow_control = params->allow_control;
    node->task_events = params->task_events;
    node->track_started = params->track_started;
    node->heartbeat_ms =
        params->heartbeat_ms > 0 ? params->heartbeat_ms : HEARTBEAT_MS;
    node->hello_ms = params->hello_ms > 0 ? params->hello_ms : HELLO_MS;
}

struct node *
node_new(const struct node_params *params, struct err *err)
{
    struct node *node = NULL;

    if (!names_node_check(params->name, err)) {
        return NULL;
    }
    node = ALLOC(struct node);
    copy_params(node, params);
    node->state = NODE_SUBSCRIBING;
    node->total = json_object();
    node->revoked_stamps = json_object();
    node->born = loop_now_us(node->loop);
    list_init(&node->queues);
    list_init(&node->tasks);
    list_init(&node->replies);
    map_init(&node->by_id, MAP_BORROWS_KEYS);
    idset_init(&node->revoked, REVOKED_MAX, REVOKED_LIFE_MS);
    idset_init(&node->finished, FINISHED_MAX, FINISHED_LIFE_MS);
    deadline_init(&node->heartbeat, node->loop, node_event_beat, node);
    subscribe(node);
    return node;
}

// ---- connections ----

void
node_up(struct node *node)
{
    if (node->state == NODE_READY || node->state == NODE_ENDING) {
        node_event_worker(node, "worker-online", NULL, NULL);
    }
}

void
node_down(struct node *node)
{
    node->epoch++;
    LIST_FOR_EACH(link, &node->queues)
    {
        LIST_ENTRY(link, struct node_queue, link)->waiting = 0;
        node_queue_adjust(LIST_ENTRY(link, struct node_queue, link));
    }
    // One at a time: the owner may end others meanwhile.
    bool found = true;
    while (found) {
        found = false;
        LIST_FOR_EACH(link, &node->tasks)
        {
            struct node_task *task = LIST_ENTRY(link, struct node_task, link);
            if (task->state == NODE_TASK_WAITING ||
                task->state == NODE_TASK_GIVEN) {
                node_task_return(task);
                found = true;
                break;
            }
        }
    }
}

// ---- queues ----

struct node_queue *
node_find_queue(const struct node *node, const char *name)
{
    LIST_FOR_EACH(link, &node->queues)
    {
        struct node_queue *queue = LIST_ENTRY(link, struct node_queue, link);
        if (strcmp(queue->name, name) == 0) {
            return queue;
        }
    }
    return NULL;
}

bool
node_consumes(const struct node *node, const char *queue)
{
    return node_find_queue(node, queue) != NULL;
}

void
node_queue_adjust(struct node_queue *queue)
{
    consumer_prefetch(queue->consumer, queue->prefetch == 0
                                           ? 0
                                           : queue->prefetch + queue->waiting);
}

static void
on_delivery(void *ctx, const struct delivery *delivery)
{
    node_task_deliver(ctx, delivery);
}

static void
on_ended(void *ctx, const struct err *err)
{
    struct node_queue *queue = ctx;
    struct node *node = queue->node;

    log_warn("node %s: queue %s is no longer consumed: %s", node->name,
             queue->name, err != NULL ? err->text : "it ended");
    consumer_stop(queue->consumer, NULL, NULL);
    queue_free(queue);
    if (node->events->on_queues != NULL) {
        node->events->on_queues(node->ctx);
    }
}

void
node_consume(struct node *node, const struct queue_params *params,
             uint32_t prefetch, transport_done_fn done, void *ctx)
{
    struct node_queue *queue = node_find_queue(node, params->name);

    if (node->state != NODE_READY) {
        return;
    }
    transport_declare_queue(node->transport, params, done, ctx);
    if (queue != NULL) {
        queue->prefetch = prefetch;
        node_queue_adjust(queue);
        return;
    }
    queue = ALLOC(struct node_queue);
    queue->node = node;
    queue->name = alloc_dup(params->name);
    queue->params = *params;
    queue->params.name = queue->name;
    queue->prefetch = prefetch;
    list_add(&node->queues, &queue->link);
    struct consume_params take = {.queue = queue->name,
                                  .prefetch = prefetch,
                                  .on_delivery = on_delivery,
                                  .on_ended = on_ended,
                                  .ctx = queue};
    queue->consumer = transport_take(node->transport, &take);
}

// All tasks of a queue (NULL: of all) that were not started go back.
static void
return_tasks(struct node *node, const char *queue, bool started)
{
    bool found = true;

    while (found) {
        found = false;
        LIST_FOR_EACH(link, &node->tasks)
        {
            struct node_task *task = LIST_ENTRY(link, struct node_task, link);
            bool here = queue == NULL || strcmp(task->queue, queue) == 0;
            bool idle = task->state == NODE_TASK_WAITING ||
                        task->state == NODE_TASK_GIVEN;
            bool runs = started && task->state == NODE_TASK_STARTED;
            if (here && (idle || runs)) {
                node_task_return(task);
                found = true;
                break;
            }
        }
    }
}

void
node_cancel(struct node *node, const char *name, bool give_back,
            transport_done_fn done, void *ctx)
{
    struct node_queue *queue = node_find_queue(node, name);

    if (queue == NULL) {
        // Answered in its turn, behind what was asked before.
        transport_declare_exchange(node->transport, &names_event_exchange, done,
                                   ctx);
        return;
    }
    consumer_stop(queue->consumer, done, ctx);
    transport_forget_queue(node->transport, queue->name);
    list_remove(&queue->link);
    if (give_back) {
        return_tasks(node, queue->name, false);
    }
    queue_free(queue);
}

void
node_prefetch(struct node *node, const char *name, uint32_t prefetch)
{
    struct node_queue *queue = node_find_queue(node, name);

    if (queue != NULL && queue->prefetch != prefetch) {
        queue->prefetch = prefetch;
        node_queue_adjust(queue);
    }
}

// ---- stopping ----

static void
on_step_stopped(void *ctx, const struct err *err)
{
    struct node *node = ctx;

    (void)err;
    assert(node->stopping > 0);
    if (--node->stopping == 0 && node->state == NODE_LEAVING) {
        transport_done_fn done = node->on_stopped;
        void *done_ctx = node->stopped_ctx;
        let_go(node);
        done(done_ctx, NULL);
    }
}

void
node_check_end(struct node *node)
{
    if (node->state != NODE_ENDING || node->active > 0 || node->ending > 0 ||
        node->stopping > 0) {
        return;
    }
    node->state = NODE_LEAVING;
    deadline_disarm(&node->heartbeat);
    node->stopping = 2;
    node_event_worker(node, "worker-offline", on_step_stopped, node);
    consumer_stop(node->control, on_step_stopped, node);
    node->control = NULL;
}

static void
on_queue_stopped(void *ctx, const struct err *err)
{
    struct node *node = ctx;

    (void)err;
    assert(node->stopping > 0);
    node->stopping--;
    node_check_end(node);
}

static void
check_later(void *ctx)
{
    node_check_end(ctx);
}

// It had failed, or was stopped before.
static void
tell_stopped(void *ctx)
{
    struct node *node = ctx;

    node->on_stopped(node->stopped_ctx, NULL);
}

void
node_stop(struct node *node, enum node_shutdown how, transport_done_fn done,
          void *ctx)
{
    node->on_stopped = done;
    node->stopped_ctx = ctx;
    if (node->state == NODE_GONE) {
        loop_post(node->loop, tell_stopped, node);
        return;
    }
    if (node->state != NODE_LEAVING) {
        node->state = NODE_ENDING;
        asker_free(node->asker);
        node->asker = NULL;
        while (!list_is_empty(&node->queues)) {
            struct node_queue *queue =
                LIST_ENTRY(list_first(&node->queues), struct node_queue, link);
            node->stopping++;
            consumer_stop(queue->consumer, on_queue_stopped, node);
            queue_free(queue);
        }
        return_tasks(node, NULL, how == NODE_COLD);
        loop_post(node->loop, check_later, node);
    }
}

// ---- what it knows ----

const char *
node_name(const struct node *node)
{
    return node->name;
}

struct lamport *
node_clock(struct node *node)
{
    return &node->clock;
}

void
node_set_concurrency(struct node *node, int concurrency)
{
    node->concurrency = concurrency;
}

void
node_set_processes(struct node *node, const int *pids, size_t count)
{
    ARRAY_CLEAR(&node->processes);
    for (size_t i = 0; i < count; i++) {
        ARRAY_ADD(&node->processes, pids[i]);
    }
}
