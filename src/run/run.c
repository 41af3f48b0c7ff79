#include "run/run.h"

#include "loop/deadline.h"
#include "model/ledger.h"
#include "run/chronicle.h"
#include "run/verdict.h"
#include "schedule/queue.h"
#include "schedule/select.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/glob.h"
#include "util/log.h"
#include "util/now.h"

#include <stdlib.h>
#include <string.h>

/*
 * SETUP -> COLLECTING -> RUNNING -> DRAINING -> TEARDOWN -> OVER. Any of them
 * may go straight on to DRAINING; nothing goes back.
 */
enum phase {
    PHASE_SETUP = 1,
    PHASE_COLLECTING,
    PHASE_RUNNING,
    PHASE_DRAINING,
    PHASE_TEARDOWN,
    PHASE_OVER,
};

/* A module that could not be loaded without ending the process. */
struct broken_module {
    char *module;
    char *file;
    char *message;
    char *said;    // what was printed last
    uint32_t item; // its place among the items, once they are complete
};

struct run {
    struct run_params params;
    enum phase phase;
    struct chronicle chronicle;
    struct ledger *ledger; // from the selection on
    struct queue *queue;
    uint32_t running; // orders that have not ended
    uint32_t bad;     // items that ended badly
    enum stop_reason stop;
    bool giving; // inside give_out: a slot that answers at once must wait
    struct deadline max_time;
    usec collect_began;
    struct texts unknown;
    bool collecting_all; // only to name what the user may have meant
    bool nothing;
    ARRAY(struct broken_module) broken;
    struct err err;
    char *bail;
};

static void finish(struct run *run);
static void drain(struct run *run);

static void
note_error(struct run *run, const struct err *err)
{
    if (!err_is_set(&run->err)) {
        run->err = *err;
    }
}

static const char *
stop_text(const struct run *run)
{
    switch (run->stop) {
    case STOP_FAILURES:
        return "the run was stopped after a failure";
    case STOP_ASKED:
        return "the run was stopped by the user";
    case STOP_TIME:
        return "the time of the run was over";
    case STOP_INTERRUPTED:
        return "the run was interrupted";
    case STOP_BROKEN:
        return "the run could not go on";
    case STOP_BAILED:
        return run->bail;
    case STOP_NONE:
        break;
    }
    return "it was not reached";
}

// ---------------------------------------------------------------- jobs

static uint32_t
job_flags(const struct run *run, uint32_t job)
{
    return items_peek_job(run->params.items, job)->flags;
}

static bool
is_open(const struct run *run, uint32_t item)
{
    const struct item *it = items_peek(run->params.items, item);
    return it->state == STATE_NONE && (it->flags & ITEM_SELECTED) != 0;
}

/* How many items of a job are to be run. */
static uint32_t
count_selected(const struct run *run, uint32_t job)
{
    uint32_t selected = 0;
    uint32_t count = items_peek_job(run->params.items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(run->params.items, job, i);
        selected += is_open(run, item);
    }
    return selected;
}

/* The first of mule.yaml's overrides that fits the job or its file. */
static const struct override *
find_override(const struct run *run, uint32_t job)
{
    const struct settings *settings = run->params.settings;
    struct slice name = slice_of(items_job_name(run->params.items, job));
    struct slice file = slice_of(items_job_file(run->params.items, job));
    for (int i = 0; i < settings->override_count; i++) {
        const struct override *override = &settings->overrides[i];
        struct slice pattern = slice_of(override->match);
        if (glob_match(pattern, name) || glob_match(pattern, file)) {
            return override;
        }
    }
    return NULL;
}

static bool
wants_alone(const struct run *run, uint32_t job)
{
    const struct override *override = find_override(run, job);
    return (job_flags(run, job) & JOB_ALONE) != 0 ||
           (override != NULL && override->alone);
}

static uint32_t
first_of(uint32_t wanted, uint32_t otherwise)
{
    return wanted > 0 ? wanted : otherwise;
}

