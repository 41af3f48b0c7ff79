#include "util/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

void
buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf)BUF_INIT(max);
}

void
buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->max);
}

void
buf_reset(struct buf *buf)
{
    buf->overflowed = false;
    buf_cut(buf, 0);
}

// Memory for `len` more bytes and the terminating NUL; false beyond the
// maximum.
static bool
make_room(struct buf *buf, size_t len)
{
    assert(buf->max > 0);
    if (len > buf->max - buf->len) {
        buf->overflowed = true;
        return false;
    }
    size_t needed = buf->len + len + 1;
    if (needed > buf->capacity) {
        buf->capacity = alloc_grow(buf->capacity, needed);
        buf->data = alloc_resize(buf->data, buf->capacity, 1);
    }
    return true;
}

static void
terminate(struct buf *buf)
{
    buf->data[buf->len] = '\0';
}

char *
buf_claim(struct buf *buf, size_t len)
{
    if (!make_room(buf, len)) {
        return NULL;
    }
    char *claimed = buf->data + buf->len;
    buf->len += len;
    terminate(buf);
    return claimed;
}

bool
buf_add(struct buf *buf, const void *data, size_t len)
{
    char *at = buf_claim(buf, len);

    if (at != NULL && len > 0) {
        memcpy(at, data, len);
    }
    return at != NULL;
}

bool
buf_add_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool
buf_add_slice(struct buf *buf, struct slice slice)
{
    return buf_add(buf, slice.data, slice.len);
}

bool
buf_add_char(struct buf *buf, char byte)
{
    return buf_add(buf, &byte, 1);
}

bool
buf_add_repeat(struct buf *buf, char byte, size_t count)
{
    char *at = buf_claim(buf, count);

    if (at != NULL) {
        memset(at, byte, count);
    }
    return at != NULL;
}

bool
buf_addf(struct buf *buf, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    bool added = buf_vaddf(buf, format, arguments);
    va_end(arguments);
    return added;
}

bool
buf_vaddf(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;

    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(len >= 0);
    if (!make_room(buf, (size_t)len)) {
        return false;
    }
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, arguments);
    buf->len += (size_t)len;
    return true;
}

char *
buf_room(struct buf *buf, size_t want, size_t *room)
{
    size_t left = buf->max - buf->len;

    *room = want < left ? want : left;
    bool made = make_room(buf, *room);
    assert(made);
    (void)made;
    return buf->data + buf->len;
}

void
buf_grew(struct buf *buf, size_t len)
{
    assert(buf->len + len < buf->capacity);
    buf->len += len;
    terminate(buf);
}

void
buf_drop(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len > 0) {
        memmove(buf->data, buf->data + len, buf->len - len);
        buf_cut(buf, buf->len - len);
    }
}

void
buf_cut(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len = len;
    if (buf->data != NULL) {
        terminate(buf);
    }
}

const char *
buf_text(const struct buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

struct slice
buf_slice(const struct buf *buf)
{
    return slice_make(buf->data, buf->len);
}

char *
buf_take(struct buf *buf)
{
    char *data = buf->data != NULL ? buf->data : alloc_dup("");

    buf->data = NULL;
    buf_release(buf);
    return data;
}
