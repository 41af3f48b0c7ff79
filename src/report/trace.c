#include "report/trace.h"

#include <stdlib.h>

#include "report/trace_out.h"
#include "report/trace_tracks.h"
#include "report/wording.h"
#include "util/alloc.h"
#include "util/compose.h"
#include "util/path.h"

struct trace {
    struct event_sink sink; // first
    char *path;
    struct path_writer file;
    struct trace_out out;
    struct trace_tracks *tracks;
    uint32_t running; // slots
    uint32_t passed;
    uint32_t skipped;
    uint32_t bad;
    uint64_t counted_us; // when the counters were told last
    uint64_t last_us;
    bool begun; // the head is written
    bool done;
};

static struct trace *
trace_of(struct event_sink *sink)
{
    return (struct trace *)(void *)sink;
}

static uint32_t
host_of(struct trace *trace, const char *worker)
{
    bool first = false;
    uint32_t process =
        trace_tracks_process(trace->tracks, slice_of(worker), &first);

    if (first) {
        trace_out_process(&trace->out, slice_of(worker), process);
    }
    return process;
}

static struct trace_place
place_of(const struct track *track)
{
    return (struct trace_place){track->process,
                                TRACE_FIRST_THREAD + track->slot};
}

// The track of a slot, which is introduced when it is seen first; NULL when
// it is none.
static struct track *
track_of(struct trace *trace, const char *worker, int slot)
{
    bool first = false;
    struct track *track = NULL;

    if (slot < 0) {
        return NULL;
    }
    track = trace_tracks_find(trace->tracks, host_of(trace, worker),
                              (uint32_t)slot, &first);
    if (first && track != NULL) {
        struct buf name = BUF_INIT(4096);
        buf_addf(&name, "slot %d", slot);
        if (worker != NULL && worker[0] != '\0') {
            buf_addf(&name, " (%.200s)", worker);
        }
        trace_out_thread(&trace->out, buf_slice(&name), track->slot + 1,
                         place_of(track));
        buf_release(&name);
    }
    return track;
}

static void
add_counter(struct trace *trace, uint64_t us)
{
    const struct trace_place place = {1, TRACE_RUN_THREAD};
    struct buf *buf =
        trace_out_open(&trace->out, "C", SLICE("running"), place, us);

    compose_open(buf, "args");
    compose_uint(buf, "slots", trace->running);
    buf_add_char(buf, '}');
    trace_out_close(&trace->out);

    buf = trace_out_open(&trace->out, "C", SLICE("tests"), place, us);
    compose_open(buf, "args");
    compose_uint(buf, "passed", trace->passed);
    compose_uint(buf, "bad", trace->bad);
    compose_uint(buf, "skipped", trace->skipped);
    buf_add_char(buf, '}');
    trace_out_close(&trace->out);
    trace->counted_us = us;
}

// Less often the longer the run is: some ten thousand times at most.
static void
count(struct trace *trace, uint64_t us)
{
    uint64_t pause = us / 2000;

    if (us >= trace->counted_us + (pause < 1000 ? 1000 : pause)) {
        add_counter(trace, us);
    }
}

static void
on_run(struct trace *trace, const struct event *event)
{
    const struct event_run *run = &event->run;
    struct buf *buf = &trace->out.writer.buf;

    trace->begun = true;
    buf_add_text(buf, "{\"displayTimeUnit\":\"ms\"");
    compose_open(buf, "otherData");
    compose_some(buf, "version", slice_of(run->version));
    compose_some(buf, "build", slice_of(run->build_id));
    compose_some(buf, "hostname", slice_of(run->hostname));
    compose_some(buf, "cwd", slice_of(run->cwd));
    compose_some(buf, "command", slice_of(run->command));
    compose_some(buf, "isolation", slice_of(run->isolation));
    compose_int(buf, "wall_ms", event->wall_ms);
    buf_add_text(buf, "},\"traceEvents\":[\n");
    trace_tracks_set_host(trace->tracks, slice_of(run->hostname));
    trace_out_process(&trace->out, slice_of(run->hostname), 1);
}

static void
end_job(struct trace *trace, struct track *track,
        const struct event_job *finished)
{
    uint64_t end = trace_track_close(track, trace->last_us);
    struct buf *buf =
        trace_out_open(&trace->out, "E", slice_of(buf_text(&track->job)),
                       place_of(track), end);

    if (finished != NULL) {
        compose_open(buf, "args");
        compose_uint(buf, "user_us", finished->usage.user_us);
        compose_uint(buf, "system_us", finished->usage.system_us);
        compose_some_uint(buf, "maxrss_kib", finished->usage.maxrss_kib);
        buf_add_char(buf, '}');
    }
    trace_out_close(&trace->out);
    trace->running--;
    count(trace, trace->last_us);
}

