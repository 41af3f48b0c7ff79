/*
 * A Unix stream socket that others connect to. The socket is as private as
 * the folder it is made in (path_make_private).
 */
#ifndef LOOP_LISTENER_H
#define LOOP_LISTENER_H

#include <stddef.h>

#include "loop/connection.h"

/* The longest path of a socket in bytes, on every platform. */
#define LISTENER_MAX_PATH 103

struct listener;

/*
 * Somebody connected: takes `connection`, to be started or dropped. It may
 * belong to another user only where the folder lets others in.
 */
typedef void (*listener_fn)(void *ctx, struct connection *connection);

/* Gives NULL with err. There must be no file at `path` yet. */
struct listener *listener_new(struct loop *loop, const char *path,
                              listener_fn fn, void *ctx, struct err *err);

/* Stops listening and removes the socket; connections stay. */
void listener_free(struct listener *listener);

/* For MULE_SOCKET. Borrowed. */
const char *listener_path(const struct listener *listener);

#endif
