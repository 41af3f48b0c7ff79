#include "run/forecast.h"

#include "run/book.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

void
forecast_init(struct forecast *forecast, struct history *history,
              struct items *items)
{
    *forecast = (struct forecast){
        .history = history,
        .items = items,
        .estimate = estimate_new(),
    };
}

void
forecast_release(struct forecast *forecast)
{
    estimate_free(forecast->estimate);
    free(forecast->known);
    *forecast = (struct forecast){0};
}

/* What stands before the last dot of a name. */
static struct slice
above(struct slice name)
{
    size_t len = name.len;
    while (len > 0 && name.data[len - 1] != '.') {
        len--;
    }
    return len > 0 ? slice_first(name, len - 1) : name;
}

struct slice
forecast_module_of(const struct items *items, uint32_t job)
{
    struct slice file = slice_of(items_job_file(items, job));
    return file.len > 0 ? file : above(slice_of(items_job_name(items, job)));
}

static void
note_number(struct forecast *forecast, uint32_t job, uint32_t number)
{
    if (job >= forecast->count) {
        size_t count = alloc_grow(forecast->count, (size_t)job + 1);
        forecast->known =
            alloc_resize(forecast->known, count, sizeof(*forecast->known));
        memset(forecast->known + forecast->count, 0,
               (count - forecast->count) * sizeof(*forecast->known));
        forecast->count = count;
    }
    forecast->known[job] = number + 1;
}

/* What is known of an item; `id` is room for its id. */
static bool
find_past(const struct forecast *forecast, uint32_t item, struct buf *id,
          struct past *past)
{
    struct history *history = forecast->history;
    if (history == NULL) {
        return false;
    }
    buf_reset(id);
    items_id(forecast->items, item, id);
    return history->ops->find_item(history, buf_slice(id), past);
}

static void
add_items(struct forecast *forecast, uint32_t job)
{
    struct buf id = BUF_INIT((size_t)1 << 20);
    uint32_t count = items_peek_job(forecast->items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(forecast->items, job, i);
        struct past past = {0};
        if (book_is_open(forecast->items, item)) {
            bool known = find_past(forecast, item, &id, &past);
            estimate_add_item(forecast->estimate, known ? &past : NULL);
        }
    }
    buf_release(&id);
}

void
forecast_add(struct forecast *forecast, uint32_t job, const struct terms *terms)
{
    struct history *history = forecast->history;
    uint32_t number = estimate_add_job(forecast->estimate,
                                       forecast_module_of(forecast->items, job),
                                       (uint64_t)terms->expect_ms * 1000);
    note_number(forecast, job, number);
    add_items(forecast, job);
    struct past past = {0};
    struct slice name = slice_of(items_job_name(forecast->items, job));
    if (history != NULL && history->ops->find_job(history, name, &past)) {
        estimate_add_beside(forecast->estimate, &past);
    }
}

void
forecast_settle(struct forecast *forecast)
{
    estimate_settle(forecast->estimate);
}

static uint32_t
number_of(const struct forecast *forecast, uint32_t job)
{
    return job < forecast->count ? forecast->known[job] : 0;
}

uint64_t
forecast_us(const struct forecast *forecast, uint32_t job)
{
    uint32_t number = number_of(forecast, job);
    if (number > 0) {
        return estimate_of_job(forecast->estimate, number - 1);
    }
    const struct job *part = items_peek_job(forecast->items, job);
    const struct job *whole = items_peek_job(forecast->items, part->origin);
    uint32_t origin = number_of(forecast, part->origin);
    if (origin == 0 || whole->count == 0) {
        return 0;
    }
    uint64_t us = estimate_of_job(forecast->estimate, origin - 1);
    uint32_t count = part->count < whole->count ? part->count : whole->count;
    return us / whole->count * count;
}

bool
forecast_failed(const struct forecast *forecast, uint32_t job)
{
    uint32_t number = number_of(forecast, job);
    return number > 0 && estimate_failed(forecast->estimate, number - 1);
}