static void
on_job(struct trace *trace, const struct event_job *job, bool finished)
{
    struct track *track = track_of(trace, job->worker, job->slot);

    if (track == NULL) {
        return;
    }
    if (track->open) {
        end_job(trace, track, finished ? job : NULL);
    }
    if (finished) {
        return;
    }
    uint64_t began = trace_track_open(track, trace->last_us, job->name);
    struct buf *buf = trace_out_open(&trace->out, "B", slice_of(job->name),
                                     place_of(track), began);
    compose_slice(buf, "cat", SLICE("job"));
    compose_open(buf, "args");
    compose_uint(buf, "job", job->number);
    compose_text(buf, "kind", job_kind_name(job->kind));
    compose_some(buf, "file", slice_of(job->file));
    compose_uint(buf, "items", job->items);
    compose_int(buf, "attempt", job->attempt);
    compose_some_uint(buf, "process", job->process);
    compose_some_uint(buf, "expect_us", job->expect_us);
    buf_add_char(buf, '}');
    trace_out_close(&trace->out);
    trace->running++;
    count(trace, trace->last_us);
}

static void
add_test_args(struct buf *buf, const struct event_test *test)
{
    const struct outcome *outcome = test->outcome;

    compose_open(buf, "args");
    compose_text(buf, "state", state_name(outcome->state));
    compose_some(buf, "job", slice_of(test->job));
    compose_some(buf, "file", slice_of(test->file));
    compose_some_uint(buf, "line", test->line);
    compose_int(buf, "attempt", test->attempt);
    compose_some_uint(buf, "tries",
                      test->tries > 1 ? (uint64_t)test->tries : 0);
    compose_some_uint(buf, "process", test->process);
    compose_some_bool(buf, "flaky", test->flaky);
    compose_some_bool(buf, "quarantined", test->quarantined);
    compose_some(buf, "message", wording_reason(outcome));
    compose_some(buf, "rerun", slice_of(test->rerun));
    buf_add_char(buf, '}');
}

static void
count_state(struct trace *trace, enum state state)
{
    if (state_is_bad(state)) {
        trace->bad++;
    } else if (state == STATE_PASSED || state == STATE_XFAILED) {
        trace->passed++;
    } else {
        trace->skipped++;
    }
}

static void
on_test(struct trace *trace, const struct event_test *test, bool final)
{
    struct track *track = track_of(trace, test->worker, test->slot);

    if (final) {
        count_state(trace, test->outcome->state);
    }
    if (track != NULL && test->outcome->state != STATE_NOT_RUN) {
        struct track_span span =
            trace_track_add(track, test->began_us, test->us);
        struct buf *buf = trace_out_open(&trace->out, "X", slice_of(test->id),
                                         place_of(track), span.began_us);
        compose_uint(buf, "dur", span.us);
        buf_addf(buf, ",\"cat\":\"test,%s\"", state_name(test->outcome->state));
        add_test_args(buf, test);
        trace_out_close(&trace->out);
    }
    count(trace, trace->last_us);
}

static void
on_worker(struct trace *trace, const struct event_worker *worker)
{
    bool first = false;
    uint32_t process = 0;

    if (worker->what == WORKER_SAID || worker->what == WORKER_PRINTED) {
        return;
    }
    process = trace_tracks_join(trace->tracks, slice_of(worker->node),
                                slice_of(worker->host), &first);
    if (first) {
        trace_out_process(&trace->out, slice_of(worker->host), process);
    }
    if (worker->what == WORKER_JOINED && worker->us > 0) {
        trace_out_span(&trace->out, process, SLICE("getting ready"),
                       trace->last_us, worker->us);
    }
    struct buf name = BUF_INIT(4096);
    buf_addf(&name, "%.1000s %s", worker->node, worker_what_name(worker->what));
    struct buf *buf = trace_out_instant(&trace->out, process, buf_slice(&name),
                                        "p", trace->last_us);
    compose_some(buf, "kind", slice_of(worker->kind));
    compose_some_uint(buf, "slots", (uint64_t)worker->slots);
    compose_some(buf, "text", worker->text);
    trace_out_close_instant(&trace->out);
    buf_release(&name);
}

static void
on_leak(struct trace *trace, const struct event_leak *leak)
{
    struct buf *buf = trace_out_instant(&trace->out, 1, SLICE("leaked process"),
                                        "g", trace->last_us);

    compose_some(buf, "job", slice_of(leak->job));
    compose_some(buf, "id", slice_of(leak->id));
    compose_int(buf, "pid", leak->pid);
    compose_text(buf, "command", leak->command);
    trace_out_close_instant(&trace->out);
}

