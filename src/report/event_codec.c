#include "report/event_codec.h"

#include "util/compose.h"

static void
add_usage(struct buf *buf, const struct usage *usage)
{
    compose_open(buf, "usage");

    compose_uint(buf, "user_us", usage->user_us);
    compose_uint(buf, "system_us", usage->system_us);
    if (usage->maxrss_kib > 0) {
        compose_uint(buf, "maxrss_kib", usage->maxrss_kib);
    }
    buf_add_char(buf, '}');
}

static void
add_output(struct buf *buf, const char *key, const struct output *output)
{
    if (output->head.len == 0 && output->tail.len == 0 && output->cut == 0) {
        return;
    }
    compose_open(buf, key);
    compose_slice(buf, "head", output->head);
    if (output->cut > 0) {
        compose_uint(buf, "cut", output->cut);
        compose_slice(buf, "tail", output->tail);
    }
    buf_add_char(buf, '}');
}

static void
add_finding(struct buf *buf, const struct finding *finding)
{
    buf_add_char(buf, '{');

    compose_text(buf, "kind", finding_kind_name(finding->kind));
    compose_some(buf, "where", finding->where);
    compose_some(buf, "sub", finding->sub);
    compose_some(buf, "type", finding->type);
    compose_some(buf, "message", finding->message);
    compose_some(buf, "trace", finding->trace);
    compose_some(buf, "file", finding->file);
    if (finding->line > 0) {
        compose_uint(buf, "line", finding->line);
    }
    buf_add_char(buf, '}');
}

