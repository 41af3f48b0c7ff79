// What a task is, while it is here.
#include "celery/node_internal.h"

#include <stdlib.h>

#include "celery/repr.h"
#include "celery/wire_json.h"

struct node_task *
node_task_find(const struct node *node, struct slice id)
{
    return map_find(&node->by_id, id);
}

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

void
node_task_set_state(struct node_task *task, enum node_task_state state)
{
    struct node *node = task->node;

    node->active -= task->state == NODE_TASK_STARTED ? 1 : 0;
    node->ending -= task->state == NODE_TASK_ENDED ? 1 : 0;
    task->state = state;
    node->active += state == NODE_TASK_STARTED ? 1 : 0;
    node->ending += state == NODE_TASK_ENDED ? 1 : 0;
}

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
