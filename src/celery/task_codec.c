#include "celery/task_codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "celery/repr.h"
#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/json_text.h"

#define NAME_MAX_BYTES 1024
// Seconds; longer limits are none.
#define LIMIT_MAX_S 1e9

// A copy of a text, kept in the third of what is held.
static struct slice
keep_text(struct task *task, struct slice text)
{
    json_t *copy = wire_json_text(text);

    if (json_array_append_new(task->held_[2], copy) != 0) {
        alloc_failed(text.len);
    }
    return slice_make(json_string_value(copy), json_string_length(copy));
}

static bool
is_encoding_known(struct slice encoding)
{
    static const char *const known[] = {"",         "utf-8", "utf8",
                                        "us-ascii", "ascii", "binary"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equals_text(encoding, known[i])) {
            return true;
        }
    }
    return false;
}

// Celery's limits stand as [hard, soft], in seconds, each of them or null.
static int64_t
limit_of(const json_t *headers, size_t index)
{
    const json_t *limit =
        json_array_get(json_object_get(headers, "timelimit"), index);
    double seconds = json_number_value(limit);

    return seconds > 0 && seconds < LIMIT_MAX_S ? (int64_t)(seconds * 1000) : 0;
}

static bool
read_time(const json_t *headers, const char *name, usec *wall, struct err *err)
{
    const json_t *value = json_object_get(headers, name);

    *wall = TASK_NO_TIME;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (json_is_number(value)) {
        // Seconds since 1970: a broker's own kind of time.
        double seconds = json_number_value(value);
        if (seconds > -1e11 && seconds < 1e11) {
            *wall = (usec)(seconds * 1e6);
            return true;
        }
    } else if (task_time_parse(wire_json_get(headers, name), wall)) {
        return true;
    }
    return err_set(err, ERR_PROTOCOL, "header \"%s\" is no time", name);
}

static bool
read_headers(struct task *task, struct err *err)
{
    const json_t *headers = task->headers;
    json_int_t retries =
        json_integer_value(json_object_get(headers, "retries"));

    task->shadow = wire_json_get(headers, "shadow");
    task->lang = wire_json_get(headers, "lang");
    task->origin = wire_json_get(headers, "origin");
    task->root_id = wire_json_get(headers, "root_id");
    task->parent_id = wire_json_get(headers, "parent_id");
    task->group = wire_json_get(headers, "group");
    task->argsrepr = wire_json_get(headers, "argsrepr");
    task->kwargsrepr = wire_json_get(headers, "kwargsrepr");
    task->hard_limit_ms = limit_of(headers, 0);
    task->soft_limit_ms = limit_of(headers, 1);
    task->retries = retries > 0 && retries < INT32_MAX ? (int)retries : 0;
    return read_time(headers, "eta", &task->eta, err) &&
           read_time(headers, "expires", &task->expires, err);
}

static bool
read_body(struct task *task, struct slice body, struct err *err)
{
    json_t *list = json_text_parse(body, err);

    task->held_[0] = list;
    if (list == NULL) {
        return err_wrap(err, "body of a task");
    }
    if (!json_is_array(list) || json_array_size(list) != 3) {
        return err_set(err, ERR_PROTOCOL,
                       "body of a task: not a list of three");
    }
    task->args = json_array_get(list, 0);
    task->kwargs = json_array_get(list, 1);
    task->embed = json_array_get(list, 2);
    if (!json_is_array(task->args)) {
        return err_set(err, ERR_PROTOCOL, "body of a task: args is no list");
    }
    if (!json_is_object(task->kwargs)) {
        return err_set(err, ERR_PROTOCOL,
                       "body of a task: kwargs is no object");
    }
    return json_is_object(task->embed) || json_is_null(task->embed) ||
           err_set(err, ERR_PROTOCOL, "body of a task: embed is no object");
}

