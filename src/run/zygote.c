#include "run/zygote.h"

#include "adapter/request_codec.h"
#include "run/verdict.h"
#include "run/zygote_internal.h"
#include "util/alloc.h"
#include "util/escape.h"
#include "util/log.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

// An interpreter that has not greeted by then never will; where loading a
// module has a limit, that is the limit.
#define ZYGOTE_GREETING_MS 60000
// Modules that may end or hang the process before mule gives up.
#define ZYGOTE_SKIP_MAX 200
#define ZYGOTE_STOP_MS 2000
// To write the coverage of a large suite takes a while.
#define ZYGOTE_SAVE_MS 60000
// To remove what it made, as databases; and when somebody will not wait.
#define ZYGOTE_REMOVE_MS 60000
#define ZYGOTE_HURRY_MS 10000

static void begin_collecting(struct zygote *zygote);

// --------------------------------------------------------------- helpers

static void
end_collection(struct zygote *zygote, const struct err *err)
{
    deadline_disarm(&zygote->deadline);
    collection_end(&zygote->collection, err);
}

/* It did what it must not do: it is ended, and `err` is why. */
static void
breach(struct zygote *zygote, const struct err *err)
{
    if (!err_is_set(&zygote->err)) {
        zygote->err = *err;
        err_wrap(&zygote->err, "adapter \"%s\"", zygote->params.command->name);
        err_hint(&zygote->err, "docs/protocol/adapter.md says what an adapter"
                               " may say; `mule adapter-check` checks one");
    }
    if (zygote->child != NULL) {
        child_signal(zygote->child, SIGKILL);
    }
}

void
zygote_breach_text(struct zygote *zygote, const char *text)
{
    struct err err = {0};
    err_set(&err, ERR_PROTOCOL, "%s", text);
    breach(zygote, &err);
}

static void
arm_import(struct zygote *zygote)
{
    uint32_t limit = zygote->params.settings->import_timeout_ms;
    if (limit > 0) {
        deadline_arm(&zygote->deadline, limit);
    } else {
        deadline_disarm(&zygote->deadline);
    }
}

// ------------------------------------------------------------- collecting

static void
tell_said(const struct zygote *zygote)
{
    struct slice said = last_words_get(&zygote->said);
    if (said.len > 0) {
        struct buf text = BUF_INIT(2 * LAST_WORDS_MAX);
        buf_add_text(&text, "printed while loading the suite:\n");
        escape_terminal(&text, said, ESCAPE_KEEP_LINES);
        collection_note(&zygote->collection, NOTE_INFO, buf_text(&text), NULL);
        buf_release(&text);
    }
}

static void
finish_collecting(struct zygote *zygote,
                  const struct adapter_collected *numbers)
{
    struct err err = {0};
    if (!collection_check(&zygote->collection, numbers, &err)) {
        breach(zygote, &err);
        return;
    }
    zygote->state = ZYGOTE_READY;
    tell_said(zygote);
    // First: what is collected is given out at once, and may even end it all.
    zygote->params.events->on_ready(zygote->params.ctx);
    end_collection(zygote, NULL);
}

void
zygote_ask_collection(struct zygote *zygote)
{
    zygote->state = ZYGOTE_COLLECTING;
    arm_import(zygote);
    buf_reset(&zygote->line);
    if (collection_ask(&zygote->collection, zygote->params.settings,
                       &zygote->line)) {
        zygote_send(zygote, buf_slice(&zygote->line));
    } else {
        zygote_breach_text(zygote, "there are too many labels for one request");
    }
}

// --------------------------------------------------------------- messages

static bool
is_of_collection(enum adapter_kind kind)
{
    return kind >= ADAPTER_IMPORTING && kind <= ADAPTER_COLLECTED;
}

static void
take_collection(struct zygote *zygote, const struct adapter_message *message)
{
    if (zygote->state != ZYGOTE_COLLECTING) {
        if (zygote->state == ZYGOTE_READY) {
            zygote_breach_text(zygote, "it collects without having been asked");
        }
        return;
    }
    struct err err = {0};
    if (message->kind == ADAPTER_COLLECTED) {
        finish_collecting(zygote, &message->collected);
    } else if (!collection_take(&zygote->collection, message, &err)) {
        breach(zygote, &err);
    } else if (message->kind == ADAPTER_IMPORTING) {
        arm_import(zygote);
    }
}

