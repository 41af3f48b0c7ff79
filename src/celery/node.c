#include "celery/node.h"

#include <assert.h>
#include <stdlib.h>

#include "celery/node_internal.h"
#include "util/alloc.h"

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

void
node_fail(struct node *node)
{
    if (node->state != NODE_GONE) {
        node->state = NODE_GONE;
        loop_post(node->loop, tell_failure, node);
    }
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
        node_queue_free(
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
        node_fail(node);
        return;
    }
    node_greet(node);
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
            node_queue_free(queue);
        }
        node_return_tasks(node, NULL, how == NODE_COLD);
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
