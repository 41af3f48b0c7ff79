#include "run/division.h"

#include "run/book.h"
#include "schedule/lineup.h"
#include "util/array.h"

/* The jobs to be given out. */
struct lineup {
    struct lineup_job *items;
    size_t count;
    size_t capacity;
};

static bool
is_divisible(const struct settings *settings, const struct items *items,
             uint32_t job)
{
    uint8_t kind = items_peek_job(items, job)->kind;
    return settings->isolation == ISOLATION_TEST &&
           (kind == JOB_CLASS || kind == JOB_MODULE || kind == JOB_FILE);
}

static void
add(const struct division *division, struct lineup *lineup, uint32_t job)
{
    unsigned flags = items_peek_job(division->items, job)->flags;
    struct lineup_job entry = {.job = job, .rank = flags >> JOB_RANK_SHIFT};
    ARRAY_ADD(lineup, entry);
    forecast_add(division->forecast, job,
                 terms_index_find(division->terms, division->items, job));
}

/* Each of its items becomes a job of its own. */
static void
add_apart(const struct division *division, struct lineup *lineup, uint32_t job)
{
    struct items *items = division->items;
    uint32_t count = items_peek_job(items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(items, job, i);
        if (book_is_open(items, item)) {
            add(division, lineup, items_split_job(items, job, &item, 1));
        }
    }
}

static void
add_all(const struct division *division, struct lineup *lineup)
{
    struct items *items = division->items;
    uint32_t jobs = items_job_count(items); // dividing them adds more
    for (uint32_t job = 0; job < jobs; job++) {
        uint32_t open = book_count_open(items, job);
        if (open > 1 && is_divisible(division->settings, items, job)) {
            add_apart(division, lineup, job);
        } else if (open > 0) {
            add(division, lineup, job);
        }
    }
}

/*
 * A job's place in a random order must not depend on the others: it is made of
 * its name, or, where it is a part of a job, of its first item's.
 */
static uint64_t
random_key(const struct division *division, uint64_t seed, uint32_t job,
           struct buf *name)
{
    const struct job *it = items_peek_job(division->items, job);
    if (it->origin == job || it->count == 0) {
        struct slice whole = slice_of(items_job_name(division->items, job));
        return lineup_key(seed, whole);
    }
    buf_reset(name);
    items_id(division->items, items_of_job(division->items, job, 0), name);
    return lineup_key(seed, buf_slice(name));
}

static void
sort(const struct division *division, struct lineup *lineup)
{
    const struct settings *settings = division->settings;
    struct buf name = BUF_INIT((size_t)1 << 20);
    uint64_t seed = 0;
    if (settings->seed != NULL) {
        slice_to_uint(slice_of(settings->seed), UINT64_MAX, &seed);
    }
    for (size_t i = 0; i < lineup->count; i++) {
        struct lineup_job *entry = &lineup->items[i];
        entry->failed = forecast_failed(division->forecast, entry->job);
        entry->expect_us = forecast_us(division->forecast, entry->job);
        if (settings->order == ORDER_RANDOM) {
            entry->key = random_key(division, seed, entry->job, &name);
        }
    }
    lineup_sort(lineup->items, lineup->count, settings->order,
                lineup_step(lineup->items, lineup->count, division->slots));
    buf_release(&name);
}

void
division_fill(const struct division *division)
{
    struct lineup lineup = {0};
    add_all(division, &lineup);
    forecast_settle(division->forecast);
    sort(division, &lineup);
    for (size_t i = 0; i < lineup.count; i++) {
        uint32_t job = lineup.items[i].job;
        const struct terms *terms =
            terms_index_find(division->terms, division->items, job);
        queue_add(division->queue, job, terms_wants(terms));
    }
    ARRAY_RELEASE(&lineup);
}
