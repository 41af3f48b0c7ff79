/*
 * The addresses of a host, without blocking the loop, and without keeping the
 * program when nobody wants them any more: the question is asked by a thread
 * that may be left behind. (The one of libuv would be waited for at exit.)
 */
#ifndef TRANSPORT_RESOLVER_H
#define TRANSPORT_RESOLVER_H

#include <netdb.h>

#include "loop/loop.h"

struct resolver;

/*
 * Asks for stream sockets. fn is called once from the loop, unless it is
 * dropped before: `addresses` (to be freed by freeaddrinfo) or, where that is
 * NULL, the reason. The resolver is gone then.
 */
typedef void (*resolver_fn)(void *ctx, struct addrinfo *addresses,
                            const char *reason);
struct resolver *resolver_start(struct loop *loop, const char *host, int port,
                                resolver_fn fn, void *ctx);

/* fn is not called. NULL is allowed. */
void resolver_drop(struct resolver *resolver);

#endif
