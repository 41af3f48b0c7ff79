#include "run/run_internal.h"

#include "run/prober.h"

/* A run that looks for what makes a test fail: the prober gives its orders. */

static void
keep_count(struct run *run)
{
    run->running = prober_running(run->params.prober);
}

static void
on_done(void *ctx)
{
    struct run *run = ctx;
    keep_count(run);
    run_drain(run);
}

void
run_probe(struct run *run)
{
    struct err err = {0};
    const struct prober_run params = {
        .settings = run->params.settings,
        .items = run->params.items,
        .executor = run->params.executor,
        .slots = run->params.about.slots,
        .on_done = on_done,
        .ctx = run,
    };
    run->phase = PHASE_RUNNING;
    if (!prober_start(run->params.prober, &params, &err)) {
        run_note_error(run, &err);
        run_stop(run, STOP_BROKEN, false);
        return;
    }
    keep_count(run);
}

static void
on_room(void *ctx)
{
    struct run *run = ctx;
    if (run->phase == PHASE_RUNNING && run->stop == STOP_NONE) {
        prober_on_room(run->params.prober);
        keep_count(run);
    }
}

static void
on_job_begin(void *ctx, const struct order_begin *begin)
{
    (void)ctx;
    (void)begin;
}

static void
on_begin(void *ctx, uint32_t job, uint16_t attempt, uint32_t item, int slot,
         uint64_t began_us)
{
    (void)ctx;
    (void)job;
    (void)attempt;
    (void)item;
    (void)slot;
    (void)began_us;
}

static void
on_result(void *ctx, const struct order_result *result)
{
    const struct run *run = ctx;
    prober_on_result(run->params.prober, result);
}

static void
on_appeared(void *ctx, uint32_t job, uint16_t attempt,
            const struct order_appeared *appeared)
{
    const struct run *run = ctx;
    (void)attempt;
    prober_on_appeared(run->params.prober, job, appeared);
}

static void
on_end(void *ctx, const struct order_report *report)
{
    struct run *run = ctx;
    if (run->stop != STOP_NONE) {
        prober_stop(run->params.prober);
    }
    prober_on_end(run->params.prober, report);
    keep_count(run);
}

/* What a probe leaves is no news: the test is looked at, not they. */
static void
on_leak(void *ctx, const struct event_leak *leak)
{
    (void)ctx;
    (void)leak;
}

void
run_probe_events(struct executor_events *events)
{
    *events = *run_executor_events();
    events->on_room = on_room;
    events->on_job_begin = on_job_begin;
    events->on_begin = on_begin;
    events->on_result = on_result;
    events->on_appeared = on_appeared;
    events->on_end = on_end;
    events->on_leak = on_leak;
}
