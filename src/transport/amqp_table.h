/*
 * AMQP 0-9-1 field tables <-> JSON objects, as py-amqp and RabbitMQ write
 * them. Pure. Nested deeper than AMQP_TABLE_DEPTH is an error, so that bytes
 * of a stranger cannot exhaust the stack.
 */
#ifndef TRANSPORT_AMQP_TABLE_H
#define TRANSPORT_AMQP_TABLE_H

#include <jansson.h>
#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

#define AMQP_TABLE_DEPTH 32

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
