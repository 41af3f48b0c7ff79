// Tasks, from their delivery to their end.
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "celery/node_internal.h"
#include "celery/repr.h"
#include "celery/result_codec.h"
#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/log.h"

// A task may wait for years: it is looked at again once a day.
#define DUE_MAX_MS 86400000
// More copies of a task that runs are given back.
#define COPIES_MAX 16

struct node_task *
node_task_find(const struct node *node, struct slice id)
{
    return map_find(&node->by_id, id);
}

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

// For a task that is in no list yet, too.
void
node_task_free(struct node_task *task)
{
    struct node *node = task->node;

    if (task->state == NODE_TASK_STARTED) {
        node->active--;
    } else if (task->state == NODE_TASK_ENDED) {
        node->ending--;
    }
    if (map_find(&node->by_id, task->task.id) == task) {
        (void)map_remove(&node->by_id, task->task.id);
    }
    list_remove(&task->link);
    deadline_release(&task->due);
    task_release(&task->task);
    ARRAY_RELEASE(&task->tags);
    free(task->queue);
    free(task->exchange);
    free(task->routing_key);
    free(task);
}

static void
set_state(struct node_task *task, enum node_task_state state)
{
    struct node *node = task->node;

    node->active -= task->state == NODE_TASK_STARTED ? 1 : 0;
    node->ending -= task->state == NODE_TASK_ENDED ? 1 : 0;
    task->state = state;
    node->active += state == NODE_TASK_STARTED ? 1 : 0;
    node->ending += state == NODE_TASK_ENDED ? 1 : 0;
}

// ---- for people ----

json_t *
node_task_args(const struct node_task *task)
{
    struct buf buf = BUF_INIT(REPR_MAX + 8);

    if (task->task.argsrepr.len > 0) {
        return wire_json_text(task->task.argsrepr);
    }
    repr_add_tuple(&buf, task->task.args, REPR_MAX);
    json_t *text = wire_json_text(buf_slice(&buf));
    buf_release(&buf);
    return text;
}

json_t *
node_task_kwargs(const struct node_task *task)
{
    return task->task.kwargsrepr.len > 0 ? wire_json_text(task->task.kwargsrepr)
                                         : repr_json(task->task.kwargs);
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

// ---- ends ----

// The last step: to the broker, and away with it.
static void
settle(struct node_task *task)
{
    struct node *node = task->node;

    for (size_t i = 0; i < task->tags.count; i++) {
        if (task->reject) {
            transport_reject(node->transport, task->tags.items[i]);
        } else {
            transport_ack(node->transport, task->tags.items[i]);
        }
    }
    if (task->epoch != node->epoch) {
        // In vain: the broker will deliver it again.
        idset_add(&node->finished, task->task.id, now_msec());
    }
    node_task_free(task);
    node_check_end(node);
}

static void
on_result(void *ctx, const struct err *err)
{
    struct node_task *task = ctx;

    if (err != NULL) {
        log_warn("node %s: result of %.*s is lost: %s", task->node->name,
                 SLICE_ARG(task->task.id), err->text);
    }
    settle(task);
}

static bool
wants_result(const struct task *task)
{
    return !task->ignore_result && task->reply_to.len > 0 && task->id.len > 0;
}

static bool
try_result(struct node_task *task, const char *status, const json_t *value,
           transport_done_fn done, struct err *err)
{
    const struct task *what = &task->task;
    struct result result = {.task_id = what->id,
                            .status = slice_of(status),
                            .value = value,
                            .reply_to = what->reply_to,
                            .correlation_id = what->correlation_id};

    if (result_is_final(result.status)) {
        result.done = now_wall_usec();
    }
    return result_send(task->node->transport, &result, done,
                       done == NULL ? NULL : task, err);
}

// Sends what there is to say, then settles.
static void
end(struct node_task *task, const char *status, const json_t *value)
{
    struct err err = {0};

    set_state(task, NODE_TASK_ENDED);
    deadline_disarm(&task->due);
    if (status == NULL || !wants_result(&task->task)) {
        settle(task);
        return;
    }
    if (!try_result(task, status, value, on_result, &err)) {
        struct err again = {0};
        json_t *instead = result_failure("OverflowError", err.text, NULL);
        if (!try_result(task, "FAILURE", instead, on_result, &again)) {
            settle(task);
        }
        json_decref(instead);
    }
}

static double
runtime(const struct node_task *task)
{
    return task->started == 0
               ? 0
               : (double)(loop_now_us(task->node->loop) - task->started) / 1e6;
}

void
node_task_done(struct node_task *task, const json_t *value)
{
    if (task->node->task_events) {
        json_t *fields = json_object();
        wire_json_set(fields, "result", repr_json(value));
        wire_json_set(fields, "runtime", json_real(runtime(task)));
        node_event_task(task, "task-succeeded", fields);
    }
    end(task, "SUCCESS", value);
}

static void
fail(struct node_task *task, const char *type, const char *text,
     const char *module)
{
    json_t *value = result_failure(type, text, module);
    json_t *said = wire_json_text(slice_of(text));
    struct buf shown = BUF_INIT(REPR_MAX + 256);
    json_t *fields = json_object();

    (void)buf_addf(&shown, "%.200s(", type);
    repr_add(&shown, said, REPR_MAX);
    (void)buf_add_char(&shown, ')');
    wire_json_set(fields, "exception", wire_json_text(buf_slice(&shown)));
    wire_json_set(fields, "traceback", json_null());
    node_event_task(task, "task-failed", fields);
    end(task, "FAILURE", value);
    buf_release(&shown);
    json_decref(said);
    json_decref(value);
}

void
node_task_failed(struct node_task *task, const char *type, const char *text)
{
    fail(task, type, text, NULL);
}

void
node_task_revoke(struct node_task *task, const char *why)
{
    bool terminated = strcmp(why, "terminated") == 0;
    json_t *value =
        result_failure("TaskRevokedError", why, "celery.exceptions");
    json_t *fields = json_object();

    wire_json_set(fields, "terminated", json_boolean(terminated));
    wire_json_set(fields, "signum", json_null());
    wire_json_set(fields, "expired", json_boolean(strcmp(why, "expired") == 0));
    node_event_task(task, "task-revoked", fields);
    end(task, "REVOKED", value);
    json_decref(value);
}

void
node_task_revoked(struct node_task *task, const char *why)
{
    node_task_revoke(task, why);
}

void
node_task_dropped(struct node_task *task, const char *status,
                  const json_t *value)
{
    end(task, status, value);
}

static void
tell_rejected(struct node_task *task, bool requeue)
{
    json_t *fields = json_object();

    wire_json_set(fields, "requeue", json_boolean(requeue));
    node_event_task(task, "task-rejected", fields);
}

void
node_task_rejected(struct node_task *task)
{
    tell_rejected(task, false);
    task->reject = true;
    end(task, NULL, NULL);
}

static void
requeue(struct node_task *task)
{
    struct node *node = task->node;

    for (size_t i = 0; i < task->tags.count; i++) {
        // One goes back; more copies of it are of no use.
        if (i == 0) {
            transport_requeue(node->transport, task->tags.items[i]);
        } else {
            transport_ack(node->transport, task->tags.items[i]);
        }
    }
    node_task_free(task);
}

void
node_task_requeued(struct node_task *task)
{
    struct node *node = task->node;

    tell_rejected(task, true);
    requeue(task);
    node_check_end(node);
}

void
node_task_return(struct node_task *task)
{
    struct node *node = task->node;
    bool given =
        task->state == NODE_TASK_GIVEN || task->state == NODE_TASK_STARTED;

    if (given && node->events->on_withdrawn != NULL) {
        node->events->on_withdrawn(node->ctx, task);
    }
    requeue(task);
}

void
node_task_state(struct node_task *task, const char *status, const json_t *value)
{
    struct err err = {0};

    if (wants_result(&task->task) &&
        !try_result(task, status, value, NULL, &err)) {
        log_warn("node %s: state of %.*s: %s", task->node->name,
                 SLICE_ARG(task->task.id), err.text);
    }
}

// ---- beginnings ----

static bool
has_equal(const json_t *list, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (json_equal(value, json_array_get(list, i))) {
            return true;
        }
    }
    return false;
}

