#include "run/zygote.h"

#include "adapter/request_codec.h"
#include "loop/deadline.h"
#include "run/verdict.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/escape.h"
#include "util/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

// An interpreter that has not greeted by then never will.
#define ZYGOTE_GREETING_MS 60000
// What it printed last is worth this much.
#define ZYGOTE_SAID_MAX ((size_t)16 * 1024)
// Modules that may end or hang the process before mule gives up.
#define ZYGOTE_SKIP_MAX 200
#define ZYGOTE_STOP_MS 2000

enum zygote_state {
    ZYGOTE_ABSENT = 1,
    ZYGOTE_STARTING, // started; has not greeted
    ZYGOTE_COLLECTING,
    ZYGOTE_READY,
    ZYGOTE_STOPPING,
};

struct skip {
    char *module;
    char *reason;
};

/* What is being collected, and what was seen meanwhile. */
struct collection {
    struct items *items;
    bool everything;
    const struct source_events *events;
    void *ctx;
    uint32_t jobs;
    uint32_t count;
    uint32_t foreign; // tests of another style
    char *foreign_style;
    char *foreign_file;
    char *module; // being loaded
    char *file;
};

struct zygote {
    struct zygote_params params;
    enum zygote_state state;
    struct child *child;
    struct session *session;
    struct deadline deadline; // of the greeting, a module, the end
    struct collection collection;
    ARRAY(struct skip) skips;
    struct buf said; // the end of what it printed
    unsigned can;
    int dump_signal;
    bool hung;       // it was killed for not answering
    struct buf line; // a request being built
    struct err err;
};

static void begin_collecting(struct zygote *zygote);

// --------------------------------------------------------------- helpers

static void
forget_module(struct zygote *zygote)
{
    free(zygote->collection.module);
    free(zygote->collection.file);
    zygote->collection.module = NULL;
    zygote->collection.file = NULL;
}

static void
note(struct zygote *zygote, enum note_level level, const char *text,
     const char *hint)
{
    struct collection *collection = &zygote->collection;
    if (collection->events != NULL && !collection->everything) {
        collection->events->on_note(collection->ctx, level, text, hint);
    }
}

