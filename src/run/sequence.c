#include "run/sequence.h"

#include <stddef.h>
#include <stdlib.h>

#include "util/alloc.h"

void
sequence_cut(struct items *items, const uint32_t *list, size_t count,
             struct numbers *jobs)
{
    size_t start = 0;
    for (size_t i = 1; i <= count; i++) {
        uint32_t job = items_peek(items, list[start])->job;
        if (i < count && items_peek(items, list[i])->job == job) {
            continue;
        }
        uint32_t part =
            items_split_job(items, job, list + start, (uint32_t)(i - start));
        ARRAY_ADD(jobs, part);
        start = i;
    }
}

/* All items of the jobs of that name; false: there is none. */
static bool
add_job(const struct items *items, struct slice name, bool *taken,
        struct numbers *list)
{
    bool any = false;
    for (uint32_t item = 0; item < items_count(items); item++) {
        uint32_t job = items_peek(items, item)->job;
        if (slice_equals_text(name, items_job_name(items, job))) {
            any = true;
            if (!taken[item]) {
                taken[item] = true;
                ARRAY_ADD(list, item);
            }
        }
    }
    return any;
}

uint32_t
sequence_find(const struct items *items, const struct texts *ids,
              struct numbers *list)
{
    uint32_t missing = 0;
    uint32_t count = items_count(items);
    bool *taken = alloc_zero(count + 1, sizeof(*taken));
    for (size_t i = 0; i < list->count; i++) {
        taken[list->items[i]] = true;
    }
    for (int i = 0; i < ids->count; i++) {
        struct slice id = slice_of(ids->at[i]);
        uint32_t item = items_find(items, id);
        if (item == ITEM_NONE) {
            missing += !add_job(items, id, taken, list);
        } else if (!taken[item]) {
            taken[item] = true;
            ARRAY_ADD(list, item);
        }
    }
    free(taken);
    return missing;
}

static void
choose(struct filter *filter, struct items *items, filter_note_fn note,
       void *ctx)
{
    struct sequence *sequence =
        (struct sequence *)(void *)((char *)filter -
                                    offsetof(struct sequence, filter));
    uint32_t missing = sequence_find(items, sequence->ids, &sequence->list);
    for (uint32_t item = 0; item < items_count(items); item++) {
        items_get(items, item)->flags &= (uint8_t)~ITEM_SELECTED;
    }
    for (size_t i = 0; i < sequence->list.count; i++) {
        items_get(items, sequence->list.items[i])->flags |= ITEM_SELECTED;
    }
    if (missing > 0) {
        char *text =
            alloc_printf("%u of the %d tests to run %s not found", missing,
                         sequence->ids->count, missing == 1 ? "was" : "were");
        note(ctx, NOTE_WARNING, text,
             "they may have been removed, or be found by other labels");
        free(text);
    }
}

void
sequence_init(struct sequence *sequence, const struct texts *ids)
{
    static const struct filter_ops ops = {.choose = choose};
    *sequence = (struct sequence){.filter = {&ops}, .ids = ids};
}

void
sequence_release(struct sequence *sequence)
{
    ARRAY_RELEASE(&sequence->list);
}

void
sequence_fill(const struct sequence *sequence, struct queue *queue,
              struct items *items)
{
    struct numbers jobs = {0};
    sequence_cut(items, sequence->list.items, sequence->list.count, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        queue_add(queue, jobs.items[i], (struct queue_wants){0});
    }
    ARRAY_RELEASE(&jobs);
}
