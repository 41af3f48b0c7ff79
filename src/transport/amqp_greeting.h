/*
 * The words with which an AMQP connection begins and ends: who we are, who the
 * server is, and what its refusals mean. Pure.
 */
#ifndef TRANSPORT_AMQP_GREETING_H
#define TRANSPORT_AMQP_GREETING_H

#include <jansson.h>
#include <stdbool.h>

#include "transport/amqp_frame.h"
#include "transport/broker_url.h"
#include "util/buf.h"
#include "util/err.h"

/*
 * What the server says of itself in connection.start: a new object. NULL:
 * ERR_PROTOCOL, or ERR_CONFIG when it takes no passwords.
 */
json_t *amqp_greeting_read(const struct amqp_frame *frame, struct err *err);

/* Adds connection.start-ok: login, name and abilities. ERR_CONFIG: too long. */
bool amqp_greeting_answer(struct buf *out, const struct broker_url *url,
                          const char *name, struct err *err);

/*
 * The server's reason for closing a connection. `greeting`: before it was up.
 * ERR_CONFIG: it will never work; ERR_PROTOCOL: because of what it was sent.
 */
void amqp_greeting_explain(const struct broker_url *url, bool greeting,
                           const amqp_connection_close_t *close,
                           struct err *err);

#endif
