#include "fleet/python_carrier.h"

#include <assert.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/carrier_codec.h"
#include "fleet/carrier_json.h"
#include "fleet/fleet_names.h"
#include "fleet/task_pool.h"
#include "loop/connection.h"
#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/list.h"
#include "util/log.h"

#include "config.h"

// Above this no more is given to a main process that does not read.
#define QUEUED_MAX (CONNECTION_MAX_QUEUE / 2)

// A main process that hangs must not keep a build's end waiting: it takes no
// more than what it has then, which goes back with its connection.
#define LEAVE_MS 5000

// A call whose end is awaited.
struct call {
    uint64_t id; // 0: nobody was told of it
    carrier_done_fn done;
    void *ctx;
    bool leaves; // a queue: it is not waited for long
};

struct python_carrier {
    struct carrier base;
    struct loop *loop;
    struct connection *connection; // with the main process; NULL: it is gone
    struct task_pool *pool;        // NULL: not served yet, or over
    const struct python_carrier_events *events;
    void *ctx;
    const struct carrier_events *served; // NULL: not yet
    void *served_ctx;
    ARRAY(struct call) calls;
    struct err refusal;
    uint64_t last_call;
    struct deadline leaving;
    char *socket;  // NULL: it has not greeted
    bool orphaned; // the main process went first
    bool stopped;
    bool over;
};

static struct python_carrier *
of(struct carrier *base)
{
    return LIST_ENTRY(base, struct python_carrier, base);
}

// ------------------------------------------------------------------- ending

// Takes the call out before it is ended: that may make another one.
static void
end_call(struct python_carrier *carrier, size_t index, const struct err *err)
{
    const struct call call = carrier->calls.items[index];

    ARRAY_REMOVE(&carrier->calls, index);
    if (call.done != NULL) {
        call.done(call.ctx, err);
    }
}

// The folder is Python's, which is no longer there to remove it.
static void
remove_folder(const struct python_carrier *carrier)
{
    char *path = alloc_dup(carrier->socket);

    rmdir(dirname(path));
    free(path);
}

static void
on_over(void *ctx)
{
    struct python_carrier *carrier = ctx;

    if (carrier->over) {
        return;
    }
    carrier->over = true;
    task_pool_free(carrier->pool);
    carrier->pool = NULL;
    if (carrier->orphaned) {
        remove_folder(carrier);
    }
    const struct err *err =
        err_is_set(&carrier->refusal) ? &carrier->refusal : NULL;
    carrier->events->on_over(carrier->ctx, carrier->stopped ? NULL : err);
}

// Calls that were made in vain end here, and not inside of themselves.
static void
on_refused(void *ctx)
{
    struct python_carrier *carrier = ctx;
    struct err err = {0};
    size_t i = 0;

    if (carrier->connection == NULL) {
        err_set(&err, ERR_SYSTEM, "the Python worker is gone");
    } else {
        err_set(&err, ERR_LIMIT, "the Python worker takes no more");
    }
    while (i < carrier->calls.count) {
        if (carrier->calls.items[i].id == 0) {
            end_call(carrier, i, &err);
        } else {
            i++;
        }
    }
}

// Without its main process a worker is dead: what it had comes to others.
static void
on_gone(struct python_carrier *carrier)
{
    if (carrier->served == NULL || carrier->stopped) {
        on_over(carrier);
        return;
    }
    carrier->orphaned = true;
    task_pool_lose(carrier->pool);
    deadline_disarm(&carrier->leaving);
    for (size_t i = 0; i < carrier->calls.count; i++) {
        carrier->calls.items[i].id = 0;
    }
    loop_post(carrier->loop, on_refused, carrier);
    carrier->served->on_way(carrier->served_ctx, false);
    carrier->served->on_stop(carrier->served_ctx, STOP_COLD);
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct python_carrier *carrier = ctx;

    carrier->connection = NULL;
    if (err != NULL) {
        log_error("the Python worker: %s", err->text);
        if (!err_is_set(&carrier->refusal)) {
            carrier->refusal = *err;
        }
    }
    on_gone(carrier);
}

// ------------------------------------------------------------------- events

static void
on_task(void *ctx, uint64_t task, const struct carrier_line *line)
{
    struct python_carrier *carrier = ctx;

    carrier->served->on_task(carrier->served_ctx, task, line->task_kind,
                             &line->sealed, line->redelivered);
}

static void
on_task_gone(void *ctx, uint64_t task)
{
    struct python_carrier *carrier = ctx;

    carrier->served->on_task_gone(carrier->served_ctx, task);
}

static const struct task_pool_events pool_events = {
    .on_task = on_task,
    .on_gone = on_task_gone,
};

static void
greet(struct python_carrier *carrier, const struct carrier_line *line)
{
    char *node = slice_dup(line->node);
    char *python = slice_dup(line->python);
    char *celery = slice_dup(line->celery);
    char *version = slice_dup(line->version);
    const struct python_hello hello = {
        .node = node,
        .python = python,
        .celery = celery,
        .version = version,
        .pid = line->pid,
        .slots = line->slots,
    };

    carrier->socket = slice_dup(line->socket);
    carrier->events->on_hello(carrier->ctx, &hello);
    free(node);
    free(python);
    free(celery);
    free(version);
}

