#include "fleet/serving_codec.h"

#include <inttypes.h>

#include "fleet/plan.h"
#include "util/compose.h"
#include "util/field.h"
#include "util/json_text.h"

static const char *const kind_names[] = {
    [SERVING_OTHER] = "",    [SERVING_PLAN] = "plan",
    [SERVING_RUN] = "run",   [SERVING_CANCEL] = "cancel",
    [SERVING_LIVE] = "live", [SERVING_PIECE] = "piece",
    [SERVING_POOL] = "pool", [SERVING_TEARDOWN] = "teardown",
};

static bool
decode_count(const json_t *object, const char *name, uint64_t *count,
             struct err *err)
{
    int64_t number = 0;

    if (!field_int(object, name, (struct field_range){0, INT64_MAX}, &number,
                   err)) {
        return false;
    }
    *count = (uint64_t)number;
    return true;
}

static bool
decode_cancel(const json_t *object, struct serving_message *message,
              struct err *err)
{
    message->all = json_object_get(object, "orders") == NULL;
    if (!message->all &&
        !order_names_decode(object, "orders", &message->names, err)) {
        return false;
    }
    return field_bool_optional(object, "now", &message->now, err);
}

static bool
decode_pool(const json_t *object, struct serving_message *message,
            struct err *err)
{
    int64_t slots = 0;

    if (!field_int(object, "slots", (struct field_range){0, PLAN_SLOTS_MAX},
                   &slots, err)) {
        return false;
    }
    message->slots = (int)slots;
    return true;
}

static bool
decode_members(const json_t *object, struct serving_message *message,
               struct err *err)
{
    switch (message->kind) {
    case SERVING_RUN:
        return field_array(object, "orders", &message->orders, err);
    case SERVING_CANCEL:
        return decode_cancel(object, message, err);
    case SERVING_LIVE:
        return field_text(object, "pattern", &message->pattern, err) &&
               decode_count(object, "credit", &message->credit, err);
    case SERVING_PIECE:
        return decode_count(object, "at", &message->at, err) &&
               field_text(object, "data", &message->data, err);
    case SERVING_POOL:
        return decode_pool(object, message, err);
    case SERVING_TEARDOWN:
        return field_bool_optional(object, "now", &message->now, err);
    case SERVING_PLAN:
    case SERVING_OTHER:
    case SERVING_KIND_COUNT:
        break;
    }
    return true;
}

/* Forgets what the message said, and keeps its memory. */
static void
forget(struct serving_message *message)
{
    struct order_names names = message->names;

    json_decref(message->root);
    ARRAY_CLEAR(&names);
    *message = (struct serving_message){.names = names};
}

bool
serving_message_decode(struct serving_message *message, struct slice line,
                       struct err *err)
{
    struct slice name = {0};

    forget(message);
    message->root = json_text_parse_object(line, err);
    if (message->root == NULL ||
        !field_text(message->root, "msg", &name, err)) {
        return false;
    }
    for (size_t i = SERVING_OTHER + 1; i < SERVING_KIND_COUNT; i++) {
        if (slice_equals_text(name, kind_names[i])) {
            message->kind = (enum serving_kind)i;
        }
    }
    if (!decode_members(message->root, message, err)) {
        message->kind = SERVING_OTHER;
        return err_wrap(err, "message \"%.*s\"",
                        SLICE_ARG(slice_first(name, 40)));
    }
    return true;
}

void
serving_message_release(struct serving_message *message)
{
    forget(message);
    ARRAY_RELEASE(&message->names);
}

// ---------------------------------------------------------------- writing

static void
begin(struct buf *buf, const char *name)
{
    buf_add_char(buf, '{');
    compose_text(buf, "msg", name);
}

static void
end(struct buf *buf)
{
    buf_add_text(buf, "}\n");
}

void
serving_add_hello(struct buf *buf, const char *version, int pid)
{
    begin(buf, "hello");
    compose_text(buf, "protocol", SERVING_PROTOCOL);
    compose_text(buf, "version", version);
    compose_int(buf, "pid", pid);
    end(buf);
}

void
serving_add_ready(struct buf *buf, uint64_t us)
{
    begin(buf, "ready");
    compose_uint(buf, "us", us);
    end(buf);
}

void
serving_add_failed(struct buf *buf, const char *why)
{
    begin(buf, "failed");
    compose_text(buf, "why", why);
    end(buf);
}

void
serving_add_left(struct buf *buf, bool ok, const char *why, uint64_t us)
{
    begin(buf, "left");
    compose_bool(buf, "ok", ok);
    compose_text(buf, "why", why);
    compose_uint(buf, "us", us);
    end(buf);
}

void
serving_add_pool(struct buf *buf, int slots, size_t open)
{
    begin(buf, "pool");
    compose_int(buf, "slots", slots);
    compose_uint(buf, "open", open);
    end(buf);
}

void
serving_add_want(struct buf *buf, const char *hash, uint64_t at, uint64_t bytes,
                 bool again)
{
    begin(buf, "want");
    compose_text(buf, "hash", hash);
    compose_uint(buf, "at", at);
    compose_uint(buf, "bytes", bytes);
    compose_some_bool(buf, "again", again);
    end(buf);
}
