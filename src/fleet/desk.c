#include "fleet/desk.h"

#include "fleet/desk_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/log.h"

// A connection that is full is looked at again.
#define DESK_FULL_MS 20

// ---------------------------------------------------------------- errands

static uint64_t
key_of(struct order_name name)
{
    return (uint64_t)name.job << 16 | name.attempt;
}

static struct slice
key_slice(const uint64_t *key)
{
    return slice_make((const char *)key, sizeof(*key));
}

static struct errand *
find_errand(const struct desk *desk, struct order_name name)
{
    uint64_t key = key_of(name);

    return map_find(&desk->errands, key_slice(&key));
}

static struct slice
copy_text(struct slice text, char **copy)
{
    *copy = slice_dup(text);
    return slice_make(*copy, text.len);
}

static struct errand *
errand_new(const struct order_text *text)
{
    struct errand *errand = ALLOC(struct errand);

    errand->text = *text;
    errand->name = (struct order_name){text->order.job, text->order.attempt};
    errand->key = key_of(errand->name);
    errand->job = JOB_NONE;
    errand->text.name = copy_text(text->name, &errand->texts[0]);
    errand->text.load = copy_text(text->load, &errand->texts[1]);
    errand->text.file = copy_text(text->file, &errand->texts[2]);
    if (text->places != NULL) {
        errand->places = alloc_zero(text->count, sizeof(*errand->places));
        memcpy(errand->places, text->places,
               text->count * sizeof(*errand->places));
        errand->text.places = errand->places;
    }
    return errand;
}

static void
forget_errand(struct desk *desk, struct errand *errand)
{
    map_remove(&desk->errands, key_slice(&errand->key));
    list_remove(&errand->link);
    for (size_t i = 0; i < sizeof(errand->texts) / sizeof(char *); i++) {
        free(errand->texts[i]);
    }
    free(errand->places);
    free(errand);
}

/* The last word on an order that was never begun. */
static void
end_waiting(struct desk *desk, struct errand *errand)
{
    struct update update = {
        .kind = UPDATE_END,
        .o = errand->name,
        .slot = -1,
        .place = ITEM_NONE,
        .end = {.end = ORDER_CANCELLED},
    };

    desk_tell(desk, &update);
    desk->waiting_count--;
    forget_errand(desk, errand);
}

static void
differ(struct desk *desk, struct errand *errand, struct slice reason)
{
    struct update update = {
        .kind = UPDATE_DIFFERS,
        .o = errand->name,
        .text = reason,
    };

    desk_tell(desk, &update);
    desk->waiting_count--;
    forget_errand(desk, errand);
}

/* False: it is none of ours, which was said. */
static bool
look_up(struct desk *desk, struct errand *errand)
{
    struct buf reason = BUF_INIT(4096);

    errand->job = finder_find(&desk->finder, &errand->text, &reason);
    bool known = errand->job != JOB_NONE;
    if (!known) {
        differ(desk, errand, buf_slice(&reason));
    }
    buf_release(&reason);
    return known;
}

// ------------------------------------------------------------ giving out

/* A flag of the ledger's, which nobody keeps here: the item runs. */
static bool
is_any_running(const struct desk *desk, uint32_t job)
{
    const struct items *items = desk->params.items;
    uint32_t count = items_peek_job(items, job)->count;

    for (uint32_t i = 0; i < count; i++) {
        const struct item *item =
            items_peek(items, items_of_job(items, job, i));
        if ((item->flags & ITEM_BEGUN) != 0) {
            return true;
        }
    }
    return false;
}

/*
 * The items get no state from whoever ran them before: what they may run, and
 * what counts, is decided elsewhere.
 */
static void
mark_running(struct desk *desk, uint32_t job, bool running, uint32_t tries)
{
    struct items *items = desk->params.items;
    uint32_t count = items_peek_job(items, job)->count;

    for (uint32_t i = 0; i < count; i++) {
        struct item *item = items_get(items, items_of_job(items, job, i));
        if (running) {
            item->flags |= ITEM_BEGUN;
            item->state = STATE_NONE;
            item->tries = (uint16_t)tries;
        } else {
            item->flags &= (uint8_t)~ITEM_BEGUN;
        }
    }
}

static void
start(struct desk *desk, struct errand *errand)
{
    struct order order = errand->text.order;

    order.job = errand->job;
    desk->waiting_count--;
    list_remove(&errand->link);
    list_add(&desk->running, &errand->link);
    while (desk->of_job.count <= errand->job) {
        ARRAY_ADD(&desk->of_job, NULL);
    }
    desk->of_job.items[errand->job] = errand;
    // Who says nothing of tries means attempts at the job.
    uint32_t tries = order.tries;
    if (tries == 0 && order.attempt > 0) {
        tries = order.attempt - 1U;
    }
    mark_running(desk, errand->job, true,
                 tries < UINT16_MAX ? tries : UINT16_MAX - 1);
    desk->executor->ops->start(desk->executor, &order);
}

static bool
has_room(struct desk *desk, const struct errand *next)
{
    if (desk->params.is_full(desk->params.ctx)) {
        deadline_arm(&desk->full, DESK_FULL_MS);
        return false;
    }
    struct demand demand = {
        .waiting = (uint32_t)desk->waiting_count,
        .expect_us = next->text.order.expect_us,
    };
    return desk->executor->ops->room(desk->executor, &demand) > 0;
}