static void
collected(struct zygote *zygote, const struct err *err)
{
    const struct source_events *events = zygote->collection.events;
    zygote->collection.events = NULL;
    deadline_disarm(&zygote->deadline);
    forget_module(zygote);
    events->on_collected(zygote->collection.ctx, err);
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

static void
breach_text(struct zygote *zygote, const char *text)
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
take_job(struct zygote *zygote, const struct adapter_job *job)
{
    struct collection *collection = &zygote->collection;
    struct items *items = collection->items;
    uint32_t number = items_add_job(items, &job->params);
    bool full = number == JOB_NONE;
    for (size_t i = 0; i < job->count && !full; i++) {
        full = items_add(items, number, job->items[i].id, job->items[i].line) ==
               ITEM_NONE;
    }
    if (full) {
        breach_text(zygote, "it named more tests than there is room for");
        return;
    }
    collection->jobs++;
    collection->count += (uint32_t)job->count;
}

static void
take_foreign(struct zygote *zygote, const struct adapter_foreign *foreign)
{
    struct collection *collection = &zygote->collection;
    collection->foreign += foreign->tests;
    if (collection->foreign_style == NULL) {
        collection->foreign_style = slice_dup(foreign->style);
        collection->foreign_file = slice_dup(foreign->file);
    }
}

/* Tests that only another runner understands are not passed over in silence. */
static void
tell_foreign(struct zygote *zygote)
{
    struct collection *collection = &zygote->collection;
    if (collection->foreign > 0) {
        const char *style = collection->foreign_style;
        bool pytest = strcmp(style, "pytest") == 0;
        char *text = alloc_printf(
            "%u %s-style %s (the first in %s) cannot be run by this adapter; "
            "they run with: mule test %s",
            collection->foreign, style,
            collection->foreign == 1 ? "test" : "tests",
            collection->foreign_file,
            pytest
                ? "--runner 'python3 -m pytest -q $TEST' --format exit FILE..."
                : "--runner with a command of theirs");
        note(zygote, NOTE_WARNING, text, NULL);
        free(text);
    }
    free(collection->foreign_style);
    free(collection->foreign_file);
    collection->foreign_style = collection->foreign_file = NULL;
    collection->foreign = 0;
}

static void
tell_threads(struct zygote *zygote, const struct adapter_threads *threads)
{
    struct buf text = BUF_INIT(1024);
    buf_addf(&text,
             "loading %.*s left threads behind:", SLICE_ARG(threads->module));
    for (size_t i = 0; i < threads->count; i++) {
        buf_addf(&text, "%s %.*s", i > 0 ? "," : "",
                 SLICE_ARG(threads->names[i]));
    }
    if (threads->count == 0) {
        buf_addf(&text, " %u that Python does not know", threads->native);
        note(zygote, NOTE_INFO, buf_text(&text),
             "threads do not survive a fork; --start spawn runs the tests in"
             " new processes instead");
    } else {
        buf_add_text(&text, "; its tests run in a process of their own");
        note(zygote, NOTE_WARNING, buf_text(&text),
             "start threads in setUpModule or in the tests, not while loading");
    }
    buf_release(&text);
}

static void
finish_collecting(struct zygote *zygote,
                  const struct adapter_collected *numbers)
{
    struct collection *collection = &zygote->collection;
    if (numbers->jobs != collection->jobs ||
        numbers->items != collection->count) {
        struct err err = {0};
        err_set(&err, ERR_PROTOCOL,
                "it says it collected %u jobs and %u items, but named %u and "
                "%u",
                numbers->jobs, numbers->items, collection->jobs,
                collection->count);
        breach(zygote, &err);
        return;
    }
    zygote->state = ZYGOTE_READY;
    tell_foreign(zygote);
    if (zygote->said.len > 0) {
        struct buf text = BUF_INIT(2 * ZYGOTE_SAID_MAX);
        buf_add_text(&text, "printed while loading the suite:\n");
        escape_terminal(&text, slice_trim(buf_slice(&zygote->said)),
                        ESCAPE_KEEP_LINES);
        note(zygote, NOTE_INFO, buf_text(&text), NULL);
        buf_release(&text);
    }
    // First: what is collected is given out at once, and may even end it all.
    zygote->params.events->on_ready(zygote->params.ctx);
    collected(zygote, NULL);
}

/* An adapter that does not care what it is to skip would die for ever. */
static bool
is_skipped(const struct zygote *zygote, struct slice module)
{
    for (size_t i = 0; i < zygote->skips.count; i++) {
        if (slice_equals_text(module, zygote->skips.items[i].module)) {
            return true;
        }
    }
    return false;
}

static void
take_importing(struct zygote *zygote, const struct adapter_importing *importing)
{
    if (is_skipped(zygote, importing->module)) {
        struct err err = {0};
        err_set(&err, ERR_PROTOCOL,
                "it loads module \"%.*s\", which it was told to skip",
                SLICE_ARG(slice_first(importing->module, 100)));
        breach(zygote, &err);
        return;
    }
    forget_module(zygote);
    zygote->collection.module = slice_dup(importing->module);
    zygote->collection.file = slice_dup(importing->file);
    arm_import(zygote);
    zygote->collection.events->on_module(zygote->collection.ctx,
                                         importing->module);
}

static void
send_collect(struct zygote *zygote)
{
    const struct settings *settings = zygote->params.settings;
    ARRAY(const char *) labels = {0};
    ARRAY(struct request_skip) skips = {0};
    for (int i = 0; i < settings->labels.count; i++) {
        const char *label = settings->labels.at[i];
        if (!zygote->collection.everything && strpbrk(label, "*?[") == NULL) {
            ARRAY_ADD(&labels, label);
        }
    }
    for (size_t i = 0; i < zygote->skips.count; i++) {
        struct skip *skip = &zygote->skips.items[i];
        ARRAY_ADD(&skips, ((struct request_skip){skip->module, skip->reason}));
    }
    // A pattern is matched against everything that there is.
    bool patterns = (size_t)settings->labels.count > labels.count;
    struct request_collect collect = {
        .labels = labels.items,
        .label_count = patterns ? 0 : labels.count,
        .basedir = settings->basedir,
        .pattern = settings->pattern,
        .top = settings->top,
        .skip = skips.items,
        .skip_count = skips.count,
    };
    buf_reset(&zygote->line);
    if (request_add_collect(&zygote->line, &collect)) {
        zygote_send(zygote, buf_slice(&zygote->line));
    } else {
        breach_text(zygote, "there are too many labels for one request");
    }
    ARRAY_RELEASE(&labels);
    ARRAY_RELEASE(&skips);
}

static void
ask_collection(struct zygote *zygote)
{
    struct collection *collection = &zygote->collection;
    zygote->state = ZYGOTE_COLLECTING;
    collection->jobs = collection->count = 0;
    items_clear(collection->items);
    forget_module(zygote);
    arm_import(zygote);
    send_collect(zygote);
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
            breach_text(zygote, "it collects without having been asked");
        }
        return;
    }
    struct collection *collection = &zygote->collection;
    char *text = NULL;
    switch (message->kind) {
    case ADAPTER_IMPORTING:
        take_importing(zygote, &message->importing);
        break;
    case ADAPTER_JOB:
        take_job(zygote, &message->job);
        break;
    case ADAPTER_UNKNOWN:
        collection->events->on_unknown(collection->ctx, message->unknown.label,
                                       message->unknown.reason);
        break;
    case ADAPTER_FOREIGN:
        take_foreign(zygote, &message->foreign);
        break;
    case ADAPTER_THREADS:
        tell_threads(zygote, &message->threads);
        break;
    case ADAPTER_WARNING:
        text = slice_dup(message->warning);
        note(zygote, NOTE_WARNING, text, NULL);
        free(text);
        break;
    case ADAPTER_COLLECTED:
        finish_collecting(zygote, &message->collected);
        break;
    case ADAPTER_OTHER:
    case ADAPTER_HELLO:
    case ADAPTER_FORKED:
    case ADAPTER_EXITED:
    case ADAPTER_FAILED:
    case ADAPTER_PROCESS:
    case ADAPTER_STARTED:
    case ADAPTER_PASSED:
    case ADAPTER_FINISHED:
    case ADAPTER_FIXTURE:
    case ADAPTER_EXIT:
    case ADAPTER_DONE:
    case ADAPTER_KIND_COUNT:
        break;
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
    } else if (message->kind == ADAPTER_HELLO) {
        breach_text(zygote, "it greeted twice");
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
            breach_text(zygote, "it greeted twice");
        }
        return;
    }
    zygote->session = session;
    zygote->can = hello->can;
    zygote->dump_signal = hello->dump_signal;
    session_give(session, &events, zygote);
    if ((hello->can & ADAPTER_CAN_COLLECT) == 0) {
        breach_text(zygote, "its zygote cannot collect");
        return;
    }
    buf_reset(&zygote->line);
    request_add_welcome(&zygote->line, zygote->params.welcome);
    zygote_send(zygote, buf_slice(&zygote->line));
    ask_collection(zygote);
}

