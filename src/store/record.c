#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "store/draft.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

// In one build of so many, the store is looked through for what is old.
enum {
    THOROUGH_EVERY = 16
};

struct record {
    struct event_sink sink; // first
    struct history history;
    struct record_params params;
    struct memory *memory;
    struct draft *draft;
    struct build_row row;
    ARRAY(char *) texts; // of the row, owned
    struct buf message;
    int64_t wall_ms; // of the last event
    uint64_t us;
    bool loaded; // or tried to
    bool gave_up;
    bool forgoes; // reads only
};

static struct record *
record_of(struct event_sink *sink)
{
    return (struct record *)(void *)sink;
}

// --------------------------------------------------------------------- remarks

static void
remark(struct record *record, const char *text, const char *hint)
{
    struct event note = {
        .kind = EVENT_NOTE,
        .wall_ms = record->wall_ms,
        .us = record->us,
        .note = {NOTE_WARNING, text, hint},
    };

    if (record->params.on_remark != NULL) {
        record->params.on_remark(record->params.ctx, &note);
    }
}

/* One remark is enough: from here on it is as if there were no store. */
static void
give_up(struct record *record, const struct err *err)
{
    char text[sizeof(err->text) + 64];

    record->gave_up = true;
    snprintf(text, sizeof(text), "this build is not kept: %s", err->text);
    remark(record, text, err_help(err));
}

/* Moves a broken database aside. False: that could not be done either. */
static bool
heal(struct record *record, struct err *err)
{
    const char *folder = record->params.site->folder;

    err_clear(err);
    char *moved = store_heal(folder, err);
    if (moved != NULL) {
        char text[512];
        snprintf(text, sizeof(text),
                 "the history of past builds was broken and is now %.400s",
                 moved);
        remark(record, text, "a new one was begun");
        free(moved);
    }
    return !err_is_set(err);
}

// --------------------------------------------------------------------- loading

static bool
read_past(struct record *record, struct err *err)
{
    int64_t suite = 0;
    struct store *store =
        store_open(record->params.site->folder, STORE_READS, err);
    bool fine = store != NULL &&
                store_find_suite(store, record->params.suite, &suite, err) &&
                memory_load(record->memory, store, suite, err);

    store_close(store);
    return fine;
}

static void
load(struct record *record)
{
    struct err err = {0};

    if (record->loaded) {
        return;
    }
    record->loaded = true;
    usec began = now_usec();
    usec cpu = now_cpu_usec();
    if (read_past(record, &err) || err.kind == ERR_NOTHING) {
        log_debug("store: %u tests known, read in %lld us, %lld us of CPU",
                  (unsigned)memory_count(record->memory, MEMORY_TESTS),
                  (long long)(now_usec() - began),
                  (long long)(now_cpu_usec() - cpu));
        return;
    }
    memory_free(record->memory);
    record->memory = memory_new();
    draft_free(record->draft);
    record->draft = draft_new(record->memory);
    if (err.kind != ERR_PROTOCOL || !heal(record, &err)) {
        give_up(record, &err);
    }
}

static struct record *
record_of_history(struct history *history)
{
    return (struct record *)(void *)((char *)history -
                                     offsetof(struct record, history));
}

static bool
find_item(struct history *history, struct slice id, struct past *past)
{
    struct record *record = record_of_history(history);

    load(record);
    struct history *known = memory_history(record->memory);
    return known->ops->find_item(known, id, past);
}

static bool
find_job(struct history *history, struct slice name, struct past *past)
{
    struct record *record = record_of_history(history);

    load(record);
    struct history *known = memory_history(record->memory);
    return known->ops->find_job(known, name, past);
}

static const struct history_ops history_ops = {
    .find_item = find_item,
    .find_job = find_job,
};

// ------------------------------------------------------------------ what happens

