#include "transport/kombu_codec.h"

#include <string.h>

#include "transport/base64.h"
#include "util/alloc.h"
#include "util/escape.h"
#include "util/field.h"
#include "util/json_text.h"

#define PRIORITY_STEP 3

static int
add_dumped(const char *data, size_t len, void *ctx)
{
    return buf_add(ctx, data, len) ? 0 : -1;
}

static bool
add_json(struct buf *buf, const json_t *value)
{
    return json_dump_callback(value, add_dumped, buf,
                              JSON_ENSURE_ASCII | JSON_ENCODE_ANY) == 0;
}

// A string as Python writes it, in ASCII. Bytes that are not UTF-8 are
// repaired first.
static bool
add_string(struct buf *buf, struct slice text)
{
    bool plain = true;

    for (size_t i = 0; i < text.len && plain; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        plain = byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
    }
    if (plain) {
        return buf_add_char(buf, '"') && buf_add_slice(buf, text) &&
               buf_add_char(buf, '"');
    }
    struct buf repaired = BUF_INIT(KOMBU_ENVELOPE_MAX);
    struct err err = {0};
    bool done = escape_json(&repaired, text);
    json_t *list = NULL;
    if (done) {
        // The way through a value makes escapes those of Python.
        struct buf array = BUF_INIT(KOMBU_ENVELOPE_MAX);
        buf_addf(&array, "[%s]", buf_text(&repaired));
        list = json_text_parse(buf_slice(&array), &err);
        buf_release(&array);
    }
    done = list != NULL && add_json(buf, json_array_get(list, 0));
    json_decref(list);
    buf_release(&repaired);
    return done;
}

// `"name": "text", `, unless it is empty.
static void
add_text(struct buf *buf, const char *name, struct slice text)
{
    if (text.len > 0) {
        buf_addf(buf, "\"%s\": ", name);
        add_string(buf, text);
        buf_add_text(buf, ", ");
    }
}

static void
add_properties(struct buf *buf, const struct kombu_envelope *envelope)
{
    const struct message *message = envelope->message;

    add_text(buf, "correlation_id", message->correlation_id);
    add_text(buf, "reply_to", message->reply_to);
    buf_addf(buf, "\"delivery_mode\": %d, ", message->persistent ? 2 : 1);
    add_text(buf, "expiration", message->expiration);
    buf_add_text(buf, "\"delivery_info\": {\"exchange\": ");
    add_string(buf, slice_of(envelope->exchange));
    buf_add_text(buf, ", \"routing_key\": ");
    add_string(buf, slice_of(envelope->key));
    buf_addf(buf, "}, \"priority\": %d, ", message->priority);
    buf_add_text(buf, "\"body_encoding\": \"base64\", \"delivery_tag\": ");
    add_string(buf, slice_of(envelope->tag));
}

bool
kombu_encode(const struct kombu_envelope *envelope, struct buf *buf,
             struct err *err)
{
    const struct message *message = envelope->message;

    if (message->body.len > TRANSPORT_BODY_MAX) {
        return err_set(err, ERR_LIMIT, "a message of more than %u MiB",
                       TRANSPORT_BODY_MAX >> 20);
    }
    buf_add_text(buf, "{\"body\": \"");
    base64_encode(buf, message->body);
    buf_add_text(buf, "\", ");
    add_text(buf, "content-encoding", message->content_encoding);
    add_text(buf, "content-type", message->content_type);
    buf_add_text(buf, "\"headers\": ");
    bool dumped = message->headers == NULL ? buf_add_text(buf, "{}")
                                           : add_json(buf, message->headers);
    buf_add_text(buf, ", \"properties\": {");
    add_properties(buf, envelope);
    buf_add_text(buf, "}}");
    return (dumped && !buf->overflowed) ||
           err_set(err, ERR_LIMIT, "a message whose headers are too long");
}

static bool
decode_body(const json_t *root, struct slice encoding,
            struct kombu_message *message, struct err *err)
{
    struct slice body = {0};

    if (!field_text(root, "body", &body, err)) {
        return false;
    }
    if (slice_equals(encoding, SLICE("base64"))) {
        // Its maximum is that of a body.
        if (!base64_decode(&message->body, body)) {
            return message->body.overflowed
                       ? err_set(err, ERR_LIMIT, "a body of more than %u MiB",
                                 TRANSPORT_BODY_MAX >> 20)
                       : err_set(err, ERR_PROTOCOL, "its body is no base64");
        }
        body = buf_slice(&message->body);
    } else if (encoding.len > 0 && !slice_equals(encoding, SLICE("utf-8"))) {
        return err_set(err, ERR_PROTOCOL, "its body is encoded as \"%.*s\"",
                       (int)(encoding.len < 32 ? encoding.len : 32),
                       encoding.data);
    }
    message->delivery.message.body = body;
    return body.len <= TRANSPORT_BODY_MAX ||
           err_set(err, ERR_LIMIT, "a body of more than %u MiB",
                   TRANSPORT_BODY_MAX >> 20);
}

static bool
decode_info(const json_t *info, struct delivery *delivery, struct err *err)
{
    return info == NULL ||
           (field_text_optional(info, "exchange", &delivery->exchange, err) &&
            field_text_optional(info, "routing_key", &delivery->routing_key,
                                err) &&
            field_bool_optional(info, "redelivered", &delivery->redelivered,
                                err));
}

