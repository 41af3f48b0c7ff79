#include "fleet/desk_internal.h"

#include <assert.h>

/* What a place tells of its jobs -> updates that bear the orders' names. */

void
desk_tell(struct desk *desk, const struct update *update)
{
    bulletin_add(desk->params.bulletin, update);
}

/* What runs as that job, with what all its updates say. */
static struct errand *
errand_of(const struct desk *desk, uint32_t job)
{
    assert(job < desk->of_job.count && desk->of_job.items[job] != NULL);
    return desk->of_job.items[job];
}

static void
on_room(void *ctx)
{
    desk_give(ctx);
}

/* As if a setup script said so. */
static void
on_preparing(void *ctx, struct slice text)
{
    struct desk *desk = ctx;
    struct buf line = BUF_INIT(4096);
    if (text.len > 0) {
        buf_add_slice(&line, slice_first(text, 4000));
        buf_add_char(&line, '\n');
        desk_tell(desk, &(struct update){
                            .kind = UPDATE_SAID,
                            .text = buf_slice(&line),
                        });
    }
    buf_release(&line);
}

static void
on_prepared(void *ctx, uint64_t us)
{
    (void)ctx;
    (void)us; // its first job tells of that
}

void
desk_tell_begun(struct desk *desk, struct errand *errand, int slot,
                uint32_t process)
{
    if (!errand->begun) {
        errand->begun = true;
        desk_tell(desk, &(struct update){
                            .kind = UPDATE_JOB,
                            .o = errand->name,
                            .slot = slot,
                            .process = process,
                        });
    }
}

static void
on_job_begin(void *ctx, const struct order_begin *begin)
{
    struct desk *desk = ctx;
    desk_tell_begun(desk, errand_of(desk, begin->job), begin->slot,
                    begin->process);
}

static void
on_begin(void *ctx, uint32_t job, uint16_t attempt, uint32_t item, int slot,
         uint64_t began_us)
{
    struct desk *desk = ctx;
    (void)attempt;
    (void)began_us;
    items_get(desk->params.items, item)->tries++;
    desk_tell(desk, &(struct update){
                        .kind = UPDATE_BEGIN,
                        .o = errand_of(desk, job)->name,
                        .place = order_place_of(desk->params.items, job, item),
                        .slot = slot,
                    });
}

static void
on_slow(void *ctx, uint32_t job, uint32_t item, int slot, uint64_t us)
{
    struct desk *desk = ctx;
    desk_tell(desk, &(struct update){
                        .kind = UPDATE_SLOW,
                        .o = errand_of(desk, job)->name,
                        .place = order_place_of(desk->params.items, job, item),
                        .slot = slot,
                        .us = us,
                    });
}

static void
on_result(void *ctx, const struct order_result *result)
{
    struct desk *desk = ctx;
    items_get(desk->params.items, result->item)->state =
        (uint8_t)result->outcome->state;
    desk_tell(desk, &(struct update){
                        .kind = UPDATE_RESULT,
                        .o = errand_of(desk, result->job)->name,
                        .place = order_place_of(desk->params.items, result->job,
                                                result->item),
                        .slot = result->slot,
                        .outcome = result->outcome,
                    });
}

static void
on_appeared(void *ctx, uint32_t job, uint16_t attempt,
            const struct order_appeared *appeared)
{
    struct desk *desk = ctx;
    (void)attempt;
    desk_tell(desk, &(struct update){
                        .kind = UPDATE_APPEARED,
                        .o = errand_of(desk, job)->name,
                        .slot = appeared->slot,
                        .outcome = appeared->outcome,
                        .appeared =
                            {
                                .id = appeared->id,
                                .file = appeared->file,
                                .line = appeared->line,
                                .whole = appeared->whole,
                            },
                    });
}

static void
on_bail(void *ctx, uint32_t job, struct slice reason)
{
    struct desk *desk = ctx;
    desk_tell(desk, &(struct update){
                        .kind = UPDATE_BAIL,
                        .o = errand_of(desk, job)->name,
                        .text = reason,
                    });
}

/* A place that broke ends orders that nobody wanted to end. */
static enum order_end
end_of(const struct desk *desk, const struct errand *errand,
       const struct order_report *report)
{
    bool asked = desk->cancelled || errand->stopped;

    return report->end == ORDER_CANCELLED && !asked ? ORDER_LOST : report->end;
}

static void
on_end(void *ctx, const struct order_report *report)
{
    struct desk *desk = ctx;
    struct errand *errand = errand_of(desk, report->job);
    bool ran = report->running != ITEM_NONE;
    struct update update = {
        .kind = UPDATE_END,
        .o = errand->name,
        .place = ran ? order_place_of(desk->params.items, report->job,
                                      report->running)
                     : ITEM_NONE,
        .slot = report->slot,
        .us = report->us,
        .end =
            {
                .end = end_of(desk, errand, report),
                .running_us = report->running_us,
                .status = report->status,
                .problem = slice_of(report->problem),
                .job_limit = report->job_limit,
                .left = report->left,
                .usage = report->usage,
                .out = report->out,
                .err = report->err,
            },
    };

    desk_tell(desk, &update);
    desk_finish(desk, errand);
}

static void
on_leak(void *ctx, const struct event_leak *leak)
{
    struct desk *desk = ctx;
    desk_tell(desk, &(struct update){
                        .kind = UPDATE_LEAK,
                        .leak =
                            {
                                .job = slice_of(leak->job),
                                .id = slice_of(leak->id),
                                .pid = leak->pid,
                                .command = slice_of(leak->command),
                            },
                    });
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    struct desk *desk = ctx;
    desk_tell(desk, &(struct update){
                        .kind = UPDATE_NOTE,
                        .note = {level, slice_of(text), slice_of(hint)},
                    });
}

static void
tell_broken(void *ctx)
{
    struct desk *desk = ctx;
    desk->params.on_broken(desk->params.ctx, &desk->broken);
}

static void
on_broken(void *ctx, const struct err *err)
{
    struct desk *desk = ctx;
    if (!err_is_set(&desk->broken)) {
        desk->broken = *err;
        loop_post(desk->params.loop, tell_broken, desk);
    }
}

static void
on_drained(void *ctx)
{
    struct desk *desk = ctx;
    desk->params.on_drained(desk->params.ctx);
}

const struct executor_events *
desk_events(void)
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
        .on_note = on_note,
        .on_broken = on_broken,
        .on_drained = on_drained,
    };
    return &events;
}