static void
give_once(struct desk *desk)
{
    LIST_FOR_EACH(link, &desk->waiting)
    {
        struct errand *errand = LIST_ENTRY(link, struct errand, link);
        if (errand->job == JOB_NONE && !look_up(desk, errand)) {
            continue;
        }
        if (err_is_set(&desk->broken) || !has_room(desk, errand)) {
            break;
        }
        // An attempt that was given up elsewhere may still run here.
        if (!is_any_running(desk, errand->job)) {
            start(desk, errand);
        }
    }
}

void
desk_give(struct desk *desk)
{
    desk->again = true;
    if (desk->executor == NULL || desk->giving || desk->paused) {
        return;
    }
    desk->giving = true;
    while (desk->again && !desk->cancelled && !err_is_set(&desk->broken)) {
        desk->again = false;
        give_once(desk);
    }
    desk->giving = false;
    if (desk->errands.count == 0) {
        bulletin_hurry(desk->params.bulletin);
    }
}

static void
on_full_deadline(void *ctx)
{
    desk_give(ctx);
}

void
desk_finish(struct desk *desk, struct errand *errand)
{
    uint32_t job = errand->job;

    mark_running(desk, job, false, 0);
    desk->of_job.items[job] = NULL;
    forget_errand(desk, errand);
    desk_give(desk);
}

// ----------------------------------------------------------- from outside

struct desk *
desk_new(const struct desk_params *params)
{
    struct desk *desk = ALLOC(struct desk);

    desk->params = *params;
    list_init(&desk->waiting);
    list_init(&desk->running);
    map_init(&desk->errands, MAP_BORROWS_KEYS);
    finder_init(&desk->finder, params->items, params->jobs);
    deadline_init(&desk->full, params->loop, on_full_deadline, desk);
    return desk;
}

void
desk_free(struct desk *desk)
{
    if (desk == NULL) {
        return;
    }
    LIST_FOR_EACH(waits, &desk->waiting)
    {
        forget_errand(desk, LIST_ENTRY(waits, struct errand, link));
    }
    LIST_FOR_EACH(runs, &desk->running)
    {
        forget_errand(desk, LIST_ENTRY(runs, struct errand, link));
    }
    loop_cancel(desk->params.loop, desk);
    deadline_release(&desk->full);
    map_release(&desk->errands);
    finder_release(&desk->finder);
    ARRAY_RELEASE(&desk->of_job);
    ARRAY_RELEASE(&desk->places);
    free(desk);
}

void
desk_open(struct desk *desk, struct executor *executor, struct slice missing)
{
    finder_open(&desk->finder, missing);
    desk->executor = executor;
    desk_give(desk);
}

bool
desk_take(struct desk *desk, const json_t *order, struct err *err)
{
    struct order_text text;

    if (!order_decode(order, &text, &desk->places, err)) {
        return false;
    }
    struct order_name name = {text.order.job, text.order.attempt};
    if (find_errand(desk, name) != NULL) {
        log_info("desk: order %u.%u came twice", name.job, name.attempt);
        return true;
    }
    struct errand *errand = errand_new(&text);
    map_set(&desk->errands, key_slice(&errand->key), errand);
    list_add(&desk->waiting, &errand->link);
    desk->waiting_count++;
    if (desk->cancelled) {
        end_waiting(desk, errand);
    } else {
        desk_give(desk);
    }
    return true;
}

static bool
is_waiting(const struct errand *errand, const struct desk *desk)
{
    return errand->job >= desk->of_job.count ||
           desk->of_job.items[errand->job] != errand;
}

void
desk_cancel(struct desk *desk, const struct order_name *names, size_t count,
            bool now)
{
    for (size_t i = 0; i < count; i++) {
        struct errand *errand = find_errand(desk, names[i]);
        if (errand == NULL) {
            continue;
        }
        if (is_waiting(errand, desk)) {
            end_waiting(desk, errand);
        } else {
            errand->stopped = true;
            desk->executor->ops->cancel_order(desk->executor, errand->job,
                                              names[i].attempt, now);
        }
    }
}

void
desk_cancel_all(struct desk *desk, bool now)
{
    desk->cancelled = true;
    LIST_FOR_EACH(link, &desk->waiting)
    {
        end_waiting(desk, LIST_ENTRY(link, struct errand, link));
    }
    if (!list_is_empty(&desk->running)) {
        desk->executor->ops->cancel(desk->executor, now);
    }
}

void
desk_forget_waiting(struct desk *desk)
{
    LIST_FOR_EACH(link, &desk->waiting)
    {
        forget_errand(desk, LIST_ENTRY(link, struct errand, link));
    }
    desk->waiting_count = 0;
}

void
desk_pause(struct desk *desk, bool paused)
{
    desk->paused = paused;
    if (!paused) {
        desk_give(desk);
        return;
    }
    LIST_FOR_EACH(link, &desk->running)
    {
        desk_tell_begun(desk, LIST_ENTRY(link, struct errand, link),
                        desk->params.base, 0);
    }
}

size_t
desk_count(const struct desk *desk)
{
    return desk->errands.count;
}

size_t
desk_given(const struct desk *desk)
{
    return desk->errands.count - desk->waiting_count;
}

void
desk_each_given(const struct desk *desk,
                void (*each)(void *ctx, struct order_name name, uint32_t job),
                void *ctx)
{
    LIST_FOR_EACH(link, &desk->running)
    {
        const struct errand *errand = LIST_ENTRY(link, struct errand, link);
        each(ctx, errand->name, errand->job);
    }
}
