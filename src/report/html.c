#include "report/html.h"

#include <stdlib.h>

#include "report/detail.h"
#include "report/html_internal.h"
#include "util/alloc.h"
#include "util/compose.h"
#include "util/path.h"

enum {
    MOST_GROUPS = 8000,
    MOST_LOCAL_SLOTS = 65536,
    MOST_BASE = 1 << 30,
};
#define MOST_LIST ((size_t)256 << 10) // bytes of notes, of workers, ...

struct html {
    struct event_sink sink; // first
    char *path;
    struct path_writer file;
    struct picture picture;
    bool begun;
    bool done;
};

static struct html *
html_of(struct event_sink *sink)
{
    return (struct html *)(void *)sink;
}

// Adds an element to a list that has room for some.
static void
add_element(struct picture *picture, struct buf *list, struct buf *element)
{
    buf_add_char(element, '}');
    if (!element->overflowed && list->len + element->len + 1 < list->max) {
        compose_comma(list);
        buf_add_slice(list, buf_slice(element));
    } else {
        picture->left_out++;
    }
    buf_release(element);
}

static struct buf
new_element(uint64_t us)
{
    struct buf element = BUF_INIT(MOST_LIST);

    buf_add_char(&element, '{');
    compose_uint(&element, "us", us);
    return element;
}

// Those that get no job are idle, and have a lane too.
static void
add_lanes(struct picture *picture, const struct event_run_part *part)
{
    for (int i = 0; i < part->slots && i < MOST_LOCAL_SLOTS; i++) {
        lanes_find(picture->lanes, part->worker, part->base + i);
    }
}

static void
on_run(struct picture *picture, const struct event *event)
{
    const struct event_run *run = &event->run;
    struct buf *buf = &picture->run;

    picture->now.wall_ms = event->wall_ms;
    (void)snprintf(picture->now.id, sizeof(picture->now.id), "%s",
                   run->build_id);
    compose_some(buf, "version", slice_of(run->version));
    compose_some(buf, "build", slice_of(run->build_id));
    compose_some(buf, "hostname", slice_of(run->hostname));
    compose_some(buf, "cwd", slice_of(run->cwd));
    compose_some(buf, "command", slice_of(run->command));
    compose_some(buf, "isolation", slice_of(run->isolation));
    compose_some(buf, "hash_seed", slice_of(run->hash_seed));
    compose_some(buf, "python", slice_of(run->python));
    compose_some(buf, "parent", slice_of(run->parent));
    compose_int(buf, "slots", run->slots);
    compose_int(buf, "wall_ms", event->wall_ms);
    if (run->parts == NULL) {
        const struct event_run_part own = {.worker = "", .slots = run->slots};
        add_lanes(picture, &own);
    }
    for (int i = 0; run->parts != NULL && i < run->part_count; i++) {
        add_lanes(picture, &run->parts[i]);
    }
}

static void
on_collected(struct picture *picture, const struct event *event)
{
    const struct event_collected *collected = &event->collected;
    struct buf *buf = &picture->run;

    compose_uint(buf, "items", collected->items);
    compose_uint(buf, "jobs", collected->jobs);
    compose_uint(buf, "excluded", collected->excluded);
    compose_uint(buf, "collected_us", collected->us);
    compose_uint(buf, "collected_at", event->us);
    compose_some(buf, "order", slice_of(collected->order));
    compose_some(buf, "seed", slice_of(collected->seed));
    compose_some(buf, "shard", slice_of(collected->shard));
    compose_some(buf, "selection", slice_of(collected->selection));
    compose_some(buf, "durations", slice_of(collected->durations));
    if (!picture->tallied) {
        picture->tally.selected = collected->items;
    }
}

static void
on_job(struct picture *picture, const struct event *event)
{
    const struct event_job *job = &event->job;
    uint32_t lane = lanes_find(picture->lanes, job->worker, job->slot);

    if (event->kind == EVENT_JOB_STARTED) {
        lanes_begin_job(picture->lanes, lane, event->us);
    } else if (lane != LANE_NONE) {
        uint64_t began = lanes_job_began(picture->lanes, lane);
        lanes_end_job(picture->lanes, lane,
                      event->us > began ? event->us - began : 0);
        stints_add(picture->stints, job, lane, began, event->us);
    }
}

