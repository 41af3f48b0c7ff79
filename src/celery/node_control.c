// Remote control: who may give which commands, and answers.
#include "celery/node_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "celery/control_codec.h"
#include "celery/node_builtin.h"
#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/log.h"

#define REPLY_MAX (16u << 20)

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
obey(struct node *node, const struct node_builtin *builtin,
     const json_t *arguments, struct node_reply *reply)
{
    int flags = builtin->flags;
    const char *name = builtin->name;
    struct err err = {0};

    if (!may(node, name, (flags & BUILTIN_ACTS) != 0, reply)) {
        return;
    }
    if ((flags & BUILTIN_PLAIN) != 0 && json_object_size(arguments) > 0) {
        json_t *shared = wire_json_share(arguments);
        node_reply_error(reply,
                         "TypeError(\"%s() got an unexpected keyword argument "
                         "'%.100s'\")",
                         name, json_object_iter_key(json_object_iter(shared)));
        json_decref(shared);
        return;
    }
    if ((flags & BUILTIN_SILENT) != 0 && reply != NULL) {
        node_reply_free(reply);
        reply = NULL;
    }
    json_t *answer = builtin->fn(node, arguments, &err);
    if (err_is_set(&err)) {
        node_reply_error(reply, "%s", err.text);
    } else if (answer == NULL && (flags & BUILTIN_QUIET) != 0 &&
               reply != NULL) {
        node_reply_free(reply);
    } else {
        node_reply(reply, answer);
    }
    json_decref(answer);
}

static const struct node_builtin *
find_builtin(struct slice method)
{
    static const struct node_builtin *const tables[] = {
        node_look_commands, node_revoke_commands, node_manage_commands};

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (size_t row = 0; tables[i][row].name != NULL; row++) {
            if (slice_equals_text(method, tables[i][row].name)) {
                return &tables[i][row];
            }
        }
    }
    return NULL;
}

static void
dispatch(struct node *node, const struct control_request *request,
         struct node_reply *reply)
{
    const struct node_builtin *builtin = find_builtin(request->method);
    if (builtin != NULL) {
        obey(node, builtin, request->arguments, reply);
        return;
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
