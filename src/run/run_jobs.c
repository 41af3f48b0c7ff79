#include "run/run_internal.h"

#include "run/settling.h"
#include "util/alloc.h"

#include <assert.h>
#include <stdlib.h>

static const struct terms *
terms_of(const struct run *run, uint32_t job)
{
    return terms_index_find(&run->terms, run->params.items, job);
}

/* How often those have run that are to run now: all of them the same. */
static uint32_t
count_tries(const struct items *items, uint32_t job)
{
    uint32_t count = items_peek_job(items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(items, job, i);
        if (items_is_due(items, item)) {
            return items_peek(items, item)->tries;
        }
    }
    return 0;
}

// For places that ask what may lie behind a job: nothing.
#define LONG_US 1000000U

/*
 * How long a slot should have enough with a job. One that needs something is
 * taken for long, so that its slot is idle when it ends: what waits for the
 * same begins there at once.
 */
static uint64_t
expect_at_slot(const struct run *run, uint32_t job, const struct terms *terms)
{
    uint64_t us = forecast_us(&run->forecast, job);
    return terms->need_count > 0 && us < LONG_US ? LONG_US : us;
}

static void
give(struct run *run, uint32_t job)
{
    const struct terms *terms = terms_of(run, job);
    struct order order = {
        .job = job,
        .attempt = ledger_give(run->ledger, job),
        .timeout_ms = terms->timeout_ms,
        .test_timeout_ms = terms->test_timeout_ms,
        .slow_ms = terms->slow_ms,
        .expect_us = expect_at_slot(run, job, terms),
        .tries = count_tries(run->params.items, job),
        .avoid = again_take_slot(&run->again, job) + 1,
    };
    run->running++;
    run->params.executor->ops->start(run->params.executor, &order);
}

static void
give_again(struct run *run, uint32_t job)
{
    queue_add_again(run->queue, job, terms_wants(terms_of(run, job)));
}

static bool
has_room(const struct run *run, uint32_t next, bool idle_only)
{
    struct executor *executor = run->params.executor;
    struct demand demand = {
        .waiting = queue_waiting(run->queue),
        .expect_us = next != JOB_NONE ? forecast_us(&run->forecast, next) : 0,
        .later = again_count(&run->again),
        .idle_only = idle_only,
    };
    return executor->ops->room(executor, &demand) > 0;
}

/* The job for which there is room now; JOB_NONE: none. */
static uint32_t
take_next(struct run *run)
{
    // Also asked where nothing is left: a fleet sends its idle ones home.
    uint32_t next = queue_peek(run->queue, true);
    uint32_t other = queue_peek(run->queue, false);
    // A job that needs something and can have it waits for a slot that is
    // idle. Nobody is given to slots before it: where jobs are short none would
    // ever be idle, and all that need something would come last. What lies at
    // slots is enough for them until one of them is.
    if (has_room(run, next, next != other)) {
        return queue_next(run->queue, true);
    }
    return JOB_NONE;
}

/* What passed in this round runs again when nothing else waits. */
static void
begin_round(struct run *run)
{
    uint32_t job = JOB_NONE;
    if (queue_waiting(run->queue) > 0) {
        return;
    }
    while ((job = again_next_round(&run->again)) != JOB_NONE) {
        give_again(run, job);
    }
}

void
run_give_out(struct run *run)
{
    if (run->phase != PHASE_RUNNING || run->giving) {
        return;
    }
    run->giving = true;
    while (run->stop == STOP_NONE) {
        begin_round(run);
        uint32_t job = take_next(run);
        if (job == JOB_NONE) {
            break;
        }
        give(run, job);
    }
    run->giving = false;
    uint32_t left = queue_waiting(run->queue) + again_count(&run->again);
    if (run->running == 0 && (run->stop != STOP_NONE || left == 0)) {
        run_drain(run);
    }
}

void
run_on_retry_due(void *ctx, uint32_t job)
{
    struct run *run = ctx;
    give_again(run, job);
    run_give_out(run);
}

