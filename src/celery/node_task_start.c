// Tasks, from their delivery to their start.
#include "celery/node_internal.h"

#include <assert.h>
#include <unistd.h>

#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/log.h"

// A task may wait for years: it is looked at again once a day.
#define DUE_MAX_MS 86400000
// More copies of a task that runs are given back.
#define COPIES_MAX 16

static struct node_task *
task_new(struct node_queue *queue, const struct delivery *delivery)
{
    struct node_task *task = ALLOC(struct node_task);

    task->node = queue->node;
    task->queue = alloc_dup(queue->name);
    task->exchange = slice_dup(delivery->exchange);
    task->routing_key = slice_dup(delivery->routing_key);
    task->redelivered = delivery->redelivered;
    task->epoch = queue->node->epoch;
    ARRAY_ADD(&task->tags, delivery->tag);
    return task;
}

static json_t *
text_or_null(struct slice text)
{
    return text.len > 0 ? wire_json_text(text) : json_null();
}

static json_t *
time_or_null(usec wall)
{
    char text[TASK_TIME_SIZE];

    if (wall == TASK_NO_TIME) {
        return json_null();
    }
    task_time_write(wall, text);
    return json_string(text);
}

static void
tell_received(struct node_task *task)
{
    const struct task *what = &task->task;
    json_t *fields = NULL;

    if (!task->node->task_events) {
        return; // the texts below are not for nothing
    }
    fields = json_object();
    wire_json_set(fields, "name", wire_json_text(what->name));
    wire_json_set(fields, "args", node_task_args(task));
    wire_json_set(fields, "kwargs", node_task_kwargs(task));
    wire_json_set(fields, "root_id", text_or_null(what->root_id));
    wire_json_set(fields, "parent_id", text_or_null(what->parent_id));
    wire_json_set(fields, "retries", json_integer(what->retries));
    wire_json_set(fields, "eta", time_or_null(what->eta));
    wire_json_set(fields, "expires", time_or_null(what->expires));
    node_event_task(task, "task-received", fields);
}

// What ends it before it begins, or NULL.
static const char *
reason_to_revoke(const struct node_task *task)
{
    struct node *node = task->node;

    if (idset_has(&node->revoked, task->task.id, now_msec()) ||
        node_task_has_revoked_stamp(task)) {
        return "revoked";
    }
    if (task->task.expires != TASK_NO_TIME &&
        task->task.expires <= now_wall_usec()) {
        return "expired";
    }
    return NULL;
}

bool
node_task_started(struct node_task *task, int pid)
{
    struct node *node = task->node;
    const char *reason = reason_to_revoke(task);

    assert(task->state == NODE_TASK_GIVEN);
    if (reason != NULL) {
        node_task_revoke(task, reason);
        return false;
    }
    node_task_set_state(task, NODE_TASK_STARTED);
    task->pid = pid != 0 ? pid : getpid();
    task->started = loop_now_us(node->loop);
    task->started_wall = now_wall_usec();
    node->processed++;
    node_event_task(task, "task-started", NULL);
    if (node->track_started && node_task_wants_result(&task->task)) {
        json_t *value = json_object();
        wire_json_set(value, "pid", json_integer(task->pid));
        wire_json_set(value, "hostname", wire_json_text(slice_of(node->name)));
        node_task_state(task, "STARTED", value);
        json_decref(value);
    }
    return true;
}

static void
give(struct node_task *task)
{
    struct node *node = task->node;
    const char *reason = reason_to_revoke(task);

    if (reason != NULL) {
        node_task_revoke(task, reason);
        return;
    }
    node_task_set_state(task, NODE_TASK_GIVEN);
    node->events->on_task(node->ctx, task);
}

static void
arm_due(struct node_task *task)
{
    int64_t ms = (task->task.eta - now_wall_usec() + 999) / 1000;

    deadline_arm(&task->due, ms < 0 ? 0 : ms > DUE_MAX_MS ? DUE_MAX_MS : ms);
}

static void
change_waiting(struct node_task *task, int change)
{
    struct node_queue *queue = node_find_queue(task->node, task->queue);

    if (queue != NULL) {
        queue->waiting = (uint32_t)((int64_t)queue->waiting + change);
        node_queue_adjust(queue);
    }
}

static void
on_due(void *ctx)
{
    struct node_task *task = ctx;

    if (task->task.eta > now_wall_usec()) {
        arm_due(task);
        return;
    }
    change_waiting(task, -1);
    give(task);
}