static void
on_stopping(struct trace *trace, const struct event_stopping *stopping)
{
    struct buf *buf = trace_out_instant(&trace->out, 1, SLICE("stopping"), "g",
                                        trace->last_us);

    compose_text(buf, "reason", stop_reason_name(stopping->reason));
    compose_some(buf, "problem", slice_of(stopping->problem));
    trace_out_close_instant(&trace->out);
}

static void
on_note(struct trace *trace, const struct event_note *note)
{
    if (note->level != NOTE_INFO) {
        struct buf *buf = trace_out_instant(
            &trace->out, 1, slice_first(slice_of(note->text), 1000), "g",
            trace->last_us);
        compose_some(buf, "hint", slice_of(note->hint));
        trace_out_close_instant(&trace->out);
    }
}

static bool
finish(struct trace *trace, struct err *err)
{
    struct track *track = NULL;

    for (size_t at = 0; (track = trace_tracks_next(trace->tracks, &at));) {
        if (track->open) {
            end_job(trace, track, NULL);
        }
    }
    add_counter(trace, trace->last_us);
    buf_add_text(&trace->out.writer.buf, "\n]}\n");
    trace->done = true;
    if (!writer_flush(&trace->out.writer)) {
        *err = trace->out.writer.err;
        path_writer_abort(&trace->file);
        return err_wrap(err, "writing %s", trace->path);
    }
    return path_writer_commit(&trace->file, err);
}

static void
tell(struct trace *trace, const struct event *event)
{
    switch (event->kind) {
    case EVENT_COLLECTED:
        trace_out_span(&trace->out, 1, SLICE("collect"), trace->last_us,
                       event->collected.us);
        break;
    case EVENT_PREPARED:
        trace_out_span(&trace->out, 1, SLICE("prepare"), trace->last_us,
                       event->prepared_us);
        break;
    case EVENT_SCRIPT_FINISHED:
        trace_out_span(&trace->out, 1, slice_of(event->script.name),
                       trace->last_us, event->script.us);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        on_job(trace, &event->job, event->kind == EVENT_JOB_FINISHED);
        break;
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        on_test(trace, &event->test, event->kind == EVENT_TEST_FINISHED);
        break;
    case EVENT_WORKER:
        on_worker(trace, &event->worker);
        break;
    case EVENT_LEAKED:
        on_leak(trace, &event->leak);
        break;
    case EVENT_NOTE:
        on_note(trace, &event->note);
        break;
    case EVENT_STOPPING:
        on_stopping(trace, &event->stopping);
        break;
    case EVENT_RUN_STARTED:
    case EVENT_COLLECTING:
    case EVENT_PREPARING:
    case EVENT_SCRIPT_STARTED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_ELSEWHERE:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct trace *trace = trace_of(sink);

    if (trace->done) {
        return true;
    }
    trace->last_us = event->us > trace->last_us ? event->us : trace->last_us;
    if (event->kind == EVENT_RUN_STARTED && !trace->begun) {
        on_run(trace, event);
    }
    if (!trace->begun) {
        return true; // a note before the run
    }
    tell(trace, event);
    if (event->kind == EVENT_RUN_FINISHED) {
        return finish(trace, err);
    }
    if (!writer_relieve(&trace->out.writer)) {
        *err = trace->out.writer.err;
        return err_wrap(err, "writing %s", trace->path);
    }
    return true;
}

static void
trace_free(struct event_sink *sink)
{
    struct trace *trace = trace_of(sink);
    struct err err = {0};

    if (!trace->done && trace->begun && !err_is_set(&trace->out.writer.err)) {
        // The run broke off; nobody is left to hear of an error.
        finish(trace, &err);
    }
    path_writer_abort(&trace->file);
    writer_release(&trace->out.writer);
    trace_tracks_free(trace->tracks);
    free(trace->path);
    free(trace);
}

static const struct event_sink_ops trace_ops = {
    .name = "the trace",
    .on_event = on_event,
    .free = trace_free,
};

struct event_sink *
trace_new(const char *path, struct err *err)
{
    struct path_writer file = {0};

    if (path_is_folder(path)) {
        err_set(err, ERR_USAGE, "%s is a folder", path);
    } else {
        path_writer_open(&file, path, err);
    }
    if (err_is_set(err)) {
        err_wrap(err, "trace");
        err_hint(err, "pass --trace a file in a folder that you may write to");
        return NULL;
    }
    struct trace *trace = ALLOC(struct trace);
    trace->sink.ops = &trace_ops;
    trace->path = alloc_dup(path);
    trace->file = file;
    trace->tracks = trace_tracks_new();
    writer_init(&trace->out.writer, fileno(file.file));
    return &trace->sink;
}