static void
give(struct run *run, uint32_t job)
{
    const struct settings *settings = run->params.settings;
    const struct override none = {0};
    const struct override *override = find_override(run, job);
    if (override == NULL) {
        override = &none;
    }
    struct order order = {
        .job = job,
        .attempt = ledger_give(run->ledger, job),
        .timeout_ms = first_of(override->timeout_ms, settings->timeout_ms),
        .test_timeout_ms =
            first_of(override->test_timeout_ms, settings->test_timeout_ms),
        .slow_ms = first_of(override->slow_ms, settings->slow_ms),
    };
    run->running++;
    run->params.executor->ops->start(run->params.executor, &order);
}

static void
give_out(struct run *run)
{
    if (run->phase != PHASE_RUNNING || run->giving) {
        return;
    }
    run->giving = true;
    struct executor *executor = run->params.executor;
    while (run->stop == STOP_NONE) {
        uint32_t room =
            executor->ops->room(executor, queue_waiting(run->queue));
        if (room == 0) {
            break;
        }
        uint32_t job = queue_next(run->queue, run->running);
        if (job == JOB_NONE) {
            break;
        }
        give(run, job);
    }
    run->giving = false;
    bool idle = run->running == 0;
    if (idle && (run->stop != STOP_NONE || queue_waiting(run->queue) == 0)) {
        drain(run);
    }
}

// ---------------------------------------------------------------- items

/* An item has its state now: tells the world, and stops at too many bad. */
static void
enter(struct run *run, const struct chronicle_place *place,
      const struct outcome *outcome)
{
    chronicle_test_finished(&run->chronicle, place, outcome);
    if (!state_is_bad(outcome->state)) {
        return;
    }
    run->bad++;
    uint32_t most = run->params.settings->max_fail;
    if (most > 0 && run->bad >= most && run->stop == STOP_NONE) {
        run_stop(run, STOP_FAILURES, false);
    }
}

/* What an attempt said about an item, if it still counts. */
static void
take(struct run *run, const struct chronicle_place *place,
     const struct outcome *outcome)
{
    enum ledger_answer answer = ledger_take(
        run->ledger, place->job, place->attempt, place->item, outcome);
    if (answer == LEDGER_TAKEN) {
        enter(run, place, outcome);
    } else {
        log_debug("run: a result for item %u of job %u attempt %u is late",
                  place->item, place->job, place->attempt);
    }
}

/* The run's own word on an item. */
static void
decide(struct run *run, const struct chronicle_place *place,
       const struct outcome *outcome)
{
    if (ledger_decide(run->ledger, place->item, outcome)) {
        enter(run, place, outcome);
    }
}

/* Gives what is left of a job one and the same outcome. */
static void
take_rest(struct run *run, const struct order_report *report,
          const struct outcome *outcome)
{
    struct items *items = run->params.items;
    uint32_t count = items_peek_job(items, report->job)->count;
    for (uint32_t i = 0; i < count; i++) {
        struct chronicle_place place = {
            .job = report->job,
            .attempt = report->attempt,
            .item = items_of_job(items, report->job, i),
            .slot = report->slot,
        };
        decide(run, &place, outcome);
    }
}

static void
on_result(void *ctx, const struct order_result *result)
{
    struct run *run = ctx;
    struct chronicle_place place = {
        .job = result->job,
        .attempt = result->attempt,
        .item = result->item,
        .slot = result->slot,
        .began_us = result->began_us,
    };
    take(run, &place, result->outcome);
}

static void
on_begin(void *ctx, uint32_t job, uint16_t attempt, uint32_t item, int slot,
         uint64_t began_us)
{
    struct run *run = ctx;
    ledger_begin(run->ledger, job, attempt, item);
    chronicle_test_started(&run->chronicle, &(struct chronicle_place){
                                                .job = job,
                                                .attempt = attempt,
                                                .item = item,
                                                .slot = slot,
                                                .began_us = began_us,
                                            });
}

static void
on_slow(void *ctx, uint32_t job, uint32_t item, int slot, uint64_t us)
{
    struct run *run = ctx;
    struct chronicle_place place = {.job = job, .item = item, .slot = slot};
    chronicle_test_slow(&run->chronicle, &place, us);
}

/* From here on the points of a program count, and not the program. */
static void
let_points_stand_for(struct run *run, uint32_t job)
{
    ledger_drop(run->ledger, items_of_job(run->params.items, job, 0));
}

