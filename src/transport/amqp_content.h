/*
 * The header of a message in AMQP 0-9-1: its properties and the size of its
 * body, <-> bytes. Pure.
 */
#ifndef TRANSPORT_AMQP_CONTENT_H
#define TRANSPORT_AMQP_CONTENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "transport/transport.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

/*
 * Adds the payload of a header frame. False with ERR_LIMIT: something in it is
 * longer than AMQP can say.
 */
bool amqp_content_encode(struct buf *out, const struct message *message,
                         struct err *err);

/* The size of the body alone. */
bool amqp_content_size(struct slice payload, uint64_t *size, struct err *err);

/*
 * Reads a payload: all but the body, borrowed from it, and in *headers a new
 * object (or NULL: it has none), which `message` borrows. What transport.h
 * does not know is skipped. False with ERR_PROTOCOL.
 */
bool amqp_content_decode(struct slice payload, struct message *message,
                         json_t **headers, struct err *err);

#endif
