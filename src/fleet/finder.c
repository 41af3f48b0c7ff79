#include "fleet/finder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/map.h"

// Items of a job that nobody looks for.
#define FINDER_ITEMS_MAX 1000000U

/* What is looked for. */
struct wanted {
    const struct order_text *text;
    bool same; // with the same items, and not only by name
};

static bool
has_same_items(const struct finder *finder, uint32_t job,
               const struct order_text *text)
{
    char digest[ORDER_DIGEST_SIZE];

    if (items_peek_job(finder->items, job)->count != text->total) {
        return false;
    }
    if (text->digest[0] == '\0') {
        return true;
    }
    order_digest(finder->items, job, digest);
    return strcmp(digest, text->digest) == 0;
}

static bool
is_wanted(const void *records, uint32_t job, const void *key)
{
    const struct finder *finder = records;
    const struct wanted *wanted = key;
    const struct order_text *text = wanted->text;
    const struct items *items = finder->items;

    if (finder->jobs != FINDER_COLLECTED) {
        // The same program may be there twice, and run at the same time.
        return finder->made_of.items[job] == text->order.job &&
               items_peek_job(items, job)->count == text->total;
    }
    return items_peek_job(items, job)->kind == (uint8_t)text->kind &&
           slice_equals_text(text->name, items_job_name(items, job)) &&
           slice_equals_text(text->load, items_job_load(items, job)) &&
           (!wanted->same || has_same_items(finder, job, text));
}

static uint64_t
hash_of(struct slice name)
{
    return map_hash(name);
}

void
finder_init(struct finder *finder, struct items *items, enum finder_jobs jobs)
{
    static const struct refs_kind kind = {.is = is_wanted};

    *finder = (struct finder){.items = items, .jobs = jobs};
    refs_init(&finder->refs, &kind, finder);
}

void
finder_release(struct finder *finder)
{
    refs_release(&finder->refs);
    ARRAY_RELEASE(&finder->made_of);
    free(finder->missing);
    finder->missing = NULL;
}

void
finder_open(struct finder *finder, struct slice missing)
{
    const struct items *items = finder->items;

    finder->missing = slice_dup(missing);
    for (uint32_t job = 0; job < items_job_count(items); job++) {
        refs_add(&finder->refs, job,
                 hash_of(slice_of(items_job_name(items, job))));
    }
}

/* A job for an order that is about none that is known; JOB_NONE: no room. */
static uint32_t
make_job(struct finder *finder, const struct order_text *text)
{
    struct items *items = finder->items;
    bool program = finder->jobs == FINDER_PROGRAMS;

    if (text->total > (program ? 1 : FINDER_ITEMS_MAX)) {
        return JOB_NONE;
    }
    uint32_t job = items_add_job(items, &(struct job_params){
                                            .name = text->name,
                                            .load = text->load,
                                            .file = text->file,
                                            .kind = text->kind,
                                        });
    for (uint32_t i = 0; job != JOB_NONE && i < text->total; i++) {
        char id[16] = "";
        snprintf(id, sizeof(id), ".%" PRIu32, i);
        if (items_add(items, job, program ? text->name : slice_of(id), 0) ==
            ITEM_NONE) {
            return JOB_NONE;
        }
    }
    if (job == JOB_NONE) {
        return JOB_NONE;
    }
    while (finder->made_of.count <= job) {
        ARRAY_ADD(&finder->made_of, JOB_NONE); // parts of others
    }
    finder->made_of.items[job] = text->order.job;
    refs_add(&finder->refs, job, hash_of(text->name));
    return job;
}

static void
explain(const struct finder *finder, const struct order_text *text,
        struct buf *reason)
{
    struct wanted wanted = {.text = text};
    struct slice name = slice_first(text->name, 1000);
    uint32_t job = refs_find(&finder->refs, hash_of(text->name), &wanted);

    if (job == REFS_NONE) {
        buf_addf(reason, "%.*s is not known here", SLICE_ARG(name));
        if (finder->missing != NULL && finder->missing[0] != '\0') {
            buf_addf(reason, " (%s)", finder->missing);
        }
        return;
    }
    uint32_t count = items_peek_job(finder->items, job)->count;
    if (count != text->total) {
        buf_addf(reason, "%.*s has %" PRIu32 " tests here instead of %" PRIu32,
                 SLICE_ARG(name), count, text->total);
    } else {
        buf_addf(reason, "the tests of %.*s have other names here",
                 SLICE_ARG(name));
    }
}

/* The part of the job that the order names. */
static uint32_t
split(struct finder *finder, const struct order_text *text, uint32_t job)
{
    uint32_t first = items_peek_job(finder->items, job)->first;

    if (text->places == NULL) {
        return job;
    }
    uint32_t *list = alloc_zero(text->count, sizeof(*list));
    for (size_t i = 0; i < text->count; i++) {
        list[i] = first + text->places[i];
    }
    uint32_t part =
        items_split_job(finder->items, job, list, (uint32_t)text->count);
    free(list);
    return part;
}

uint32_t
finder_find(struct finder *finder, const struct order_text *text,
            struct buf *reason)
{
    struct wanted wanted = {.text = text, .same = true};
    uint32_t job = refs_find(&finder->refs, hash_of(text->name), &wanted);

    if (job == REFS_NONE && finder->jobs != FINDER_COLLECTED) {
        job = make_job(finder, text);
    }
    if (job == REFS_NONE) {
        explain(finder, text, reason);
        return JOB_NONE;
    }
    return split(finder, text, job);
}
