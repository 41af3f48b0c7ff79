// Commands that end tasks: by their ids, or by stamps in their headers.
#include "celery/node_builtin.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "celery/repr.h"
#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/buf.h"

#define STAMPS_MAX 10000

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
        struct slice id = builtin_id(ids, i);
        idset_add(&node->revoked, id, now_msec());
        add_id(&all, id);
        struct node_task *task = node_task_find(node, id);
        if (task != NULL && node_task_strike(task, terminate, signal)) {
            add_id(&struck, id);
        }
    }
    if (!terminate) {
        answer = builtin_ok("tasks %s flagged as revoked", buf_text(&all));
    } else if (struck.len == 0) {
        answer = builtin_ok("terminate: tasks unknown");
    } else {
        answer = builtin_ok("terminate: %s", buf_text(&struck));
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
        (void)builtin_misses(err, method, "task_id");
        return NULL;
    }
    const char *signal = signal_of(json_object_get(arguments, "signal"), err);
    if (signal == NULL) {
        return NULL;
    }
    json_t *ids = builtin_ids(wanted);
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
        (void)builtin_misses(err, "terminate", "signal");
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
        (void)builtin_misses(err, "revoke_by_stamped_headers", "headers");
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
        struct node_task *task = node_task_find(node, builtin_id(ids, i));
        if (task != NULL) {
            struck = node_task_strike(task, terminate, signal) || struck;
        }
    }
    json_decref(ids);
    json_t *answer =
        !terminate
            ? builtin_ok("headers %s flagged as revoked, but not terminated",
                         json_string_value(shown))
        : struck ? builtin_ok("headers %s revoked", json_string_value(shown))
                 : builtin_ok("headers %s were not terminated",
                              json_string_value(shown));
    json_decref(shown);
    json_decref(stamps);
    return answer;
}

const struct node_builtin node_revoke_commands[] = {
    {"revoke", do_revoke, BUILTIN_ACTS},
    {"terminate", do_terminate, BUILTIN_ACTS},
    {"revoke_by_stamped_headers", do_revoke_stamped, BUILTIN_ACTS},
    {NULL, NULL, 0},
};
