#include "schedule/shard.h"

#include <assert.h>
#include <stdlib.h>

#include "schedule/name_hash.h"
#include "util/alloc.h"
#include "util/heap.h"

uint32_t
shard_of_name(struct slice name, uint32_t count)
{
    assert(count > 0);
    return (uint32_t)(name_hash(name, 0) % count) + 1;
}

/* What a shard has so far. */
struct load {
    struct heap_node node;
    uint64_t us;
    uint32_t jobs;
    uint32_t number;
};

static bool
is_less(const struct heap_node *left, const struct heap_node *right)
{
    const struct load *a = HEAP_CONST_ENTRY(left, struct load, node);
    const struct load *b = HEAP_CONST_ENTRY(right, struct load, node);
    if (a->us != b->us) {
        return a->us < b->us;
    }
    if (a->jobs != b->jobs) {
        return a->jobs < b->jobs;
    }
    return a->number < b->number;
}

static int
compare_jobs(const void *left, const void *right)
{
    const struct shard_job *a = *(struct shard_job *const *)left;
    const struct shard_job *b = *(struct shard_job *const *)right;
    if (a->us != b->us) {
        return a->us > b->us ? -1 : 1;
    }
    int order = slice_compare(a->name, b->name);
    if (order != 0) {
        return order;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

static void
deal(struct shard_job **sorted, size_t count, struct load *loads,
     uint32_t shards)
{
    struct heap heap;
    heap_init(&heap, is_less);
    for (uint32_t i = 0; i < shards; i++) {
        loads[i].number = i + 1;
        heap_add(&heap, &loads[i].node);
    }
    for (size_t i = 0; i < count; i++) {
        struct load *least = HEAP_ENTRY(heap_top(&heap), struct load, node);
        sorted[i]->shard = least->number;
        least->us += sorted[i]->us;
        least->jobs++;
        heap_update(&heap, &least->node);
    }
    heap_release(&heap);
}

void
shard_balance(struct shard_job *jobs, size_t count, uint32_t shards)
{
    assert(shards > 0);
    if (count == 0) {
        return;
    }
    struct shard_job **sorted = alloc_zero(count, sizeof(struct shard_job *));
    for (size_t i = 0; i < count; i++) {
        jobs[i].place = (uint32_t)i;
        sorted[i] = &jobs[i];
    }
    qsort(sorted, count, sizeof(struct shard_job *), compare_jobs);
    struct load *loads = alloc_zero(shards, sizeof(*loads));
    deal(sorted, count, loads, shards);
    free(loads);
    free(sorted);
}
