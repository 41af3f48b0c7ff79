#include "run/run.h"

#include "run/run_internal.h"

#include "run/division.h"
#include "util/alloc.h"

#include <stdlib.h>

static void finish(struct run *run);

void
run_note_error(struct run *run, const struct err *err)
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

// ------------------------------------------------------------- collecting

/* Everything that is left to run goes into the queue. */
static void
line_up(struct run *run)
{
    const struct run_params *params = &run->params;
    terms_index_build(&run->terms, params->settings, params->items, run->queue);
    if (params->sequence != NULL) {
        sequence_fill(params->sequence, run->queue, params->items);
        return;
    }
    division_fill(&(struct division){
        .settings = params->settings,
        .items = params->items,
        .terms = &run->terms,
        .forecast = &run->forecast,
        .queue = run->queue,
        .slots = params->about.slots > 0 ? (uint32_t)params->about.slots : 0,
    });
}

static struct queue *
make_queue(const struct settings *settings)
{
    size_t count = (size_t)settings->resource_count;
    uint32_t *units = alloc_zero(count + 1, sizeof(*units));
    for (size_t i = 0; i < count; i++) {
        units[i] = settings->resources[i].units;
    }
    struct queue *queue = queue_new(units, (uint32_t)count);
    free(units);
    return queue;
}

static void
start_jobs(struct run *run)
{
    struct event_collected collected = {0};
    if (!gathering_select(&run->gathering, &collected, &run->err)) {
        run_stop(run, STOP_BROKEN, false);
        return;
    }
    run->nothing = collected.items == 0;
    ledger_count_selected(run->ledger);
    chances_count(&run->book.chances, ledger_tally(run->ledger)->selected);
    chronicle_collected(&run->chronicle, &collected);
    if (!run->params.list_only) {
        gathering_tell_elsewhere(&run->gathering);
    }
    if (run->nothing || run->params.list_only) {
        run_drain(run);
        return;
    }
    if (run->params.prober != NULL) {
        run_probe(run);
        return;
    }
    run->phase = PHASE_RUNNING;
    run->began = true;
    gathering_tell_broken(&run->gathering, &run->book);
    run_look_at_book(run);
    line_up(run);
    run_give_out(run);
}

/* A source that runs nothing is not ended by the executor. */
static void
finish_source(struct run *run)
{
    struct source *source = run->params.source;
    if (source->ops->finish != NULL &&
        (run->params.commands || run->params.elsewhere)) {
        source->ops->finish(source);
    }
}

static void
on_gathered(void *ctx, const struct err *err)
{
    struct run *run = ctx;
    if (run->phase != PHASE_COLLECTING) {
        return;
    }
    if (err != NULL) {
        run_note_error(run, err);
        run_stop(run, STOP_BROKEN, false);
        return;
    }
    finish_source(run);
    start_jobs(run);
}

static void
begin_collecting(struct run *run)
{
    run->phase = PHASE_COLLECTING;
    gathering_start(&run->gathering);
}

// ------------------------------------------------------ scripts and the end

static void
on_setup_done(void *ctx, const struct event_script *script)
{
    struct run *run = ctx;
    chronicle_script(&run->chronicle, EVENT_SCRIPT_FINISHED, script);
    if (run->stop != STOP_NONE) {
        run_drain(run);
    } else if (!script->ok) {
        err_set(&run->err, ERR_SYSTEM, "setup of workspace \"%s\": %s",
                script->workspace, script->problem);
        run_stop(run, STOP_BROKEN, false);
        run_drain(run);
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
        run_note_error(run, &err);
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

void
run_on_drained(void *ctx)
{
    struct run *run = ctx;
    run->phase = PHASE_TEARDOWN;
    if (!start_script(run, false, on_teardown_done)) {
        finish(run);
    }
}

void
run_drain(struct run *run)
{
    if (run->phase >= PHASE_DRAINING) {
        return;
    }
    if (run->phase == PHASE_COLLECTING) {
        finish_source(run);
    }
    run->phase = PHASE_DRAINING;
    deadline_disarm(&run->max_time);
    run->params.executor->ops->drain(run->params.executor);
}

/* Where all is repeated until something fails, the time it took is no loss. */
static bool
is_cut_short(const struct run *run)
{
    bool whole = run->params.settings->until_fail &&
                 ledger_tally(run->ledger)->states[STATE_NOT_RUN] == 0;
    return run->stop == STOP_ASKED || run->stop == STOP_INTERRUPTED ||
           (run->stop == STOP_TIME && !whole);
}

static int
exit_status(const struct run *run)
{
    const struct tally *tally = ledger_tally(run->ledger);
    if (err_is_set(&run->err)) {
        bool usage = run->err.kind == ERR_USAGE || run->err.kind == ERR_CONFIG;
        return usage ? 4 : 3;
    }
    // What was only collected has no state, and was not promised one.
    bool settled = !run->began || ledger_is_settled(run->ledger);
    if (run->stop == STOP_BROKEN || !settled) {
        return 3;
    }
    if (is_cut_short(run)) {
        return 2;
    }
    if (!tally_is_green(tally) || run->stop == STOP_BAILED) {
        return 1;
    }
    if (run->stop == STOP_NONE && tally_unrun(tally) > 0) {
        return 3; // nobody wanted that, and nothing else tells of it
    }
    return run->nothing && !gathering_is_spared(&run->gathering) ? 5 : 0;
}

static void
finish(struct run *run)
{
    if (run->began) {
        book_close(&run->book, stop_text(run));
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
    book_init(&run->book, params->settings, params->items, run->ledger,
              &run->chronicle);
    again_init(&run->again, params->loop, run_on_retry_due, run);
    gathering_init(&run->gathering,
                   &(struct gathering_params){
                       .settings = params->settings,
                       .items = params->items,
                       .source = params->source,
                       .chronicle = &run->chronicle,
                       .durations = params->durations,
                       .filter = params->sequence != NULL
                                     ? &params->sequence->filter
                                     : params->filter,
                       .commands = params->commands && !params->list_only,
                       .on_done = on_gathered,
                       .ctx = run,
                   });
    run->queue = make_queue(params->settings);
    forecast_init(&run->forecast, params->history, params->items);
    run->chronicle.forecast = &run->forecast;
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
    again_release(&run->again);
    book_release(&run->book);
    queue_free(run->queue);
    terms_index_release(&run->terms);
    forecast_release(&run->forecast);
    ledger_free(run->ledger);
    chronicle_release(&run->chronicle);
    gathering_release(&run->gathering);
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
        run->book.chances.closed = true;
        again_drop(&run->again);
        bool broken = reason == STOP_BROKEN && err_is_set(&run->err);
        chronicle_stopping(&run->chronicle, reason,
                           broken ? run->err.text : NULL);
    }
    struct executor *executor = run->params.executor;
    switch (run->phase) {
    case PHASE_SETUP:
        scripts_cancel(run->params.scripts, now);
        break;
    case PHASE_COLLECTING:
        run_drain(run);
        break;
    case PHASE_RUNNING:
        if (run->running > 0 && reason == STOP_FAILURES &&
            run->params.settings->max_fail_wait) {
            if (executor->ops->recall != NULL) {
                executor->ops->recall(executor);
            }
        } else if (run->running > 0) {
            executor->ops->cancel(executor, now);
        } else if (!run->giving) {
            run_drain(run);
        }
        break;
    case PHASE_DRAINING:
        executor->ops->cancel(executor, now);
        break;
    case PHASE_TEARDOWN:
        if (now) {
            scripts_cancel(run->params.scripts, false);
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
