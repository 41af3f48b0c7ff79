#include "run/chronicle.h"

#include <stdlib.h>

#include "run/forecast.h"
#include "util/alloc.h"
#include "util/escape.h"

#define CHRONICLE_TEXT_MAX ((size_t)1 << 20)

// Slots of a fleet that have a name: what numbers come is not ours to choose.
#define CHRONICLE_SLOTS_MAX (1 << 20)

void
chronicle_init(struct chronicle *chronicle, struct items *items,
               struct event_sink *sink, const char *rerun)
{
    *chronicle = (struct chronicle){
        .items = items,
        .sink = sink,
        .rerun = rerun,
        .began = now_usec(),
        .id = BUF_INIT(CHRONICLE_TEXT_MAX),
        .command = BUF_INIT(CHRONICLE_TEXT_MAX),
        .file = BUF_INIT(CHRONICLE_TEXT_MAX),
    };
}

void
chronicle_release(struct chronicle *chronicle)
{
    buf_release(&chronicle->id);
    buf_release(&chronicle->command);
    buf_release(&chronicle->file);
    texts_release(&chronicle->workers);
    free(chronicle->slots);
    seats_release(&chronicle->seats);
}

static struct event
make(const struct chronicle *chronicle, enum event_kind kind)
{
    return (struct event){
        .kind = kind,
        .wall_ms = now_wall_usec() / 1000,
        .us = (uint64_t)(now_usec() - chronicle->began),
    };
}

static void
tell(struct chronicle *chronicle, const struct event *event)
{
    // The sink is a fan-out, which looks after those that fail.
    struct err err = {0};
    chronicle->sink->ops->on_event(chronicle->sink, event, &err);
}

void
chronicle_run_started(struct chronicle *chronicle,
                      const struct event_run *about)
{
    struct event event = make(chronicle, EVENT_RUN_STARTED);
    event.run = *about;
    tell(chronicle, &event);
}

void
chronicle_collecting(struct chronicle *chronicle, struct slice module)
{
    struct event event = make(chronicle, EVENT_COLLECTING);
    event.module = module;
    tell(chronicle, &event);
}

void
chronicle_collected(struct chronicle *chronicle,
                    const struct event_collected *collected)
{
    struct event event = make(chronicle, EVENT_COLLECTED);
    event.collected = *collected;
    tell(chronicle, &event);
}

void
chronicle_preparing(struct chronicle *chronicle, struct slice text)
{
    struct event event = make(chronicle, EVENT_PREPARING);
    event.preparing = text;
    tell(chronicle, &event);
}

void
chronicle_prepared(struct chronicle *chronicle, uint64_t us)
{
    struct event event = make(chronicle, EVENT_PREPARED);
    event.prepared_us = us;
    tell(chronicle, &event);
}

void
chronicle_script(struct chronicle *chronicle, enum event_kind kind,
                 const struct event_script *script)
{
    struct event event = make(chronicle, kind);
    event.script = *script;
    tell(chronicle, &event);
}

/* Whose the slot is; "" when it is this machine's. */
static const char *
name_worker(const struct chronicle *chronicle, int slot)
{
    if (slot < 0 || (size_t)slot >= chronicle->slot_count ||
        chronicle->slots[slot] == 0) {
        return "";
    }
    return chronicle->workers.at[chronicle->slots[slot] - 1];
}

static void
remember_worker(struct chronicle *chronicle, const struct event_worker *worker)
{
    int end = worker->base + worker->slots;
    if (worker->base < 0 || worker->slots <= 0 || end > CHRONICLE_SLOTS_MAX) {
        return;
    }
    texts_add(&chronicle->workers, worker->node);
    if (chronicle->slot_count < (size_t)end) {
        size_t count = alloc_grow(chronicle->slot_count, (size_t)end);
        chronicle->slots =
            alloc_resize(chronicle->slots, count, sizeof(uint32_t));
        while (chronicle->slot_count < count) {
            chronicle->slots[chronicle->slot_count++] = 0;
        }
    }
    for (int slot = worker->base; slot < end; slot++) {
        chronicle->slots[slot] = (uint32_t)chronicle->workers.count;
    }
}

