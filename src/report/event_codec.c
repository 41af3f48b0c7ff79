#include "report/event_codec.h"

#include <inttypes.h>

#include "util/escape.h"

static void
add_key(struct buf *buf, const char *key)
{
    bool first = buf->len > 0 && buf->data[buf->len - 1] == '{';

    buf_add_text(buf, first ? "\"" : ",\"");
    buf_add_text(buf, key);
    buf_add_text(buf, "\":");
}

static void
add_uint(struct buf *buf, const char *key, uint64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    // printf takes longer than all the rest of a passed test.
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add_key(buf, key);
    buf_add(buf, digits + at, sizeof(digits) - at);
}

static void
add_int(struct buf *buf, const char *key, int64_t number)
{
    if (number >= 0) {
        add_uint(buf, key, (uint64_t)number);
    } else {
        add_key(buf, key);
        buf_addf(buf, "%" PRId64, number);
    }
}

static void
add_bool(struct buf *buf, const char *key, bool value)
{
    add_key(buf, key);
    buf_add_text(buf, value ? "true" : "false");
}

// Numbers that say nothing are left out as texts are.
static void
add_known(struct buf *buf, const char *key, uint64_t number)
{
    if (number > 0) {
        add_uint(buf, key, number);
    }
}

static void
add_true(struct buf *buf, const char *key, bool value)
{
    if (value) {
        add_bool(buf, key, true);
    }
}

static void
add_slice(struct buf *buf, const char *key, struct slice text)
{
    add_key(buf, key);
    escape_json(buf, text);
}

static void
add_text(struct buf *buf, const char *key, const char *text)
{
    add_slice(buf, key, slice_of(text));
}

// Members that say nothing are left out.
static void
add_some(struct buf *buf, const char *key, struct slice text)
{
    if (text.len > 0) {
        add_slice(buf, key, text);
    }
}

static void
open_object(struct buf *buf, const char *key)
{
    add_key(buf, key);
    buf_add_char(buf, '{');
}

static void
close_object(struct buf *buf)
{
    buf_add_char(buf, '}');
}

static void
add_usage(struct buf *buf, const struct usage *usage)
{
    open_object(buf, "usage");

    add_uint(buf, "user_us", usage->user_us);
    add_uint(buf, "system_us", usage->system_us);
    if (usage->maxrss_kib > 0) {
        add_uint(buf, "maxrss_kib", usage->maxrss_kib);
    }
    close_object(buf);
}

static void
add_output(struct buf *buf, const char *key, const struct output *output)
{
    if (output->head.len == 0 && output->tail.len == 0 && output->cut == 0) {
        return;
    }
    open_object(buf, key);
    add_slice(buf, "head", output->head);
    if (output->cut > 0) {
        add_uint(buf, "cut", output->cut);
        add_slice(buf, "tail", output->tail);
    }
    close_object(buf);
}

static void
add_finding(struct buf *buf, const struct finding *finding)
{
    buf_add_char(buf, '{');

    add_text(buf, "kind", finding_kind_name(finding->kind));
    add_some(buf, "where", finding->where);
    add_some(buf, "sub", finding->sub);
    add_some(buf, "type", finding->type);
    add_some(buf, "message", finding->message);
    add_some(buf, "trace", finding->trace);
    add_some(buf, "file", finding->file);
    if (finding->line > 0) {
        add_uint(buf, "line", finding->line);
    }
    close_object(buf);
}

static void
add_outcome(struct buf *buf, const struct outcome *outcome)
{
    add_text(buf, "state", state_name(outcome->state));
    add_some(buf, "reason", outcome->reason);
    if (!outcome->ran) {
        add_bool(buf, "ran", false);
    }
    if (!outcome->counted) {
        add_bool(buf, "counted", false);
    }
    if (outcome->finding_count > 0) {
        add_key(buf, "findings");
        buf_add_char(buf, '[');
        for (size_t i = 0; i < outcome->finding_count; i++) {
            if (i > 0) {
                buf_add_char(buf, ',');
            }
            add_finding(buf, &outcome->findings[i]);
        }
        buf_add_char(buf, ']');
    }
    add_output(buf, "out", &outcome->out);
    add_output(buf, "err", &outcome->err);
}