static void
take_done(struct python_carrier *carrier, const struct carrier_line *line)
{
    struct err err = {0};

    for (size_t i = 0; i < carrier->calls.count; i++) {
        if (carrier->calls.items[i].id != line->number || line->number == 0) {
            continue;
        }
        if (line->why.len > 0) {
            err_set(&err, ERR_SYSTEM, "%.*s",
                    SLICE_ARG(slice_first(line->why, 200)));
        }
        end_call(carrier, i, err_is_set(&err) ? &err : NULL);
        return;
    }
}

static void
terminate(struct python_carrier *carrier, const struct carrier_line *line)
{
    uint64_t task = task_pool_find(carrier->pool, line->id);

    if (task != 0) {
        carrier->served->on_terminate(carrier->served_ctx, task, line->signo);
    }
}

static void
control(struct python_carrier *carrier, const struct carrier_line *line)
{
    char *method = slice_dup(line->method);

    carrier->served->on_control(carrier->served_ctx, method, &line->sealed,
                                line->number);
    free(method);
}

// Gives false for what must not be said.
static bool
take(struct python_carrier *carrier, const struct carrier_line *line)
{
    const struct carrier_events *served = carrier->served;
    void *ctx = carrier->served_ctx;

    switch (line->kind) {
    case CARRIER_CONTROL:
        control(carrier, line);
        return true;
    case CARRIER_TERMINATE:
        terminate(carrier, line);
        return true;
    case CARRIER_LOST:
        task_pool_lose(carrier->pool);
        return true;
    case CARRIER_WAY:
        served->on_way(ctx, line->up);
        return true;
    case CARRIER_SLOTS:
        served->on_slots(ctx, line->slots);
        return true;
    case CARRIER_STOP:
        served->on_stop(ctx, line->stop);
        return true;
    case CARRIER_DONE:
        take_done(carrier, line);
        return true;
    case CARRIER_PIECE:
        served->on_piece(ctx, line->body);
        return true;
    case CARRIER_OTHER:
        return true;
    case CARRIER_HELLO:
    case CARRIER_TASK:
        return false;
    }
    return false;
}

static void
on_line(void *ctx, struct slice text)
{
    struct python_carrier *carrier = ctx;
    struct carrier_line line;
    struct err err = {0};

    if (!carrier_line_decode(&line, text, &err)) {
        // says itself what is wrong
    } else if (carrier->socket == NULL && line.kind == CARRIER_HELLO) {
        greet(carrier, &line);
    } else if (carrier->served == NULL || !take(carrier, &line)) {
        err_set(&err, ERR_PROTOCOL, "something that must not be said now");
    }
    carrier_line_release(&line);
    if (err_is_set(&err)) {
        connection_drop(carrier->connection);
        on_closed(carrier, &err);
    }
}

static const struct connection_events connection_events = {
    .on_line = on_line,
    .on_closed = on_closed,
};

// --------------------------------------------------------------- operations

static void
say(struct python_carrier *carrier, json_t *line)
{
    if (carrier->connection != NULL) {
        carrier_json_send(carrier->connection, line);
    } else {
        json_decref(line);
    }
}

// Gives its number, or 0: nobody would hear of it, `done` comes from the loop.
static uint64_t
add_call(struct python_carrier *carrier, carrier_done_fn done, void *ctx)
{
    bool heard = carrier->connection != NULL &&
                 connection_queued(carrier->connection) <= QUEUED_MAX;
    const struct call call = {
        .id = heard ? ++carrier->last_call : 0,
        .done = done,
        .ctx = ctx,
    };

    ARRAY_ADD(&carrier->calls, call);
    if (!heard) {
        loop_post(carrier->loop, on_refused, carrier);
    }
    return call.id;
}

static void
do_offers(struct carrier *base, bool wanted)
{
    say(of(base), json_pack("{s:s, s:b}", "msg", "offers", "wanted", wanted));
}

static void
do_join(struct carrier *base, const char *queue, uint32_t prefetch)
{
    say(of(base),
        json_pack("{s:s, s:s, s:I, s:I}", "msg", "join", "queue", queue,
                  "expires_ms", (json_int_t)FLEET_QUEUE_EXPIRES_MS, "prefetch",
                  (json_int_t)prefetch));
}

static void
do_prefetch(struct carrier *base, uint32_t prefetch)
{
    say(of(base), json_pack("{s:s, s:I}", "msg", "prefetch", "prefetch",
                            (json_int_t)prefetch));
}

static void
on_leave_late(void *ctx)
{
    struct python_carrier *carrier = ctx;
    const uint64_t last = carrier->last_call;
    struct err err = {0};
    size_t i = 0;

    err_set(&err, ERR_LIMIT, "the Python worker does not answer");
    while (i < carrier->calls.count) {
        const struct call *call = &carrier->calls.items[i];
        if (call->leaves && call->id <= last) {
            end_call(carrier, i, &err);
        } else {
            i++;
        }
    }
}