static struct event_job
describe_job(const struct chronicle *chronicle, uint32_t number)
{
    const struct job *job = items_peek_job(chronicle->items, number);
    return (struct event_job){
        .number = number,
        .name = items_job_name(chronicle->items, number),
        .file = items_job_file(chronicle->items, number),
        .kind = (enum job_kind)job->kind,
        .items = job->count,
        .expect_us = chronicle->forecast != NULL
                         ? forecast_us(chronicle->forecast, number)
                         : 0,
    };
}

void
chronicle_job_started(struct chronicle *chronicle,
                      const struct order_begin *begin)
{
    struct event event = make(chronicle, EVENT_JOB_STARTED);
    event.job = describe_job(chronicle, begin->job);
    event.job.attempt = begin->attempt;
    event.job.slot = begin->slot;
    event.job.process = seats_begin(&chronicle->seats, begin);
    event.job.worker = name_worker(chronicle, begin->slot);
    tell(chronicle, &event);
}

void
chronicle_job_finished(struct chronicle *chronicle,
                       const struct order_report *report)
{
    struct usage *usage = &chronicle->usage;
    usage->user_us += report->usage.user_us;
    usage->system_us += report->usage.system_us;
    if (report->usage.maxrss_kib > usage->maxrss_kib) {
        usage->maxrss_kib = report->usage.maxrss_kib;
    }
    struct event event = make(chronicle, EVENT_JOB_FINISHED);
    event.job = describe_job(chronicle, report->job);
    event.job.attempt = report->attempt;
    event.job.slot = report->slot;
    event.job.process = seats_find(&chronicle->seats, report->slot, report->job,
                                   report->attempt);
    event.job.worker = name_worker(chronicle, report->slot);
    event.job.usage = report->usage;
    event.job.us = report->us;
    event.job.out = report->out;
    event.job.err = report->err;
    tell(chronicle, &event);
}

static struct event_test
describe_test(struct chronicle *chronicle, const struct chronicle_place *place)
{
    struct items *items = chronicle->items;
    buf_reset(&chronicle->id);
    items_id(items, place->item, &chronicle->id);
    const struct item *item = items_peek(items, place->item);
    uint64_t origin = (uint64_t)chronicle->began;
    struct event_test test = {
        .number = place->item,
        .id = buf_text(&chronicle->id),
        .job = items_job_name(items, item->job),
        .file = items_job_file(items, item->job),
        .line = item->line,
        .slot = place->slot,
        .worker = name_worker(chronicle, place->slot),
        .process = seats_find(&chronicle->seats, place->slot, place->job,
                              place->attempt),
        .attempt = item->tries > 0 ? item->tries : 1,
        .tries = item->tries,
        .began_us = place->began_us > origin ? place->began_us - origin : 0,
    };
    if (place->file.len > 0) {
        buf_reset(&chronicle->file);
        buf_add_slice(&chronicle->file, place->file);
        test.file = buf_text(&chronicle->file);
    }
    return test;
}

void
chronicle_test_started(struct chronicle *chronicle,
                       const struct chronicle_place *place)
{
    struct event event = make(chronicle, EVENT_TEST_STARTED);
    event.test = describe_test(chronicle, place);
    tell(chronicle, &event);
}

void
chronicle_test_slow(struct chronicle *chronicle,
                    const struct chronicle_place *place, uint64_t us)
{
    struct event event = make(chronicle, EVENT_TEST_SLOW);
    event.test = describe_test(chronicle, place);
    event.test.us = us;
    tell(chronicle, &event);
}

/*
 * The label that runs an item again: its id, or, where it cannot be asked for
 * by itself (a fixture, a point of a program), its job.
 */