static void
add_run(struct buf *buf, const struct event_run *run)
{
    add_uint(buf, "schema", EVENT_CODEC_SCHEMA);
    add_text(buf, "version", run->version);
    add_text(buf, "build", run->build_id);
    add_text(buf, "hostname", run->hostname);
    add_text(buf, "cwd", run->cwd);
    add_text(buf, "command", run->command);
    add_text(buf, "isolation", run->isolation);
    add_some(buf, "hash_seed", slice_of(run->hash_seed));
    add_some(buf, "python", slice_of(run->python));
    add_some(buf, "python_origin", slice_of(run->python_origin));
    add_int(buf, "slots", run->slots);
    add_some(buf, "parent", slice_of(run->parent));
    add_true(buf, "merged", run->merged);
}

static void
add_job(struct buf *buf, const struct event_job *job, bool finished)
{
    add_uint(buf, "job", job->number);
    add_text(buf, "name", job->name);
    add_text(buf, "kind", job_kind_name(job->kind));
    add_some(buf, "file", slice_of(job->file));
    add_uint(buf, "items", job->items);
    add_int(buf, "slot", job->slot);
    add_some(buf, "worker", slice_of(job->worker));
    add_int(buf, "attempt", job->attempt);
    add_known(buf, "process", job->process);
    add_known(buf, "expect_us", job->expect_us);
    if (finished) {
        add_uint(buf, "us", job->us);
        add_usage(buf, &job->usage);
        add_output(buf, "out", &job->out);
        add_output(buf, "err", &job->err);
    }
}

static void
add_test(struct buf *buf, const struct event_test *test, enum event_kind kind)
{
    add_uint(buf, "item", test->number);
    add_text(buf, "id", test->id);
    add_some(buf, "job_name", slice_of(test->job));
    add_some(buf, "file", slice_of(test->file));
    if (test->line > 0) {
        add_uint(buf, "line", test->line);
    }
    add_int(buf, "slot", test->slot);
    add_some(buf, "worker", slice_of(test->worker));
    add_int(buf, "attempt", test->attempt);
    add_known(buf, "tries", test->tries > 1 ? (uint64_t)test->tries : 0);
    add_known(buf, "process", test->process);
    add_uint(buf, "began_us", test->began_us);
    if (kind != EVENT_TEST_STARTED) {
        add_uint(buf, "us", test->us);
    }
    if (kind == EVENT_TEST_FINISHED || kind == EVENT_TEST_ATTEMPT) {
        add_outcome(buf, test->outcome);
        add_true(buf, "flaky", test->flaky);
        add_true(buf, "refused", test->refused);
        add_true(buf, "quarantined", test->quarantined);
        add_some(buf, "rerun", slice_of(test->rerun));
    }
}

static void
add_script(struct buf *buf, const struct event_script *script, bool finished)
{
    add_text(buf, "script", script->name);
    add_text(buf, "workspace", script->workspace);
    if (finished) {
        add_bool(buf, "ok", script->ok);
        add_uint(buf, "us", script->us);
        add_some(buf, "problem", slice_of(script->problem));
        add_output(buf, "out", &script->out);
    }
}

static void
add_leak(struct buf *buf, const struct event_leak *leak)
{
    add_some(buf, "job_name", slice_of(leak->job));
    add_some(buf, "id", slice_of(leak->id));
    add_int(buf, "pid", leak->pid);
    add_text(buf, "command", leak->command);
}

static void
add_worker(struct buf *buf, const struct event_worker *worker)
{
    add_text(buf, "what", worker_what_name(worker->what));
    add_text(buf, "worker", worker->node);
    add_some(buf, "host", slice_of(worker->host));
    add_some(buf, "kind", slice_of(worker->kind));
    add_int(buf, "base", worker->base);
    add_int(buf, "slots", worker->slots);
    if (worker->us > 0) {
        add_uint(buf, "us", worker->us);
    }
    add_some(buf, "id", worker->id);
    add_some(buf, "text", worker->text);
}

static void
add_note(struct buf *buf, const struct event_note *note)
{
    static const char *const levels[] = {
        [NOTE_INFO] = "info",
        [NOTE_WARNING] = "warning",
        [NOTE_ERROR] = "error",
    };

    add_text(buf, "level", levels[note->level]);
    add_text(buf, "text", note->text);
    add_some(buf, "hint", slice_of(note->hint));
}