static void
do_leave(struct carrier *base, carrier_done_fn done, void *ctx)
{
    struct python_carrier *carrier = of(base);
    uint64_t id = add_call(carrier, done, ctx);

    if (id != 0) {
        carrier->calls.items[carrier->calls.count - 1].leaves = true;
        deadline_arm(&carrier->leaving, LEAVE_MS);
        say(carrier,
            json_pack("{s:s, s:I}", "msg", "leave", "id", (json_int_t)id));
    }
}

static void
do_send(struct carrier *base, const char *queue, const struct sealed *sealed,
        carrier_done_fn done, void *ctx)
{
    struct python_carrier *carrier = of(base);
    uint64_t id = add_call(carrier, done, ctx);

    assert(!slice_has(sealed->payload, '\n'));
    if (id == 0) {
        return;
    }
    say(carrier, json_pack("{s:s, s:I, s:s, s:I, s:s%}", "msg", "send", "id",
                           (json_int_t)id, "queue", queue, "expires_ms",
                           (json_int_t)FLEET_INBOX_EXPIRES_MS, "seal",
                           sealed->seal.len > 0 ? sealed->seal.data : "",
                           sealed->seal.len));
    connection_send(carrier->connection, sealed->payload.data,
                    sealed->payload.len);
    connection_send(carrier->connection, "\n", 1);
}

static void
do_end(struct carrier *base, uint64_t task, enum carrier_end how,
       const json_t *value)
{
    static const char *const words[] = {
        [TASK_DONE] = "done",
        [TASK_FAILED] = "failed",
        [TASK_RETURNED] = "returned",
    };
    struct python_carrier *carrier = of(base);

    if (carrier->pool != NULL) {
        task_pool_end(carrier->pool, task, words[how], value);
    }
}

static void
do_reply(struct carrier *base, uint64_t reply, const json_t *value)
{
    json_t *line =
        json_pack("{s:s, s:I}", "msg", "reply", "reply", (json_int_t)reply);

    carrier_json_set(line, "value", json_deep_copy(value));
    say(of(base), line);
}

static void
do_listen(struct carrier *base, const char *queue)
{
    say(of(base), json_pack("{s:s, s:s?, s:I}", "msg", "listen", "queue", queue,
                            "expires_ms", (json_int_t)FLEET_INBOX_EXPIRES_MS));
}

static void
do_erase(struct carrier *base, const char *queue, bool sure)
{
    say(of(base), json_pack("{s:s, s:s, s:b}", "msg", "erase", "queue", queue,
                            "sure", (int)sure));
}

static void
do_stopped(struct carrier *base)
{
    struct python_carrier *carrier = of(base);

    carrier->stopped = true;
    if (carrier->connection == NULL) {
        loop_post(carrier->loop, on_over, carrier);
        return;
    }
    say(carrier, json_pack("{s:s}", "msg", "stopped"));
    connection_close(carrier->connection);
}

static const struct carrier_ops ops = {
    .offers = do_offers,
    .join = do_join,
    .prefetch = do_prefetch,
    .leave = do_leave,
    .send = do_send,
    .end = do_end,
    .reply = do_reply,
    .listen = do_listen,
    .erase = do_erase,
    .stopped = do_stopped,
};

// ------------------------------------------------------------------ itself

struct python_carrier *
python_carrier_new(struct loop *loop, int fd,
                   const struct python_carrier_events *events, void *ctx)
{
    struct python_carrier *carrier = ALLOC(struct python_carrier);

    carrier->base.ops = &ops;
    carrier->loop = loop;
    carrier->events = events;
    carrier->ctx = ctx;
    deadline_init(&carrier->leaving, loop, on_leave_late, carrier);
    carrier->connection = connection_new(loop, fd);
    connection_start(carrier->connection, &connection_events, carrier);
    return carrier;
}

bool
python_carrier_serve(struct python_carrier *carrier,
                     const struct carrier_events *events, void *ctx,
                     struct err *err)
{
    assert(carrier->socket != NULL && carrier->served == NULL);
    carrier->pool = task_pool_new(carrier->loop, carrier->socket, &pool_events,
                                  carrier, err);
    if (carrier->pool == NULL) {
        return err_wrap(err, "listening for tasks");
    }
    carrier->served = events;
    carrier->served_ctx = ctx;
    say(carrier, json_pack("{s:s, s:s, s:s}", "msg", "hello", "protocol",
                           CARRIER_PROTOCOL, "version", MULE_VERSION));
    return true;
}

struct carrier *
python_carrier_base(struct python_carrier *carrier)
{
    return &carrier->base;
}

void
python_carrier_free(struct python_carrier *carrier)
{
    if (carrier == NULL) {
        return;
    }
    loop_cancel(carrier->loop, carrier);
    deadline_release(&carrier->leaving);
    task_pool_free(carrier->pool);
    connection_drop(carrier->connection);
    ARRAY_RELEASE(&carrier->calls);
    free(carrier->socket);
    free(carrier);
}