static void
on_test(struct picture *picture, const struct event *event)
{
    const struct event_test *test = &event->test;
    const struct outcome *outcome = test->outcome;
    uint32_t lane = lanes_find(picture->lanes, test->worker, test->slot);
    uint64_t us = test->us > 0 ? test->us : outcome->us;

    if (outcome->state != STATE_NOT_RUN) {
        lanes_add_test(picture->lanes, lane, test->began_us, us,
                       outcome->state);
    }
    if (event->kind == EVENT_TEST_ATTEMPT) {
        rows_add_attempt(picture->rows, test, lane);
        return;
    }
    rows_add(picture->rows, test, lane);
    groups_add(picture->groups, slice_of(test->job), us, outcome->state);
    if (!picture->tallied) {
        tally_add_test(&picture->tally, outcome, test->quarantined);
        picture->tally.flaky += test->flaky;
        picture->tally.refused += test->refused;
    }
}

static void
on_worker(struct picture *picture, const struct event *event)
{
    const struct event_worker *worker = &event->worker;
    struct buf element = new_element(event->us);

    if (worker->what == WORKER_SAID || worker->what == WORKER_PRINTED) {
        buf_release(&element);
        return;
    }
    compose_text(&element, "what", worker_what_name(worker->what));
    compose_some(&element, "worker", slice_of(worker->node));
    compose_some(&element, "host", slice_of(worker->host));
    compose_some(&element, "kind", slice_of(worker->kind));
    compose_int(&element, "base", worker->base);
    compose_int(&element, "slots", worker->slots);
    compose_some_uint(&element, "took_us", worker->us);
    detail_add(&element, "text", worker->text);
    add_element(picture, &picture->workers, &element);
    if (worker->what == WORKER_JOINED && worker->base >= 0 &&
        worker->base <= MOST_BASE) {
        const struct event_run_part part = {
            .worker = worker->node,
            .base = worker->base,
            .slots = worker->slots,
        };
        add_lanes(picture, &part);
    }
}

static void
on_note(struct picture *picture, const struct event *event)
{
    static const char *const levels[] = {
        [NOTE_INFO] = "info",
        [NOTE_WARNING] = "warning",
        [NOTE_ERROR] = "error",
    };
    struct buf element = new_element(event->us);

    compose_text(&element, "level", levels[event->note.level]);
    detail_add(&element, "text", slice_of(event->note.text));
    detail_add(&element, "hint", slice_of(event->note.hint));
    add_element(picture, &picture->notes, &element);
}

static void
on_stopping(struct picture *picture, const struct event *event)
{
    struct buf element = new_element(event->us);

    compose_slice(&element, "level", SLICE("stop"));
    compose_slice(&element, "reason",
                  slice_of(stop_reason_name(event->stopping.reason)));
    detail_add(&element, "text", slice_of(event->stopping.problem));
    add_element(picture, &picture->notes, &element);
}

static void
on_script(struct picture *picture, const struct event *event)
{
    const struct event_script *script = &event->script;
    struct buf element = new_element(event->us);

    compose_text(&element, "name", script->name);
    compose_text(&element, "workspace", script->workspace);
    compose_some_bool(&element, "ok", script->ok);
    compose_uint(&element, "took_us", script->us);
    detail_add(&element, "problem", slice_of(script->problem));
    detail_add_output(&element, "out", &script->out);
    add_element(picture, &picture->scripts, &element);
}

static void
on_leak(struct picture *picture, const struct event *event)
{
    struct buf element = new_element(event->us);

    compose_some(&element, "job", slice_of(event->leak.job));
    compose_some(&element, "id", slice_of(event->leak.id));
    compose_int(&element, "pid", event->leak.pid);
    detail_add(&element, "command", slice_of(event->leak.command));
    add_element(picture, &picture->leaks, &element);
}

static void
on_finished(struct picture *picture, const struct event_finished *finished)
{
    struct buf *buf = &picture->end;

    picture->tally = *finished->tally;
    picture->tallied = true;
    compose_uint(buf, "us", finished->us);
    compose_some(buf, "stop", slice_of(stop_reason_name(finished->stop)));
    compose_int(buf, "exit_status", finished->exit_status);
    compose_uint(buf, "user_us", finished->usage.user_us);
    compose_uint(buf, "system_us", finished->usage.system_us);
    compose_some_uint(buf, "maxrss_kib", finished->usage.maxrss_kib);
    if (finished->chained) {
        compose_uint(buf, "outstanding", finished->outstanding);
    }
}

