#include "util/json_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

// The value of four hexadecimal digits, or -1.
static int
hex_value(const char *digits)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        char digit = digits[i];
        int add = 0;
        if (digit >= '0' && digit <= '9') {
            add = digit - '0';
        } else if (digit >= 'a' && digit <= 'f') {
            add = digit - 'a' + 10;
        } else if (digit >= 'A' && digit <= 'F') {
            add = digit - 'A' + 10;
        } else {
            return -1;
        }
        value = value * 16 + add;
    }
    return value;
}

// The code unit of the escape \uXXXX at the start, or -1: there is none.
static int
escaped_unit(struct slice text)
{
    if (text.len < 6 || text.data[0] != '\\' || text.data[1] != 'u') {
        return -1;
    }
    return hex_value(text.data + 2);
}

static bool
is_high(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool
is_low(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

// The place of the next escape of a lone surrogate at or behind `at`, or
// text.len. A backslash that is itself escaped begins nothing.
static size_t
find_lone(struct slice text, size_t at)
{
    while (at < text.len) {
        at += slice_find(slice_skip(text, at), '\\');
        struct slice rest = slice_skip(text, at);
        int unit = escaped_unit(rest);
        if (unit < 0) {
            at += 2;
        } else if (is_high(unit) && is_low(escaped_unit(slice_skip(rest, 6)))) {
            at += 12;
        } else if (is_high(unit) || is_low(unit)) {
            return at;
        } else {
            at += 6;
        }
    }
    return text.len;
}

// A copy with lone surrogates replaced, or NULL: there are none.
static char *
replace_lone(struct slice text)
{
    static const char replacement[] = {'\\', 'u', 'F', 'F', 'F', 'D'};
    char *copy = NULL;

    for (size_t at = find_lone(text, 0); at < text.len;
         at = find_lone(text, at + 6)) {
        if (copy == NULL) {
            copy = alloc_dup_bytes(text.data, text.len);
        }
        // Within the text, which goes on behind it.
        memcpy(copy + at, replacement, sizeof(replacement));
    }
    return copy;
}

json_t *
json_text_parse(struct slice text, struct err *err)
{
    json_error_t error;
    char *copy = replace_lone(text);
    const char *data = copy != NULL ? copy : text.data;
    json_t *value = json_loadb(data != NULL ? data : "", text.len,
                               JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);

    free(copy);
    if (value == NULL) {
        err_set(err, ERR_PROTOCOL, "not JSON: %s, at byte %d", error.text,
                error.position);
    }
    return value;
}

json_t *
json_text_parse_object(struct slice text, struct err *err)
{
    json_t *value = json_text_parse(text, err);

    if (value != NULL && !json_is_object(value)) {
        err_set(err, ERR_PROTOCOL, "not a JSON object");
        json_decref(value);
        return NULL;
    }
    return value;
}
