#include "fleet/serving.h"

#include <stdlib.h>
#include <unistd.h>

#include "fleet/serving_codec.h"
#include "fleet/speech.h"
#include "fleet/tree.h"
#include "loop/connection.h"
#include "util/alloc.h"
#include "util/log.h"

// When results pile up, nothing new begins.
#define SERVING_QUEUE_MAX ((size_t)16 << 20)
#define SERVING_MISSING_MAX ((size_t)2048)

enum phase {
    PHASE_PLAN = 1,
    PHASE_TREE,
    PHASE_SETUP,
    PHASE_SERVING,
    PHASE_FAILED, // waits for its teardown
    PHASE_DRAINING,
    PHASE_TEARDOWN,
    PHASE_REMOVING,
    PHASE_LEFT, // or nobody is there any more
};

struct serving {
    struct serving_params params;
    enum phase phase;
    struct connection *connection;
    struct serving_message message;
    struct plan plan;
    struct guardians *guardians;
    struct scripts *scripts;
    struct tree *tree; // NULL: no plan has come
    struct speech speech;
    struct bulletin *bulletin;
    struct serving_place place;
    struct desk *desk;  // NULL: no order has come
    struct buf missing; // modules that could not be loaded
    struct buf line;
    struct err problem; // of the end
    usec began;         // to prepare, then to tear down
    bool paused;        // nothing is to begin
    bool configured;    // the teardown script is to run
    bool over;
};

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

/* Sends the line that was built, behind all updates. */
static void
send_line(struct serving *serving)
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

/* It cannot serve this build, now or any more. */
static void
fail(struct serving *serving, const struct err *err)
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
    if (err->hint != NULL) {
        buf_addf(&why, " (%s)", err->hint);
    }
    serving_add_failed(&serving->line, buf_text(&why));
    send_line(serving);
    buf_release(&why);
}

// -------------------------------------------------------------- preparing

static void
be_ready(struct serving *serving)
{
    serving->phase = PHASE_SERVING;
    serving_add_ready(&serving->line, (uint64_t)passed_us(serving));
    send_line(serving);
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
    fail(serving, &err);
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
        fail(serving, &err);
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
    send_line(serving);
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
    fail(serving, &why);
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
        fail(serving, &err);
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
        fail(serving, &err);
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
        fail(serving, &refusal);
        return;
    }
    get_tree(serving);
}

// ------------------------------------------------------------- collecting

static void
on_module(void *ctx, struct slice module)
{
    (void)ctx;
    (void)module;
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    struct serving *serving = ctx;
    if (level == NOTE_INFO) {
        return; // said by each worker, and read by nobody
    }
    bulletin_add(serving->bulletin,
                 &(struct update){
                     .kind = UPDATE_NOTE,
                     .note = {level, slice_of(text), slice_of(hint)},
                 });
}

static void
on_collected(void *ctx, const struct err *err)
{
    struct serving *serving = ctx;
    if (serving->phase != PHASE_SERVING) {
        return;
    }
    if (err != NULL) {
        fail(serving, err);
        return;
    }
    desk_open(serving->desk, serving->place.executor,
              buf_slice(&serving->missing));
}

static void
on_broken_module(void *ctx, struct slice module, struct slice file,
                 const struct outcome *outcome)
{
    struct serving *serving = ctx;
    struct slice message = outcome->finding_count > 0
                               ? outcome->findings[0].message
                               : (struct slice){0};
    (void)file;
    buf_addf(&serving->missing, "%s%.*s: %.*s",
             serving->missing.len > 0 ? "; " : "",
             SLICE_ARG(slice_first(module, 200)),
             SLICE_ARG(slice_first(message, 300)));
}

/* The coordinator, who collected too, has told of it. */
static void
on_unknown(void *ctx, struct slice label, struct slice reason)
{
    (void)ctx;
    (void)label;
    (void)reason;
}

static void
collect(struct serving *serving)
{
    static const struct source_events events = {
        .on_module = on_module,
        .on_note = on_note,
        .on_collected = on_collected,
        .on_broken_module = on_broken_module,
        .on_unknown = on_unknown,
    };
    struct source *source = serving->place.source;
    if (source == NULL) {
        on_collected(serving, NULL);
        return;
    }
    source->ops->collect(source, serving->place.items, false, &events, serving);
}

