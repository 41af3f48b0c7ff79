#include "util/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "util/alloc.h"

// Places count from 1, so that a zeroed node is in no heap; nodes[0] is the
// node at place 1.

void
heap_init(struct heap *heap, heap_less_fn less)
{
    *heap = (struct heap){.less = less};
}

void
heap_release(struct heap *heap)
{
    free(heap->nodes);
    heap_init(heap, heap->less);
}

static void
put(struct heap *heap, size_t place, struct heap_node *node)
{
    heap->nodes[place - 1] = node;
    node->place = place;
}

// Moves a node towards the top, from a place that is free.
static void
rise(struct heap *heap, size_t place, struct heap_node *node)
{
    while (place > 1) {
        struct heap_node *parent = heap->nodes[place / 2 - 1];
        if (!heap->less(node, parent)) {
            break;
        }
        put(heap, place, parent);
        place /= 2;
    }
    put(heap, place, node);
}

// Moves a node towards the bottom, from a place that is free.
static void
sink(struct heap *heap, size_t place, struct heap_node *node)
{
    for (;;) {
        size_t child = place * 2;
        if (child > heap->count) {
            break;
        }
        if (child < heap->count &&
            heap->less(heap->nodes[child], heap->nodes[child - 1])) {
            child++;
        }
        if (!heap->less(heap->nodes[child - 1], node)) {
            break;
        }
        put(heap, place, heap->nodes[child - 1]);
        place = child;
    }
    put(heap, place, node);
}

void
heap_add(struct heap *heap, struct heap_node *node)
{
    assert(!heap_has(node));
    if (heap->count == heap->capacity) {
        heap->capacity = alloc_grow(heap->capacity, heap->count + 1);
        heap->nodes = alloc_resize(heap->nodes, heap->capacity,
                                   sizeof(struct heap_node *));
    }
    heap->count++;
    rise(heap, heap->count, node);
}

// Puts a node where it belongs, starting from a place that is free.
static void
settle(struct heap *heap, size_t place, struct heap_node *node)
{
    if (place > 1 && heap->less(node, heap->nodes[place / 2 - 1])) {
        rise(heap, place, node);
    } else {
        sink(heap, place, node);
    }
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t place = node->place;

    if (place == 0) {
        return;
    }
    assert(place <= heap->count && heap->nodes[place - 1] == node);
    struct heap_node *last = heap->nodes[heap->count - 1];
    heap->count--;
    node->place = 0;
    if (last != node) {
        settle(heap, place, last);
    }
}

void
heap_update(struct heap *heap, struct heap_node *node)
{
    assert(heap_has(node) && node->place <= heap->count);
    settle(heap, node->place, node);
}

struct heap_node *
heap_top(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}

struct heap_node *
heap_take(struct heap *heap)
{
    struct heap_node *node = heap_top(heap);

    if (node != NULL) {
        heap_remove(heap, node);
    }
    return node;
}

bool
heap_has(const struct heap_node *node)
{
    return node->place != 0;
}
