#include "fleet/serving.h"

#include "fleet/serving_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/log.h"

#define SERVING_MISSING_MAX ((size_t)2048)

static void begin_end(struct serving *serving, bool now);

// ---------------------------------------------------------------- talking

static void
send_bytes(void *ctx, struct slice bytes)
{
    struct serving *serving = ctx;
    if (serving->connection != NULL) {
        connection_send(serving->connection, bytes.data, bytes.len);
    }
}

void
serving_send_line(struct serving *serving)
{
    bulletin_flush(serving->bulletin);
    send_bytes(serving, buf_slice(&serving->line));
    buf_reset(&serving->line);
}

static void
say(void *ctx, struct slice text)
{
    struct serving *serving = ctx;
    bulletin_add(serving->bulletin,
                 &(struct update){.kind = UPDATE_SAID, .text = text});
}

static void
on_said(void *ctx, struct slice bytes)
{
    struct serving *serving = ctx;
    speech_add(&serving->speech, bytes);
}

static usec
passed_us(const struct serving *serving)
{
    return loop_now_us(serving->params.loop) - serving->began;
}

static void
tell_over(void *ctx)
{
    struct serving *serving = ctx;
    serving->params.events->on_over(serving->params.ctx, false);
}

static void
abandon(struct serving *serving)
{
    if (!serving->over) {
        serving->over = true;
        serving->phase = PHASE_LEFT;
        loop_post(serving->params.loop, tell_over, serving);
    }
}

void
serving_fail(struct serving *serving, const struct err *err)
{
    if (serving->phase >= PHASE_FAILED) {
        return;
    }
    log_info("serving: failed: %s", err->text);
    serving->phase = PHASE_FAILED;
    if (serving->desk != NULL) {
        desk_forget_waiting(serving->desk);
        if (serving->place.executor != NULL) {
            serving->place.executor->ops->cancel(serving->place.executor, true);
        }
    }
    struct buf why = BUF_INIT(1024);
    buf_add_text(&why, err->text);
    if (err_help(err) != NULL) {
        buf_addf(&why, " (%s)", err_help(err));
    }
    serving_add_failed(&serving->line, buf_text(&why));
    serving_send_line(serving);
    buf_release(&why);
}

// -------------------------------------------------------------- preparing

static void
be_ready(struct serving *serving)
{
    serving->phase = PHASE_SERVING;
    serving_add_ready(&serving->line, (uint64_t)passed_us(serving));
    serving_send_line(serving);
}

static void
on_setup_done(void *ctx, const struct event_script *script)
{
    struct serving *serving = ctx;
    if (serving->over) {
        return;
    }
    speech_end(&serving->speech, &script->out);
    if (serving->phase != PHASE_SETUP) {
        begin_end(serving, false); // its end was asked for meanwhile
        return;
    }
    if (script->ok) {
        be_ready(serving);
        return;
    }
    struct err err = {0};
    err_set(&err, ERR_SYSTEM, "setup of workspace \"%s\": %s",
            script->workspace, script->problem);
    serving_fail(serving, &err);
}

static void
set_up(struct serving *serving, const char *folder, const char *revision)
{
    const struct serving_events *events = serving->params.events;
    struct err err = {0};
    serving->phase = PHASE_SETUP;
    struct serving_tree tree = {
        .folder = folder,
        .revision = revision,
        .said = on_said,
        .said_ctx = serving,
    };
    if (!events->on_tree(serving->params.ctx, &tree, &serving->scripts, &err)) {
        serving_fail(serving, &err);
        return;
    }
    serving->configured = true;
    speech_init(&serving->speech, events->output_limit(serving->params.ctx),
                say, serving);
    if (serving->scripts == NULL || serving->plan.prepared ||
        !scripts_has(serving->scripts, true)) {
        be_ready(serving);
        return;
    }
    scripts_start(serving->scripts, true, on_setup_done, serving);
}

static void
on_tree_said(void *ctx, struct slice text)
{
    struct serving *serving = ctx;
    struct buf line = BUF_INIT(text.len + 1);
    buf_add_slice(&line, text);
    buf_add_char(&line, '\n');
    say(serving, buf_slice(&line));
    buf_release(&line);
}

static void
on_want(void *ctx, const struct tree_want *want)
{
    struct serving *serving = ctx;
    serving_add_want(&serving->line, want->hash, want->at, want->bytes,
                     want->again);
    serving_send_line(serving);
}

