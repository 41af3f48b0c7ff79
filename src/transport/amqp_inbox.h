/*
 * One message that is coming: a method, a header, and bodies as long as it
 * says. Bounded by TRANSPORT_BODY_MAX: of a longer one nothing is kept.
 */
#ifndef TRANSPORT_AMQP_INBOX_H
#define TRANSPORT_AMQP_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "transport/amqp_frame.h"
#include "util/buf.h"
#include "util/slice.h"

enum amqp_inbox_state {
    AMQP_INBOX_EMPTY,
    AMQP_INBOX_BEGUN,
    AMQP_INBOX_FILLING, // the header came
};

struct amqp_inbox {
    enum amqp_inbox_state state;
    char *exchange;
    char *key;
    uint64_t number; // the server's tag
    bool redelivered;
    bool too_long;
    uint64_t size; // of the body
    uint64_t came; // of it
    struct buf header;
    struct buf body;
    struct slice whole; // a body that came in one piece, borrowed
};

void amqp_inbox_init(struct amqp_inbox *inbox);
void amqp_inbox_release(struct amqp_inbox *inbox);
/* Empties it, and keeps the memory of ordinary messages. */
void amqp_inbox_reset(struct amqp_inbox *inbox);
/* Moves a whole message to `to`, which is not initialised yet. */
void amqp_inbox_move(struct amqp_inbox *to, struct amqp_inbox *from);

void amqp_inbox_begin(struct amqp_inbox *inbox,
                      const amqp_basic_deliver_t *deliver);

enum amqp_inbox_result {
    AMQP_INBOX_WHOLE,
    AMQP_INBOX_PARTIAL,
    AMQP_INBOX_BROKEN, // that frame was not expected
};
/* Takes a header or body frame. What is whole may borrow from it. */
enum amqp_inbox_result amqp_inbox_take(struct amqp_inbox *inbox,
                                       const struct amqp_frame *frame);

struct slice amqp_inbox_body(const struct amqp_inbox *inbox);

#endif
