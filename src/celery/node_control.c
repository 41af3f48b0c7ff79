// Remote control: which commands there are, who may give them, and answers.
#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "celery/control_codec.h"
#include "celery/node_internal.h"
#include "celery/repr.h"
#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/log.h"

// One command may concern so many tasks.
#define IDS_MAX 65536
#define REPLY_MAX (16u << 20)
#define STAMPS_MAX 10000
#define CONCURRENCY_MAX 65536

// A new reference; NULL with err: refused, NULL without: null.
typedef json_t *(*answer_fn)(struct node *node, const json_t *arguments,
                             struct err *err);

static json_t *
ok(const char *format, ...)
{
    struct buf text = BUF_INIT(1u << 20);
    json_t *answer = json_object();
    va_list arguments;

    va_start(arguments, format);
    if (!buf_vaddf(&text, format, arguments)) {
        (void)buf_add_text(&text, "done");
    }
    va_end(arguments);
    wire_json_set(answer, "ok", wire_json_text(buf_slice(&text)));
    buf_release(&text);
    return answer;
}

// As Python words it: people search for it.
static bool
missing(struct err *err, const char *method, const char *name)
{
    return err_set(err, ERR_PROTOCOL,
                   "TypeError(\"%s() missing 1 required positional argument: "
                   "'%s'\")",
                   method, name);
}

static json_t *
do_ping(struct node *node, const json_t *arguments, struct err *err)
{
    (void)node;
    (void)arguments;
    (void)err;
    return ok("pong");
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

// ---- ids ----

// The ids of an argument that is one text or a list; NULL: there is none.
static json_t *
ids_of(const json_t *value)
{
    json_t *list = json_array();

    if (json_is_string(value)) {
        json_array_append_new(list, wire_json_share(value));
    }
    for (size_t i = 0; i < json_array_size(value) && i < IDS_MAX; i++) {
        const json_t *id = json_array_get(value, i);
        if (json_is_string(id)) {
            json_array_append_new(list, wire_json_share(id));
        }
    }
    return list;
}

static struct slice
id_at(const json_t *list, size_t index)
{
    const json_t *id = json_array_get(list, index);

    return slice_make(json_string_value(id), json_string_length(id));
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
        (void)missing(err, "query_task", "ids");
        return NULL;
    }
    json_t *ids = ids_of(wanted);
    json_t *answer = json_object();
    for (size_t i = 0; i < json_array_size(ids); i++) {
        struct node_task *task = node_task_find(node, id_at(ids, i));
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

// ---- commands that act ----

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"SIGTERM", SIGTERM}, {"SIGKILL", SIGKILL}, {"SIGINT", SIGINT},
    {"SIGQUIT", SIGQUIT}, {"SIGHUP", SIGHUP},   {"SIGUSR1", SIGUSR1},
    {"SIGUSR2", SIGUSR2}, {"SIGABRT", SIGABRT}, {"SIGALRM", SIGALRM},
};

static const char *
signal_of(const json_t *value, struct err *err)
{
    const char *name = json_string_value(value);

    if (value == NULL || json_is_null(value)) {
        return signals[0].name;
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (json_is_integer(value)
                ? json_integer_value(value) == signals[i].number
                : name != NULL &&
                      (strcasecmp(name, signals[i].name) == 0 ||
                       strcasecmp(name, signals[i].name + 3) == 0)) {
            return signals[i].name;
        }
    }
    err_set(err, ERR_PROTOCOL, "TypeError('unknown signal')");
    return NULL;
}

static void
add_id(struct buf *text, struct slice id)
{
    if (text->len > 0) {
        (void)buf_add_text(text, ", ");
    }
    (void)buf_add_slice(text, id);
}

static json_t *
revoke_all(struct node *node, const json_t *ids, bool terminate,
           const char *signal)
{
    struct buf all = BUF_INIT(512u << 10);
    struct buf struck = BUF_INIT(512u << 10);
    json_t *answer = NULL;

    for (size_t i = 0; i < json_array_size(ids); i++) {
        struct slice id = id_at(ids, i);
        idset_add(&node->revoked, id, now_msec());
        add_id(&all, id);
        struct node_task *task = node_task_find(node, id);
        if (task != NULL && node_task_strike(task, terminate, signal)) {
            add_id(&struck, id);
        }
    }
    if (!terminate) {
        answer = ok("tasks %s flagged as revoked", buf_text(&all));
    } else if (struck.len == 0) {
        answer = ok("terminate: tasks unknown");
    } else {
        answer = ok("terminate: %s", buf_text(&struck));
    }
    buf_release(&all);
    buf_release(&struck);
    return answer;
}

