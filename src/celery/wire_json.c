#include "celery/wire_json.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/text.h"

static int
add_piece(const char *data, size_t len, void *ctx)
{
    return buf_add(ctx, data, len) ? 0 : -1;
}

bool
wire_json_add(struct buf *buf, const json_t *value)
{
    if (value == NULL) {
        return buf_add_text(buf, "null");
    }
    return json_dump_callback(value, add_piece, buf,
                              JSON_COMPACT | JSON_ENCODE_ANY) == 0;
}

json_t *
wire_json_text(struct slice text)
{
    json_t *json = json_stringn(text.len > 0 ? text.data : "", text.len);

    if (json == NULL) {
        struct buf buf = BUF_INIT(text.len * 3 + 3);
        (void)text_add_repaired(&buf, text);
        json = json_stringn(buf_text(&buf), buf.len);
        buf_release(&buf);
    }
    if (json == NULL) {
        alloc_failed(text.len);
    }
    return json;
}

json_t *
wire_json_text_or_null(const char *text)
{
    return text == NULL ? json_null() : wire_json_text(slice_of(text));
}

json_t *
wire_json_share(const json_t *value)
{
    // jansson counts references within the value, const or not.
    union {
        const json_t *shown;
        json_t *shared;
    } both = {.shown = value};

    return json_incref(both.shared);
}

void
wire_json_set(json_t *object, const char *name, json_t *value)
{
    if (value == NULL ||
        json_object_set_new_nocheck(object, name, value) != 0) {
        alloc_failed(0);
    }
}

void
wire_json_merge(json_t *object, const json_t *more)
{
    if (more != NULL) {
        json_t *shared = wire_json_share(more);
        if (json_object_update(object, shared) != 0) {
            alloc_failed(0);
        }
        json_decref(shared);
    }
}

struct slice
wire_json_get(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value)
               ? slice_make(json_string_value(value), json_string_length(value))
               : (struct slice){0};
}