static void
on_message(void *ctx, struct session *session,
           const struct adapter_message *message)
{
    struct zygote *zygote = ctx;
    const struct zygote_events *events = zygote->params.events;
    (void)session;
    if (is_of_collection(message->kind)) {
        take_collection(zygote, message);
    } else if (message->kind == ADAPTER_FORKED) {
        events->on_forked(zygote->params.ctx, message->slot.slot,
                          message->slot.pid);
    } else if (message->kind == ADAPTER_FAILED) {
        events->on_failed(zygote->params.ctx, message->slot.slot,
                          message->slot.reason);
    } else if (message->kind == ADAPTER_EXITED) {
        events->on_exited(zygote->params.ctx, &message->slot);
    } else if (message->kind == ADAPTER_NOTE) {
        events->on_note(zygote->params.ctx, &message->note);
    } else if (zygote_is_of_preparing(message->kind)) {
        zygote_take_preparing(zygote, message);
    } else if (message->kind == ADAPTER_UNFIT) {
        zygote_take_unfit(zygote, message);
    } else if (message->kind == ADAPTER_HELLO) {
        zygote_breach_text(zygote, "it greeted twice");
    } else {
        events->on_message(zygote->params.ctx, message);
    }
}

static void
on_session_gone(void *ctx, struct session *session, const struct err *err)
{
    struct zygote *zygote = ctx;
    (void)session;
    zygote->session = NULL;
    if (zygote->state == ZYGOTE_STOPPING) {
        return;
    }
    if (err != NULL) {
        breach(zygote, err);
    } else if (zygote->child != NULL) {
        // It may still be about to end by itself, with a status that says
        // more than the end of its connection.
        deadline_arm(&zygote->deadline, ZYGOTE_STOP_MS);
    }
}

void
zygote_greeted(struct zygote *zygote, struct session *session,
               const struct adapter_hello *hello)
{
    static const struct session_events events = {
        .on_message = on_message,
        .on_gone = on_session_gone,
    };
    if (zygote->session != NULL || zygote->state != ZYGOTE_STARTING) {
        session_drop(session);
        if (zygote->child != NULL && zygote->state != ZYGOTE_STOPPING) {
            zygote_breach_text(zygote, "it greeted twice");
        }
        return;
    }
    zygote->session = session;
    zygote->can = hello->can;
    zygote->made = (hello->can & ADAPTER_CAN_TIDY) != 0 &&
                   (hello->can & ADAPTER_CAN_PREPARE) == 0;
    zygote->dump_signal = hello->dump_signal;
    session_give(session, &events, zygote);
    if ((hello->can & ADAPTER_CAN_COLLECT) == 0) {
        zygote_breach_text(zygote, "its zygote cannot collect");
        return;
    }
    buf_reset(&zygote->line);
    request_add_welcome(&zygote->line, zygote->params.welcome);
    zygote_send(zygote, buf_slice(&zygote->line));
    zygote_ask_collection(zygote);
}

// ------------------------------------------------------------ the process

static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct zygote *zygote = ctx;
    (void)stream;
    last_words_add(&zygote->said, bytes);
}

static void
describe_end(const struct zygote *zygote, const struct child_exit *exit,
             char *text, size_t size)
{
    if (zygote->hung) {
        snprintf(text, size, "did not end within %g s (--import-timeout)",
                 zygote->params.settings->import_timeout_ms / 1000.0);
    } else if (zygote->closed) {
        snprintf(text, size, "closed its connection");
    } else if (exit->lost) {
        snprintf(text, size, "its process vanished");
    } else {
        verdict_describe_status(exit->status, text, size);
    }
}

static void
explain_end(struct zygote *zygote)
{
    if (zygote->said.buf.len > 0) {
        last_words_explain(&zygote->said, &zygote->err);
        collection_note(&zygote->collection, NOTE_ERROR,
                        buf_text(&zygote->said.buf), NULL);
    }
}

