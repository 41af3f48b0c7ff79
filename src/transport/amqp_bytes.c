#include "transport/amqp_bytes.h"

#define SHORT_MAX 255U

bool
amqp_take_number(struct slice *rest, size_t size, uint64_t *value)
{
    uint64_t number = 0;

    if (rest->len < size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | (unsigned char)rest->data[i];
    }
    *rest = slice_skip(*rest, size);
    *value = number;
    return true;
}

bool
amqp_take_u8(struct slice *rest, uint8_t *value)
{
    uint64_t number = 0;

    if (!amqp_take_number(rest, sizeof(*value), &number)) {
        return false;
    }
    *value = (uint8_t)number;
    return true;
}

bool
amqp_take_u16(struct slice *rest, uint16_t *value)
{
    uint64_t number = 0;

    if (!amqp_take_number(rest, sizeof(*value), &number)) {
        return false;
    }
    *value = (uint16_t)number;
    return true;
}

bool
amqp_take_u32(struct slice *rest, uint32_t *value)
{
    uint64_t number = 0;

    if (!amqp_take_number(rest, sizeof(*value), &number)) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

bool
amqp_take_u64(struct slice *rest, uint64_t *value)
{
    return amqp_take_number(rest, sizeof(*value), value);
}

static bool
take_bytes(struct slice *rest, size_t len, struct slice *bytes)
{
    if (rest->len < len) {
        return false;
    }
    *bytes = slice_first(*rest, len);
    *rest = slice_skip(*rest, len);
    return true;
}

bool
amqp_take_short(struct slice *rest, struct slice *text)
{
    uint8_t len = 0;

    return amqp_take_u8(rest, &len) && take_bytes(rest, len, text);
}

bool
amqp_take_long(struct slice *rest, struct slice *text)
{
    uint32_t len = 0;

    return amqp_take_u32(rest, &len) && take_bytes(rest, len, text);
}

static void
put_number(struct buf *out, size_t size, uint64_t value)
{
    unsigned char bytes[sizeof(value)];

    for (size_t i = size; i > 0; i--) {
        bytes[i - 1] = (unsigned char)value;
        value >>= 8;
    }
    buf_add(out, bytes, size);
}

void
amqp_put_u8(struct buf *out, uint8_t value)
{
    put_number(out, sizeof(value), value);
}

void
amqp_put_u16(struct buf *out, uint16_t value)
{
    put_number(out, sizeof(value), value);
}

void
amqp_put_u32(struct buf *out, uint32_t value)
{
    put_number(out, sizeof(value), value);
}

void
amqp_put_u64(struct buf *out, uint64_t value)
{
    put_number(out, sizeof(value), value);
}

bool
amqp_put_short(struct buf *out, struct slice text)
{
    if (text.len > SHORT_MAX) {
        return false;
    }
    amqp_put_u8(out, (uint8_t)text.len);
    buf_add_slice(out, text);
    return true;
}
