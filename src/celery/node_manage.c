// Commands that change the node itself, and those that are not served.
#include "celery/node_builtin.h"

#include <string.h>

#define CONCURRENCY_MAX 65536

static json_t *
do_enable_events(struct node *node, const json_t *arguments, struct err *err)
{
    bool before = node->task_events;

    (void)arguments;
    (void)err;
    node->task_events = true;
    return builtin_ok("task events %s", before ? "already enabled" : "enabled");
}

static json_t *
do_disable_events(struct node *node, const json_t *arguments, struct err *err)
{
    bool before = node->task_events;

    (void)arguments;
    (void)err;
    node->task_events = false;
    return builtin_ok("task events %s",
                      before ? "disabled" : "already disabled");
}

static json_t *
do_heartbeat(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    node_event_worker(node, "worker-heartbeat", NULL, NULL);
    return NULL;
}

static json_t *
resize(struct node *node, const json_t *arguments, int sign, struct err *err)
{
    const json_t *wanted = json_object_get(arguments, "n");
    json_int_t count = wanted == NULL ? 1 : json_integer_value(wanted);

    if ((wanted != NULL && !json_is_integer(wanted)) || count < 0 ||
        count > CONCURRENCY_MAX) {
        err_set(err, ERR_PROTOCOL, "ValueError('n is no sensible number')");
        return NULL;
    }
    int concurrency = node->concurrency + sign * (int)count;
    if (concurrency < 1 || concurrency > CONCURRENCY_MAX) {
        err_set(err, ERR_PROTOCOL, "ValueError('%d slots are not possible')",
                concurrency);
        return NULL;
    }
    if (node->events->on_resize == NULL) {
        err_set(err, ERR_PROTOCOL, "not supported");
        return NULL;
    }
    return node->events->on_resize(node->ctx, concurrency, err)
               ? builtin_ok("pool will %s", sign > 0 ? "grow" : "shrink")
               : NULL;
}

static json_t *
do_pool_grow(struct node *node, const json_t *arguments, struct err *err)
{
    return resize(node, arguments, 1, err);
}

static json_t *
do_pool_shrink(struct node *node, const json_t *arguments, struct err *err)
{
    return resize(node, arguments, -1, err);
}

static uint32_t
milliseconds(const json_t *arguments, const char *name)
{
    json_int_t ms = json_integer_value(json_object_get(arguments, name));

    return ms > 0 && ms <= UINT32_MAX ? (uint32_t)ms : 0;
}

static bool
flag(const json_t *arguments, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(arguments, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

static json_t *
do_add_consumer(struct node *node, const json_t *arguments, struct err *err)
{
    const char *name = json_string_value(json_object_get(arguments, "queue"));
    const char *exchange =
        json_string_value(json_object_get(arguments, "exchange"));
    const char *key =
        json_string_value(json_object_get(arguments, "routing_key"));
    const json_t *more = json_object_get(arguments, "queue_arguments");

    if (name == NULL || name[0] == '\0') {
        (void)builtin_misses(err, "add_consumer", "queue");
        return NULL;
    }
    struct queue_params queue = {
        .name = name,
        .durable = flag(arguments, "durable", true),
        .exclusive = flag(arguments, "exclusive", false),
        .auto_delete = flag(arguments, "auto_delete", false),
        .passive_first = true,
        .expires_ms = milliseconds(more, "x-expires"),
        .message_ttl_ms = milliseconds(more, "x-message-ttl")};
    if (node->state != NODE_READY) {
        err_set(err, ERR_PROTOCOL, "shutting down");
        return NULL;
    }
    node_consume(node, &queue, (uint32_t)node->concurrency, NULL, NULL);
    if (exchange != NULL && exchange[0] != '\0' &&
        strcmp(exchange, name) != 0) {
        struct exchange_params other = {
            .name = exchange, .kind = EXCHANGE_DIRECT, .durable = true};
        transport_declare_exchange(node->transport, &other, NULL, NULL);
        transport_bind(node->transport, name, exchange,
                       key != NULL ? key : name, NULL, NULL);
    }
    if (node->events->on_queues != NULL) {
        node->events->on_queues(node->ctx);
    }
    return builtin_ok("add consumer %s", name);
}

static json_t *
do_cancel_consumer(struct node *node, const json_t *arguments, struct err *err)
{
    const char *name = json_string_value(json_object_get(arguments, "queue"));

    if (name == NULL) {
        (void)builtin_misses(err, "cancel_consumer", "queue");
        return NULL;
    }
    // It may be a queue's own name that is freed with it.
    json_t *answer = builtin_ok("no longer consuming from %s", name);
    node_cancel(node, name, false, NULL, NULL);
    if (node->events->on_queues != NULL) {
        node->events->on_queues(node->ctx);
    }
    return answer;
}

static json_t *
do_shutdown(struct node *node, const json_t *arguments, struct err *err)
{
    (void)arguments;
    (void)err;
    if (node->events->on_shutdown != NULL) {
        node->events->on_shutdown(node->ctx);
    }
    return NULL;
}

static json_t *
do_nothing(struct node *node, const json_t *arguments, struct err *err)
{
    (void)node;
    (void)arguments;
    (void)err;
    return NULL;
}

static json_t *
do_refuse(struct node *node, const json_t *arguments, struct err *err)
{
    (void)node;
    (void)arguments;
    err_set(err, ERR_PROTOCOL, "not supported");
    return NULL;
}

const struct node_builtin node_manage_commands[] = {
    {"enable_events", do_enable_events, BUILTIN_PLAIN},
    {"disable_events", do_disable_events, BUILTIN_PLAIN},
    {"heartbeat", do_heartbeat, BUILTIN_PLAIN},
    {"election", do_nothing, 0},
    {"add_consumer", do_add_consumer, BUILTIN_ACTS},
    {"cancel_consumer", do_cancel_consumer, BUILTIN_ACTS},
    {"pool_grow", do_pool_grow, BUILTIN_ACTS},
    {"pool_shrink", do_pool_shrink, BUILTIN_ACTS},
    {"shutdown", do_shutdown, BUILTIN_ACTS | BUILTIN_SILENT},
    {"rate_limit", do_refuse, 0},
    {"time_limit", do_refuse, 0},
    {"autoscale", do_refuse, 0},
    {"pool_restart", do_refuse, 0},
    {"objgraph", do_refuse, 0},
    {"memsample", do_refuse, 0},
    {"memdump", do_refuse, 0},
    {NULL, NULL, 0},
};