/* The process is gone while it was loading or being started. */
static void
died_collecting(struct zygote *zygote, const struct child_exit *exit)
{
    struct collection *collection = &zygote->collection;
    char what[128];
    describe_end(zygote, exit, what, sizeof(what));
    if (!err_is_set(&zygote->err) && collection->module != NULL &&
        collection->skips.count < ZYGOTE_SKIP_MAX) {
        char how[160];
        bool ended = !zygote->hung && !zygote->closed;
        snprintf(how, sizeof(how), "%s%s", ended ? "ended the process: " : "",
                 what);
        collection_blame_module(collection, how, buf_slice(&zygote->said.buf));
        begin_collecting(zygote);
        return;
    }
    if (!err_is_set(&zygote->err)) {
        err_set(&zygote->err, ERR_SPAWN,
                zygote->hung ? "adapter \"%s\" did not answer in time"
                               " (--import-timeout)"
                             : "adapter \"%s\" %s before the suite was loaded",
                zygote->params.command->name, what);
        err_hint(&zygote->err,
                 zygote->params.settings->rerun != NULL
                     ? "what it printed stands above"
                     : "`mule doctor` tries the interpreter and its adapter; "
                       "--python chooses another");
        explain_end(zygote);
    }
    end_collection(zygote, &zygote->err);
}

static void
on_child_failed(void *ctx, const struct err *err)
{
    struct zygote *zygote = ctx;
    zygote->err = *err;
    err_wrap(&zygote->err, "starting adapter \"%s\"",
             zygote->params.command->name);
    err_hint(&zygote->err,
             "pass --python, or activate the environment the tests need");
}

/* Whether it has left nothing, as far as that can be known. */
static void
look_back(struct zygote *zygote, const struct child_exit *exit)
{
    bool in_order = zygote->state == ZYGOTE_STOPPING && !exit->lost &&
                    !exit->failed && exit->status == 0;
    if (zygote->made && !in_order && (zygote->can & ADAPTER_CAN_TIDY) != 0) {
        zygote->owes = true;
    }
    zygote->made = false;
}

static void
died_ready(struct zygote *zygote, const struct child_exit *exit)
{
    const struct zygote_params *params = &zygote->params;
    char what[128];
    describe_end(zygote, exit, what, sizeof(what));
    if (!err_is_set(&zygote->err)) {
        err_set(&zygote->err, ERR_SPAWN,
                "the process that had loaded the suite: %s", what);
    }
    params->events->on_died(params->ctx, &zygote->err);
}

static void
died_preparing(struct zygote *zygote, const struct child_exit *exit)
{
    const struct zygote_params *params = &zygote->params;
    char what[128];
    describe_end(zygote, exit, what, sizeof(what));
    if (!err_is_set(&zygote->err)) {
        err_set(&zygote->err, ERR_SPAWN,
                "the process that prepared the tests: %s", what);
        last_words_explain(&zygote->said, &zygote->err);
    }
    params->events->on_died(params->ctx, &zygote->err);
}

static void
on_child_gone(void *ctx, const struct child_exit *exit)
{
    struct zygote *zygote = ctx;
    enum zygote_state state = zygote->state;
    look_back(zygote, exit);
    zygote->child = NULL;
    session_drop(zygote->session);
    zygote->session = NULL;
    deadline_disarm(&zygote->deadline);
    zygote->state = ZYGOTE_ABSENT;
    switch (state) {
    case ZYGOTE_STARTING:
    case ZYGOTE_COLLECTING:
        died_collecting(zygote, exit);
        break;
    case ZYGOTE_READY:
        died_ready(zygote, exit);
        break;
    case ZYGOTE_PREPARING:
        died_preparing(zygote, exit);
        break;
    case ZYGOTE_STOPPING:
        zygote->params.events->on_stopped(zygote->params.ctx);
        break;
    case ZYGOTE_ABSENT:
        break;
    }
}

static void
on_deadline(void *ctx)
{
    struct zygote *zygote = ctx;
    log_debug("zygote: no answer in time, state %d", (int)zygote->state);
    if (zygote->state == ZYGOTE_PREPARING && zygote->session != NULL) {
        zygote_give_up_preparing(zygote);
        return;
    }
    if (zygote->state != ZYGOTE_STOPPING) {
        bool greeted = zygote->state != ZYGOTE_STARTING;
        zygote->closed = greeted && zygote->session == NULL;
        zygote->hung = !zygote->closed;
    }
    if (zygote->child != NULL) {
        child_signal(zygote->child, SIGKILL);
    }
}

static void
begin_collecting(struct zygote *zygote)
{
    static const struct child_events events = {
        .on_output = on_output,
        .on_failed = on_child_failed,
        .on_gone = on_child_gone,
    };
    struct adapter_start start = {
        .command = zygote->params.command,
        .socket = workplace_socket(zygote->params.workplace),
        .slot = -1,
    };
    struct err err = {0};
    last_words_reset(&zygote->said);
    zygote->hung = zygote->closed = false;
    zygote->child = adapter_command_start(zygote->params.guardians, &start,
                                          &events, zygote, &err);
    if (zygote->child == NULL) {
        end_collection(zygote, &err);
        return;
    }
    zygote->state = ZYGOTE_STARTING;
    uint32_t limit = zygote->params.settings->import_timeout_ms;
    deadline_arm(&zygote->deadline, limit > 0 ? limit : ZYGOTE_GREETING_MS);
}

