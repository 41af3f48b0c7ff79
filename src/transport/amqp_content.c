#include "transport/amqp_content.h"

#include "transport/amqp_bytes.h"
#include "transport/amqp_table.h"

#define CLASS_BASIC 60U
#define MODE_TRANSIENT 1U
#define MODE_PERSISTENT 2U
#define PRIORITY_MAX 255

// In the order in which they stand, if they are there.
enum flag {
    FLAG_CONTENT_TYPE = 1U << 15,
    FLAG_CONTENT_ENCODING = 1U << 14,
    FLAG_HEADERS = 1U << 13,
    FLAG_DELIVERY_MODE = 1U << 12,
    FLAG_PRIORITY = 1U << 11,
    FLAG_CORRELATION_ID = 1U << 10,
    FLAG_REPLY_TO = 1U << 9,
    FLAG_EXPIRATION = 1U << 8,
    FLAG_MORE = 1U, // flags: unknown to the standard
};

static unsigned
flags_of(const struct message *message)
{
    unsigned flags = FLAG_DELIVERY_MODE;

    flags |= message->content_type.len > 0 ? FLAG_CONTENT_TYPE : 0;
    flags |= message->content_encoding.len > 0 ? FLAG_CONTENT_ENCODING : 0;
    flags |= message->headers != NULL ? FLAG_HEADERS : 0;
    flags |= message->priority > 0 ? FLAG_PRIORITY : 0;
    flags |= message->correlation_id.len > 0 ? FLAG_CORRELATION_ID : 0;
    flags |= message->reply_to.len > 0 ? FLAG_REPLY_TO : 0;
    flags |= message->expiration.len > 0 ? FLAG_EXPIRATION : 0;
    return flags;
}

static bool
put_text(struct buf *out, struct slice text)
{
    return text.len == 0 || amqp_put_short(out, text);
}

static bool
encode_texts(struct buf *out, const struct message *message)
{
    return put_text(out, message->correlation_id) &&
           put_text(out, message->reply_to) &&
           put_text(out, message->expiration);
}

bool
amqp_content_encode(struct buf *out, const struct message *message,
                    struct err *err)
{
    amqp_put_u16(out, CLASS_BASIC);
    amqp_put_u16(out, 0);
    amqp_put_u64(out, message->body.len);
    amqp_put_u16(out, (uint16_t)flags_of(message));
    if (!put_text(out, message->content_type) ||
        !put_text(out, message->content_encoding)) {
        return err_set(err, ERR_LIMIT, "too long a content type");
    }
    if (message->headers != NULL &&
        !amqp_table_encode(out, message->headers, err)) {
        return false;
    }
    amqp_put_u8(out, message->persistent ? MODE_PERSISTENT : MODE_TRANSIENT);
    if (message->priority > 0) {
        amqp_put_u8(out, message->priority < PRIORITY_MAX
                             ? (uint8_t)message->priority
                             : PRIORITY_MAX);
    }
    if (!encode_texts(out, message)) {
        return err_set(err, ERR_LIMIT,
                       "a correlation id, a reply address or an expiration "
                       "of more than 255 bytes");
    }
    return !out->overflowed || err_set(err, ERR_LIMIT, "too many headers");
}

static bool
take_start(struct slice *rest, uint64_t *size)
{
    uint16_t class = 0;
    uint16_t weight = 0;

    return amqp_take_u16(rest, &class) && amqp_take_u16(rest, &weight) &&
           amqp_take_u64(rest, size) && class == CLASS_BASIC;
}

bool
amqp_content_size(struct slice payload, uint64_t *size, struct err *err)
{
    return take_start(&payload, size) ||
           err_set(err, ERR_PROTOCOL, "a message's header that is none");
}

static bool
take_text(struct slice *rest, unsigned flags, enum flag flag,
          struct slice *text)
{
    return (flags & flag) == 0 || amqp_take_short(rest, text);
}

static bool
take_byte(struct slice *rest, unsigned flags, enum flag flag, uint8_t *value)
{
    return (flags & flag) == 0 || amqp_take_u8(rest, value);
}

// The flags may go on; those have no meaning, and no values, here.
static bool
take_flags(struct slice *rest, unsigned *flags)
{
    uint16_t word = 0;

    if (!amqp_take_u16(rest, &word)) {
        return false;
    }
    *flags = word;
    while ((word & FLAG_MORE) != 0) {
        if (!amqp_take_u16(rest, &word)) {
            return false;
        }
    }
    return true;
}

bool
amqp_content_decode(struct slice payload, struct message *message,
                    json_t **headers, struct err *err)
{
    struct slice rest = payload;
    uint64_t size = 0;
    unsigned flags = 0;
    uint8_t mode = 0;
    uint8_t priority = 0;

    *headers = NULL;
    *message = (struct message){0};
    if (!take_start(&rest, &size) || !take_flags(&rest, &flags) ||
        !take_text(&rest, flags, FLAG_CONTENT_TYPE, &message->content_type) ||
        !take_text(&rest, flags, FLAG_CONTENT_ENCODING,
                   &message->content_encoding)) {
        return err_set(err, ERR_PROTOCOL, "a message's header is cut off");
    }
    if ((flags & FLAG_HEADERS) != 0) {
        *headers = amqp_table_decode(&rest, err);
        if (*headers == NULL) {
            return false;
        }
    }
    if (!take_byte(&rest, flags, FLAG_DELIVERY_MODE, &mode) ||
        !take_byte(&rest, flags, FLAG_PRIORITY, &priority) ||
        !take_text(&rest, flags, FLAG_CORRELATION_ID,
                   &message->correlation_id) ||
        !take_text(&rest, flags, FLAG_REPLY_TO, &message->reply_to) ||
        !take_text(&rest, flags, FLAG_EXPIRATION, &message->expiration)) {
        json_decref(*headers);
        *headers = NULL;
        return err_set(err, ERR_PROTOCOL, "a message's header is cut off");
    }
    message->headers = *headers;
    message->priority = priority;
    message->persistent = mode == MODE_PERSISTENT;
    return true;
}