// ------------------------------------------------------------ the process

/* Keeps the end of what it prints. */
static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct zygote *zygote = ctx;
    (void)stream;
    if (bytes.len > ZYGOTE_SAID_MAX) {
        bytes = slice_skip(bytes, bytes.len - ZYGOTE_SAID_MAX);
    }
    if (zygote->said.len + bytes.len > ZYGOTE_SAID_MAX) {
        buf_drop(&zygote->said, zygote->said.len + bytes.len - ZYGOTE_SAID_MAX);
    }
    buf_add_slice(&zygote->said, bytes);
}

static void
describe_end(const struct zygote *zygote, const struct child_exit *exit,
             char *text, size_t size)
{
    if (zygote->hung) {
        snprintf(text, size, "did not end within %g s (--import-timeout)",
                 zygote->params.settings->import_timeout_ms / 1000.0);
    } else if (exit->lost) {
        snprintf(text, size, "its process vanished");
    } else {
        verdict_describe_status(exit->status, text, size);
    }
}

/* Loading a module ended the process: the module is an error and left out. */
static void
blame_module(struct zygote *zygote, const char *what)
{
    struct collection *collection = &zygote->collection;
    char *message =
        alloc_printf("loading %s %s%s", collection->module,
                     zygote->hung ? "" : "ended the process: ", what);
    struct verdict verdict;
    verdict_error(&verdict, STATE_ERROR, "import", message);
    verdict.outcome.ran = true;
    verdict.outcome.err.head = buf_slice(&zygote->said);
    if (!collection->everything) {
        collection->events->on_broken_module(
            collection->ctx, slice_of(collection->module),
            slice_of(collection->file), &verdict.outcome);
    }
    struct skip skip = {alloc_dup(collection->module), message};
    ARRAY_ADD(&zygote->skips, skip);
}