static void
gather(struct picture *picture, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        on_run(picture, event);
        break;
    case EVENT_COLLECTED:
        on_collected(picture, event);
        break;
    case EVENT_PREPARED:
        compose_uint(&picture->run, "prepared_us", event->prepared_us);
        break;
    case EVENT_SCRIPT_FINISHED:
        on_script(picture, event);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        on_job(picture, event);
        break;
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        on_test(picture, event);
        break;
    case EVENT_LEAKED:
        on_leak(picture, event);
        break;
    case EVENT_WORKER:
        on_worker(picture, event);
        break;
    case EVENT_NOTE:
        on_note(picture, event);
        break;
    case EVENT_STOPPING:
        on_stopping(picture, event);
        break;
    case EVENT_ELSEWHERE:
        picture->elsewhere++;
        break;
    case EVENT_RUN_FINISHED:
        on_finished(picture, &event->finished);
        break;
    case EVENT_COLLECTING:
    case EVENT_PREPARING:
    case EVENT_SCRIPT_STARTED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_KIND_COUNT:
        break;
    }
}

static bool
write_page(struct html *html, struct err *err)
{
    struct writer out;

    html->done = true;
    rows_settle(html->picture.rows);
    writer_init(&out, fileno(html->file.file));
    bool ok = html_data_write(&html->picture, &out);
    writer_release(&out);
    if (!ok) {
        *err = out.err;
        path_writer_abort(&html->file);
        return err_wrap(err, "writing %s", html->path);
    }
    return path_writer_commit(&html->file, err);
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct html *html = html_of(sink);

    if (html->done) {
        return true;
    }
    if (event->us > html->picture.last_us) {
        html->picture.last_us = event->us;
    }
    html->begun = html->begun || event->kind == EVENT_RUN_STARTED;
    gather(&html->picture, event);
    return event->kind != EVENT_RUN_FINISHED || write_page(html, err);
}

static void
picture_init(struct picture *picture, struct html_history *history)
{
    struct buf *const lists[] = {&picture->run,     &picture->end,
                                 &picture->notes,   &picture->scripts,
                                 &picture->workers, &picture->leaks};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        buf_init(lists[i], MOST_LIST);
    }
    picture->rows = rows_new();
    picture->lanes = lanes_new();
    picture->groups = groups_new(MOST_GROUPS);
    picture->stints = stints_new();
    picture->history = history;
}

static void
free_history(struct html_history *history)
{
    if (history != NULL) {
        history->ops->free(history);
    }
}

static void
html_free(struct event_sink *sink)
{
    struct html *html = html_of(sink);
    struct picture *picture = &html->picture;
    struct err err = {0};

    if (!html->done && html->begun) {
        // The run broke off; nobody is left to hear of an error.
        write_page(html, &err);
    }
    path_writer_abort(&html->file);
    free_history(picture->history);
    buf_release(&picture->run);
    buf_release(&picture->end);
    buf_release(&picture->notes);
    buf_release(&picture->scripts);
    buf_release(&picture->workers);
    buf_release(&picture->leaks);
    rows_free(picture->rows);
    lanes_free(picture->lanes);
    groups_free(picture->groups);
    stints_free(picture->stints);
    free(html->path);
    free(html);
}

static const struct event_sink_ops html_ops = {
    .name = "the HTML report",
    .on_event = on_event,
    .free = html_free,
};

struct event_sink *
html_new(const char *path, struct html_history *history, struct err *err)
{
    struct path_writer file = {0};

    if (path_is_folder(path)) {
        err_set(err, ERR_USAGE, "%s is a folder", path);
    } else {
        path_writer_open(&file, path, err);
    }
    if (err_is_set(err)) {
        err_wrap(err, "HTML report");
        err_hint(err, "pass --html a file in a folder that you may write to");
        free_history(history);
        return NULL;
    }
    struct html *html = ALLOC(struct html);
    html->sink.ops = &html_ops;
    html->path = alloc_dup(path);
    html->file = file;
    picture_init(&html->picture, history);
    return &html->sink;
}