// The protocol before puts everything into the body.
static enum task_verdict
decode_old(struct task *task, struct slice body, struct err *err)
{
    struct err silent = {0};
    json_t *object = json_text_parse(body, &silent);
    struct slice id = wire_json_get(object, "id");
    struct slice name = wire_json_get(object, "task");
    bool old = id.len > 0 && name.len > 0;

    if (old) {
        task->id = keep_text(task, slice_first(id, NAME_MAX_BYTES));
        task->name = keep_text(task, slice_first(name, NAME_MAX_BYTES));
        err_set(err, ERR_PROTOCOL,
                "a message of Celery's task protocol 1, which is not served");
        err_hint(err, "set task_protocol = 2 where the task is sent");
    } else {
        err_set(err, ERR_PROTOCOL, "a message without the header \"task\"");
    }
    json_decref(object);
    return old ? TASK_VERSION_1 : TASK_MALFORMED;
}

static bool
check_content(const struct task *task, const struct message *message,
              struct err *err)
{
    const json_t *compression = json_object_get(task->headers, "compression");

    if (compression != NULL && !json_is_null(compression)) {
        struct slice name = wire_json_get(task->headers, "compression");
        return err_set(err, ERR_PROTOCOL,
                       "a task compressed with \"%.*s\", which is not read",
                       SLICE_ARG(slice_first(name, 60)));
    }
    if (!slice_equals_text(message->content_type, "application/json")) {
        return err_set(err, ERR_PROTOCOL,
                       "a task of content type \"%.*s\" instead of "
                       "application/json",
                       SLICE_ARG(slice_first(message->content_type, 60)));
    }
    return is_encoding_known(message->content_encoding) ||
           err_set(err, ERR_PROTOCOL, "a task in the encoding \"%.*s\"",
                   SLICE_ARG(slice_first(message->content_encoding, 60)));
}

static bool
check_names(const struct task *task, struct err *err)
{
    if (task->id.len == 0 || task->id.len > NAME_MAX_BYTES) {
        return err_set(err, ERR_PROTOCOL,
                       "a task whose header \"id\" is missing or no id");
    }
    return task->name.len <= NAME_MAX_BYTES ||
           err_set(err, ERR_PROTOCOL, "a task with a name of %zu bytes",
                   task->name.len);
}

enum task_verdict
task_decode(struct task *task, const struct message *message, struct err *err)
{
    *task = (struct task){.eta = TASK_NO_TIME, .expires = TASK_NO_TIME};
    task->held_[1] = json_is_object(message->headers)
                         ? json_deep_copy(message->headers)
                         : json_object();
    task->held_[2] = json_array();
    task->headers = task->held_[1];
    task->priority = message->priority;
    task->reply_to = keep_text(task, message->reply_to);
    task->correlation_id = keep_text(task, message->correlation_id);
    task->name = wire_json_get(task->headers, "task");
    task->ignore_result =
        json_is_true(json_object_get(task->headers, "ignore_result"));
    if (task->name.len == 0) {
        return decode_old(task, message->body, err);
    }
    task->id = wire_json_get(task->headers, "id");
    if (task->correlation_id.len == 0) {
        task->correlation_id = task->id;
    }
    if (!check_names(task, err)) {
        return TASK_MALFORMED;
    }
    if (!check_content(task, message, err)) {
        return TASK_CONTENT;
    }
    return read_headers(task, err) && read_body(task, message->body, err)
               ? TASK_GOOD
               : TASK_MALFORMED;
}

void
task_release(struct task *task)
{
    for (size_t i = 0; i < sizeof(task->held_) / sizeof(task->held_[0]); i++) {
        json_decref(task->held_[i]);
    }
    *task = (struct task){0};
}

// ---- writing ----

static json_t *
time_or_null(usec wall)
{
    char text[TASK_TIME_SIZE];

    if (wall == 0) {
        return json_null();
    }
    task_time_write(wall, text);
    return json_string(text);
}

static json_t *
seconds_or_null(int64_t ms)
{
    if (ms == 0) {
        return json_null();
    }
    return ms % 1000 == 0 ? json_integer(ms / 1000)
                          : json_real((double)ms / 1000);
}