static bool
is_known(const struct node *node, struct slice name)
{
    for (size_t i = 0; node->tasks_known[i] != NULL; i++) {
        if (slice_equals_text(name, node->tasks_known[i])) {
            return true;
        }
    }
    return false;
}

static void
count_total(struct node *node, struct slice name)
{
    struct buf key = BUF_INIT(2048);

    if (buf_add_slice(&key, name)) {
        json_int_t count =
            json_integer_value(json_object_get(node->total, buf_text(&key)));
        wire_json_set(node->total, buf_text(&key), json_integer(count + 1));
    }
    buf_release(&key);
}

// A copy of a task that is here: it is acknowledged with the other. False:
// it is no copy.
static bool
adopt(struct node_task *copy)
{
    struct node *node = copy->node;
    struct node_task *task = node_task_find(node, copy->task.id);

    if (task == NULL) {
        if (!copy->redelivered ||
            !idset_has(&node->finished, copy->task.id, now_msec())) {
            return false;
        }
        idset_remove(&node->finished, copy->task.id);
        log_info("node %s: %.*s came again after its end", node->name,
                 SLICE_ARG(copy->task.id));
        node_task_settle(copy);
        return true;
    }
    if (task->task.retries != copy->task.retries ||
        task->tags.count >= COPIES_MAX) {
        return false;
    }
    log_info("node %s: another copy of %.*s is taken over", node->name,
             SLICE_ARG(copy->task.id));
    if (task->epoch != node->epoch) {
        ARRAY_CLEAR(&task->tags);
        task->epoch = node->epoch;
    }
    ARRAY_ADD(&task->tags, copy->tags.items[0]);
    node_task_free(copy);
    return true;
}

// What is no task: rejected, after an answer where somebody waits for one.
static void
refuse(struct node_task *task, const struct err *err)
{
    log_warn("node %s: queue %s: rejected: %s", task->node->name, task->queue,
             err->text);
    list_add(&task->node->tasks, &task->link);
    task->reject = true;
    node_task_fail(task, "ValueError", err->text, NULL);
}

static void
begin(struct node_task *task)
{
    struct node *node = task->node;
    struct buf name = BUF_INIT(2048);

    list_add(&node->tasks, &task->link);
    if (!is_known(node, task->task.name)) {
        (void)buf_add_slice(&name, task->task.name);
        log_warn("node %s: queue %s: rejected: no task is called %s",
                 node->name, task->queue, buf_text(&name));
        task->reject = true;
        node_task_fail(task, "NotRegistered", buf_text(&name),
                       "celery.exceptions");
        buf_release(&name);
        return;
    }
    // One of another try: its own key must not stay in the map.
    (void)map_remove(&node->by_id, task->task.id);
    map_set(&node->by_id, task->task.id, task);
    count_total(node, task->task.name);
    tell_received(task);
    if (task->task.eta == TASK_NO_TIME || task->task.eta <= now_wall_usec()) {
        give(task);
        return;
    }
    node_task_set_state(task, NODE_TASK_WAITING);
    deadline_init(&task->due, node->loop, on_due, task);
    change_waiting(task, 1);
    arm_due(task);
}

void
node_task_deliver(struct node_queue *queue, const struct delivery *delivery)
{
    struct node *node = queue->node;
    struct node_task *task = task_new(queue, delivery);
    struct err err = {0};

    if (node->state != NODE_READY) {
        node_task_requeue(task);
        return;
    }
    enum task_verdict verdict =
        task_decode(&task->task, &delivery->message, &err);
    if (verdict != TASK_GOOD) {
        refuse(task, &err);
    } else if (!adopt(task)) {
        begin(task);
    }
}

bool
node_task_strike(struct node_task *task, bool terminate, const char *signal)
{
    struct node *node = task->node;

    switch (task->state) {
    case NODE_TASK_WAITING:
        change_waiting(task, -1);
        node_task_revoke(task, "revoked");
        return terminate;
    case NODE_TASK_GIVEN:
        if (node->events->on_withdrawn != NULL) {
            node->events->on_withdrawn(node->ctx, task);
        }
        node_task_revoke(task, "revoked");
        return terminate;
    case NODE_TASK_STARTED:
        if (terminate && node->events->on_terminate != NULL) {
            node->events->on_terminate(node->ctx, task, signal);
            return true;
        }
        return false;
    case NODE_TASK_ENDED:
        break;
    }
    return false;
}