// `stamp` is one or a list of them.
static bool
is_revoked_stamp(const json_t *revoked, const json_t *stamp)
{
    if (!json_is_array(stamp)) {
        return stamp != NULL && has_equal(revoked, stamp);
    }
    for (size_t i = 0; i < json_array_size(stamp); i++) {
        if (has_equal(revoked, json_array_get(stamp, i))) {
            return true;
        }
    }
    return false;
}

// Whether a stamp of the task is among those that were revoked.
bool
node_task_has_revoked_stamp(const struct node_task *task)
{
    const json_t *stamps = json_object_get(task->task.headers, "stamps");
    const char *key = NULL;
    json_t *revoked = NULL;

    json_object_foreach(task->node->revoked_stamps, key, revoked)
    {
        if (is_revoked_stamp(revoked, json_object_get(stamps, key))) {
            return true;
        }
    }
    return false;
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
    set_state(task, NODE_TASK_STARTED);
    task->pid = pid != 0 ? pid : getpid();
    task->started = loop_now_us(node->loop);
    task->started_wall = now_wall_usec();
    node->processed++;
    node_event_task(task, "task-started", NULL);
    if (node->track_started && wants_result(&task->task)) {
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
    set_state(task, NODE_TASK_GIVEN);
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
        settle(copy);
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
    fail(task, "ValueError", err->text, NULL);
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
        fail(task, "NotRegistered", buf_text(&name), "celery.exceptions");
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
    set_state(task, NODE_TASK_WAITING);
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
        requeue(task);
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

// ---- what a task is ----

const struct task *
node_task_get(const struct node_task *task)
{
    return &task->task;
}

const char *
node_task_queue(const struct node_task *task)
{
    return task->queue;
}

bool
node_task_is_redelivered(const struct node_task *task)
{
    return task->redelivered;
}

bool
node_task_is_started(const struct node_task *task)
{
    return task->state == NODE_TASK_STARTED;
}

void
node_task_set(struct node_task *task, void *mine)
{
    task->mine = mine;
}

void *
node_task_mine(const struct node_task *task)
{
    return task->mine;
}
