/*
 * Numbers and texts as AMQP 0-9-1 writes them: in network order, a text behind
 * its length. Pure.
 */
#ifndef TRANSPORT_AMQP_BYTES_H
#define TRANSPORT_AMQP_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/slice.h"

/* Take a number in network order off the front; false: too few bytes. */
bool amqp_take_u8(struct slice *rest, uint8_t *value);
bool amqp_take_u16(struct slice *rest, uint16_t *value);
bool amqp_take_u32(struct slice *rest, uint32_t *value);
bool amqp_take_u64(struct slice *rest, uint64_t *value);
/* One of `size` bytes, 8 at most. */
bool amqp_take_number(struct slice *rest, size_t size, uint64_t *value);
/* Bytes behind a length of 8 or 32 bits. */
bool amqp_take_short(struct slice *rest, struct slice *text);
bool amqp_take_long(struct slice *rest, struct slice *text);

void amqp_put_u8(struct buf *out, uint8_t value);
void amqp_put_u16(struct buf *out, uint16_t value);
void amqp_put_u32(struct buf *out, uint32_t value);
void amqp_put_u64(struct buf *out, uint64_t value);
/* False: longer than 255 bytes; adds nothing then. */
bool amqp_put_short(struct buf *out, struct slice text);

#endif
