/*
 * One end of a Unix stream socket that carries lines. Reads lines of a bounded
 * length and writes with a bounded queue; what exceeds either ends the
 * connection with an error. Does not know what the lines mean.
 */
#ifndef LOOP_CONNECTION_H
#define LOOP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "util/err.h"
#include "util/slice.h"

/* The longest line in bytes, without its newline. */
#define CONNECTION_MAX_LINE (8UL * 1024 * 1024)

/* What may wait to be written. */
#define CONNECTION_MAX_QUEUE (64UL * 1024 * 1024)

struct connection;

struct connection_events {
    /* A line without its newline, borrowed for the call. */
    void (*on_line)(void *ctx, struct slice line);
    /*
     * The last call; the connection is gone when it returns. `err` is NULL
     * when either side closed it. A last line without newline is dropped.
     */
    void (*on_closed)(void *ctx, const struct err *err);
};

/* Takes the descriptor of a connected socket. Silent until it is started. */
struct connection *connection_new(struct loop *loop, int fd);

/* Begins to read. Borrows `events` and `ctx` until on_closed or drop. */
void connection_start(struct connection *connection,
                      const struct connection_events *events, void *ctx);

/*
 * Sends bytes: at once where the peer takes them, else as soon as it does.
 * Copies what must wait. Does nothing once the connection is closing; a
 * failure is told by on_closed, later.
 */
void connection_send(struct connection *connection, const char *data,
                     size_t len);

/*
 * No more lines from now on. What is queued still goes out, for a second at
 * most; then comes on_closed with NULL. Must have been started.
 */
void connection_close(struct connection *connection);

/* Closes at once; no event follows, `ctx` is not touched again. NULL is
 * allowed. */
void connection_drop(struct connection *connection);

/*
 * Stops reading, or goes on: for whoever cannot take more at the moment.
 * Lines that were read already still come.
 */
void connection_hold(struct connection *connection, bool held);

/* Who connected, as the kernel tells it; 0 where it cannot. */
pid_t connection_peer_pid(const struct connection *connection);

/* Bytes that wait to be written. */
size_t connection_queued(const struct connection *connection);

#endif