static struct slice
what_runs_again(const struct chronicle *chronicle,
                const struct chronicle_place *place)
{
    const struct item *item = items_peek(chronicle->items, place->item);
    const struct job *job = items_peek_job(chronicle->items, item->job);
    if ((item->flags & ITEM_APPEARED) != 0 || job->kind == JOB_COMMAND ||
        job->kind == JOB_IMPORT) {
        return slice_of(items_job_name(chronicle->items, item->job));
    }
    return buf_slice(&chronicle->id);
}

static void
tell_ending(struct chronicle *chronicle, enum event_kind kind,
            const struct chronicle_place *place,
            const struct chronicle_ending *ending)
{
    const struct outcome *outcome = ending->outcome;
    struct event event = make(chronicle, kind);
    event.test = describe_test(chronicle, place);
    event.test.us = outcome->us;
    event.test.outcome = outcome;
    event.test.flaky = ending->flaky;
    event.test.refused = ending->refused;
    event.test.quarantined = ending->quarantined;
    event.test.rerun = "";
    if (state_is_bad(outcome->state) && chronicle->rerun != NULL) {
        buf_reset(&chronicle->command);
        buf_addf(&chronicle->command, "%s ", chronicle->rerun);
        escape_shell(&chronicle->command, what_runs_again(chronicle, place));
        event.test.rerun = buf_text(&chronicle->command);
    }
    tell(chronicle, &event);
}

void
chronicle_test_finished(struct chronicle *chronicle,
                        const struct chronicle_place *place,
                        const struct chronicle_ending *ending)
{
    tell_ending(chronicle, EVENT_TEST_FINISHED, place, ending);
}

void
chronicle_test_attempt(struct chronicle *chronicle,
                       const struct chronicle_place *place,
                       const struct chronicle_ending *ending)
{
    tell_ending(chronicle, EVENT_TEST_ATTEMPT, place, ending);
}

void
chronicle_elsewhere(struct chronicle *chronicle, uint32_t item, uint32_t shard)
{
    struct event event = make(chronicle, EVENT_ELSEWHERE);
    buf_reset(&chronicle->id);
    items_id(chronicle->items, item, &chronicle->id);
    event.elsewhere = (struct event_elsewhere){
        .id = buf_text(&chronicle->id),
        .job = items_job_name(chronicle->items,
                              items_peek(chronicle->items, item)->job),
        .shard = shard,
    };
    tell(chronicle, &event);
}

void
chronicle_leak(struct chronicle *chronicle, const struct event_leak *leak)
{
    struct event event = make(chronicle, EVENT_LEAKED);
    event.leak = *leak;
    tell(chronicle, &event);
}

void
chronicle_worker(struct chronicle *chronicle, const struct event_worker *worker)
{
    if (worker->what == WORKER_JOINED) {
        remember_worker(chronicle, worker);
        seats_clear(&chronicle->seats, worker->base, worker->slots);
    }
    struct event event = make(chronicle, EVENT_WORKER);
    event.worker = *worker;
    tell(chronicle, &event);
}

void
chronicle_note(struct chronicle *chronicle, enum note_level level,
               const char *text, const char *hint)
{
    struct event event = make(chronicle, EVENT_NOTE);
    event.note = (struct event_note){level, text, hint};
    tell(chronicle, &event);
}

void
chronicle_stopping(struct chronicle *chronicle, enum stop_reason reason,
                   const char *problem)
{
    struct event event = make(chronicle, EVENT_STOPPING);
    event.stopping = (struct event_stopping){reason, problem};
    tell(chronicle, &event);
}

void
chronicle_run_finished(struct chronicle *chronicle, const struct tally *tally,
                       enum stop_reason stop, int exit_status)
{
    struct event event = make(chronicle, EVENT_RUN_FINISHED);
    event.finished = (struct event_finished){
        .tally = tally,
        .us = event.us,
        .stop = stop,
        .exit_status = exit_status,
        .usage = chronicle->usage,
    };
    tell(chronicle, &event);
}