// ----------------------------------------------------------------- orders

static void
on_broken(void *ctx, const struct err *err)
{
    fail(ctx, err);
}

static bool
is_full(void *ctx)
{
    const struct serving *serving = ctx;
    return serving->connection != NULL &&
           connection_queued(serving->connection) > SERVING_QUEUE_MAX;
}

static void on_drained(void *ctx);

/* Everything that runs jobs comes with the first of them. */
static bool
make_desk(struct serving *serving, struct err *err)
{
    const struct serving_events *events = serving->params.events;
    if (!events->on_order(serving->params.ctx, &serving->plan, &serving->place,
                          err)) {
        return false;
    }
    serving->desk = desk_new(&(struct desk_params){
        .loop = serving->params.loop,
        .items = serving->place.items,
        .bulletin = serving->bulletin,
        .jobs = serving->place.jobs,
        .base = serving->plan.base,
        .on_broken = on_broken,
        .on_drained = on_drained,
        .is_full = is_full,
        .ctx = serving,
    });
    events->on_desk(serving->params.ctx, serving->desk);
    desk_pause(serving->desk, serving->paused);
    collect(serving);
    return true;
}

static void
take_orders(struct serving *serving, struct err *err)
{
    struct err refusal = {0};
    if (serving->phase < PHASE_SERVING) {
        err_set(err, ERR_PROTOCOL, "orders before it was ready");
        return;
    }
    if (serving->phase > PHASE_SERVING) {
        return; // they were on their way
    }
    const json_t *orders = serving->message.orders;
    if (serving->desk == NULL && !make_desk(serving, &refusal)) {
        fail(serving, &refusal);
        return;
    }
    for (size_t i = 0; i < json_array_size(orders); i++) {
        if (!desk_take(serving->desk, json_array_get(orders, i), err)) {
            return;
        }
    }
}

static void
take_cancel(struct serving *serving)
{
    const struct serving_message *message = &serving->message;
    if (serving->desk == NULL) {
        return;
    }
    if (message->all) {
        desk_cancel_all(serving->desk, message->now);
    } else {
        desk_cancel(serving->desk, message->names.items, message->names.count,
                    message->now);
    }
}

/* With no slots what runs goes on, and nothing begins. */
static void
take_pool(struct serving *serving)
{
    struct executor *executor = serving->place.executor;
    int slots = serving->message.slots;
    struct err err = {0};
    serving->paused = slots == 0;
    if (slots > 0) {
        serving->plan.slots = slots;
    }
    if (slots > 0 && executor != NULL &&
        !executor->ops->resize(executor, slots, &err)) {
        on_note(serving, NOTE_WARNING, err.text, err.hint);
    }
    if (serving->desk != NULL) {
        desk_pause(serving->desk, serving->paused);
    }
    serving_add_pool(&serving->line, slots,
                     serving->desk != NULL ? desk_given(serving->desk) : 0);
    send_line(serving);
}

// ---------------------------------------------------------------- the end

static void
leave(struct serving *serving)
{
    bool ok = !err_is_set(&serving->problem);
    serving->phase = PHASE_LEFT;
    serving_add_left(&serving->line, ok, ok ? "" : serving->problem.text,
                     (uint64_t)passed_us(serving));
    send_line(serving);
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

static void
on_drained(void *ctx)
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
        if (now && serving->desk != NULL) {
            desk_cancel_all(serving->desk, now);
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
        take_orders(serving, err);
        break;
    case SERVING_CANCEL:
        take_cancel(serving);
        break;
    case SERVING_POOL:
        take_pool(serving);
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
    buf_init(&serving->line, SERVING_LINE_MAX);
    buf_init(&serving->missing, SERVING_MISSING_MAX);
    serving->connection = connection_new(params->loop, params->fd);
    connection_start(serving->connection, &events, serving);
    serving_add_hello(&serving->line, params->version, (int)getpid());
    send_line(serving);
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