static void
on_tree_ready(void *ctx, const char *path, const char *revision)
{
    struct serving *serving = ctx;
    const char *named = serving->plan.revision;
    if (serving->over) {
        return;
    }
    if (serving->phase != PHASE_TREE) {
        begin_end(serving, false); // its end was asked for meanwhile
        return;
    }
    set_up(serving, path, named[0] != '\0' ? named : revision);
}

static void
on_tree_failed(void *ctx, const struct err *err)
{
    struct serving *serving = ctx;
    struct err why = *err;
    if (serving->over) {
        return;
    }
    if (serving->phase != PHASE_TREE) {
        begin_end(serving, false);
        return;
    }
    err_wrap(&why, "getting the sources");
    serving_fail(serving, &why);
}

static void
get_tree(struct serving *serving)
{
    static const struct tree_events events = {
        .on_said = on_tree_said,
        .on_want = on_want,
        .on_ready = on_tree_ready,
        .on_failed = on_tree_failed,
    };
    const struct plan *plan = &serving->plan;
    struct err err = {0};
    serving->phase = PHASE_TREE;
    if (json_object_size(plan->tree) > 0 &&
        (plan->home[0] != '/' || plan->node[0] == '\0')) {
        err_set(&err, ERR_PROTOCOL, "the plan names no place for a tree");
        serving_fail(serving, &err);
        return;
    }
    serving->tree = tree_new(
        &(struct tree_params){
            .loop = serving->params.loop,
            .guardians = serving->guardians,
            .origin = plan->tree,
            .home = plan->home,
            .build = plan->build,
            .node = plan->node,
            .prepared = plan->prepared,
        },
        &events, serving, &err);
    if (serving->tree == NULL) {
        serving_fail(serving, &err);
        return;
    }
    tree_start(serving->tree);
}

static void
take_plan(struct serving *serving, struct err *err)
{
    if (serving->phase != PHASE_PLAN) {
        err_set(err, ERR_PROTOCOL, "a second plan");
        return;
    }
    serving->began = loop_now_us(serving->params.loop);
    if (!plan_decode(&serving->plan, serving->message.root, err)) {
        return;
    }
    struct err refusal = {0};
    if (!serving->params.events->on_plan(serving->params.ctx, &serving->plan,
                                         &serving->guardians, &refusal)) {
        serving_fail(serving, &refusal);
        return;
    }
    get_tree(serving);
}

// ---------------------------------------------------------------- the end

static void
leave(struct serving *serving)
{
    bool ok = !err_is_set(&serving->problem);
    serving->phase = PHASE_LEFT;
    serving_add_left(&serving->line, ok, ok ? "" : serving->problem.text,
                     (uint64_t)passed_us(serving));
    serving_send_line(serving);
    connection_close(serving->connection);
}

static void
on_removed(void *ctx, const struct err *err)
{
    struct serving *serving = ctx;
    if (serving->over) {
        return;
    }
    if (err != NULL && !err_is_set(&serving->problem)) {
        serving->problem = *err;
        err_wrap(&serving->problem, "removing the tree");
    }
    leave(serving);
}

static void
remove_tree(struct serving *serving)
{
    serving->phase = PHASE_REMOVING;
    if (serving->tree != NULL) {
        serving->params.events->on_leave_tree(serving->params.ctx);
        tree_remove(serving->tree, on_removed, serving);
    } else {
        leave(serving);
    }
}

static void
on_teardown_done(void *ctx, const struct event_script *script)
{
    struct serving *serving = ctx;
    if (serving->over) {
        return;
    }
    speech_end(&serving->speech, &script->out);
    if (!script->ok) {
        err_set(&serving->problem, ERR_SYSTEM,
                "teardown of workspace \"%s\": %s", script->workspace,
                script->problem);
    }
    remove_tree(serving);
}

static void
tear_down(struct serving *serving)
{
    serving->phase = PHASE_TEARDOWN;
    if (serving->configured && serving->scripts != NULL &&
        scripts_has(serving->scripts, false)) {
        scripts_start(serving->scripts, false, on_teardown_done, serving);
    } else {
        remove_tree(serving);
    }
}

void
serving_on_drained(void *ctx)
{
    struct serving *serving = ctx;
    if (serving->phase == PHASE_DRAINING) {
        tear_down(serving);
    }
}

/* What runs has been asked to end; goes on when it has. */
static void
begin_end(struct serving *serving, bool now)
{
    struct executor *executor = serving->place.executor;
    serving->phase = PHASE_DRAINING;
    if (executor == NULL) {
        tear_down(serving);
        return;
    }
    if (serving->desk != NULL) {
        desk_cancel_all(serving->desk, now);
    }
    executor->ops->drain(executor);
}

