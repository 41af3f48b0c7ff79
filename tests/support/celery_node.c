// Not a test: a node of Celery with tasks of its own, for tests that look at
// it with real clients and monitors.
//
//     celery_node URL NAME QUEUE [--no-control]
//
// Its tasks: t.add (the sum of its arguments), t.fail (an error), t.wait (runs
// until it is terminated). Writes "ready" once it serves, then a line for each
// thing it is told; SIGTERM ends it warm.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "celery/node.h"
#include "loop/loop.h"
#include "loop/signals.h"
#include "transport/transport.h"
#include "util/err.h"

struct program {
    struct loop *loop;
    struct transport *transport;
    struct node *node;
    const char *queue;
    bool stopping;
    int status;
};

static void
say(const char *what, const char *of)
{
    printf("%s %s\n", what, of);
    (void)fflush(stdout);
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct program *program = ctx;

    (void)err;
    loop_stop(program->loop);
}

static void
on_stopped(void *ctx, const struct err *err)
{
    struct program *program = ctx;

    (void)err;
    transport_close(program->transport, 2000, on_closed, program);
}

static void
stop(struct program *program)
{
    enum node_shutdown how = program->stopping ? NODE_COLD : NODE_WARM;

    program->stopping = true;
    node_stop(program->node, how, on_stopped, program);
}

static void
on_ready(void *ctx)
{
    struct program *program = ctx;
    struct queue_params queue = {
        .name = program->queue, .durable = true, .passive_first = true};

    node_consume(program->node, &queue, 4, NULL, NULL);
    say("ready", "");
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct program *program = ctx;

    say("failed", err->text);
    program->status = 1;
    loop_stop(program->loop);
}

static void
add(struct node_task *task)
{
    const json_t *args = node_task_get(task)->args;
    json_int_t sum = 0;

    for (size_t i = 0; i < json_array_size(args); i++) {
        sum += json_integer_value(json_array_get(args, i));
    }
    json_t *value = json_integer(sum);
    node_task_done(task, value);
    json_decref(value);
}

static void
on_task(void *ctx, struct node_task *task)
{
    struct slice name = node_task_get(task)->name;

    (void)ctx;
    if (!node_task_started(task, 0)) {
        return;
    }
    if (slice_equals_text(name, "t.add")) {
        add(task);
    } else if (slice_equals_text(name, "t.fail")) {
        node_task_failed(task, "RuntimeError", "as it was asked");
    } else {
        say("waiting", "");
    }
}

static void
on_withdrawn(void *ctx, struct node_task *task)
{
    (void)ctx;
    (void)task;
    say("withdrawn", "");
}

static void
on_terminate(void *ctx, struct node_task *task, const char *signal)
{
    (void)ctx;
    say("terminate", signal);
    node_task_revoked(task, "terminated");
}

static bool
on_resize(void *ctx, int concurrency, struct err *err)
{
    struct program *program = ctx;

    (void)err;
    node_set_concurrency(program->node, concurrency);
    return true;
}

static void
on_shutdown(void *ctx)
{
    say("shutdown", "");
    stop(ctx);
}

static const struct node_events node_events = {
    .on_ready = on_ready,
    .on_failed = on_failed,
    .on_task = on_task,
    .on_withdrawn = on_withdrawn,
    .on_terminate = on_terminate,
    .on_resize = on_resize,
    .on_shutdown = on_shutdown,
};

static void
on_up(void *ctx)
{
    struct program *program = ctx;

    if (program->node != NULL) {
        node_up(program->node);
    }
}

static void
on_down(void *ctx, const struct err *err)
{
    struct program *program = ctx;

    say("down", err->text);
    if (program->node != NULL) {
        node_down(program->node);
    }
}

static const struct transport_events transport_events = {
    .on_up = on_up, .on_down = on_down, .on_failed = on_failed};

static void
on_signal(void *ctx, int number)
{
    (void)number;
    stop(ctx);
}

static bool
start(struct program *program, char **argv, bool control, struct err *err)
{
    static const char *const tasks[] = {"t.add", "t.fail", "t.wait", NULL};
    struct transport_params transport = {.loop = program->loop,
                                         .urls = argv[1],
                                         .name = argv[2],
                                         .events = &transport_events,
                                         .ctx = program};

    program->queue = argv[3];
    program->transport = transport_open(&transport, err);
    if (program->transport == NULL) {
        return false;
    }
    struct node_params params = {.loop = program->loop,
                                 .transport = program->transport,
                                 .name = argv[2],
                                 .concurrency = 2,
                                 .software = "celery_node",
                                 .version = "1.0",
                                 .system = "Linux",
                                 .urls = argv[1],
                                 .tasks = tasks,
                                 .allow_control = control,
                                 .task_events = true,
                                 .track_started = true,
                                 .events = &node_events,
                                 .ctx = program};
    program->node = node_new(&params, err);
    return program->node != NULL;
}

int
main(int argc, char **argv)
{
    struct program program = {.loop = loop_new()};
    struct err err = {0};
    bool control = argc < 5 || strcmp(argv[4], "--no-control") != 0;

    if (argc < 4) {
        (void)fputs("usage: celery_node URL NAME QUEUE [--no-control]\n",
                    stderr);
        return 2;
    }
    static const int numbers[] = {SIGTERM, SIGINT};
    struct signals *signals =
        signals_new(program.loop, numbers, 2, on_signal, &program, &err);
    if (signals != NULL && start(&program, argv, control, &err)) {
        loop_run(program.loop);
    } else {
        say("failed", err.text);
        program.status = 1;
    }
    transport_free(program.transport);
    node_free(program.node);
    signals_free(signals);
    loop_free(program.loop);
    return program.status;
}
