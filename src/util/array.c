#include "util/array.h"

#include "util/alloc.h"

void *
array_grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return items;
    }
    *capacity = alloc_grow(*capacity, needed);
    return alloc_resize(items, *capacity, size);
}

void
array_remove(void *items, size_t *count, size_t index, size_t size)
{
    char *gap = (char *)items + index * size;

    assert(index < *count);
    *count -= 1;
    memmove(gap, gap + size, (*count - index) * size);
}