// Whatever else somebody calls a priority is none.
static int
priority_of(const json_t *envelope)
{
    const json_t *properties = json_object_get(envelope, "properties");
    json_int_t number =
        json_integer_value(json_object_get(properties, "priority"));

    return (int)(number < 0 ? 0 : number > 255 ? 255 : number);
}

static bool
decode_properties(const json_t *properties, struct kombu_message *out,
                  struct err *err)
{
    struct message *message = &out->delivery.message;
    const json_t *info = NULL;
    struct slice encoding = {0};
    int64_t mode = 1;
    const struct field_range any = {INT64_MIN, INT64_MAX};

    if (properties != NULL &&
        !(field_text_optional(properties, "body_encoding", &encoding, err) &&
          field_text_optional(properties, "correlation_id",
                              &message->correlation_id, err) &&
          field_text_optional(properties, "reply_to", &message->reply_to,
                              err) &&
          field_text_optional(properties, "expiration", &message->expiration,
                              err) &&
          field_int_optional(properties, "delivery_mode", any, &mode, err) &&
          field_object_optional(properties, "delivery_info", &info, err) &&
          decode_info(info, &out->delivery, err))) {
        return false;
    }
    message->priority = priority_of(out->root);
    message->persistent = mode == 2;
    return decode_body(out->root, encoding, out, err);
}

static bool
decode_root(struct kombu_message *out, struct err *err)
{
    struct message *message = &out->delivery.message;
    const json_t *properties = NULL;
    const json_t *root = out->root;

    if (!field_text_optional(root, "content-type", &message->content_type,
                             err) ||
        !field_text_optional(root, "content-encoding",
                             &message->content_encoding, err) ||
        !field_object_optional(root, "headers", &message->headers, err) ||
        !field_object_optional(root, "properties", &properties, err) ||
        !decode_properties(properties, out, err)) {
        return false;
    }
    // Either mark will do.
    if (json_is_true(json_object_get(message->headers, "redelivered"))) {
        out->delivery.redelivered = true;
    }
    return true;
}

bool
kombu_decode(struct slice text, struct kombu_message *message, struct err *err)
{
    *message = (struct kombu_message){0};
    buf_init(&message->body, TRANSPORT_BODY_MAX);
    if (text.len > KOMBU_ENVELOPE_MAX) {
        return err_set(err, ERR_LIMIT, "a message of more than %zu MiB",
                       KOMBU_ENVELOPE_MAX >> 20);
    }
    message->root = json_text_parse_object(text, err);
    return message->root != NULL && decode_root(message, err);
}

void
kombu_release(struct kombu_message *message)
{
    buf_release(&message->body);
    json_decref(message->root);
    message->root = NULL;
}

static void
set_marks(json_t *envelope)
{
    json_t *headers = json_object_get(envelope, "headers");
    json_t *properties = json_object_get(envelope, "properties");
    json_t *info = json_object_get(properties, "delivery_info");

    json_object_set_new(headers, "redelivered", json_true());
    json_object_set_new(info, "redelivered", json_true());
}

int
kombu_mark_redelivered(struct slice text, struct buf *buf)
{
    struct err err = {0};
    json_t *root = json_text_parse_object(text, &err);
    int priority = priority_of(root);

    if (root == NULL) {
        buf_add_slice(buf, text);
        return 0;
    }
    set_marks(root);
    add_json(buf, root);
    json_decref(root);
    return priority;
}

bool
kombu_take_unacked(struct slice entry, struct buf *envelope, int *priority,
                   struct err *err)
{
    json_t *root = json_text_parse(entry, err);
    json_t *first = json_array_get(root, 0);

    if (root != NULL && !json_is_object(first)) {
        err_set(err, ERR_PROTOCOL, "an entry without a message");
    }
    if (json_is_object(first)) {
        *priority = priority_of(first);
        set_marks(first);
        add_json(envelope, first);
    }
    json_decref(root);
    return !err_is_set(err);
}

int
kombu_step_of(int priority)
{
    int step = priority / PRIORITY_STEP;

    return step < 0 ? 0 : step >= KOMBU_STEPS ? KOMBU_STEPS - 1 : step;
}

void
kombu_add_list(struct buf *buf, struct slice queue, int step)
{
    buf_add_slice(buf, queue);
    if (step > 0) {
        buf_addf(buf, KOMBU_SEPARATOR "%d", step * PRIORITY_STEP);
    }
}

// The regular expression that kombu keeps for a topic.
static void
add_pattern(struct buf *buf, struct slice key)
{
    struct slice word;
    bool first = true;

    buf_add_char(buf, '^');
    while (slice_split(&key, '.', &word)) {
        buf_add_text(buf, first ? "" : "\\.");
        first = false;
        if (slice_equals(word, SLICE("*"))) {
            buf_add_text(buf, ".*?[^\\.]");
        } else if (slice_equals(word, SLICE("#"))) {
            buf_add_text(buf, ".*?");
        } else {
            buf_add_slice(buf, word);
        }
    }
    buf_add_char(buf, '$');
}

void
kombu_add_binding(struct buf *buf, const char *key, bool topic,
                  const char *queue)
{
    buf_add_text(buf, key);
    buf_add_text(buf, KOMBU_SEPARATOR);
    if (topic) {
        add_pattern(buf, slice_of(key));
    }
    buf_add_text(buf, KOMBU_SEPARATOR);
    buf_add_text(buf, queue);
}