// ----------------------------------------------------------- from outside

struct zygote *
zygote_new(const struct zygote_params *params)
{
    struct zygote *zygote = ALLOC(struct zygote);
    zygote->params = *params;
    zygote->state = ZYGOTE_ABSENT;
    last_words_init(&zygote->said);
    buf_init(&zygote->line, ADAPTER_LINE_MAX);
    deadline_init(&zygote->deadline, params->loop, on_deadline, zygote);
    return zygote;
}

void
zygote_free(struct zygote *zygote)
{
    if (zygote == NULL) {
        return;
    }
    assert(zygote->child == NULL);
    deadline_release(&zygote->deadline);
    collection_release(&zygote->collection);
    last_words_release(&zygote->said);
    buf_release(&zygote->line);
    free(zygote);
}

void
zygote_collect(struct zygote *zygote, struct items *items, bool everything,
               const struct source_events *events, void *ctx)
{
    collection_begin(&zygote->collection, items, everything, events, ctx);
    if (zygote->state == ZYGOTE_READY) {
        zygote_ask_collection(zygote);
    } else if (zygote->state == ZYGOTE_PREPARING) {
        zygote->waits = true;
    } else {
        begin_collecting(zygote);
    }
}

bool
zygote_is_ready(const struct zygote *zygote)
{
    return zygote->state == ZYGOTE_READY;
}

unsigned
zygote_can(const struct zygote *zygote)
{
    return zygote->can;
}

int
zygote_dump_signal(const struct zygote *zygote)
{
    return zygote->dump_signal;
}

void
zygote_send(struct zygote *zygote, struct slice lines)
{
    if (zygote->session != NULL) {
        session_send(zygote->session, lines);
    }
}

void
zygote_signal(struct zygote *zygote, int pid, int signo, bool group)
{
    if (zygote->child != NULL) {
        child_signal_pid(zygote->child, pid, signo, group);
    } else {
        guardians_signal(zygote->params.guardians, pid, signo, group);
    }
}

void
zygote_kill(struct zygote *zygote)
{
    if (zygote->child != NULL) {
        child_signal(zygote->child, SIGKILL);
    }
}

static uint32_t
stop_ms(const struct zygote *zygote)
{
    bool removes = zygote->made || (zygote->can & ADAPTER_CAN_TIDY) != 0;
    return removes ? ZYGOTE_REMOVE_MS
                   : zygote_end_ms(zygote->params.settings, ZYGOTE_STOP_MS);
}

void
zygote_stop(struct zygote *zygote)
{
    if (zygote->state == ZYGOTE_ABSENT) {
        zygote->params.events->on_stopped(zygote->params.ctx);
        return;
    }
    if (zygote->state == ZYGOTE_STOPPING) {
        return; // on its way
    }
    bool busy = zygote->state != ZYGOTE_READY;
    zygote->state = ZYGOTE_STOPPING;
    collection_drop(&zygote->collection);
    if (busy && !zygote->made) {
        child_signal(zygote->child, SIGKILL);
    } else if (busy) {
        child_signal(zygote->child, SIGINT);
    }
    buf_reset(&zygote->line);
    request_add_stop(&zygote->line);
    zygote_send(zygote, buf_slice(&zygote->line));
    deadline_arm(&zygote->deadline, stop_ms(zygote));
}

void
zygote_hurry(struct zygote *zygote)
{
    if (zygote->state != ZYGOTE_STOPPING || zygote->child == NULL) {
        return;
    }
    child_signal(zygote->child, zygote->hurried ? SIGKILL : SIGINT);
    if (!zygote->hurried) {
        zygote->hurried = true;
        deadline_arm(&zygote->deadline, ZYGOTE_HURRY_MS);
    }
}

bool
zygote_owes(const struct zygote *zygote)
{
    return zygote->owes;
}

uint32_t
zygote_end_ms(const struct settings *settings, uint32_t otherwise)
{
    bool saves = settings->coverage != NULL || settings->profile;
    return saves ? ZYGOTE_SAVE_MS : otherwise;
}
