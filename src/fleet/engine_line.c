#include "fleet/engine_link.h"

#include "util/field.h"
#include "util/json_text.h"

/* What an engine says, line by line. */

static const struct slice updates_head = {"{\"msg\":\"u\",\"u\":[", 16};

// Nearly all lines are lists of updates, whose text goes on as it is.
static bool
tell_updates(struct slice line, const struct engine_link_events *events,
             void *ctx)
{
    if (!slice_take(&line, updates_head) ||
        !slice_ends_with(line, SLICE("]}"))) {
        return false;
    }
    events->on_updates(ctx, slice_first(line, line.len - 2));
    return true;
}

static bool
tell_hello(const json_t *object, const struct engine_link_events *events,
           void *ctx, struct err *err)
{
    struct slice protocol;

    if (!field_text(object, "protocol", &protocol, err)) {
        return false;
    }
    if (!slice_starts_with(protocol, SLICE("1."))) {
        return err_set(err, ERR_PROTOCOL,
                       "the engine speaks version %.20s of its protocol, this "
                       "is " ENGINE_PROTOCOL,
                       protocol.len > 0 ? protocol.data : "");
    }
    events->on_hello(ctx);
    return true;
}

static bool
tell_left(const json_t *object, const struct engine_link_events *events,
          void *ctx, struct err *err)
{
    struct slice why = {0};
    bool ok = true;
    int64_t us = 0;

    if (!field_text_optional(object, "why", &why, err) ||
        !field_bool(object, "ok", &ok, err) ||
        !field_int_optional(object, "us", (struct field_range){0, INT64_MAX},
                            &us, err)) {
        return false;
    }
    events->on_left(ctx, ok, why, (uint64_t)us);
    return true;
}

static bool
tell_object(json_t *object, const struct engine_link_events *events, void *ctx,
            struct err *err)
{
    struct slice msg;
    struct slice why = {0};
    int64_t us = 0;

    if (!field_text(object, "msg", &msg, err)) {
        return false;
    }
    if (slice_equals_text(msg, "hello")) {
        return tell_hello(object, events, ctx, err);
    }
    if (slice_equals_text(msg, "left")) {
        return tell_left(object, events, ctx, err);
    }
    if (slice_equals_text(msg, "ready")) {
        if (!field_int_optional(object, "us",
                                (struct field_range){0, INT64_MAX}, &us, err)) {
            return false;
        }
        events->on_ready(ctx, (uint64_t)us);
    } else if (slice_equals_text(msg, "failed")) {
        if (!field_text_optional(object, "why", &why, err)) {
            return false;
        }
        events->on_failed(ctx, why);
    } else {
        events->on_other(ctx, msg, object);
    }
    return true;
}

bool
engine_link_tell(struct slice line, const struct engine_link_events *events,
                 void *ctx, struct err *err)
{
    if (tell_updates(line, events, ctx)) {
        return true;
    }
    json_t *object = json_text_parse_object(line, err);
    bool fine = object != NULL && tell_object(object, events, ctx, err);
    json_decref(object);
    return fine;
}
