// Commands that show what a node is and does.
#include "celery/node_builtin.h"
#include "celery/wire_json.h"

static json_t *
do_ping(struct node *node, const json_t *arguments, struct err *err)
{
    (void)node;
    (void)arguments;
    (void)err;
    return builtin_ok("pong");
}

static json_t *
do_active(struct node *node, const json_t *arguments, struct err *err)
{
    (void)err;
    return node_answer_tasks(node, true,
                             json_is_true(json_object_get(arguments, "safe")));
}

static json_t *
do_reserved(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return node_answer_tasks(node, false, false);
}

static json_t *
do_scheduled(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return node_answer_scheduled(node);
}

static json_t *
do_active_queues(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return node_answer_queues(node);
}

static json_t *
do_registered(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return node_answer_registered(node);
}

static json_t *
do_stats(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return node_answer_stats(node);
}

static json_t *
do_conf(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return node_answer_conf(node);
}

static json_t *
do_report(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return node_answer_report(node);
}

static json_t *
do_revoked(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    return idset_json(&node->revoked, now_msec());
}

static json_t *
do_clock(struct node *node, const json_t *arguments, struct err *err)
{
    json_t *answer = json_object();

    (void)arguments;
    (void)err;
    wire_json_set(answer, "clock", json_integer(node->clock.value));
    return answer;
}

static json_t *
do_hello(struct node *node, const json_t *arguments, struct err *err)
{
    (void)err;
    return node_hello(node, arguments);
}

static json_t *
do_query_task(struct node *node, const json_t *arguments, struct err *err)
{
    static const char *const states[] = {
        [NODE_TASK_WAITING] = "scheduled",
        [NODE_TASK_GIVEN] = "reserved",
        [NODE_TASK_STARTED] = "active",
        [NODE_TASK_ENDED] = "ready",
    };
    const json_t *wanted = json_object_get(arguments, "ids");

    if (wanted == NULL) {
        (void)builtin_misses(err, "query_task", "ids");
        return NULL;
    }
    json_t *ids = builtin_ids(wanted);
    json_t *answer = json_object();
    for (size_t i = 0; i < json_array_size(ids); i++) {
        struct node_task *task = node_task_find(node, builtin_id(ids, i));
        if (task != NULL) {
            json_t *pair = json_array();
            json_array_append_new(pair, json_string(states[task->state]));
            json_array_append_new(pair, node_answer_task(task, false));
            wire_json_set(answer, json_string_value(json_array_get(ids, i)),
                          pair);
        }
    }
    json_decref(ids);
    return answer;
}

const struct node_builtin node_look_commands[] = {
    {"ping", do_ping, 0},
    {"hello", do_hello, BUILTIN_QUIET},
    {"active", do_active, 0},
    {"dump_active", do_active, 0},
    {"reserved", do_reserved, 0},
    {"dump_reserved", do_reserved, 0},
    {"scheduled", do_scheduled, 0},
    {"dump_schedule", do_scheduled, 0},
    {"active_queues", do_active_queues, BUILTIN_PLAIN},
    {"registered", do_registered, 0},
    {"dump_tasks", do_registered, 0},
    {"stats", do_stats, 0},
    {"conf", do_conf, 0},
    {"dump_conf", do_conf, 0},
    {"report", do_report, 0},
    {"query_task", do_query_task, 0},
    {"revoked", do_revoked, 0},
    {"dump_revoked", do_revoked, 0},
    {"clock", do_clock, 0},
    {NULL, NULL, 0},
};