static uint32_t
add_appeared(struct run *run, uint32_t job, struct slice id, uint32_t line)
{
    struct items *items = run->params.items;
    uint32_t origin = items_peek_job(items, job)->origin;
    uint32_t item = items_add(items, origin, id, line);
    if (item != ITEM_NONE) {
        ledger_add(run->ledger, item);
    }
    return item;
}

static void
on_appeared(void *ctx, uint32_t job, uint16_t attempt,
            const struct order_appeared *appeared)
{
    struct run *run = ctx;
    if (appeared->whole) {
        let_points_stand_for(run, job);
    }
    struct chronicle_place place = {
        .job = job,
        .attempt = attempt,
        .item = add_appeared(run, job, appeared->id, appeared->line),
        .slot = appeared->slot,
        .began_us = appeared->began_us,
        .file = appeared->file,
    };
    if (place.item != ITEM_NONE) {
        take(run, &place, appeared->outcome);
    }
}

static void
on_bail(void *ctx, uint32_t job, struct slice reason)
{
    struct run *run = ctx;
    (void)job;
    free(run->bail);
    run->bail = alloc_printf("a program bailed out: %.*s", SLICE_ARG(reason));
    run_stop(run, STOP_BAILED, false);
}

// ------------------------------------------------------- the end of a job

/* A process died and no item was running: somebody has to carry the blame. */
static void
blame_process(struct run *run, const struct order_report *report,
              const struct outcome *outcome)
{
    struct buf id = BUF_INIT(4096);
    uint32_t origin = items_peek_job(run->params.items, report->job)->origin;
    buf_addf(&id, "process (%s)", items_job_name(run->params.items, origin));
    struct chronicle_place place = {
        .job = report->job,
        .attempt = report->attempt,
        .item = add_appeared(run, report->job, buf_slice(&id), 0),
        .slot = report->slot,
    };
    if (place.item != ITEM_NONE) {
        struct outcome blame = *outcome;
        blame.ran = false; // it is no test
        take(run, &place, &blame);
    }
    buf_release(&id);
}

static void
settle_bad_end(struct run *run, const struct order_report *report)
{
    struct verdict verdict;
    verdict_of_report(&verdict, report);
    if (report->running != ITEM_NONE && is_open(run, report->running)) {
        uint64_t now = (uint64_t)now_usec();
        struct chronicle_place place = {
            .job = report->job,
            .attempt = report->attempt,
            .item = report->running,
            .slot = report->slot,
            .began_us = now - report->running_us,
        };
        take(run, &place, &verdict.outcome);
    } else if (report->end != ORDER_CANCELLED) {
        blame_process(run, report, &verdict.outcome);
    }
}

/*
 * What is left of the job runs again in a fresh process, unless nothing can
 * come of it: then its items get a state here.
 */
static void
settle_rest(struct run *run, const struct order_report *report)
{
    struct verdict verdict;
    if (report->end == ORDER_DONE && !report->left) {
        verdict_error(&verdict, STATE_ERROR, "missing",
                      "no result came for this test");
        take_rest(run, report, &verdict.outcome);
    } else if (report->end == ORDER_TIMEOUT && report->job_limit) {
        verdict_not_run(&verdict, "the time of its job was over");
        take_rest(run, report, &verdict.outcome);
    }
    bool progress = true;
    uint32_t rest =
        ledger_end(run->ledger, report->job, report->attempt, &progress);
    if (rest == JOB_NONE || run->stop != STOP_NONE) {
        return;
    }
    if (!progress && report->end != ORDER_CANCELLED) {
        verdict_not_run(&verdict, "its process ended before it began");
        struct order_report again = *report;
        again.job = rest;
        take_rest(run, &again, &verdict.outcome);
        return;
    }
    queue_add_again(run->queue, rest, wants_alone(run, rest));
}

static void
settle_lost(struct run *run, const struct order_report *report)
{
    struct verdict verdict;
    switch (ledger_lose(run->ledger, report->job, report->attempt)) {
    case LEDGER_AGAIN:
        if (run->stop == STOP_NONE) {
            queue_add_again(run->queue, report->job,
                            wants_alone(run, report->job));
        }
        return;
    case LEDGER_GIVEN_UP:
        verdict_of_report(&verdict, report);
        take_rest(run, report, &verdict.outcome);
        return;
    case LEDGER_NOTHING:
        return;
    }
}

