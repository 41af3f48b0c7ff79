#include "celery/celeryev_codec.h"

#include "celery/wire_json.h"
#include "util/json_text.h"

bool
celeryev_encode(const struct celeryev *event, struct buf *body)
{
    json_t *object = json_object();

    wire_json_merge(object, event->fields);
    wire_json_set(object, "type", wire_json_text(event->type));
    wire_json_set(object, "hostname", wire_json_text(event->hostname));
    wire_json_set(object, "timestamp", json_real((double)event->wall / 1e6));
    wire_json_set(object, "pid", json_integer(event->pid));
    wire_json_set(object, "clock", json_integer(event->clock));
    bool good = wire_json_add(body, object);
    json_decref(object);
    return good;
}

bool
celeryev_key(struct slice type, struct buf *key)
{
    bool good = true;

    for (size_t i = 0; i < type.len && good; i++) {
        char byte = type.data[i];
        good = buf_add_char(key, (char)(byte == '-' ? '.' : byte));
    }
    return good;
}

static bool
read_one(const json_t *object, struct celeryev *event)
{
    double seconds = json_number_value(json_object_get(object, "timestamp"));

    *event = (struct celeryev){
        .type = wire_json_get(object, "type"),
        .hostname = wire_json_get(object, "hostname"),
        .clock = json_integer_value(json_object_get(object, "clock")),
        .pid = json_integer_value(json_object_get(object, "pid")),
        .fields = object};
    if (seconds > 0 && seconds < 1e11) {
        event->wall = (usec)(seconds * 1e6);
    }
    return event->type.len > 0 && event->hostname.len > 0;
}

bool
celeryev_decode(struct slice body,
                void (*fn)(void *ctx, const struct celeryev *event), void *ctx,
                struct err *err)
{
    json_t *json = json_text_parse(body, err);
    struct celeryev event;
    bool good = false;

    if (json == NULL) {
        return err_wrap(err, "an event");
    }
    if (json_is_array(json)) {
        good = true;
        for (size_t i = 0; i < json_array_size(json); i++) {
            if (read_one(json_array_get(json, i), &event)) {
                fn(ctx, &event);
            }
        }
    } else if (read_one(json, &event)) {
        good = true;
        fn(ctx, &event);
    } else {
        err_set(err, ERR_PROTOCOL, "an event without type or hostname");
    }
    json_decref(json);
    return good;
}
