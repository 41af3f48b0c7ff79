#include "fleet/serving_internal.h"

/* What runs the jobs of a build: made, filled, asked. */

// When results pile up, nothing new begins.
#define SERVING_QUEUE_MAX ((size_t)16 << 20)

// ------------------------------------------------------------- collecting

static void
on_module(void *ctx, struct slice module)
{
    (void)ctx;
    (void)module;
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    struct serving *serving = ctx;
    if (level == NOTE_INFO) {
        return; // said by each worker, and read by nobody
    }
    bulletin_add(serving->bulletin,
                 &(struct update){
                     .kind = UPDATE_NOTE,
                     .note = {level, slice_of(text), slice_of(hint)},
                 });
}

static void
on_collected(void *ctx, const struct err *err)
{
    struct serving *serving = ctx;
    if (serving->phase != PHASE_SERVING) {
        return;
    }
    if (err != NULL) {
        serving_fail(serving, err);
        return;
    }
    live_watch(serving->live, serving->desk, serving->place.executor,
               serving->place.items);
    desk_open(serving->desk, serving->place.executor,
              buf_slice(&serving->missing));
}

static void
on_broken_module(void *ctx, struct slice module, struct slice file,
                 const struct outcome *outcome)
{
    struct serving *serving = ctx;
    struct slice message = outcome->finding_count > 0
                               ? outcome->findings[0].message
                               : (struct slice){0};
    (void)file;
    buf_addf(&serving->missing, "%s%.*s: %.*s",
             serving->missing.len > 0 ? "; " : "",
             SLICE_ARG(slice_first(module, 200)),
             SLICE_ARG(slice_first(message, 300)));
}

/* The coordinator, who collected too, has told of it. */
static void
on_unknown(void *ctx, struct slice label, struct slice reason)
{
    (void)ctx;
    (void)label;
    (void)reason;
}

static void
collect(struct serving *serving)
{
    static const struct source_events events = {
        .on_module = on_module,
        .on_note = on_note,
        .on_collected = on_collected,
        .on_broken_module = on_broken_module,
        .on_unknown = on_unknown,
    };
    struct source *source = serving->place.source;
    if (source == NULL) {
        on_collected(serving, NULL);
        return;
    }
    source->ops->collect(source, serving->place.items, false, &events, serving);
}

// ----------------------------------------------------------------- orders

static void
on_broken(void *ctx, const struct err *err)
{
    serving_fail(ctx, err);
}

static bool
is_full(void *ctx)
{
    const struct serving *serving = ctx;
    return serving->connection != NULL &&
           connection_queued(serving->connection) > SERVING_QUEUE_MAX;
}

/* Everything that runs jobs comes with the first of them. */
static bool
make_desk(struct serving *serving, struct err *err)
{
    const struct serving_events *events = serving->params.events;
    if (!events->on_order(serving->params.ctx, &serving->plan, &serving->place,
                          err)) {
        return false;
    }
    serving->desk = desk_new(&(struct desk_params){
        .loop = serving->params.loop,
        .items = serving->place.items,
        .bulletin = serving->bulletin,
        .jobs = serving->place.jobs,
        .base = serving->plan.base,
        .on_broken = on_broken,
        .on_drained = serving_on_drained,
        .is_full = is_full,
        .ctx = serving,
    });
    events->on_desk(serving->params.ctx, serving->desk);
    desk_pause(serving->desk, serving->paused);
    collect(serving);
    return true;
}

void
serving_take_orders(struct serving *serving, struct err *err)
{
    struct err refusal = {0};
    if (serving->phase < PHASE_SERVING) {
        err_set(err, ERR_PROTOCOL, "orders before it was ready");
        return;
    }
    if (serving->phase > PHASE_SERVING) {
        return; // they were on their way
    }
    const json_t *orders = serving->message.orders;
    if (serving->desk == NULL && !make_desk(serving, &refusal)) {
        serving_fail(serving, &refusal);
        return;
    }
    for (size_t i = 0; i < json_array_size(orders); i++) {
        if (!desk_take(serving->desk, json_array_get(orders, i), err)) {
            return;
        }
    }
}

void
serving_take_cancel(struct serving *serving)
{
    const struct serving_message *message = &serving->message;
    if (serving->desk == NULL) {
        return;
    }
    if (message->all) {
        desk_cancel_all(serving->desk, message->now);
    } else {
        desk_cancel(serving->desk, message->names.items, message->names.count,
                    message->now);
    }
}

/* With no slots what runs goes on, and nothing begins. */
void
serving_take_pool(struct serving *serving)
{
    struct executor *executor = serving->place.executor;
    int slots = serving->message.slots;
    struct err err = {0};
    serving->paused = slots == 0;
    if (slots > 0) {
        serving->plan.slots = slots;
    }
    if (slots > 0 && executor != NULL &&
        !executor->ops->resize(executor, slots, &err)) {
        on_note(serving, NOTE_WARNING, err.text, err.hint);
    }
    if (serving->desk != NULL) {
        desk_pause(serving->desk, serving->paused);
    }
    serving_add_pool(&serving->line, slots,
                     serving->desk != NULL ? desk_given(serving->desk) : 0);
    serving_send_line(serving);
}