static json_t *
revoke_ids(struct node *node, const json_t *arguments, const char *method,
           bool terminate, struct err *err)
{
    const json_t *wanted = json_object_get(arguments, "task_id");

    if (wanted == NULL) {
        (void)missing(err, method, "task_id");
        return NULL;
    }
    const char *signal = signal_of(json_object_get(arguments, "signal"), err);
    if (signal == NULL) {
        return NULL;
    }
    json_t *ids = ids_of(wanted);
    json_t *answer = revoke_all(node, ids, terminate, signal);
    json_decref(ids);
    return answer;
}

static json_t *
do_revoke(struct node *node, const json_t *arguments, struct err *err)
{
    bool terminate = json_is_true(json_object_get(arguments, "terminate"));

    return revoke_ids(node, arguments, "revoke", terminate, err);
}

static json_t *
do_terminate(struct node *node, const json_t *arguments, struct err *err)
{
    if (json_object_get(arguments, "signal") == NULL) {
        (void)missing(err, "terminate", "signal");
        return NULL;
    }
    return revoke_ids(node, arguments, "terminate", true, err);
}

static void
add_stamps(json_t *list, const json_t *stamps)
{
    if (!json_is_array(stamps)) {
        json_array_append_new(list, wire_json_share(stamps));
        return;
    }
    for (size_t i = 0; i < json_array_size(stamps); i++) {
        json_array_append_new(list, wire_json_share(json_array_get(stamps, i)));
    }
}

// The oldest ones are forgotten when there are too many.
static void
remember_stamps(struct node *node, const char *key, const json_t *stamps)
{
    json_t *list = json_object_get(node->revoked_stamps, key);

    if (list == NULL) {
        if (json_object_size(node->revoked_stamps) >= STAMPS_MAX) {
            return;
        }
        list = json_array();
        wire_json_set(node->revoked_stamps, key, list);
    }
    add_stamps(list, stamps);
    while (json_array_size(list) > STAMPS_MAX) {
        json_array_remove(list, 0);
    }
}

// {"key": [stamps]}, or a list of texts "key=stamp".
static json_t *
stamps_of(const json_t *headers)
{
    if (json_is_object(headers)) {
        return wire_json_share(headers);
    }
    json_t *object = json_object();
    for (size_t i = 0; i < json_array_size(headers); i++) {
        const char *text = json_string_value(json_array_get(headers, i));
        const char *equals = text == NULL ? NULL : strchr(text, '=');
        if (equals != NULL) {
            char *key = alloc_dup_bytes(text, (size_t)(equals - text));
            wire_json_set(object, key, wire_json_text(slice_of(equals + 1)));
            free(key);
        }
    }
    return object;
}

// Of the tasks here that have such a stamp. By id: one that is struck may take
// others with it.
static json_t *
stamped_ids(const struct node *node)
{
    json_t *ids = json_array();

    LIST_FOR_EACH(link, &node->tasks)
    {
        const struct node_task *task = LIST_ENTRY(link, struct node_task, link);
        if (node_task_has_revoked_stamp(task)) {
            json_array_append_new(ids, wire_json_text(task->task.id));
        }
    }
    return ids;
}

static json_t *
do_revoke_stamped(struct node *node, const json_t *arguments, struct err *err)
{
    const json_t *headers = json_object_get(arguments, "headers");
    bool terminate = json_is_true(json_object_get(arguments, "terminate"));
    const char *key = NULL;
    json_t *value = NULL;

    if (headers == NULL) {
        (void)missing(err, "revoke_by_stamped_headers", "headers");
        return NULL;
    }
    const char *signal = signal_of(json_object_get(arguments, "signal"), err);
    if (signal == NULL) {
        return NULL;
    }
    json_t *stamps = stamps_of(headers);
    json_t *shown = repr_json(stamps);
    bool struck = false;
    json_object_foreach(stamps, key, value)
    {
        remember_stamps(node, key, value);
    }
    json_t *ids = stamped_ids(node);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        struct node_task *task = node_task_find(node, id_at(ids, i));
        if (task != NULL) {
            struck = node_task_strike(task, terminate, signal) || struck;
        }
    }
    json_decref(ids);
    json_t *answer =
        !terminate ? ok("headers %s flagged as revoked, but not terminated",
                        json_string_value(shown))
        : struck
            ? ok("headers %s revoked", json_string_value(shown))
            : ok("headers %s were not terminated", json_string_value(shown));
    json_decref(shown);
    json_decref(stamps);
    return answer;
}

