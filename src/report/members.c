#include "report/members.h"

#include "util/escape.h"

void
members_comma(struct buf *buf)
{
    char last = '{';

    if (buf->len > 0) {
        last = buf->data[buf->len - 1];
    }
    if (last != '{' && last != '[') {
        buf_add_char(buf, ',');
    }
}

void
members_key(struct buf *buf, const char *key)
{
    members_comma(buf);
    buf_add_char(buf, '"');
    buf_add_text(buf, key);
    buf_add_text(buf, "\":");
}

void
members_object(struct buf *buf, const char *key)
{
    members_key(buf, key);
    buf_add_char(buf, '{');
}

void
members_array(struct buf *buf, const char *key)
{
    members_key(buf, key);
    buf_add_char(buf, '[');
}

// printf takes longer than all the rest of a passed test.
static void
add_digits(struct buf *buf, uint64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_add(buf, digits + at, sizeof(digits) - at);
}

void
members_number(struct buf *buf, uint64_t number)
{
    members_comma(buf);
    add_digits(buf, number);
}

void
members_element(struct buf *buf, struct slice text)
{
    members_comma(buf);
    escape_json(buf, text);
}

void
members_uint(struct buf *buf, const char *key, uint64_t number)
{
    members_key(buf, key);
    add_digits(buf, number);
}

void
members_int(struct buf *buf, const char *key, int64_t number)
{
    members_key(buf, key);
    if (number < 0) {
        buf_add_char(buf, '-');
    }
    add_digits(buf, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void
members_text(struct buf *buf, const char *key, struct slice text)
{
    members_key(buf, key);
    escape_json(buf, text);
}

void
members_known(struct buf *buf, const char *key, uint64_t number)
{
    if (number > 0) {
        members_uint(buf, key, number);
    }
}

void
members_some(struct buf *buf, const char *key, struct slice text)
{
    if (text.len > 0) {
        members_text(buf, key, text);
    }
}

void
members_true(struct buf *buf, const char *key, bool value)
{
    if (value) {
        members_key(buf, key);
        buf_add_text(buf, "true");
    }
}
