/*
 * AMQP 0-9-1 field tables <-> JSON objects, as py-amqp and RabbitMQ write
 * them. Pure. Nested deeper than AMQP_TABLE_DEPTH is an error, so that bytes
 * of a stranger cannot exhaust the stack.
 */
#ifndef TRANSPORT_AMQP_TABLE_H
#define TRANSPORT_AMQP_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

#define AMQP_TABLE_DEPTH 32

/* Take a number in network order off the front; false: too few bytes. */
bool amqp_take_u8(struct slice *rest, uint8_t *value);
bool amqp_take_u16(struct slice *rest, uint16_t *value);
bool amqp_take_u32(struct slice *rest, uint32_t *value);
bool amqp_take_u64(struct slice *rest, uint64_t *value);
/* Bytes behind a length of 8 or 32 bits. */
bool amqp_take_short(struct slice *rest, struct slice *text);
bool amqp_take_long(struct slice *rest, struct slice *text);

void amqp_put_u8(struct buf *out, uint8_t value);
void amqp_put_u16(struct buf *out, uint16_t value);
void amqp_put_u32(struct buf *out, uint32_t value);
void amqp_put_u64(struct buf *out, uint64_t value);
/* False: longer than 255 bytes; adds nothing then. */
bool amqp_put_short(struct buf *out, struct slice text);

/*
 * Adds the table with its length in front: integers as I, or L where 32 bits
 * do not hold them; t, d, V, A, F, S. False with ERR_LIMIT: a name of more
 * than 255 bytes, or too deep, or `out` is full.
 */
bool amqp_table_encode(struct buf *out, const json_t *object, struct err *err);

/*
 * Takes a table with its length off the front of `rest`. Gives a new object,
 * or NULL with ERR_PROTOCOL. Times are whole seconds, decimals and floats are
 * reals (null where they are not finite), byte arrays are text; what is not
 * UTF-8 is repaired. A name that comes twice has its last value.
 */
json_t *amqp_table_decode(struct slice *rest, struct err *err);

#endif