static json_t *
do_enable_events(struct node *node, const json_t *arguments, struct err *err)
{
    bool before = node->task_events;

    (void)arguments;
    (void)err;
    node->task_events = true;
    return ok("task events %s", before ? "already enabled" : "enabled");
}

static json_t *
do_disable_events(struct node *node, const json_t *arguments, struct err *err)
{
    bool before = node->task_events;

    (void)arguments;
    (void)err;
    node->task_events = false;
    return ok("task events %s", before ? "disabled" : "already disabled");
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
               ? ok("pool will %s", sign > 0 ? "grow" : "shrink")
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
        (void)missing(err, "add_consumer", "queue");
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
    return ok("add consumer %s", name);
}

static json_t *
do_cancel_consumer(struct node *node, const json_t *arguments, struct err *err)
{
    const char *name = json_string_value(json_object_get(arguments, "queue"));

    if (name == NULL) {
        (void)missing(err, "cancel_consumer", "queue");
        return NULL;
    }
    // It may be a queue's own name that is freed with it.
    json_t *answer = ok("no longer consuming from %s", name);
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

enum command_flags {
    ACTS = 1,   // needs --allow-control
    PLAIN = 2,  // takes no arguments at all
    SILENT = 4, // is never answered
    QUIET = 8   // without a value it is not answered
};

static const struct {
    const char *name;
    answer_fn fn;
    int flags;
} builtin[] = {
    {"ping", do_ping, 0},
    {"hello", do_hello, QUIET},
    {"active", do_active, 0},
    {"dump_active", do_active, 0},
    {"reserved", do_reserved, 0},
    {"dump_reserved", do_reserved, 0},
    {"scheduled", do_scheduled, 0},
    {"dump_schedule", do_scheduled, 0},
    {"active_queues", do_active_queues, PLAIN},
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
    {"enable_events", do_enable_events, PLAIN},
    {"disable_events", do_disable_events, PLAIN},
    {"heartbeat", do_heartbeat, PLAIN},
    {"election", do_nothing, 0},
    {"revoke", do_revoke, ACTS},
    {"terminate", do_terminate, ACTS},
    {"revoke_by_stamped_headers", do_revoke_stamped, ACTS},
    {"add_consumer", do_add_consumer, ACTS},
    {"cancel_consumer", do_cancel_consumer, ACTS},
    {"pool_grow", do_pool_grow, ACTS},
    {"pool_shrink", do_pool_shrink, ACTS},
    {"shutdown", do_shutdown, ACTS | SILENT},
    {"rate_limit", do_refuse, 0},
    {"time_limit", do_refuse, 0},
    {"autoscale", do_refuse, 0},
    {"pool_restart", do_refuse, 0},
    {"objgraph", do_refuse, 0},
    {"memsample", do_refuse, 0},
    {"memdump", do_refuse, 0},
};

// ---- answers ----

void
node_reply_free(struct node_reply *reply)
{
    list_remove(&reply->link);
    free(reply->exchange);
    free(reply->key);
    free(reply->ticket);
    free(reply);
}

// NULL: nobody waits, or waits where no answer may go. A publish to an
// exchange that is not there would end a channel.
static struct node_reply *
reply_new(struct node *node, const struct control_request *request)
{
    if (!request->wants_reply) {
        return NULL;
    }
    if (request->reply_exchange.len > 0 &&
        !slice_equals_text(request->reply_exchange, NAMES_REPLY_EXCHANGE)) {
        log_warn("node %s: no answer to an exchange of another name: %.*s",
                 node->name,
                 SLICE_ARG(slice_first(request->reply_exchange, 100)));
        return NULL;
    }
    struct node_reply *reply = ALLOC(struct node_reply);
    reply->node = node;
    reply->exchange = slice_dup(request->reply_exchange);
    reply->key = slice_dup(request->reply_key);
    reply->ticket = slice_dup(request->ticket);
    list_add(&node->replies, &reply->link);
    return reply;
}

static bool
send_reply(struct node_reply *reply, const json_t *value)
{
    struct node *node = reply->node;
    struct buf body = BUF_INIT(REPLY_MAX);
    json_t *headers = json_object();

    wire_json_set(headers, "ticket", wire_json_text(slice_of(reply->ticket)));
    wire_json_set(headers, "clock", json_integer(lamport_tick(&node->clock)));
    bool good = control_reply_encode(node->name, value, &body);
    if (good) {
        struct message message = {.body = buf_slice(&body),
                                  .content_type = SLICE("application/json"),
                                  .content_encoding = SLICE("utf-8"),
                                  .headers = headers};
        struct publish publish = {.exchange = reply->exchange,
                                  .key = reply->key,
                                  .message = &message};
        transport_publish(node->transport, &publish, NULL, NULL);
    }
    json_decref(headers);
    buf_release(&body);
    return good;
}

void
node_reply(struct node_reply *reply, const json_t *value)
{
    if (reply == NULL) {
        return;
    }
    if (reply->node->state != NODE_GONE && !send_reply(reply, value)) {
        json_t *instead = json_object();
        wire_json_set(instead, "error", json_string("too long an answer"));
        (void)send_reply(reply, instead);
        json_decref(instead);
    }
    node_reply_free(reply);
}

void
node_reply_error(struct node_reply *reply, const char *format, ...)
{
    struct buf text = BUF_INIT(4096);
    json_t *value = json_object();
    va_list arguments;

    va_start(arguments, format);
    if (!buf_vaddf(&text, format, arguments)) {
        (void)buf_add_text(&text, "refused");
    }
    va_end(arguments);
    wire_json_set(value, "error", wire_json_text(buf_slice(&text)));
    node_reply(reply, value);
    json_decref(value);
    buf_release(&text);
}

// ---- what came ----

// False: it was answered with an error.
static bool
may(struct node *node, const char *method, bool acts, struct node_reply *reply)
{
    if (!acts || node->allow_control) {
        return true;
    }
    log_warn("node %s: control command %s is not allowed", node->name, method);
    node_reply_error(reply, "not allowed: start the worker with "
                            "--allow-control");
    return false;
}

static void
obey(struct node *node, size_t index, const json_t *arguments,
     struct node_reply *reply)
{
    int flags = builtin[index].flags;
    const char *name = builtin[index].name;
    struct err err = {0};

    if (!may(node, name, (flags & ACTS) != 0, reply)) {
        return;
    }
    if ((flags & PLAIN) != 0 && json_object_size(arguments) > 0) {
        json_t *shared = wire_json_share(arguments);
        node_reply_error(reply,
                         "TypeError(\"%s() got an unexpected keyword argument "
                         "'%.100s'\")",
                         name, json_object_iter_key(json_object_iter(shared)));
        json_decref(shared);
        return;
    }
    if ((flags & SILENT) != 0 && reply != NULL) {
        node_reply_free(reply);
        reply = NULL;
    }
    json_t *answer = builtin[index].fn(node, arguments, &err);
    if (err_is_set(&err)) {
        node_reply_error(reply, "%s", err.text);
    } else if (answer == NULL && (flags & QUIET) != 0 && reply != NULL) {
        node_reply_free(reply);
    } else {
        node_reply(reply, answer);
    }
    json_decref(answer);
}

static void
dispatch(struct node *node, const struct control_request *request,
         struct node_reply *reply)
{
    for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
        if (slice_equals_text(request->method, builtin[i].name)) {
            obey(node, i, request->arguments, reply);
            return;
        }
    }
    for (size_t i = 0; node->commands[i].name != NULL; i++) {
        const struct node_command *command = &node->commands[i];
        if (slice_equals_text(request->method, command->name) &&
            node->events->on_command != NULL) {
            if (may(node, command->name, command->acting, reply)) {
                node->events->on_command(node->ctx, command->name,
                                         request->arguments, reply);
            }
            return;
        }
    }
    node_reply_error(reply, "KeyError('%.*s')",
                     SLICE_ARG(slice_first(request->method, 200)));
}

void
node_control(void *ctx, const struct delivery *delivery)
{
    struct node *node = ctx;
    struct control_request request;
    struct err err = {0};

    if (!control_request_decode(&request, &delivery->message, &err)) {
        log_warn("node %s: %s", node->name, err.text);
        control_request_release(&request);
        return;
    }
    if (request.clock >= 0) {
        lamport_adjust(&node->clock, request.clock);
    }
    // Before it is ready it is not there for anybody, but for others who
    // want its name.
    bool there = node->state != NODE_GREETING ||
                 slice_equals_text(request.method, "hello");
    if (there && control_request_is_for(&request, node->name)) {
        dispatch(node, &request, reply_new(node, &request));
    }
    control_request_release(&request);
}
