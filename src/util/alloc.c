#include "util/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void
alloc_failed(size_t size)
{
    fprintf(stderr, "mule: out of memory (%zu bytes)\n", size);
    abort();
}

void *
alloc_bytes(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL) {
        alloc_failed(size);
    }
    return memory;
}

void *
alloc_zero(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

    if (memory == NULL) {
        alloc_failed(size);
    }
    return memory;
}

void *
alloc_resize(void *memory, size_t count, size_t size)
{
    size_t bytes = 0;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        alloc_failed(SIZE_MAX);
    }
    void *resized = realloc(memory, bytes > 0 ? bytes : 1);
    if (resized == NULL) {
        alloc_failed(bytes);
    }
    return resized;
}

size_t
alloc_grow(size_t capacity, size_t needed)
{
    size_t grown = capacity;

    if (needed <= capacity) {
        return capacity;
    }
    if (__builtin_add_overflow(capacity, capacity / 2, &grown) ||
        grown < needed) {
        grown = needed;
    }
    return grown < 8 ? 8 : grown;
}

char *
alloc_dup(const char *text)
{
    return alloc_dup_bytes(text, strlen(text));
}

char *
alloc_dup_or_null(const char *text)
{
    return text != NULL ? alloc_dup(text) : NULL;
}

char *
alloc_dup_bytes(const void *data, size_t len)
{
    char *copy = alloc_bytes(len + 1);

    if (len > 0) {
        memcpy(copy, data, len);
    }
    copy[len] = '\0';
    return copy;
}

char *
alloc_printf(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = alloc_vprintf(format, arguments);
    va_end(arguments);
    return text;
}

char *
alloc_vprintf(const char *format, va_list arguments)
{
    char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0 || text == NULL) {
        alloc_failed(strlen(format));
    }
    return text;
}