static void
on_end(void *ctx, const struct order_report *report)
{
    struct run *run = ctx;
    assert(run->running > 0);
    run->running--;
    queue_done(run->queue, report->job);
    chronicle_job_finished(&run->chronicle, report);
    if (report->end == ORDER_LOST) {
        settle_lost(run, report);
    } else {
        if (report->end != ORDER_DONE) {
            settle_bad_end(run, report);
        }
        settle_rest(run, report);
    }
    give_out(run);
}

static void
on_job_begin(void *ctx, uint32_t job, uint16_t attempt, int slot)
{
    struct run *run = ctx;
    chronicle_job_started(&run->chronicle, job, attempt, slot);
}

static void
on_room(void *ctx)
{
    give_out(ctx);
}

static void
on_leak(void *ctx, const struct event_leak *leak)
{
    struct run *run = ctx;
    if (run->ledger != NULL) {
        ledger_count_leak(run->ledger);
    }
    chronicle_leak(&run->chronicle, leak);
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    struct run *run = ctx;
    chronicle_note(&run->chronicle, level, text, hint);
}

static void
on_broken(void *ctx, const struct err *err)
{
    struct run *run = ctx;
    note_error(run, err);
    run_stop(run, STOP_BROKEN, true);
}

// ------------------------------------------------------------- collecting

static void
on_module(void *ctx, struct slice module)
{
    struct run *run = ctx;
    if (!run->collecting_all) {
        chronicle_collecting(&run->chronicle, module);
    }
}

static void
on_unknown(void *ctx, struct slice label, struct slice reason)
{
    struct run *run = ctx;
    (void)reason;
    if (!run->collecting_all) {
        char *text = slice_dup(label);
        texts_add(&run->unknown, text);
        free(text);
    }
}

static void
on_broken_module(void *ctx, struct slice module, struct slice file,
                 const struct outcome *outcome)
{
    struct run *run = ctx;
    struct broken_module broken = {
        .module = slice_dup(module),
        .file = slice_dup(file),
        .message = slice_dup(outcome->findings[0].message),
        .said = slice_dup(outcome->err.head),
        .item = ITEM_NONE,
    };
    ARRAY_ADD(&run->broken, broken);
}

/* Such a module is an item as any other, so that it is counted and named. */
static void
add_broken_modules(struct run *run)
{
    struct items *items = run->params.items;
    for (size_t i = 0; i < run->broken.count; i++) {
        struct broken_module *broken = &run->broken.items[i];
        uint32_t job =
            items_add_job(items, &(struct job_params){
                                     .name = slice_of(broken->module),
                                     .file = slice_of(broken->file),
                                     .kind = JOB_IMPORT,
                                 });
        char *id = alloc_printf("import (%s)", broken->module);
        if (job != JOB_NONE) {
            broken->item = items_add(items, job, slice_of(id), 0);
        }
        free(id);
    }
}

static void
tell_broken_modules(struct run *run)
{
    for (size_t i = 0; i < run->broken.count; i++) {
        const struct broken_module *broken = &run->broken.items[i];
        if (broken->item == ITEM_NONE || !is_open(run, broken->item)) {
            continue;
        }
        struct verdict verdict;
        verdict_error(&verdict, STATE_ERROR, "import", broken->message);
        verdict.outcome.err.head = slice_of(broken->said);
        struct chronicle_place place = {
            .job = items_peek(run->params.items, broken->item)->job,
            .item = broken->item,
            .slot = -1,
        };
        decide(run, &place, &verdict.outcome);
    }
}

static void
forget_broken_modules(struct run *run)
{
    for (size_t i = 0; i < run->broken.count; i++) {
        free(run->broken.items[i].module);
        free(run->broken.items[i].file);
        free(run->broken.items[i].message);
        free(run->broken.items[i].said);
    }
    ARRAY_RELEASE(&run->broken);
}

