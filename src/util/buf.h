/*
 * Bytes that are being built, with a maximum they are born with. What would
 * exceed it is not added at all; the buffer remembers that (`overflowed`), so
 * that a chain of additions needs one check at its end.
 */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/slice.h"

struct buf {
    char *data; // NULL before the first byte; terminated afterwards
    size_t len;
    size_t capacity;
    size_t max;      // bytes, without the terminating NUL
    bool overflowed; // something was refused since the last reset
};

/* struct buf buf = BUF_INIT(4096); */
#define BUF_INIT(maximum) \
    {                     \
        .max = (maximum)  \
    }

void buf_init(struct buf *buf, size_t max);

/* Frees the memory; the buffer is empty, keeps its maximum and may be used. */
void buf_release(struct buf *buf);

/* Empties the buffer and keeps its memory. */
void buf_reset(struct buf *buf);

/* Add at the end. Give false, and add nothing, beyond the maximum. */
bool buf_add(struct buf *buf, const void *data, size_t len);
bool buf_add_text(struct buf *buf, const char *text);
bool buf_add_slice(struct buf *buf, struct slice slice);
bool buf_add_char(struct buf *buf, char byte);
bool buf_add_repeat(struct buf *buf, char byte, size_t count);
bool buf_addf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool buf_vaddf(struct buf *buf, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Adds `len` bytes that the caller fills in at once. NULL beyond the maximum. */
char *buf_claim(struct buf *buf, size_t len);

/*
 * Room for up to `want` bytes behind the end, for read() and its like: gives
 * its start and in *room its size, which is smaller near the maximum and 0 at
 * it. buf_grew() says how much was put there.
 */
char *buf_room(struct buf *buf, size_t want, size_t *room);
void buf_grew(struct buf *buf, size_t len);

/* Takes `len` bytes off the front. */
void buf_drop(struct buf *buf, size_t len);

/* Keeps the first `len` bytes only. */
void buf_cut(struct buf *buf, size_t len);

/* The bytes, terminated; "" when there are none. Valid until it changes. */
const char *buf_text(const struct buf *buf);
struct slice buf_slice(const struct buf *buf);

/* Gives the bytes away, terminated, to be freed; the buffer is empty then. */
char *buf_take(struct buf *buf);

#endif