static json_t *
shown(const json_t *value, bool tuple)
{
    struct buf buf = BUF_INIT(REPR_MAX + 8);

    if (tuple) {
        repr_add_tuple(&buf, value, REPR_MAX);
    } else {
        repr_add(&buf, value, REPR_MAX);
    }
    json_t *text = wire_json_text(buf_slice(&buf));
    buf_release(&buf);
    return text;
}

static json_t *
headers_of(const struct task_params *params)
{
    json_t *headers = json_object();
    json_t *none = json_object();
    json_t *limits = json_array();
    const char *root = params->root_id != NULL ? params->root_id : params->id;

    json_array_append_new(limits, seconds_or_null(params->hard_limit_ms));
    json_array_append_new(limits, seconds_or_null(params->soft_limit_ms));
    wire_json_set(headers, "lang", json_string("c"));
    wire_json_set(headers, "task", wire_json_text(slice_of(params->name)));
    wire_json_set(headers, "id", wire_json_text(slice_of(params->id)));
    wire_json_set(headers, "shadow", wire_json_text_or_null(params->shadow));
    wire_json_set(headers, "eta", time_or_null(params->eta));
    wire_json_set(headers, "expires", time_or_null(params->expires));
    wire_json_set(headers, "group", wire_json_text_or_null(params->group));
    wire_json_set(headers, "group_index", json_null());
    wire_json_set(headers, "retries", json_integer(params->retries));
    wire_json_set(headers, "timelimit", limits);
    wire_json_set(headers, "root_id", wire_json_text(slice_of(root)));
    wire_json_set(headers, "parent_id",
                  wire_json_text_or_null(params->parent_id));
    wire_json_set(headers, "argsrepr", shown(params->args, true));
    wire_json_set(headers, "kwargsrepr",
                  shown(params->kwargs != NULL ? params->kwargs : none, false));
    wire_json_set(headers, "origin", wire_json_text_or_null(params->origin));
    wire_json_set(headers, "ignore_result",
                  json_boolean(params->ignore_result));
    wire_json_set(headers, "replaced_task_nesting", json_integer(0));
    wire_json_set(headers, "stamped_headers", json_null());
    wire_json_set(headers, "stamps", json_object());
    wire_json_merge(headers, params->headers);
    json_decref(none);
    return headers;
}

static bool
write_body(struct buf *body, const struct task_params *params)
{
    return buf_add_char(body, '[') &&
           (params->args != NULL ? wire_json_add(body, params->args)
                                 : buf_add_text(body, "[]")) &&
           buf_add_char(body, ',') &&
           (params->kwargs != NULL ? wire_json_add(body, params->kwargs)
                                   : buf_add_text(body, "{}")) &&
           buf_add_text(body, ",{\"callbacks\":null,\"errbacks\":null,"
                              "\"chain\":null,\"chord\":null}]");
}

bool
task_encode(struct task_message *out, const struct task_params *params,
            struct err *err)
{
    buf_init(&out->body, TRANSPORT_BODY_MAX);
    if (!write_body(&out->body, params)) {
        return err_set(err, ERR_LIMIT, "task %s is longer than %u bytes",
                       params->name, TRANSPORT_BODY_MAX);
    }
    out->headers = headers_of(params);
    out->message = (struct message){
        .body = buf_slice(&out->body),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .headers = out->headers,
        .correlation_id = slice_of(params->id),
        .reply_to = slice_of(params->reply_to),
        .persistent = !params->transient,
    };
    if (params->expiration_ms > 0) {
        (void)snprintf(out->expiration, sizeof(out->expiration), "%u",
                       params->expiration_ms);
        out->message.expiration = slice_of(out->expiration);
    }
    return true;
}

void
task_message_release(struct task_message *message)
{
    buf_release(&message->body);
    json_decref(message->headers);
    message->headers = NULL;
}
