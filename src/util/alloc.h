/*
 * Memory that cannot fail: when there is none left the program says so and
 * aborts, so nobody checks. In return nothing that comes from outside may
 * choose a size: whoever reads from outside has a maximum (buf, lines).
 * What these give is freed with free().
 */
#ifndef UTIL_ALLOC_H
#define UTIL_ALLOC_H

#include <stdarg.h>
#include <stddef.h>

/* `size` bytes, not initialised. A size of 0 gives a valid pointer too. */
void *alloc_bytes(size_t size) __attribute__((malloc, returns_nonnull));

/* `count` zeroed elements of `size` bytes; the product cannot overflow. */
void *alloc_zero(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));

/*
 * Makes `memory` (which may be NULL) room for `count` elements of `size`
 * bytes. What is there stays; what is new is not initialised.
 */
void *alloc_resize(void *memory, size_t count, size_t size)
    __attribute__((returns_nonnull));

/*
 * A capacity for at least `needed` elements, growing by half so that adding
 * one by one costs the same for each. `capacity` is the one there is now.
 */
size_t alloc_grow(size_t capacity, size_t needed);

/* A copy of `text`. */
char *alloc_dup(const char *text) __attribute__((malloc, returns_nonnull));

/* A copy of `text`, or NULL if it is NULL. */
char *alloc_dup_or_null(const char *text);

/* A copy of `len` bytes with a terminating NUL behind them. */
char *alloc_dup_bytes(const void *data, size_t len)
    __attribute__((malloc, returns_nonnull));

/* A text made as printf makes it. */
char *alloc_printf(const char *format, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));
char *alloc_vprintf(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0), malloc, returns_nonnull));

/*
 * The way out when a library returned NULL for want of memory. Does not
 * return.
 */
_Noreturn void alloc_failed(size_t size);

/* A zeroed struct: struct job *job = ALLOC(struct job); */
#define ALLOC(type) ((type *)alloc_zero(1, sizeof(type)))

#endif
