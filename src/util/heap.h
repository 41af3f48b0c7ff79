/*
 * A priority queue over elements that know their place in it, so that any of
 * them is found, moved and removed without a search. Owns the table, not the
 * elements. Equal elements come out in no order: let `less` compare a
 * sequence number where that matters.
 */
#ifndef UTIL_HEAP_H
#define UTIL_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Part of every element. Zeroed = in no heap. */
struct heap_node {
    size_t place; // 1 is the top
};

/* Whether `a` comes out before `b`. */
typedef bool (*heap_less_fn)(const struct heap_node *a,
                             const struct heap_node *b);

struct heap {
    heap_less_fn less;
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
};

/* The element that has `node` as its member `member`. */
#define HEAP_ENTRY(node, type, member) \
    ((type *)(void *)((char *)(node)-offsetof(type, member)))
#define HEAP_CONST_ENTRY(node, type, member) \
    ((const type *)(const void *)((const char *)(node)-offsetof(type, member)))

void heap_init(struct heap *heap, heap_less_fn less);

/* Frees the table; elements that are still in it are left as they are. */
void heap_release(struct heap *heap);

/* The element must be in no heap. */
void heap_add(struct heap *heap, struct heap_node *node);

/* Takes the element out; one that is in no heap stays so. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* Must be called after what `less` looks at has changed. */
void heap_update(struct heap *heap, struct heap_node *node);

/* The next element, or NULL; heap_take also takes it out. */
struct heap_node *heap_top(const struct heap *heap);
struct heap_node *heap_take(struct heap *heap);

/* Whether the element is in a heap. */
bool heap_has(const struct heap_node *node);

#endif
