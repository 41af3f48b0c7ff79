#include "transport/amqp_frame.h"

#include <string.h>

#include "transport/amqp_bytes.h"

// Names have 255 bytes at most; a longer method is our greeting with a long
// password.
#define METHOD_MAX 16384

// librabbitmq takes what it only reads without const.
static void *
unconst(const void *bytes)
{
    void *same = NULL;

    memcpy(&same, &bytes, sizeof(same));
    return same;
}

static bool
is_type(uint8_t type)
{
    return type == AMQP_FRAME_METHOD || type == AMQP_FRAME_HEADER ||
           type == AMQP_FRAME_BODY || type == AMQP_FRAME_HEARTBEAT;
}

enum amqp_frame_result
amqp_frame_take(struct slice *rest, uint32_t max, struct amqp_frame *frame)
{
    struct slice bytes = *rest;
    uint32_t size = 0;
    uint8_t end = 0;

    if (bytes.len > 0 && !is_type((unsigned char)bytes.data[0])) {
        return AMQP_FRAME_BROKEN;
    }
    if (!amqp_take_u8(&bytes, &frame->type) ||
        !amqp_take_u16(&bytes, &frame->channel) ||
        !amqp_take_u32(&bytes, &size)) {
        return AMQP_FRAME_PARTIAL;
    }
    if (size > max - AMQP_FRAME_EXTRA) {
        return AMQP_FRAME_BROKEN;
    }
    if (bytes.len <= size) {
        return AMQP_FRAME_PARTIAL;
    }
    frame->payload = slice_first(bytes, size);
    bytes = slice_skip(bytes, size);
    if (!amqp_take_u8(&bytes, &end) || end != AMQP_FRAME_END) {
        return AMQP_FRAME_BROKEN;
    }
    *rest = bytes;
    return AMQP_FRAME_WHOLE;
}

void
amqp_frame_put(struct buf *out, const struct amqp_frame *frame)
{
    amqp_put_u8(out, frame->type);
    amqp_put_u16(out, frame->channel);
    amqp_put_u32(out, (uint32_t)frame->payload.len);
    buf_add_slice(out, frame->payload);
    amqp_put_u8(out, AMQP_FRAME_END);
}

void
amqp_body_put(struct buf *out, uint16_t channel, struct slice body,
              uint32_t max)
{
    while (body.len > 0) {
        struct slice piece = slice_first(body, max - AMQP_FRAME_EXTRA);
        amqp_frame_put(out, &(struct amqp_frame){.type = AMQP_FRAME_BODY,
                                                 .channel = channel,
                                                 .payload = piece});
        body = slice_skip(body, piece.len);
    }
}

bool
amqp_method_put(struct buf *out, uint16_t channel, amqp_method_number_t id,
                const void *fields, struct err *err)
{
    char bytes[METHOD_MAX];
    struct buf payload = BUF_INIT(METHOD_MAX + sizeof(id));
    int len = amqp_encode_method(
        id, unconst(fields),
        (amqp_bytes_t){.len = sizeof(bytes), .bytes = bytes});

    if (len < 0) {
        return err_set(err, ERR_LIMIT,
                       "a name is longer than AMQP can say (255 bytes)");
    }
    amqp_put_u32(&payload, id);
    buf_add(&payload, bytes, (size_t)len);
    amqp_frame_put(out, &(struct amqp_frame){.type = AMQP_FRAME_METHOD,
                                             .channel = channel,
                                             .payload = buf_slice(&payload)});
    buf_release(&payload);
    return true;
}

amqp_method_number_t
amqp_method_id(const struct amqp_frame *frame)
{
    struct slice rest = frame->payload;
    uint32_t id = 0;

    return amqp_take_u32(&rest, &id) ? id : 0;
}

// What a server says, and what we read of it: no tables, whose depth
// librabbitmq does not bound.
static bool
is_heard(amqp_method_number_t id)
{
    static const amqp_method_number_t heard[] = {
        AMQP_CONNECTION_TUNE_METHOD,    AMQP_CONNECTION_CLOSE_METHOD,
        AMQP_CONNECTION_BLOCKED_METHOD, AMQP_CHANNEL_OPEN_OK_METHOD,
        AMQP_CHANNEL_FLOW_METHOD,       AMQP_CHANNEL_CLOSE_METHOD,
        AMQP_CHANNEL_CLOSE_OK_METHOD,   AMQP_EXCHANGE_DECLARE_OK_METHOD,
        AMQP_EXCHANGE_DELETE_OK_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD,
        AMQP_QUEUE_BIND_OK_METHOD,      AMQP_QUEUE_PURGE_OK_METHOD,
        AMQP_QUEUE_DELETE_OK_METHOD,    AMQP_BASIC_QOS_OK_METHOD,
        AMQP_BASIC_CONSUME_OK_METHOD,   AMQP_BASIC_CANCEL_METHOD,
        AMQP_BASIC_CANCEL_OK_METHOD,    AMQP_BASIC_RETURN_METHOD,
        AMQP_BASIC_DELIVER_METHOD,      AMQP_BASIC_ACK_METHOD,
        AMQP_BASIC_NACK_METHOD,         AMQP_CONFIRM_SELECT_OK_METHOD,
    };

    for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++) {
        if (heard[i] == id) {
            return true;
        }
    }
    return false;
}

const void *
amqp_method_decode(const struct amqp_frame *frame, amqp_pool_t *pool,
                   struct err *err)
{
    amqp_method_number_t id = amqp_method_id(frame);
    void *fields = NULL;

    if (!is_heard(id) ||
        amqp_decode_method(id, pool,
                           amqp_bytes(slice_skip(frame->payload, sizeof(id))),
                           &fields) != AMQP_STATUS_OK) {
        err_set(err, ERR_PROTOCOL, "a method that cannot be read (%08x)", id);
        return NULL;
    }
    return fields;
}

struct slice
amqp_slice(amqp_bytes_t bytes)
{
    return slice_make(bytes.bytes, bytes.len);
}

amqp_bytes_t
amqp_bytes(struct slice slice)
{
    return (amqp_bytes_t){.len = slice.len, .bytes = unconst(slice.data)};
}