/* What the book wants to run again. */
static void
take_retries(struct run *run)
{
    for (size_t i = 0; i < run->book.retries.count; i++) {
        const struct book_retry *retry = &run->book.retries.items[i];
        if (run->stop != STOP_NONE) {
            break;
        }
        if (retry->round) {
            again_add_round(&run->again, retry->job);
        } else {
            again_delay(&run->again, retry->job, retry->delay_ms, retry->slot);
        }
    }
    ARRAY_CLEAR(&run->book.retries);
    if (run->book.chances.refused && !run->told_budget) {
        run->told_budget = true;
        chronicle_note(&run->chronicle, NOTE_WARNING,
                       "the retry budget is spent: what fails from here on is "
                       "not run again",
                       NULL);
    }
}

// ------------------------------------------------------------ their items

void
run_look_at_book(struct run *run)
{
    const struct settings *settings = run->params.settings;
    uint32_t most = settings->until_fail ? 1 : settings->max_fail;
    if (run->book.full) {
        struct err err = {0};
        run->book.full = false; // it is said once
        err_set(&err, ERR_SYSTEM, "there are more tests than there is room");
        run_note_error(run, &err);
        run_stop(run, STOP_BROKEN, true);
    } else if (most > 0 && run->book.bad >= most && run->stop == STOP_NONE) {
        run_stop(run, STOP_FAILURES, false);
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
    book_take(&run->book, &place, result->outcome);
    run_look_at_book(run);
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
        .slot = appeared->slot,
        .began_us = appeared->began_us,
        .file = appeared->file,
    };
    book_appear(&run->book, &place, appeared->id, appeared->line,
                appeared->outcome);
    run_look_at_book(run);
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

static void
on_end(void *ctx, const struct order_report *report)
{
    struct run *run = ctx;
    assert(run->running > 0);
    run->running--;
    queue_done(run->queue, report->job);
    chronicle_job_finished(&run->chronicle, report);
    uint32_t rest = settling_end(&run->book, report, run->stop != STOP_NONE);
    if (rest != JOB_NONE) {
        give_again(run, rest);
    }
    take_retries(run);
    run_look_at_book(run);
    run_give_out(run);
}

static void
on_job_begin(void *ctx, const struct order_begin *begin)
{
    struct run *run = ctx;
    chronicle_job_started(&run->chronicle, begin);
}

static void
on_room(void *ctx)
{
    run_give_out(ctx);
}

static void
on_preparing(void *ctx, struct slice text)
{
    struct run *run = ctx;
    chronicle_preparing(&run->chronicle, text);
}

static void
on_prepared(void *ctx, uint64_t us)
{
    struct run *run = ctx;
    chronicle_prepared(&run->chronicle, us);
}

static void
on_leak(void *ctx, const struct event_leak *leak)
{
    struct run *run = ctx;
    ledger_count_leak(run->ledger);
    chronicle_leak(&run->chronicle, leak);
}

static void
on_late(void *ctx)
{
    struct run *run = ctx;
    ledger_count_late(run->ledger);
}

static void
on_worker(void *ctx, const struct event_worker *worker)
{
    struct run *run = ctx;
    chronicle_worker(&run->chronicle, worker);
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
    run_note_error(run, err);
    run_stop(run, STOP_BROKEN, true);
}

const struct executor_events *
run_executor_events(void)
{
    static const struct executor_events events = {
        .on_room = on_room,
        .on_preparing = on_preparing,
        .on_prepared = on_prepared,
        .on_job_begin = on_job_begin,
        .on_begin = on_begin,
        .on_slow = on_slow,
        .on_result = on_result,
        .on_appeared = on_appeared,
        .on_bail = on_bail,
        .on_end = on_end,
        .on_leak = on_leak,
        .on_late = on_late,
        .on_worker = on_worker,
        .on_note = on_note,
        .on_broken = on_broken,
        .on_drained = run_on_drained,
    };
    return &events;
}