static void
add_tally(struct buf *buf, const struct tally *tally)
{
    add_uint(buf, "selected", tally->selected);
    open_object(buf, "states");
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        add_uint(buf, state_name((enum state)i), tally->states[i]);
    }
    close_object(buf);
    add_uint(buf, "ran", tally->ran);
    add_uint(buf, "failures", tally->failures);
    add_uint(buf, "errors", tally->errors);
    add_uint(buf, "skips", tally->skips);
    add_uint(buf, "xfails", tally->xfails);
    add_uint(buf, "xpasses", tally->xpasses);
    add_uint(buf, "retried", tally->retried);
    add_uint(buf, "late", tally->late);
    add_uint(buf, "leaks", tally->leaks);
    add_known(buf, "flaky", tally->flaky);
    add_known(buf, "quarantined", tally->quarantined);
    add_known(buf, "excused", tally->excused);
    add_known(buf, "refused", tally->refused);
}

static void
add_finished(struct buf *buf, const struct event_finished *finished)
{
    add_uint(buf, "us", finished->us);
    add_some(buf, "stop", slice_of(stop_reason_name(finished->stop)));
    add_int(buf, "exit_status", finished->exit_status);
    add_tally(buf, finished->tally);
    if (finished->chained) {
        add_uint(buf, "outstanding", finished->outstanding);
    }
    add_usage(buf, &finished->usage);
}

static void
add_collected(struct buf *buf, const struct event_collected *collected)
{
    add_uint(buf, "items", collected->items);
    add_uint(buf, "jobs", collected->jobs);
    add_uint(buf, "excluded", collected->excluded);
    add_uint(buf, "us", collected->us);
    add_some(buf, "order", slice_of(collected->order));
    add_some(buf, "seed", slice_of(collected->seed));
    add_some(buf, "shard", slice_of(collected->shard));
    add_some(buf, "selection", slice_of(collected->selection));
    add_some(buf, "durations", slice_of(collected->durations));
}

static void
add_elsewhere(struct buf *buf, const struct event_elsewhere *elsewhere)
{
    add_text(buf, "id", elsewhere->id);
    add_text(buf, "job_name", elsewhere->job);
    add_uint(buf, "shard", elsewhere->shard);
}

static void
add_members(struct buf *buf, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        add_run(buf, &event->run);
        break;
    case EVENT_COLLECTING:
        add_slice(buf, "module", event->module);
        break;
    case EVENT_COLLECTED:
        add_collected(buf, &event->collected);
        break;
    case EVENT_PREPARING:
        add_some(buf, "text", event->preparing);
        break;
    case EVENT_PREPARED:
        add_uint(buf, "us", event->prepared_us);
        break;
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
        add_script(buf, &event->script, event->kind == EVENT_SCRIPT_FINISHED);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        add_job(buf, &event->job, event->kind == EVENT_JOB_FINISHED);
        break;
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        add_test(buf, &event->test, event->kind);
        break;
    case EVENT_LEAKED:
        add_leak(buf, &event->leak);
        break;
    case EVENT_WORKER:
        add_worker(buf, &event->worker);
        break;
    case EVENT_ELSEWHERE:
        add_elsewhere(buf, &event->elsewhere);
        break;
    case EVENT_NOTE:
        add_note(buf, &event->note);
        break;
    case EVENT_STOPPING:
        add_text(buf, "reason", stop_reason_name(event->stopping.reason));
        add_some(buf, "problem", slice_of(event->stopping.problem));
        break;
    case EVENT_RUN_FINISHED:
        add_finished(buf, &event->finished);
        break;
    case EVENT_KIND_COUNT:
        break;
    }
}

void
event_codec_write(struct buf *buf, const struct event *event)
{
    buf_add_text(buf, "{\"event\":\"");
    buf_add_text(buf, event_kind_name(event->kind));
    buf_add_char(buf, '"');
    add_uint(buf, "at_us", event->us);
    add_int(buf, "wall_ms", event->wall_ms);
    add_members(buf, event);
    buf_add_text(buf, "}\n");
}
