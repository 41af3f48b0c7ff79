#include "fleet/engine_link.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "loop/child.h"
#include "loop/connection.h"
#include "loop/deadline.h"
#include "loop/listener.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/log.h"
#include "util/path.h"

enum {
    HELLO_MS = 30000,
    // What a connection that was closed leaves its process to end by itself.
    END_MS = 10000,
    // Who else may hold its socket open once it is gone.
    REST_MS = 1000,
};

struct engine_process {
    struct engine_link link;
    const struct engine_link_events *events;
    void *ctx;
    struct listener *listener;
    struct connection *connection;
    struct child *child;
    struct deadline deadline; // for its hello, then for its end
    char *folder;             // of the socket
    bool greeted;
    char why[320]; // it is gone, as far as we know; "": not yet
};

static struct engine_process *
process_of(struct engine_link *link)
{
    return (struct engine_process *)(void *)link;
}

static void
process_free(struct engine_process *process)
{
    struct err err = {0};

    deadline_release(&process->deadline);
    listener_free(process->listener);
    connection_drop(process->connection);
    if (process->folder != NULL && !path_remove_tree(process->folder, &err)) {
        log_warn("engine: %s", err.text);
    }
    free(process->folder);
    free(process);
}

static void
kill_child(struct engine_process *process, const char *why)
{
    if (process->why[0] == '\0') {
        snprintf(process->why, sizeof(process->why), "%s", why);
    }
    deadline_disarm(&process->deadline);
    if (process->child != NULL) {
        child_signal(process->child, SIGKILL);
    }
}

static void
tell_gone(void *ctx)
{
    struct engine_process *process = ctx;
    const struct engine_link_events *events = process->events;
    void *their = process->ctx;
    char why[sizeof(process->why)];

    snprintf(why, sizeof(why), "%s", process->why);
    process_free(process);
    events->on_gone(their, why);
}

static void
on_late(void *ctx)
{
    struct engine_process *process = ctx;

    if (process->child == NULL) {
        connection_drop(process->connection);
        process->connection = NULL;
        loop_post(process->deadline.loop, tell_gone, process);
        return;
    }
    kill_child(process, process->greeted ? "it did not end"
                                         : "it did not connect in time");
}

static void
on_line(void *ctx, struct slice line)
{
    struct engine_process *process = ctx;
    struct err err = {0};

    if (!process->greeted &&
        slice_find_part(line, SLICE("\"hello\"")) < line.len) {
        process->greeted = true;
        deadline_disarm(&process->deadline);
    }
    if (!engine_link_tell(line, process->events, process->ctx, &err)) {
        log_error("engine: %s", err.text);
        char why[sizeof(process->why)];
        snprintf(why, sizeof(why), "it said what it must not say: %.120s",
                 err.text);
        kill_child(process, why);
    }
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct engine_process *process = ctx;

    process->connection = NULL;
    if (process->child == NULL) {
        deadline_disarm(&process->deadline);
        loop_post(process->deadline.loop, tell_gone, process);
    } else if (err != NULL) {
        kill_child(process, err->text);
    } else {
        deadline_arm(&process->deadline, END_MS);
    }
}

static void
on_connected(void *ctx, struct connection *connection)
{
    static const struct connection_events events = {
        .on_line = on_line,
        .on_closed = on_closed,
    };
    struct engine_process *process = ctx;

    if (process->connection != NULL || process->greeted) {
        connection_drop(connection);
        return;
    }
    process->connection = connection;
    connection_start(connection, &events, process);
}

static void
say_how(char *text, size_t size, const struct child_exit *how)
{
    if (how->lost) {
        snprintf(text, size, "its guardian was lost");
    } else if (WIFSIGNALED(how->status)) {
        snprintf(text, size, "it was killed by signal %d",
                 WTERMSIG(how->status));
    } else {
        snprintf(text, size, "it ended with status %d",
                 WEXITSTATUS(how->status));
    }
}

static void
on_child_failed(void *ctx, const struct err *err)
{
    struct engine_process *process = ctx;

    snprintf(process->why, sizeof(process->why), "it could not be started: %s",
             err->text);
}

static void
on_child_gone(void *ctx, const struct child_exit *how)
{
    struct engine_process *process = ctx;

    process->child = NULL;
    deadline_disarm(&process->deadline);
    if (process->why[0] == '\0') {
        say_how(process->why, sizeof(process->why), how);
    }
    listener_free(process->listener);
    process->listener = NULL;
    if (process->connection == NULL) {
        loop_post(process->deadline.loop, tell_gone, process);
        return;
    }
    // Its last words may still lie in the socket.
    connection_hold(process->connection, false);
    deadline_arm(&process->deadline, REST_MS);
}

static void
link_send(struct engine_link *link, struct slice line)
{
    struct engine_process *process = process_of(link);

    if (process->connection != NULL) {
        connection_send(process->connection, line.data, line.len);
        connection_send(process->connection, "\n", 1);
    }
}

static void
link_hold(struct engine_link *link, bool held)
{
    struct engine_process *process = process_of(link);

    if (process->connection != NULL && process->child != NULL) {
        connection_hold(process->connection, held);
    }
}

static void
link_kill(struct engine_link *link)
{
    kill_child(process_of(link), "it was killed");
}

static void
link_drop(struct engine_link *link)
{
    struct engine_process *process = process_of(link);

    loop_cancel(process->deadline.loop, process);
    if (process->child != NULL) {
        child_drop(process->child);
    }
    process_free(process);
}

static bool
start_child(struct engine_process *process,
            const struct engine_link_params *params, struct err *err)
{
    static const struct child_events events = {
        .on_failed = on_child_failed,
        .on_gone = on_child_gone,
    };
    ARRAY(const char *) env = {0};
    char *socket =
        alloc_printf("MULE_SOCKET=%s", listener_path(process->listener));

    for (size_t i = 0; params->env != NULL && params->env[i] != NULL; i++) {
        ARRAY_ADD(&env, params->env[i]);
    }
    ARRAY_ADD(&env, socket);
    ARRAY_ADD(&env, NULL);
    struct child_params child = {
        .argv = params->words,
        .env = env.items,
        .out = CHILD_OUTPUT_TERMINAL,
        .err = CHILD_OUTPUT_TERMINAL,
        .leads = CHILD_LEADS_GROUP,
    };
    process->child =
        child_start(params->guardians, &child, &events, process, err);
    ARRAY_RELEASE(&env);
    free(socket);
    return process->child != NULL;
}

struct engine_link *
engine_link_start(void *params, const struct engine_link_events *events,
                  void *ctx, struct err *err)
{
    static const struct engine_link_ops ops = {
        .send = link_send,
        .hold = link_hold,
        .kill = link_kill,
        .drop = link_drop,
    };
    const struct engine_link_params *how = params;
    struct engine_process *process = ALLOC(struct engine_process);

    process->link.ops = &ops;
    process->events = events;
    process->ctx = ctx;
    deadline_init(&process->deadline, how->loop, on_late, process);
    process->folder = path_make_private_in(
        how->folder, "e-", LISTENER_MAX_PATH - strlen("/engine"), err);
    if (process->folder != NULL) {
        char *path = path_join(process->folder, "engine");
        process->listener =
            listener_new(how->loop, path, on_connected, process, err);
        free(path);
    }
    if (process->listener == NULL || !start_child(process, how, err)) {
        process_free(process);
        err_wrap(err, "starting an engine");
        return NULL;
    }
    deadline_arm(&process->deadline,
                 how->hello_ms > 0 ? how->hello_ms : HELLO_MS);
    return &process->link;
}
