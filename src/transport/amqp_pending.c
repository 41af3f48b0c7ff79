#include "transport/amqp_pending.h"

#include <string.h>

#include "transport/amqp_content.h"
#include "util/alloc.h"

// The publishing connection has this one channel.
#define CHANNEL 1U

size_t
pending_size(const struct pending *pending)
{
    return pending->head_len + pending->body_len;
}

// The frames before the body.
static bool
put_head(struct buf *out, const struct publish *publish, size_t *header_len,
         struct err *err)
{
    struct buf payload = BUF_INIT(AMQP_FRAME_MAX - AMQP_FRAME_EXTRA);
    amqp_basic_publish_t fields = {
        .exchange = amqp_cstring_bytes(publish->exchange),
        .routing_key = amqp_cstring_bytes(publish->key),
        .mandatory = publish->mandatory,
    };

    buf_reset(out);
    bool good = amqp_method_put(out, CHANNEL, AMQP_BASIC_PUBLISH_METHOD,
                                &fields, err) &&
                amqp_content_encode(&payload, publish->message, err);
    if (good) {
        amqp_frame_put(out,
                       &(struct amqp_frame){.type = AMQP_FRAME_HEADER,
                                            .channel = CHANNEL,
                                            .payload = buf_slice(&payload)});
    }
    *header_len = payload.len;
    buf_release(&payload);
    return good;
}

struct pending *
pending_new(const struct publish *publish, struct buf *scratch, struct err *err)
{
    struct slice body = publish->message->body;
    size_t header_len = 0;

    if (!put_head(scratch, publish, &header_len, err)) {
        return NULL;
    }
    size_t head_len = scratch->len;
    size_t exchange_len = strlen(publish->exchange) + 1;
    size_t key_len = strlen(publish->key) + 1;
    struct pending *pending = alloc_bytes(sizeof(*pending) + head_len +
                                          body.len + exchange_len + key_len);
    char *exchange = pending->bytes + head_len + body.len;
    *pending = (struct pending){
        .head_len = head_len,
        .header_len = header_len,
        .body_len = body.len,
        .mandatory = publish->mandatory,
        .exchange = exchange,
        .key = exchange + exchange_len,
    };
    memcpy(pending->bytes, scratch->data, head_len);
    if (body.len > 0) {
        memcpy(pending->bytes + head_len, body.data, body.len);
    }
    memcpy(exchange, publish->exchange, exchange_len);
    memcpy(exchange + exchange_len, publish->key, key_len);
    return pending;
}

void
pending_put(const struct pending *pending, struct buf *out, uint32_t frame_max)
{
    buf_add(out, pending->bytes, pending->head_len);
    amqp_body_put(
        out, CHANNEL,
        slice_make(pending->bytes + pending->head_len, pending->body_len),
        frame_max);
}