/* A copy that lives as long as the record. */
static const char *
keep(struct record *record, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return NULL;
    }
    ARRAY_ADD(&record->texts, alloc_dup(text));
    return ARRAY_LAST(&record->texts);
}

static void
on_started(struct record *record, const struct event *event)
{
    const struct event_run *run = &event->run;
    struct build_row *row = &record->row;

    row->id = keep(record, run->build_id);
    row->parent = keep(record, run->parent);
    row->version = keep(record, run->version);
    row->hostname = keep(record, run->hostname);
    row->cwd = keep(record, run->cwd);
    row->command = keep(record, run->command);
    row->isolation = keep(record, run->isolation);
    row->hash_seed = keep(record, run->hash_seed);
    row->python = keep(record, run->python);
    row->slots = run->slots;
    row->began_ms = event->wall_ms;
}

static void
on_collected(struct record *record, const struct event_collected *collected)
{
    struct build_row *row = &record->row;

    row->jobs = collected->jobs;
    row->excluded = collected->excluded;
    row->order = keep(record, collected->order);
    row->seed = keep(record, collected->seed);
    row->shard = keep(record, collected->shard);
    row->selection = keep(record, collected->selection);
    row->durations = keep(record, collected->durations);
}

/* "AssertionError: 1 != 2": one line, whole characters. */
static struct slice
make_message(struct record *record, const struct outcome *outcome)
{
    struct slice text = outcome->reason;

    buf_reset(&record->message);
    if (state_is_bad(outcome->state) && outcome->finding_count > 0) {
        const struct finding *finding = &outcome->findings[0];
        struct slice line = slice_trim(finding->message);
        line = slice_first(line, slice_find(line, '\n'));
        buf_add_slice(&record->message, slice_first(finding->type, 60));
        if (finding->type.len > 0 && line.len > 0) {
            buf_add_text(&record->message, ": ");
        }
        buf_add_slice(&record->message, slice_first(line, RESULT_MESSAGE_MAX));
        text = buf_slice(&record->message);
    }
    text = slice_first(text, slice_find(text, '\n'));
    text = slice_first(text, RESULT_MESSAGE_MAX);
    return slice_first(text, text.len - text_open_end(text));
}

static void
on_test(struct record *record, const struct event_test *test, bool decided)
{
    const struct outcome *outcome = test->outcome;
    struct result result = {
        .began_us = test->began_us,
        .us = test->us,
        .process = test->process,
        .slot = test->slot,
        .tries = test->tries > 0 ? test->tries : test->attempt,
        .flags = (decided ? RESULT_DECIDED : 0U) |
                 (test->flaky ? RESULT_FLAKY : 0U) |
                 (test->quarantined ? RESULT_QUARANTINED : 0U),
        .state = outcome->state,
    };

    if (outcome->state != STATE_PASSED) {
        result.message = make_message(record, outcome);
    }
    draft_add_test(record->draft, slice_of(test->id), slice_of(test->job),
                   &result);
}

static void
on_job(struct record *record, const struct event *event)
{
    const struct event_job *job = &event->job;
    struct result_job result = {
        .began_us = event->us > job->us ? event->us - job->us : 0,
        .us = job->us,
        .expect_us = job->expect_us,
        .usage = job->usage,
        .process = job->process,
        .items = job->items,
        .slot = job->slot,
        .attempt = job->attempt,
        .kind = job->kind,
        .worker = slice_of(job->worker),
    };

    draft_add_job(record->draft, slice_of(job->name), &result);
}

// ------------------------------------------------------------------- the end

