#include "util/compose.h"

#include <inttypes.h>
#include <string.h>

#include "util/escape.h"

static bool
is_comma_due(const struct buf *buf)
{
    return buf->len > 0 && buf->data[buf->len - 1] != '{' &&
           buf->data[buf->len - 1] != '[';
}

void
compose_comma(struct buf *buf)
{
    if (is_comma_due(buf)) {
        buf_add_char(buf, ',');
    }
}

void
compose_key(struct buf *buf, const char *key)
{
    struct slice name = slice_of(key);
    bool comma = is_comma_due(buf);

    // In one piece: an event has a dozen of them.
    char *at = buf_claim(buf, comma + name.len + 3);
    if (at != NULL) {
        if (comma) {
            *at++ = ',';
        }
        *at++ = '"';
        memcpy(at, name.data, name.len);
        at[name.len] = '"';
        at[name.len + 1] = ':';
    }
}

void
compose_digits(struct buf *buf, uint64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    // printf takes longer than all the rest of a short object.
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_add(buf, digits + at, sizeof(digits) - at);
}

void
compose_number(struct buf *buf, uint64_t number)
{
    compose_comma(buf);
    compose_digits(buf, number);
}

void
compose_element(struct buf *buf, struct slice text)
{
    compose_comma(buf);
    escape_json(buf, text);
}

void
compose_uint(struct buf *buf, const char *key, uint64_t number)
{
    compose_key(buf, key);
    compose_digits(buf, number);
}

void
compose_int(struct buf *buf, const char *key, int64_t number)
{
    compose_key(buf, key);
    if (number < 0) {
        buf_add_char(buf, '-');
    }
    compose_digits(buf, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void
compose_bool(struct buf *buf, const char *key, bool value)
{
    compose_key(buf, key);
    buf_add_text(buf, value ? "true" : "false");
}

void
compose_slice(struct buf *buf, const char *key, struct slice text)
{
    compose_key(buf, key);
    escape_json(buf, text);
}

void
compose_text(struct buf *buf, const char *key, const char *text)
{
    compose_slice(buf, key, slice_of(text));
}

void
compose_some_uint(struct buf *buf, const char *key, uint64_t number)
{
    if (number > 0) {
        compose_uint(buf, key, number);
    }
}

void
compose_some_bool(struct buf *buf, const char *key, bool value)
{
    if (value) {
        compose_bool(buf, key, true);
    }
}

void
compose_some(struct buf *buf, const char *key, struct slice text)
{
    if (text.len > 0) {
        compose_slice(buf, key, text);
    }
}

void
compose_open(struct buf *buf, const char *key)
{
    compose_key(buf, key);
    buf_add_char(buf, '{');
}

void
compose_list(struct buf *buf, const char *key)
{
    compose_key(buf, key);
    buf_add_char(buf, '[');
}
