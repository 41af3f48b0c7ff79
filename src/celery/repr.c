#include "celery/repr.h"

#include <math.h>
#include <string.h>

#include "celery/wire_json.h"
#include "util/slice.h"
#include "util/text.h"

#define DEPTH_MAX 8

// What is being written: it stops, for good, when it is full.
struct repr {
    struct buf *buf;
    size_t end; // of buf->len, without the dots
    bool full;
};

static void
add(struct repr *repr, const char *text, size_t len)
{
    size_t room = repr->end - repr->buf->len;

    if (repr->full) {
        return;
    }
    if (len > room) {
        repr->full = true;
        return; // a whole word or nothing: no character is cut
    }
    (void)buf_add(repr->buf, text, len);
}

static void
add_text(struct repr *repr, const char *text)
{
    add(repr, text, strlen(text));
}

static void
add_escaped(struct repr *repr, struct slice character, uint32_t code,
            char quote)
{
    char text[16];

    if (code == (uint32_t)quote || code == '\\') {
        (void)snprintf(text, sizeof(text), "\\%c", (int)code);
    } else if (code == '\n') {
        (void)snprintf(text, sizeof(text), "\\n");
    } else if (code == '\r') {
        (void)snprintf(text, sizeof(text), "\\r");
    } else if (code == '\t') {
        (void)snprintf(text, sizeof(text), "\\t");
    } else if (code < ' ' || code == 0x7f) {
        (void)snprintf(text, sizeof(text), "\\x%02x", (unsigned int)code);
    } else {
        add(repr, character.data, character.len);
        return;
    }
    add_text(repr, text);
}

static void
add_string(struct repr *repr, struct slice text)
{
    char quote = slice_has(text, '\'') && !slice_has(text, '"') ? '"' : '\'';

    add(repr, &quote, 1);
    while (text.len > 0 && !repr->full) {
        struct slice rest = text;
        uint32_t code = text_take(&rest);
        add_escaped(repr, slice_first(text, text.len - rest.len), code, quote);
        text = rest;
    }
    add(repr, &quote, 1);
}

// The shortest text that is read as the same number again.
static void
add_real(struct repr *repr, double number)
{
    char text[40];

    for (int digits = 1; digits <= 17; digits++) {
        double again = 0;
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (slice_to_double(slice_of(text), -INFINITY, INFINITY, &again) &&
            again >= number && again <= number) {
            break;
        }
    }
    add_text(repr, text);
    if (strpbrk(text, ".en") == NULL) {
        add_text(repr, ".0");
    }
}

static void add_value(struct repr *repr, const json_t *value, int depth);

static void
add_items(struct repr *repr, const json_t *list, int depth)
{
    for (size_t i = 0; i < json_array_size(list) && !repr->full; i++) {
        add_text(repr, i > 0 ? ", " : "");
        add_value(repr, json_array_get(list, i), depth);
    }
}

static void
add_members(struct repr *repr, const json_t *object, int depth)
{
    json_t *members = wire_json_share(object);
    const char *separator = "";
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(members, key, value)
    {
        if (repr->full) {
            break;
        }
        add_text(repr, separator);
        add_string(repr, slice_of(key));
        add_text(repr, ": ");
        add_value(repr, value, depth);
        separator = ", ";
    }
    json_decref(members);
}

static void
add_value(struct repr *repr, const json_t *value, int depth)
{
    char number[32];

    if (depth == DEPTH_MAX) {
        add_text(repr, "...");
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_text(repr, "{");
        add_members(repr, value, depth + 1);
        add_text(repr, "}");
        return;
    case JSON_ARRAY:
        add_text(repr, "[");
        add_items(repr, value, depth + 1);
        add_text(repr, "]");
        return;
    case JSON_STRING:
        add_string(repr, slice_make(json_string_value(value),
                                    json_string_length(value)));
        return;
    case JSON_INTEGER:
        (void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                       json_integer_value(value));
        add_text(repr, number);
        return;
    case JSON_REAL:
        add_real(repr, json_real_value(value));
        return;
    case JSON_TRUE:
        add_text(repr, "True");
        return;
    case JSON_FALSE:
        add_text(repr, "False");
        return;
    case JSON_NULL:
        break;
    }
    add_text(repr, "None");
}

static struct repr
begin(struct buf *buf, size_t max)
{
    return (struct repr){.buf = buf, .end = buf->len + (max > 3 ? max - 3 : 0)};
}

static void
finish(struct repr *repr)
{
    if (repr->full) {
        (void)buf_add_text(repr->buf, "...");
    }
}

void
repr_add(struct buf *buf, const json_t *value, size_t max)
{
    struct repr repr = begin(buf, max);

    if (value == NULL) {
        add_text(&repr, "None");
    } else {
        add_value(&repr, value, 0);
    }
    finish(&repr);
}

void
repr_add_tuple(struct buf *buf, const json_t *list, size_t max)
{
    struct repr repr = begin(buf, max);

    add_text(&repr, "(");
    add_items(&repr, list, 0);
    add_text(&repr, json_array_size(list) == 1 ? ",)" : ")");
    finish(&repr);
}

json_t *
repr_json(const json_t *value)
{
    struct buf buf = BUF_INIT(REPR_MAX + 8);

    repr_add(&buf, value, REPR_MAX);
    json_t *text = json_stringn(buf_text(&buf), buf.len);
    buf_release(&buf);
    return text != NULL ? text : json_string("");
}
