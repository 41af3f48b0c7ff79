#include "fleet/pair.h"

#include "util/alloc.h"

#include <stddef.h>
#include <stdlib.h>

static struct pair *
of_executor(struct executor *executor)
{
    return (struct pair *)(void *)((char *)executor -
                                   offsetof(struct pair, executor));
}

static struct pair *
of_side(void *ctx)
{
    const struct pair_side *side = ctx;
    return side->pair;
}

// -------------------------------------------------------------- executor

static uint32_t
room(struct executor *executor, const struct demand *demand)
{
    struct pair *pair = of_executor(executor);
    struct executor *here = pair->here.executor;
    struct executor *there = pair->there.executor;
    pair->demand = *demand;
    uint32_t near = here->ops->room(here, demand);
    // What will be done here needs nobody there.
    struct demand rest = *demand;
    rest.waiting = rest.waiting > near ? rest.waiting - near : 0;
    return near + there->ops->room(there, &rest);
}

static void
start(struct executor *executor, const struct order *order)
{
    struct pair *pair = of_executor(executor);
    struct executor *here = pair->here.executor;
    struct executor *there = pair->there.executor;
    bool near = here->ops->room(here, &pair->demand) > 0;
    if (near) {
        here->ops->start(here, order);
    } else {
        there->ops->start(there, order);
    }
}

static void
cancel(struct executor *executor, bool now)
{
    struct pair *pair = of_executor(executor);
    pair->here.executor->ops->cancel(pair->here.executor, now);
    pair->there.executor->ops->cancel(pair->there.executor, now);
}

static void
recall(struct executor *executor)
{
    struct pair *pair = of_executor(executor);
    struct executor *here = pair->here.executor;
    struct executor *there = pair->there.executor;
    if (here->ops->recall != NULL) {
        here->ops->recall(here);
    }
    if (there->ops->recall != NULL) {
        there->ops->recall(there);
    }
}

static void
pause_both(struct executor *executor, bool paused)
{
    struct pair *pair = of_executor(executor);
    pair->here.executor->ops->pause(pair->here.executor, paused);
    pair->there.executor->ops->pause(pair->there.executor, paused);
}

static void
drain(struct executor *executor)
{
    struct pair *pair = of_executor(executor);
    pair->here.executor->ops->drain(pair->here.executor);
    pair->there.executor->ops->drain(pair->there.executor);
}

// ---------------------------------------------------------------- events

static void
on_room(void *ctx)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_room(pair->ctx);
}

static void
on_preparing(void *ctx, struct slice text)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_preparing(pair->ctx, text);
}

static void
on_prepared(void *ctx, uint64_t us)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_prepared(pair->ctx, us);
}

static void
on_job_begin(void *ctx, const struct order_begin *begin)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_job_begin(pair->ctx, begin);
}

static void
on_begin(void *ctx, uint32_t job, uint16_t attempt, uint32_t item, int slot,
         uint64_t began_us)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_begin(pair->ctx, job, attempt, item, slot, began_us);
}

static void
on_slow(void *ctx, uint32_t job, uint32_t item, int slot, uint64_t us)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_slow(pair->ctx, job, item, slot, us);
}

static void
on_result(void *ctx, const struct order_result *result)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_result(pair->ctx, result);
}

static void
on_appeared(void *ctx, uint32_t job, uint16_t attempt,
            const struct order_appeared *appeared)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_appeared(pair->ctx, job, attempt, appeared);
}

static void
on_bail(void *ctx, uint32_t job, struct slice reason)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_bail(pair->ctx, job, reason);
}

static void
on_end(void *ctx, const struct order_report *report)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_end(pair->ctx, report);
}

static void
on_leak(void *ctx, const struct event_leak *leak)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_leak(pair->ctx, leak);
}

static void
on_late(void *ctx)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_late(pair->ctx);
}

static void
on_worker(void *ctx, const struct event_worker *worker)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_worker(pair->ctx, worker);
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    struct pair *pair = of_side(ctx);
    pair->events->on_note(pair->ctx, level, text, hint);
}

static void
on_broken(void *ctx, const struct err *err)
{
    struct pair *pair = of_side(ctx);
    if (ctx == &pair->here) {
        pair->events->on_broken(pair->ctx, err);
        return;
    }
    char *text = alloc_printf("%s; this machine goes on alone", err->text);
    pair->events->on_note(pair->ctx, NOTE_ERROR, text, err_help(err));
    free(text);
}

static void
on_drained(void *ctx)
{
    struct pair_side *side = ctx;
    struct pair *pair = side->pair;
    side->drained = true;
    if (pair->here.drained && pair->there.drained) {
        pair->events->on_drained(pair->ctx);
    }
}

// ----------------------------------------------------------- from outside

const struct executor_events *
pair_events(void)
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
        .on_drained = on_drained,
    };
    return &events;
}

void
pair_init(struct pair *pair, const struct executor_events *events, void *ctx)
{
    static const struct executor_ops ops = {
        .room = room,
        .start = start,
        .cancel = cancel,
        .recall = recall,
        .pause = pause_both,
        .drain = drain,
    };
    *pair = (struct pair){
        .executor.ops = &ops,
        .here.pair = pair,
        .there.pair = pair,
        .events = events,
        .ctx = ctx,
    };
}

void
pair_join(struct pair *pair, struct executor *here, struct executor *there)
{
    pair->here.executor = here;
    pair->there.executor = there;
}

struct executor *
pair_executor(struct pair *pair)
{
    return &pair->executor;
}