static bool
store_once(struct record *record, struct err *err)
{
    int64_t number = 0;
    struct draft_params params = {
        .suite = record->params.suite,
        .row = &record->row,
        .learn = true,
        .wall_ms = now_wall_usec() / 1000,
        .once = record->params.once,
    };
    struct store *store =
        store_open(record->params.site->folder, STORE_WRITES, err);
    bool fine = store != NULL &&
                draft_store(record->draft, store, &params, &number, err);

    if (fine && number != 0) {
        struct bounds bounds = record->params.bounds;
        struct pruned pruned;
        struct err trouble = {0};
        bounds.thorough = number % THOROUGH_EVERY == 0;
        if (!prune(store, &bounds, &pruned, &trouble)) {
            remark(record, trouble.text, err_help(&trouble));
        }
    }
    store_close(store);
    return fine;
}

static void
on_finished(struct record *record, const struct event_finished *finished)
{
    struct build_row *row = &record->row;
    struct err err = {0};

    row->us = finished->us;
    row->stop = finished->stop;
    row->exit_status = finished->exit_status;
    row->tally = *finished->tally;
    row->usage = finished->usage;
    if (row->tally.selected == 0 || record->forgoes) {
        return; // nothing happened that could be looked back at
    }
    usec began = now_usec();
    usec cpu = now_cpu_usec();
    bool fine = store_once(record, &err);
    log_debug("store: %u tests, written in %lld us, %lld us of CPU",
              (unsigned)row->tally.selected, (long long)(now_usec() - began),
              (long long)(now_cpu_usec() - cpu));
    if (!fine && err.kind == ERR_PROTOCOL && heal(record, &err)) {
        fine = store_once(record, &err);
    }
    if (!fine) {
        give_up(record, &err);
    }
}

static void
take(struct record *record, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        on_started(record, event);
        break;
    case EVENT_COLLECTING: // whoever loads the suite needs a while
        load(record);
        break;
    case EVENT_COLLECTED:
        on_collected(record, &event->collected);
        break;
    case EVENT_TEST_FINISHED:
        on_test(record, &event->test, true);
        break;
    case EVENT_TEST_ATTEMPT:
        on_test(record, &event->test, false);
        break;
    case EVENT_JOB_FINISHED:
        on_job(record, event);
        break;
    case EVENT_RUN_FINISHED:
        on_finished(record, &event->finished);
        break;
    case EVENT_PREPARING:
    case EVENT_PREPARED:
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
    case EVENT_JOB_STARTED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_LEAKED:
    case EVENT_WORKER:
    case EVENT_ELSEWHERE:
    case EVENT_NOTE:
    case EVENT_STOPPING:
    case EVENT_KIND_COUNT:
        break;
    }
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct record *record = record_of(sink);

    (void)err;
    if (!record->gave_up) {
        record->wall_ms = event->wall_ms;
        record->us = event->us;
        take(record, event);
    }
    return true;
}

static void
record_free(struct event_sink *sink)
{
    struct record *record = record_of(sink);

    for (size_t i = 0; i < record->texts.count; i++) {
        free(record->texts.items[i]);
    }
    ARRAY_RELEASE(&record->texts);
    draft_free(record->draft);
    memory_free(record->memory);
    buf_release(&record->message);
    free(record);
}

static const struct event_sink_ops record_ops = {
    .name = "the store",
    .on_event = on_event,
    .free = record_free,
};

struct event_sink *
record_new(const struct record_params *params)
{
    struct record *record = ALLOC(struct record);

    record->sink.ops = &record_ops;
    record->history.ops = &history_ops;
    record->params = *params;
    record->memory = memory_new();
    record->draft = draft_new(record->memory);
    record->row.asked = params->asked;
    record->row.whole = params->whole;
    buf_init(&record->message, (size_t)4 * 1024);
    return &record->sink;
}

void
record_name_recording(struct event_sink *self, const char *name)
{
    struct record *record = record_of(self);

    record->row.recording = keep(record, name);
}

void
record_forgo(struct event_sink *self)
{
    record_of(self)->forgoes = true;
}

bool
record_gave_up(const struct event_sink *self)
{
    return ((const struct record *)(const void *)self)->gave_up;
}

struct history *
record_history(struct event_sink *self)
{
    return &record_of(self)->history;
}
