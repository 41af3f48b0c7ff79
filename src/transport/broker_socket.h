/*
 * A connection to a server as bytes: finds its address, connects by TCP or by
 * a Unix socket, speaks TLS where the URL wants it, and sends in one write
 * what was sent in one turn of the loop. Does not know what the bytes mean.
 */
#ifndef TRANSPORT_BROKER_SOCKET_H
#define TRANSPORT_BROKER_SOCKET_H

#include <stddef.h>

#include "loop/loop.h"
#include "transport/broker_url.h"
#include "util/err.h"
#include "util/slice.h"

struct broker_socket;

struct broker_socket_events {
    /* Connected, and with TLS also verified: it may be sent now. */
    void (*on_open)(void *ctx);
    void (*on_bytes)(void *ctx, struct slice bytes);
    /* The last call. ERR_CONFIG: trying again will not help. */
    void (*on_closed)(void *ctx, const struct err *err);
};

/* Borrows all of it until on_closed or broker_socket_close. No event comes from
 * inside of any call here. */
struct broker_socket *
broker_socket_open(struct loop *loop, const struct broker_url *url,
                   const struct broker_socket_events *events, void *ctx);

/* Closes at once, without an event. NULL is allowed. */
void broker_socket_close(struct broker_socket *socket);

/* Copies. */
void broker_socket_send(struct broker_socket *socket, struct slice bytes);

/* Bytes that the other side did not take yet. */
size_t broker_socket_queued(const struct broker_socket *socket);

#endif
