#include "report/notice.h"

#include <inttypes.h>

#include "report/failure.h"
#include "report/wording.h"

static void
print_run(struct sheet *sheet, const struct event_run *run, int verbosity)
{
    sheet_add(sheet, STYLE_DIM, "mule %s, build %s, ", run->version,
              run->build_id);
    if (run->slots > 0) {
        sheet_add(sheet, STYLE_DIM, "%d slot%s", run->slots,
                  run->slots == 1 ? "" : "s");
    } else {
        sheet_add(sheet, STYLE_DIM, "on a fleet");
    }
    if (verbosity >= 2) {
        sheet_add(sheet, STYLE_DIM, ", isolation by %s", run->isolation);
    }
    if (run->hash_seed != NULL && run->hash_seed[0] != '\0') {
        sheet_add(sheet, STYLE_DIM, ", PYTHONHASHSEED=%s", run->hash_seed);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
    if (verbosity >= 2 && run->python != NULL) {
        sheet_add(sheet, STYLE_DIM, "python: ");
        sheet_text(sheet, STYLE_DIM, slice_of(run->python));
        sheet_add(sheet, STYLE_DIM, ", from %s\n", run->python_origin);
    }
}

static void
print_collected(struct sheet *sheet, const struct event_collected *collected)
{
    char number[SHEET_SPAN_SIZE];
    char span[SHEET_SPAN_SIZE];

    sheet_add(
        sheet, STYLE_DIM, "%s test%s in %" PRIu32 " job%s, collected in %s",
        sheet_number(number, collected->items),
        collected->items == 1 ? "" : "s", collected->jobs,
        collected->jobs == 1 ? "" : "s", sheet_seconds(span, collected->us));
    if (collected->excluded > 0) {
        sheet_add(sheet, STYLE_DIM, "; %s more not selected",
                  sheet_number(number, collected->excluded));
    }
    if (collected->shard != NULL) {
        sheet_add(sheet, STYLE_DIM, "; shard %s of selection %.12s",
                  collected->shard, collected->selection);
    }
    if (collected->durations != NULL) {
        sheet_add(sheet, STYLE_DIM, " by durations %.12s",
                  collected->durations);
    }
    if (collected->seed != NULL) {
        sheet_add(sheet, STYLE_DIM, "; order of --shuffle %s", collected->seed);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

enum {
    MOST_REASON = 200, // bytes, in one line
};

static void
print_preparing(struct sheet *sheet, struct slice text)
{
    sheet_add(sheet, STYLE_DIM, "preparing: ");
    sheet_text(sheet, STYLE_DIM, text);
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_prepared(struct sheet *sheet, uint64_t us)
{
    char span[SHEET_SPAN_SIZE];

    sheet_add(sheet, STYLE_DIM, "prepared in %s", sheet_seconds(span, us));
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_script(struct sheet *sheet, const struct event_script *script,
             int verbosity)
{
    static const struct output nothing = {0};
    char span[SHEET_SPAN_SIZE];

    sheet_add(sheet, script->ok ? STYLE_GOOD : STYLE_BAD, "%s",
              script->ok ? "ok" : "FAILED");
    sheet_add(sheet, STYLE_PLAIN, ": %s of workspace ", script->name);
    sheet_text(sheet, STYLE_PLAIN, slice_of(script->workspace));
    sheet_add(sheet, STYLE_PLAIN, ", %s", sheet_seconds(span, script->us));
    if (!script->ok) {
        sheet_add(sheet, STYLE_PLAIN, ": ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(script->problem));
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
    if (!script->ok || verbosity >= 3) {
        failure_print_output(sheet, &script->out, &nothing, true);
    }
}

static void
print_slow(struct sheet *sheet, const struct event_test *test)
{
    char span[SHEET_SPAN_SIZE];

    sheet_add(sheet, STYLE_WARN, "slow:");
    sheet_add(sheet, STYLE_PLAIN, " ");
    sheet_text(sheet, STYLE_PLAIN, slice_of(test->id));
    sheet_add(sheet, STYLE_PLAIN, " has been running for %s",
              sheet_seconds(span, test->us));
    if (test->slot >= 0) {
        sheet_add(sheet, STYLE_DIM, ", slot %d", test->slot);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_leak(struct sheet *sheet, const struct event_leak *leak)
{
    const char *whose = leak->id[0] != '\0' ? leak->id : leak->job;

    sheet_add(sheet, STYLE_WARN, "leaked:");
    sheet_add(sheet, STYLE_PLAIN, " process %d (", leak->pid);
    sheet_text(sheet, STYLE_PLAIN, slice_of(leak->command));
    sheet_add(sheet, STYLE_PLAIN, ") outlived ");
    sheet_text(sheet, STYLE_PLAIN,
               slice_of(whose[0] != '\0' ? whose : "its job"));
    sheet_add(sheet, STYLE_PLAIN, " and was ended\n");
}

// What a worker's scripts or its tests print, line by line behind its name.
static void
print_said(struct sheet *sheet, const struct event_worker *worker)
{
    struct slice rest = slice_trim_end(worker->text);
    struct slice line;

    while (slice_split(&rest, '\n', &line)) {
        sheet_text(sheet, STYLE_DIM, slice_of(worker->node));
        if (worker->id.len > 0) {
            sheet_add(sheet, STYLE_DIM, " ");
            sheet_text(sheet, STYLE_DIM, worker->id);
        }
        sheet_add(sheet, STYLE_DIM, " | ");
        sheet_text(sheet, STYLE_PLAIN, line);
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
}

static void
print_worker(struct sheet *sheet, const struct event_worker *worker)
{
    static const enum style styles[] = {
        [WORKER_JOINED] = STYLE_DIM, [WORKER_LEFT] = STYLE_DIM,
        [WORKER_LOST] = STYLE_WARN,  [WORKER_FAILED] = STYLE_BAD,
        [WORKER_SAID] = STYLE_DIM,   [WORKER_PRINTED] = STYLE_DIM,
    };
    char span[SHEET_SPAN_SIZE];

    if (worker->what == WORKER_SAID || worker->what == WORKER_PRINTED) {
        print_said(sheet, worker);
        return;
    }
    sheet_add(sheet, styles[worker->what], "worker ");
    sheet_text(sheet, styles[worker->what], slice_of(worker->node));
    sheet_add(sheet, styles[worker->what], " %s",
              worker_what_name(worker->what));
    if (worker->what == WORKER_JOINED) {
        sheet_add(sheet, STYLE_DIM, ", slot %d", worker->base);
        if (worker->slots > 1) {
            sheet_add(sheet, STYLE_DIM, " to %d",
                      worker->base + worker->slots - 1);
        }
    }
    if (worker->us > 0) {
        sheet_add(sheet, STYLE_DIM, ", after %s",
                  sheet_seconds(span, worker->us));
    }
    if (worker->text.len > 0) {
        sheet_add(sheet, STYLE_PLAIN, ": ");
        sheet_block(sheet, slice_trim_end(worker->text), 0);
    } else {
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
}

static bool
worker_is_due(const struct event_worker *worker, int verbosity)
{
    switch (worker->what) {
    case WORKER_JOINED:
    case WORKER_LOST:
        return verbosity >= 1;
    case WORKER_FAILED:
    case WORKER_PRINTED: // somebody asked for it
        return true;
    case WORKER_LEFT:
    case WORKER_SAID:
        return verbosity >= 2;
    case WORKER_WHAT_COUNT:
        break;
    }
    return false;
}

static void
print_note(struct sheet *sheet, const struct event_note *note)
{
    static const struct {
        enum style style;
        const char *word;
    } levels[] = {
        [NOTE_INFO] = {STYLE_DIM, "note"},
        [NOTE_WARNING] = {STYLE_WARN, "warning"},
        [NOTE_ERROR] = {STYLE_BAD, "error"},
    };

    sheet_add(sheet, levels[note->level].style,
              "%s:", levels[note->level].word);
    sheet_add(sheet, STYLE_PLAIN, " ");
    sheet_block(sheet, slice_trim_end(slice_of(note->text)), 0);
    if (note->hint != NULL) {
        sheet_add(sheet, STYLE_DIM, "hint: ");
        sheet_block(sheet, slice_trim_end(slice_of(note->hint)), 0);
    }
}

// What a job printed outside of its tests: fixtures, threads, C's buffers.
static void
print_job(struct sheet *sheet, const struct event_job *job, bool merged)
{
    sheet_add(sheet, STYLE_DIM, "outside of its tests, ");
    sheet_text(sheet, STYLE_DIM, slice_of(job->name));
    sheet_add(sheet, STYLE_DIM, " printed\n");
    failure_print_output(sheet, &job->out, &job->err, merged);
}

static void
print_stopping(struct sheet *sheet, const struct event_stopping *stopping)
{
    sheet_add(sheet, STYLE_WARN, "stopping:");
    sheet_add(sheet, STYLE_PLAIN, " %s", wording_stop(stopping->reason));
    if (stopping->problem != NULL) {
        sheet_add(sheet, STYLE_PLAIN, ": ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(stopping->problem));
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

bool
notice_is_due(const struct event *event, int verbosity)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
    case EVENT_COLLECTED:
    case EVENT_TEST_SLOW:
    case EVENT_LEAKED:
        return verbosity >= 1;
    case EVENT_PREPARING:
        return verbosity >= 2 && event->preparing.len > 0;
    case EVENT_PREPARED:
        return verbosity >= 2;
    case EVENT_SCRIPT_FINISHED:
        return verbosity >= 2 || !event->script.ok;
    case EVENT_JOB_FINISHED:
        return verbosity >= 3 && (failure_has_output(&event->job.out) ||
                                  failure_has_output(&event->job.err));
    case EVENT_WORKER:
        return worker_is_due(&event->worker, verbosity);
    case EVENT_NOTE:
        return verbosity >= 1 || event->note.level != NOTE_INFO;
    case EVENT_STOPPING:
        return true;
    case EVENT_COLLECTING:
    case EVENT_SCRIPT_STARTED:
    case EVENT_JOB_STARTED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
    case EVENT_ELSEWHERE:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
    return false;
}

void
notice_print(struct sheet *sheet, const struct event *event, int verbosity,
             bool merged)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        print_run(sheet, &event->run, verbosity);
        break;
    case EVENT_COLLECTED:
        print_collected(sheet, &event->collected);
        break;
    case EVENT_PREPARING:
        print_preparing(sheet, event->preparing);
        break;
    case EVENT_PREPARED:
        print_prepared(sheet, event->prepared_us);
        break;
    case EVENT_SCRIPT_FINISHED:
        print_script(sheet, &event->script, verbosity);
        break;
    case EVENT_TEST_SLOW:
        print_slow(sheet, &event->test);
        break;
    case EVENT_JOB_FINISHED:
        print_job(sheet, &event->job, merged);
        break;
    case EVENT_LEAKED:
        print_leak(sheet, &event->leak);
        break;
    case EVENT_WORKER:
        print_worker(sheet, &event->worker);
        break;
    case EVENT_NOTE:
        print_note(sheet, &event->note);
        break;
    case EVENT_STOPPING:
        print_stopping(sheet, &event->stopping);
        break;
    case EVENT_COLLECTING:
    case EVENT_SCRIPT_STARTED:
    case EVENT_JOB_STARTED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
    case EVENT_ELSEWHERE:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

// One line a test; the reason of a skip belongs to it.
void
notice_print_test(struct sheet *sheet, const struct event_test *test)
{
    const struct wording *wording = wording_of(test->outcome->state);
    struct slice reason = wording_reason(test->outcome);
    char span[SHEET_SPAN_SIZE];

    sheet_add(sheet, wording->style, "%8s", wording->word);
    sheet_add(sheet, STYLE_DIM, " %10s", sheet_seconds(span, test->us));
    sheet_add(sheet, STYLE_PLAIN, "  ");
    sheet_text(sheet, STYLE_PLAIN, slice_of(test->id));
    if (!state_is_bad(test->outcome->state) && reason.len > 0) {
        sheet_add(sheet, STYLE_PLAIN, "  ");
        sheet_text(sheet, STYLE_DIM, reason);
    }
    if (test->worker != NULL && test->worker[0] != '\0') {
        sheet_add(sheet, STYLE_DIM, "  on ");
        sheet_text(sheet, STYLE_DIM, slice_of(test->worker));
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

void
notice_print_retry(struct sheet *sheet, const struct event_test *test)
{
    const struct wording *wording = wording_of(test->outcome->state);
    struct slice reason = wording_reason(test->outcome);
    char span[SHEET_SPAN_SIZE];

    sheet_add(sheet, STYLE_WARN, "%8s", "RETRY");
    sheet_add(sheet, STYLE_DIM, " %10s", sheet_seconds(span, test->us));
    sheet_add(sheet, STYLE_PLAIN, "  ");
    sheet_text(sheet, STYLE_PLAIN, slice_of(test->id));
    sheet_add(sheet, STYLE_DIM, "  attempt %d: ", test->attempt);
    sheet_add(sheet, wording->style, "%s", wording->word);
    if (reason.len > 0) {
        sheet_add(sheet, STYLE_PLAIN, " ");
        sheet_text(sheet, STYLE_DIM, slice_first(reason, MOST_REASON));
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}