static void
add_outcome(struct buf *buf, const struct outcome *outcome)
{
    compose_text(buf, "state", state_name(outcome->state));
    compose_some(buf, "reason", outcome->reason);
    if (!outcome->ran) {
        compose_bool(buf, "ran", false);
    }
    if (!outcome->counted) {
        compose_bool(buf, "counted", false);
    }
    if (outcome->finding_count > 0) {
        compose_list(buf, "findings");
        for (size_t i = 0; i < outcome->finding_count; i++) {
            compose_comma(buf);
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
    compose_uint(buf, "schema", EVENT_CODEC_SCHEMA);
    compose_text(buf, "version", run->version);
    compose_text(buf, "build", run->build_id);
    compose_text(buf, "hostname", run->hostname);
    compose_text(buf, "cwd", run->cwd);
    compose_text(buf, "command", run->command);
    compose_text(buf, "isolation", run->isolation);
    compose_some(buf, "hash_seed", slice_of(run->hash_seed));
    compose_some(buf, "python", slice_of(run->python));
    compose_some(buf, "python_origin", slice_of(run->python_origin));
    compose_int(buf, "slots", run->slots);
    compose_some(buf, "parent", slice_of(run->parent));
    compose_some_bool(buf, "merged", run->merged);
}

static void
add_job(struct buf *buf, const struct event_job *job, bool finished)
{
    compose_uint(buf, "job", job->number);
    compose_text(buf, "name", job->name);
    compose_text(buf, "kind", job_kind_name(job->kind));
    compose_some(buf, "file", slice_of(job->file));
    compose_uint(buf, "items", job->items);
    compose_int(buf, "slot", job->slot);
    compose_some(buf, "worker", slice_of(job->worker));
    compose_int(buf, "attempt", job->attempt);
    compose_some_uint(buf, "process", job->process);
    compose_some_uint(buf, "expect_us", job->expect_us);
    if (finished) {
        compose_uint(buf, "us", job->us);
        add_usage(buf, &job->usage);
        add_output(buf, "out", &job->out);
        add_output(buf, "err", &job->err);
    }
}

static void
add_test(struct buf *buf, const struct event_test *test, enum event_kind kind)
{
    compose_uint(buf, "item", test->number);
    compose_text(buf, "id", test->id);
    compose_some(buf, "job_name", slice_of(test->job));
    compose_some(buf, "file", slice_of(test->file));
    if (test->line > 0) {
        compose_uint(buf, "line", test->line);
    }
    compose_int(buf, "slot", test->slot);
    compose_some(buf, "worker", slice_of(test->worker));
    compose_int(buf, "attempt", test->attempt);
    compose_some_uint(buf, "tries",
                      test->tries > 1 ? (uint64_t)test->tries : 0);
    compose_some_uint(buf, "process", test->process);
    compose_uint(buf, "began_us", test->began_us);
    if (kind != EVENT_TEST_STARTED) {
        compose_uint(buf, "us", test->us);
    }
    if (kind == EVENT_TEST_FINISHED || kind == EVENT_TEST_ATTEMPT) {
        add_outcome(buf, test->outcome);
        compose_some_bool(buf, "flaky", test->flaky);
        compose_some_bool(buf, "refused", test->refused);
        compose_some_bool(buf, "quarantined", test->quarantined);
        compose_some(buf, "rerun", slice_of(test->rerun));
    }
}

static void
add_script(struct buf *buf, const struct event_script *script, bool finished)
{
    compose_text(buf, "script", script->name);
    compose_text(buf, "workspace", script->workspace);
    if (finished) {
        compose_bool(buf, "ok", script->ok);
        compose_uint(buf, "us", script->us);
        compose_some(buf, "problem", slice_of(script->problem));
        add_output(buf, "out", &script->out);
    }
}

static void
add_leak(struct buf *buf, const struct event_leak *leak)
{
    compose_some(buf, "job_name", slice_of(leak->job));
    compose_some(buf, "id", slice_of(leak->id));
    compose_int(buf, "pid", leak->pid);
    compose_text(buf, "command", leak->command);
}

static void
add_worker(struct buf *buf, const struct event_worker *worker)
{
    compose_text(buf, "what", worker_what_name(worker->what));
    compose_text(buf, "worker", worker->node);
    compose_some(buf, "host", slice_of(worker->host));
    compose_some(buf, "kind", slice_of(worker->kind));
    compose_int(buf, "base", worker->base);
    compose_int(buf, "slots", worker->slots);
    if (worker->us > 0) {
        compose_uint(buf, "us", worker->us);
    }
    compose_some(buf, "id", worker->id);
    compose_some(buf, "text", worker->text);
}

static void
add_note(struct buf *buf, const struct event_note *note)
{
    static const char *const levels[] = {
        [NOTE_INFO] = "info",
        [NOTE_WARNING] = "warning",
        [NOTE_ERROR] = "error",
    };

    compose_text(buf, "level", levels[note->level]);
    compose_text(buf, "text", note->text);
    compose_some(buf, "hint", slice_of(note->hint));
}

static void
add_tally(struct buf *buf, const struct tally *tally)
{
    compose_uint(buf, "selected", tally->selected);
    compose_open(buf, "states");
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        compose_uint(buf, state_name((enum state)i), tally->states[i]);
    }
    buf_add_char(buf, '}');
    compose_uint(buf, "ran", tally->ran);
    compose_uint(buf, "failures", tally->failures);
    compose_uint(buf, "errors", tally->errors);
    compose_uint(buf, "skips", tally->skips);
    compose_uint(buf, "xfails", tally->xfails);
    compose_uint(buf, "xpasses", tally->xpasses);
    compose_uint(buf, "retried", tally->retried);
    compose_uint(buf, "late", tally->late);
    compose_uint(buf, "leaks", tally->leaks);
    compose_some_uint(buf, "flaky", tally->flaky);
    compose_some_uint(buf, "quarantined", tally->quarantined);
    compose_some_uint(buf, "excused", tally->excused);
    compose_some_uint(buf, "refused", tally->refused);
}

static void
add_finished(struct buf *buf, const struct event_finished *finished)
{
    compose_uint(buf, "us", finished->us);
    compose_some(buf, "stop", slice_of(stop_reason_name(finished->stop)));
    compose_int(buf, "exit_status", finished->exit_status);
    add_tally(buf, finished->tally);
    if (finished->chained) {
        compose_uint(buf, "outstanding", finished->outstanding);
    }
    add_usage(buf, &finished->usage);
}

static void
add_collected(struct buf *buf, const struct event_collected *collected)
{
    compose_uint(buf, "items", collected->items);
    compose_uint(buf, "jobs", collected->jobs);
    compose_uint(buf, "excluded", collected->excluded);
    compose_uint(buf, "us", collected->us);
    compose_some(buf, "order", slice_of(collected->order));
    compose_some(buf, "seed", slice_of(collected->seed));
    compose_some(buf, "shard", slice_of(collected->shard));
    compose_some(buf, "selection", slice_of(collected->selection));
    compose_some(buf, "durations", slice_of(collected->durations));
}

static void
add_elsewhere(struct buf *buf, const struct event_elsewhere *elsewhere)
{
    compose_text(buf, "id", elsewhere->id);
    compose_text(buf, "job_name", elsewhere->job);
    compose_uint(buf, "shard", elsewhere->shard);
}

static void
add_members(struct buf *buf, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        add_run(buf, &event->run);
        break;
    case EVENT_COLLECTING:
        compose_slice(buf, "module", event->module);
        break;
    case EVENT_COLLECTED:
        add_collected(buf, &event->collected);
        break;
    case EVENT_PREPARING:
        compose_some(buf, "text", event->preparing);
        break;
    case EVENT_PREPARED:
        compose_uint(buf, "us", event->prepared_us);
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
        compose_text(buf, "reason", stop_reason_name(event->stopping.reason));
        compose_some(buf, "problem", slice_of(event->stopping.problem));
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
    compose_uint(buf, "at_us", event->us);
    compose_int(buf, "wall_ms", event->wall_ms);
    add_members(buf, event);
    buf_add_text(buf, "}\n");
}