static void
add_said(struct zygote *zygote, struct err *err)
{
    if (zygote->said.len == 0) {
        return;
    }
    struct slice said = slice_trim(buf_slice(&zygote->said));
    size_t start = said.len > 150 ? said.len - 150 : 0;
    struct buf text = BUF_INIT(2048);
    escape_terminal(&text, slice_skip(said, start), ESCAPE_ONE_LINE);
    struct err with = {.kind = err->kind, .hint = err->hint};
    char cause[sizeof(err->text)];
    memcpy(cause, err->text, sizeof(cause));
    snprintf(with.text, sizeof(with.text), "%.100s; it printed: %.140s", cause,
             buf_text(&text));
    *err = with;
    buf_release(&text);
    note(zygote, NOTE_ERROR, buf_text(&zygote->said), NULL);
}

/* The process is gone while it was loading or being started. */
static void
died_collecting(struct zygote *zygote, const struct child_exit *exit)
{
    struct collection *collection = &zygote->collection;
    char what[128];
    describe_end(zygote, exit, what, sizeof(what));
    if (!err_is_set(&zygote->err) && collection->module != NULL &&
        zygote->skips.count < ZYGOTE_SKIP_MAX) {
        blame_module(zygote, what);
        begin_collecting(zygote);
        return;
    }
    if (!err_is_set(&zygote->err)) {
        err_set(&zygote->err, ERR_SPAWN,
                zygote->hung ? "adapter \"%s\" did not answer in time"
                             : "adapter \"%s\" %s before the suite was loaded",
                zygote->params.command->name, what);
        err_hint(&zygote->err, "`mule doctor` tries the interpreter and its"
                               " adapter; --python chooses another");
        add_said(zygote, &zygote->err);
    }
    collected(zygote, &zygote->err);
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

static void
on_child_gone(void *ctx, const struct child_exit *exit)
{
    struct zygote *zygote = ctx;
    enum zygote_state state = zygote->state;
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
    case ZYGOTE_READY: {
        char what[128];
        describe_end(zygote, exit, what, sizeof(what));
        if (!err_is_set(&zygote->err)) {
            err_set(&zygote->err, ERR_SPAWN,
                    "the process that had loaded the suite %s", what);
        }
        zygote->params.events->on_died(zygote->params.ctx, &zygote->err);
        break;
    }
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
    zygote->hung = zygote->state != ZYGOTE_STOPPING;
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
    buf_reset(&zygote->said);
    zygote->hung = false;
    zygote->child = adapter_command_start(zygote->params.guardians, &start,
                                          &events, zygote, &err);
    if (zygote->child == NULL) {
        collected(zygote, &err);
        return;
    }
    zygote->state = ZYGOTE_STARTING;
    deadline_arm(&zygote->deadline, ZYGOTE_GREETING_MS);
}

// ----------------------------------------------------------- from outside

struct zygote *
zygote_new(const struct zygote_params *params)
{
    struct zygote *zygote = ALLOC(struct zygote);
    zygote->params = *params;
    zygote->state = ZYGOTE_ABSENT;
    buf_init(&zygote->said, ZYGOTE_SAID_MAX);
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
    for (size_t i = 0; i < zygote->skips.count; i++) {
        free(zygote->skips.items[i].module);
        free(zygote->skips.items[i].reason);
    }
    ARRAY_RELEASE(&zygote->skips);
    forget_module(zygote);
    free(zygote->collection.foreign_style);
    free(zygote->collection.foreign_file);
    buf_release(&zygote->said);
    buf_release(&zygote->line);
    free(zygote);
}

void
zygote_collect(struct zygote *zygote, struct items *items, bool everything,
               const struct source_events *events, void *ctx)
{
    assert(zygote->collection.events == NULL);
    zygote->collection.items = items;
    zygote->collection.everything = everything;
    zygote->collection.events = events;
    zygote->collection.ctx = ctx;
    if (zygote->state == ZYGOTE_READY) {
        ask_collection(zygote);
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
    }
}

void
zygote_stop(struct zygote *zygote)
{
    if (zygote->state == ZYGOTE_ABSENT) {
        zygote->params.events->on_stopped(zygote->params.ctx);
        return;
    }
    bool busy = zygote->state != ZYGOTE_READY;
    zygote->state = ZYGOTE_STOPPING;
    zygote->collection.events = NULL;
    if (busy) {
        child_signal(zygote->child, SIGKILL);
    } else {
        buf_reset(&zygote->line);
        request_add_stop(&zygote->line);
        zygote_send(zygote, buf_slice(&zygote->line));
    }
    deadline_arm(&zygote->deadline, ZYGOTE_STOP_MS);
}
