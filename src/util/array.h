/*
 * A typed growable array. Owns its items' memory, not what they point to.
 * Items move when it grows: keep indices, not pointers.
 *
 *     ARRAY(int) numbers = {0};          // zeroed memory is an empty array
 *     ARRAY_ADD(&numbers, 7);
 *     for (size_t i = 0; i < numbers.count; i++) ... numbers.items[i]
 *     ARRAY_RELEASE(&numbers);
 */
#ifndef UTIL_ARRAY_H
#define UTIL_ARRAY_H

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* An anonymous struct; give it a tag by hand where it must be passed on. */
#define ARRAY(type)      \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }

/* Room for `needed` items in all; used by the macros. */
void *array_grow(void *items, size_t *capacity, size_t needed, size_t size);

/* Closes the gap at `index` and counts down; used by ARRAY_REMOVE. */
void array_remove(void *items, size_t *count, size_t index, size_t size);

#define ARRAY_RESERVE(array, needed)                                           \
    ((array)->items = array_grow((array)->items, &(array)->capacity, (needed), \
                                 sizeof(*(array)->items)))

#define ARRAY_ADD(array, value)                      \
    ((void)ARRAY_RESERVE(array, (array)->count + 1), \
     (void)((array)->items[(array)->count++] = (value)))

/* Adds a zeroed item; then it is ARRAY_LAST. */
#define ARRAY_ADD_ZERO(array)                           \
    ((void)ARRAY_RESERVE(array, (array)->count + 1),    \
     (void)memset(&(array)->items[(array)->count++], 0, \
                  sizeof(*(array)->items)))

/* The last item, an lvalue; the array must not be empty. */
#define ARRAY_LAST(array) \
    ((array)->items[assert((array)->count > 0), (array)->count - 1])

/* Takes the last item off and gives it; the array must not be empty. */
#define ARRAY_POP(array) \
    ((array)->items[assert((array)->count > 0), --(array)->count])

/* Takes the item at `index` out; the others keep their order. */
#define ARRAY_REMOVE(array, index)                         \
    array_remove((array)->items, &(array)->count, (index), \
                 sizeof(*(array)->items))

/* Empties the array and keeps its memory. */
#define ARRAY_CLEAR(array) ((void)((array)->count = 0))

/* Frees the memory; the array is empty and may be used again. */
#define ARRAY_RELEASE(array)                      \
    (free((array)->items), (array)->items = NULL, \
     (void)((array)->count = (array)->capacity = 0))

#endif