/* What still runs, and what is removed after it. */
static void
end_at_once(struct serving *serving)
{
    struct executor *executor = serving->place.executor;
    if (serving->desk != NULL) {
        desk_cancel_all(serving->desk, true);
    }
    if (executor != NULL) {
        executor->ops->cancel(executor, true);
    }
}

static void
take_teardown(struct serving *serving)
{
    bool now = serving->message.now;
    switch (serving->phase) {
    case PHASE_PLAN:
    case PHASE_SERVING:
    case PHASE_FAILED:
        serving->began = loop_now_us(serving->params.loop);
        begin_end(serving, now);
        break;
    case PHASE_TREE:
        serving->began = loop_now_us(serving->params.loop);
        serving->phase = PHASE_DRAINING;
        tree_cancel(serving->tree);
        break;
    case PHASE_SETUP:
        serving->began = loop_now_us(serving->params.loop);
        serving->phase = PHASE_DRAINING;
        scripts_cancel(serving->scripts, now);
        break;
    case PHASE_DRAINING:
        scripts_cancel(serving->scripts, now);
        if (now) {
            end_at_once(serving);
        }
        break;
    case PHASE_TEARDOWN:
    case PHASE_REMOVING:
    case PHASE_LEFT:
        break;
    }
}

// ------------------------------------------------------------- the socket

static void
act(struct serving *serving, struct err *err)
{
    switch (serving->message.kind) {
    case SERVING_PLAN:
        take_plan(serving, err);
        break;
    case SERVING_RUN:
        serving_take_orders(serving, err);
        break;
    case SERVING_CANCEL:
        serving_take_cancel(serving);
        break;
    case SERVING_POOL:
        serving_take_pool(serving);
        break;
    case SERVING_TEARDOWN:
        take_teardown(serving);
        break;
    case SERVING_PIECE:
        if (serving->tree != NULL) {
            tree_piece(serving->tree, serving->message.at,
                       serving->message.data);
        }
        break;
    case SERVING_LIVE:
        live_wish(serving->live, serving->message.pattern,
                  serving->message.credit);
        break;
    case SERVING_OTHER:
    case SERVING_KIND_COUNT:
        break;
    }
}

static void
on_line(void *ctx, struct slice line)
{
    struct serving *serving = ctx;
    struct err err = {0};
    if (serving->phase == PHASE_LEFT) {
        return;
    }
    if (serving_message_decode(&serving->message, line, &err)) {
        act(serving, &err);
    }
    if (err_is_set(&err)) {
        log_error("serving: %s", err.text);
        abandon(serving);
    }
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct serving *serving = ctx;
    serving->connection = NULL;
    if (err != NULL) {
        log_warn("serving: %s", err->text);
    }
    if (serving->over) {
        return;
    }
    if (serving->phase != PHASE_LEFT) {
        abandon(serving);
        return;
    }
    serving->over = true;
    serving->params.events->on_over(serving->params.ctx, true);
}

// ----------------------------------------------------------- from outside

struct serving *
serving_new(const struct serving_params *params)
{
    static const struct connection_events events = {
        .on_line = on_line,
        .on_closed = on_closed,
    };
    struct serving *serving = ALLOC(struct serving);
    serving->params = *params;
    serving->phase = PHASE_PLAN;
    serving->bulletin = bulletin_new(params->loop, send_bytes, serving);
    serving->live = live_new(params->loop, send_bytes, serving);
    buf_init(&serving->line, SERVING_LINE_MAX);
    buf_init(&serving->missing, SERVING_MISSING_MAX);
    serving->connection = connection_new(params->loop, params->fd);
    connection_start(serving->connection, &events, serving);
    serving_add_hello(&serving->line, params->version, (int)getpid());
    serving_send_line(serving);
    return serving;
}

void
serving_abort(struct serving *serving)
{
    abandon(serving);
}

void
serving_free(struct serving *serving)
{
    if (serving == NULL) {
        return;
    }
    loop_cancel(serving->params.loop, serving);
    connection_drop(serving->connection);
    live_free(serving->live);
    desk_free(serving->desk);
    tree_free(serving->tree);
    bulletin_free(serving->bulletin);
    speech_release(&serving->speech);
    serving_message_release(&serving->message);
    plan_release(&serving->plan);
    buf_release(&serving->missing);
    buf_release(&serving->line);
    free(serving);
}