/* Says which label matches nothing and what was probably meant. */
static void
explain_unknown(struct run *run)
{
    const char *label = run->unknown.at[0];
    struct buf near = BUF_INIT(256);
    select_nearest(run->params.items, label, &near);
    if (near.len > 0) {
        err_set(&run->err, ERR_USAGE,
                "label \"%s\" matches nothing; did you mean \"%s\"?", label,
                buf_text(&near));
    } else {
        err_set(&run->err, ERR_USAGE, "label \"%s\" matches nothing", label);
    }
    err_hint(&run->err, "`mule list` prints all that can be run");
    buf_release(&near);
}

static const struct source_events source_events;

static void
collect(struct run *run, bool everything)
{
    run->collecting_all = everything;
    items_clear(run->params.items);
    run->params.source->ops->collect(run->params.source, run->params.items,
                                     everything, &source_events, run);
}

/*
 * Under --runner each selected job becomes one command, whatever its tests
 * are called.
 */
static void
turn_into_commands(struct run *run)
{
    struct items *items = run->params.items;
    ARRAY(char *) names = {0};
    ARRAY(char *) files = {0};
    for (uint32_t job = 0; job < items_job_count(items); job++) {
        if (count_selected(run, job) > 0) {
            ARRAY_ADD(&names, alloc_dup(items_job_name(items, job)));
            ARRAY_ADD(&files, alloc_dup(items_job_file(items, job)));
        }
    }
    items_clear(items);
    for (size_t i = 0; i < names.count; i++) {
        struct slice name = slice_of(names.items[i]);
        uint32_t job =
            items_add_job(items, &(struct job_params){
                                     .name = name,
                                     .file = slice_of(files.items[i]),
                                     .kind = JOB_COMMAND,
                                 });
        items_add(items, job, name, 0);
        free(names.items[i]);
        free(files.items[i]);
    }
    ARRAY_RELEASE(&names);
    ARRAY_RELEASE(&files);
}

static bool
is_divisible(const struct run *run, uint32_t job)
{
    uint8_t kind = items_peek_job(run->params.items, job)->kind;
    return run->params.settings->isolation == ISOLATION_TEST &&
           (kind == JOB_CLASS || kind == JOB_MODULE || kind == JOB_FILE);
}

/* Each of its items becomes a job of its own. */
static void
queue_apart(struct run *run, uint32_t job)
{
    struct items *items = run->params.items;
    uint32_t count = items_peek_job(items, job)->count;
    bool alone = wants_alone(run, job);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(items, job, i);
        if (is_open(run, item)) {
            queue_add(run->queue, items_split_job(items, job, &item, 1), alone);
        }
    }
}

static void
fill_queue(struct run *run)
{
    struct items *items = run->params.items;
    uint32_t jobs = items_job_count(items); // dividing them adds more
    for (uint32_t job = 0; job < jobs; job++) {
        uint32_t selected = count_selected(run, job);
        if (selected > 1 && is_divisible(run, job)) {
            queue_apart(run, job);
        } else if (selected > 0) {
            queue_add(run->queue, job, wants_alone(run, job));
        }
    }
}

static bool
select_what_runs(struct run *run, struct event_collected *collected)
{
    const struct settings *settings = run->params.settings;
    // A label of a command is the name of a job, whatever it looks like.
    bool pattern = !settings->tap && settings->runner == NULL &&
                   select_has_pattern(&settings->labels);
    struct selection selection = {
        .labels = pattern ? &settings->labels : NULL,
        .patterns = &settings->patterns,
        .include = &settings->include,
        .exclude = &settings->exclude,
    };
    struct selected selected = {0};
    if (!select_items(run->params.items, &selection, &selected, &run->err)) {
        return false;
    }
    if (selected.in_vain != NULL) {
        char *text =
            alloc_printf("\"%s\" fits none of the tests", selected.in_vain);
        chronicle_note(&run->chronicle, NOTE_WARNING, text, NULL);
        free(text);
    }
    *collected = (struct event_collected){
        .items = selected.items,
        .excluded = selected.excluded,
        .jobs = selected.jobs,
        .us = (uint64_t)(now_usec() - run->collect_began),
    };
    run->nothing = selected.items == 0;
    return true;
}

