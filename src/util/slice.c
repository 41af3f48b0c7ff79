#include "util/slice.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

// Longer than any number that is meant: 309 digits before the point of the
// largest double, and some behind it.
#define LONGEST_NUMBER 400

struct slice
slice_of(const char *text)
{
    return (struct slice){text, text != NULL ? strlen(text) : 0};
}

struct slice
slice_make(const char *data, size_t len)
{
    assert(data != NULL || len == 0);
    return (struct slice){data, len};
}

char *
slice_dup(struct slice slice)
{
    return alloc_dup_bytes(slice.data, slice.len);
}

bool
slice_equals(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
slice_equals_text(struct slice slice, const char *text)
{
    return slice_equals(slice, slice_of(text));
}

bool
slice_starts_with(struct slice slice, struct slice start)
{
    return slice.len >= start.len &&
           slice_equals(slice_first(slice, start.len), start);
}

bool
slice_ends_with(struct slice slice, struct slice end)
{
    return slice.len >= end.len &&
           slice_equals(slice_skip(slice, slice.len - end.len), end);
}

bool
slice_has(struct slice slice, char byte)
{
    return slice_find(slice, byte) < slice.len;
}

int
slice_compare(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

size_t
slice_find(struct slice slice, char byte)
{
    const char *found =
        slice.len > 0 ? memchr(slice.data, byte, slice.len) : NULL;

    return found != NULL ? (size_t)(found - slice.data) : slice.len;
}

size_t
slice_find_part(struct slice slice, struct slice part)
{
    if (part.len == 0) {
        return 0;
    }
    const char *found = slice.len > 0
                            ? memmem(slice.data, slice.len, part.data, part.len)
                            : NULL;
    return found != NULL ? (size_t)(found - slice.data) : slice.len;
}

struct slice
slice_first(struct slice slice, size_t count)
{
    return slice_make(slice.data, count < slice.len ? count : slice.len);
}

struct slice
slice_skip(struct slice slice, size_t count)
{
    if (count >= slice.len) {
        count = slice.len;
    }
    if (count == 0) {
        return slice;
    }
    return slice_make(slice.data + count, slice.len - count);
}

static bool
is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

struct slice
slice_trim(struct slice slice)
{
    while (slice.len > 0 && is_space(slice.data[0])) {
        slice = slice_skip(slice, 1);
    }
    return slice_trim_end(slice);
}

struct slice
slice_trim_end(struct slice slice)
{
    while (slice.len > 0 && is_space(slice.data[slice.len - 1])) {
        slice.len--;
    }
    return slice;
}

bool
slice_take(struct slice *slice, struct slice start)
{
    if (!slice_starts_with(*slice, start)) {
        return false;
    }
    *slice = slice_skip(*slice, start.len);
    return true;
}

// An empty rest still has one part, so the end is marked by where it lies. To
// all others it is an empty slice.
static const char split_done[1];

bool
slice_is_over(struct slice rest)
{
    return rest.data == split_done;
}

bool
slice_split(struct slice *rest, char separator, struct slice *part)
{
    if (slice_is_over(*rest)) {
        *rest = *part = (struct slice){NULL, 0};
        return false;
    }
    size_t end = slice_find(*rest, separator);
    *part = slice_first(*rest, end);
    if (end == rest->len) {
        *rest = (struct slice){split_done, 0};
    } else {
        *rest = slice_skip(*rest, end + 1);
    }
    return true;
}

bool
slice_word(struct slice *rest, struct slice *word)
{
    *rest = slice_trim(*rest);
    size_t end = 0;
    while (end < rest->len && !is_space(rest->data[end])) {
        end++;
    }
    *word = slice_first(*rest, end);
    *rest = slice_skip(*rest, end);
    return word->len > 0;
}

bool
slice_to_uint(struct slice slice, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    if (slice.len == 0) {
        return false;
    }
    for (size_t i = 0; i < slice.len; i++) {
        if (!is_digit(slice.data[i])) {
            return false;
        }
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(slice.data[i] - '0'),
                                   &value)) {
            return false;
        }
    }
    if (value > max) {
        return false;
    }
    *number = value;
    return true;
}

bool
slice_to_int(struct slice slice, int64_t min, int64_t max, int64_t *number)
{
    uint64_t size = 0;
    bool negative = slice_take(&slice, SLICE("-"));
    uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);

    if (!slice_to_uint(slice, most, &size)) {
        return false;
    }
    // 0 - size is well defined for unsigned numbers and fits by `most`.
    int64_t value = (int64_t)(negative ? 0 - size : size);
    if (value < min || value > max) {
        return false;
    }
    *number = value;
    return true;
}

static size_t
count_digits(struct slice *rest)
{
    size_t count = 0;

    while (rest->len > 0 && is_digit(rest->data[0])) {
        *rest = slice_skip(*rest, 1);
        count++;
    }
    return count;
}

// [-] digits [. digits] [e [+-] digits], with a digit before or behind the
// point.
static bool
is_decimal(struct slice rest)
{
    slice_take(&rest, SLICE("-"));
    size_t digits = count_digits(&rest);
    if (slice_take(&rest, SLICE("."))) {
        digits += count_digits(&rest);
    }
    if (digits == 0) {
        return false;
    }
    if (slice_take(&rest, SLICE("e")) || slice_take(&rest, SLICE("E"))) {
        if (!slice_take(&rest, SLICE("-"))) {
            slice_take(&rest, SLICE("+"));
        }
        if (count_digits(&rest) == 0) {
            return false;
        }
    }
    return rest.len == 0;
}

bool
slice_to_double(struct slice slice, double min, double max, double *number)
{
    char text[LONGEST_NUMBER + 1];

    if (slice.len > LONGEST_NUMBER || !is_decimal(slice)) {
        return false;
    }
    memcpy(text, slice.data, slice.len);
    text[slice.len] = '\0';
    double value = strtod(text, NULL);
    if (!isfinite(value) || value < min || value > max) {
        return false;
    }
    *number = value;
    return true;
}
