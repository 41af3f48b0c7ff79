/*
 * The frames of AMQP 0-9-1 <-> bytes, and the methods in them, which
 * librabbitmq's codec reads and writes. Pure.
 */
#ifndef TRANSPORT_AMQP_FRAME_H
#define TRANSPORT_AMQP_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <amqp.h>
#include <amqp_framing.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

/* What is around a payload. */
#define AMQP_FRAME_EXTRA 8U
/* What we ask for, and no server may go below. */
#define AMQP_FRAME_MAX 131072U
#define AMQP_FRAME_MAX_LEAST 4096U

struct amqp_frame {
    uint8_t type; // AMQP_FRAME_METHOD, _HEADER, _BODY, _HEARTBEAT
    uint16_t channel;
    struct slice payload; // borrowed
};

enum amqp_frame_result {
    AMQP_FRAME_WHOLE,
    AMQP_FRAME_PARTIAL, // more bytes are needed
    AMQP_FRAME_BROKEN,  // no AMQP, or longer than `max` bytes in all
};

/* Takes a whole frame off the front. */
enum amqp_frame_result amqp_frame_take(struct slice *rest, uint32_t max,
                                       struct amqp_frame *frame);

void amqp_frame_put(struct buf *out, const struct amqp_frame *frame);

/* A body in frames of `max` bytes. */
void amqp_body_put(struct buf *out, uint16_t channel, struct slice body,
                   uint32_t max);

/*
 * A method frame: `fields` is librabbitmq's struct of that method. False with
 * ERR_LIMIT: a name of more than 255 bytes.
 */
bool amqp_method_put(struct buf *out, uint16_t channel, amqp_method_number_t id,
                     const void *fields, struct err *err);

/* The method of a frame; 0 if it is too short. */
amqp_method_number_t amqp_method_id(const struct amqp_frame *frame);

/*
 * Its fields in librabbitmq's struct, which lives in `pool` and borrows the
 * frame's bytes; NULL with ERR_PROTOCOL. Not for methods that carry a table, as
 * connection.start does: librabbitmq does not bound its depth.
 */
const void *amqp_method_decode(const struct amqp_frame *frame,
                               amqp_pool_t *pool, struct err *err);

/* Between librabbitmq's texts and ours; both borrow. */
struct slice amqp_slice(amqp_bytes_t bytes);
amqp_bytes_t amqp_bytes(struct slice slice);

#endif