static void
start_jobs(struct run *run)
{
    struct event_collected collected = {0};
    add_broken_modules(run);
    if (!select_what_runs(run, &collected)) {
        run_stop(run, STOP_BROKEN, false);
        return;
    }
    if (run->params.commands && !run->params.list_only) {
        turn_into_commands(run);
        collected.items = collected.jobs;
    }
    ledger_count_selected(run->ledger);
    chronicle_collected(&run->chronicle, &collected);
    if (run->nothing || run->params.list_only) {
        drain(run);
        return;
    }
    run->phase = PHASE_RUNNING;
    tell_broken_modules(run);
    fill_queue(run);
    give_out(run);
}

static void
on_collected(void *ctx, const struct err *err)
{
    struct run *run = ctx;
    if (run->phase != PHASE_COLLECTING) {
        return;
    }
    if (run->collecting_all) {
        explain_unknown(run);
        run_stop(run, STOP_BROKEN, false);
        return;
    }
    if (err != NULL) {
        note_error(run, err);
        run_stop(run, STOP_BROKEN, false);
        return;
    }
    if (run->unknown.count > 0) {
        collect(run, true);
        return;
    }
    if (run->params.source->ops->finish != NULL && run->params.commands) {
        run->params.source->ops->finish(run->params.source);
    }
    start_jobs(run);
}

static const struct source_events source_events = {
    .on_module = on_module,
    .on_note = on_note,
    .on_collected = on_collected,
    .on_broken_module = on_broken_module,
    .on_unknown = on_unknown,
};

static void
begin_collecting(struct run *run)
{
    run->phase = PHASE_COLLECTING;
    run->collect_began = now_usec();
    collect(run, false);
}

// ------------------------------------------------------ scripts and the end

static void
on_setup_done(void *ctx, const struct event_script *script)
{
    struct run *run = ctx;
    chronicle_script(&run->chronicle, EVENT_SCRIPT_FINISHED, script);
    if (run->stop != STOP_NONE) {
        drain(run);
    } else if (!script->ok) {
        err_set(&run->err, ERR_SYSTEM, "setup of workspace \"%s\": %s",
                script->workspace, script->problem);
        run_stop(run, STOP_BROKEN, false);
        drain(run);
    } else {
        begin_collecting(run);
    }
}

static void
on_teardown_done(void *ctx, const struct event_script *script)
{
    struct run *run = ctx;
    chronicle_script(&run->chronicle, EVENT_SCRIPT_FINISHED, script);
    if (!script->ok) {
        struct err err = {0};
        err_set(&err, ERR_SYSTEM, "teardown of workspace \"%s\": %s",
                script->workspace, script->problem);
        note_error(run, &err);
    }
    finish(run);
}

static bool
start_script(struct run *run, bool setup, scripts_done_fn done)
{
    struct scripts *scripts = run->params.scripts;
    if (scripts == NULL || run->params.list_only ||
        !scripts_has(scripts, setup)) {
        return false;
    }
    struct event_script script = {
        .name = setup ? "setup" : "teardown",
        .workspace = scripts_name(scripts),
        .ok = true,
        .problem = "",
    };
    chronicle_script(&run->chronicle, EVENT_SCRIPT_STARTED, &script);
    scripts_start(scripts, setup, done, run);
    return true;
}

static void
on_drained(void *ctx)
{
    struct run *run = ctx;
    run->phase = PHASE_TEARDOWN;
    if (!start_script(run, false, on_teardown_done)) {
        finish(run);
    }
}

/* Lets the place that runs jobs come to its end; then teardown. */
static void
drain(struct run *run)
{
    if (run->phase >= PHASE_DRAINING) {
        return;
    }
    run->phase = PHASE_DRAINING;
    deadline_disarm(&run->max_time);
    run->params.executor->ops->drain(run->params.executor);
}

/* Items without a state did not run: say why. */
static void
close_book(struct run *run)
{
    struct verdict verdict;
    verdict_not_run(&verdict, stop_text(run));
    struct items *items = run->params.items;
    for (uint32_t item = 0; item < items_count(items); item++) {
        if (!is_open(run, item)) {
            continue;
        }
        uint32_t job = items_peek(items, item)->job;
        struct chronicle_place place = {
            .job = job,
            .attempt = items_peek_job(items, job)->attempt,
            .item = item,
            .slot = -1,
        };
        decide(run, &place, &verdict.outcome);
    }
}

