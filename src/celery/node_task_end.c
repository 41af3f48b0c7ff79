// The ends of tasks: what is said of each, and what becomes of its message.
#include "celery/node_internal.h"

#include <string.h>

#include "celery/repr.h"
#include "celery/result_codec.h"
#include "celery/wire_json.h"
#include "util/log.h"

void
node_task_settle(struct node_task *task)
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
    node_task_settle(task);
}

bool
node_task_wants_result(const struct task *task)
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

    node_task_set_state(task, NODE_TASK_ENDED);
    deadline_disarm(&task->due);
    if (status == NULL || !node_task_wants_result(&task->task)) {
        node_task_settle(task);
        return;
    }
    if (!try_result(task, status, value, on_result, &err)) {
        struct err again = {0};
        json_t *instead = result_failure("OverflowError", err.text, NULL);
        if (!try_result(task, "FAILURE", instead, on_result, &again)) {
            node_task_settle(task);
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

void
node_task_fail(struct node_task *task, const char *type, const char *text,
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
    node_task_fail(task, type, text, NULL);
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

void
node_task_requeue(struct node_task *task)
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
    node_task_requeue(task);
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
    node_task_requeue(task);
}

void
node_task_state(struct node_task *task, const char *status, const json_t *value)
{
    struct err err = {0};

    if (node_task_wants_result(&task->task) &&
        !try_result(task, status, value, NULL, &err)) {
        log_warn("node %s: state of %.*s: %s", task->node->name,
                 SLICE_ARG(task->task.id), err.text);
    }
}