static int
exit_status(const struct run *run)
{
    const struct tally *tally = ledger_tally(run->ledger);
    if (err_is_set(&run->err)) {
        bool usage = run->err.kind == ERR_USAGE || run->err.kind == ERR_CONFIG;
        return usage ? 4 : 3;
    }
    // A list leaves its items open: nothing was run.
    bool settled = run->params.list_only || ledger_is_settled(run->ledger);
    if (run->stop == STOP_BROKEN || !settled) {
        return 3;
    }
    if (run->stop == STOP_ASKED || run->stop == STOP_TIME) {
        return 2;
    }
    if (!tally_is_green(tally) || run->stop == STOP_BAILED) {
        return 1;
    }
    return run->nothing ? 5 : 0;
}

static void
finish(struct run *run)
{
    bool began = !run->params.list_only && !err_is_set(&run->err);
    if (began || run->running > 0 || run->bad > 0) {
        close_book(run);
    }
    run->phase = PHASE_OVER;
    int status = exit_status(run);
    chronicle_run_finished(&run->chronicle, ledger_tally(run->ledger),
                           run->stop, status);
    run->params.on_finished(run->params.ctx, status);
}

static void
on_max_time(void *ctx)
{
    run_stop(ctx, STOP_TIME, false);
}

// ----------------------------------------------------------- from outside

struct run *
run_new(const struct run_params *params)
{
    struct run *run = ALLOC(struct run);
    run->params = *params;
    chronicle_init(&run->chronicle, params->items, params->sink, params->rerun);
    run->ledger = ledger_new(params->items);
    run->queue = queue_new();
    deadline_init(&run->max_time, params->loop, on_max_time, run);
    return run;
}

void
run_free(struct run *run)
{
    if (run == NULL) {
        return;
    }
    deadline_release(&run->max_time);
    queue_free(run->queue);
    ledger_free(run->ledger);
    chronicle_release(&run->chronicle);
    texts_release(&run->unknown);
    forget_broken_modules(run);
    free(run->bail);
    free(run);
}

void
run_start(struct run *run)
{
    chronicle_run_started(&run->chronicle, &run->params.about);
    if (run->params.settings->max_time_ms > 0) {
        deadline_arm(&run->max_time, run->params.settings->max_time_ms);
    }
    run->phase = PHASE_SETUP;
    if (!start_script(run, true, on_setup_done)) {
        begin_collecting(run);
    }
}

void
run_stop(struct run *run, enum stop_reason reason, bool now)
{
    if (run->stop == STOP_NONE) {
        run->stop = reason;
        chronicle_stopping(&run->chronicle, reason);
    }
    struct executor *executor = run->params.executor;
    switch (run->phase) {
    case PHASE_SETUP:
        scripts_cancel(run->params.scripts);
        break;
    case PHASE_COLLECTING:
        drain(run);
        break;
    case PHASE_RUNNING:
        if (run->running > 0) {
            executor->ops->cancel(executor, now);
        } else if (!run->giving) {
            drain(run);
        }
        break;
    case PHASE_DRAINING:
        executor->ops->cancel(executor, now);
        break;
    case PHASE_TEARDOWN:
        if (now) {
            scripts_cancel(run->params.scripts);
        }
        break;
    case PHASE_OVER:
        break;
    }
}

void
run_pause(struct run *run, bool paused)
{
    run->params.executor->ops->pause(run->params.executor, paused);
}

const struct err *
run_error(const struct run *run)
{
    return &run->err;
}

bool
run_nothing_selected(const struct run *run)
{
    return run->nothing;
}

const struct executor_events *
run_executor_events(void)
{
    static const struct executor_events events = {
        .on_room = on_room,
        .on_job_begin = on_job_begin,
        .on_begin = on_begin,
        .on_slow = on_slow,
        .on_result = on_result,
        .on_appeared = on_appeared,
        .on_bail = on_bail,
        .on_end = on_end,
        .on_leak = on_leak,
        .on_note = on_note,
        .on_broken = on_broken,
        .on_drained = on_drained,
    };
    return &events;
}
