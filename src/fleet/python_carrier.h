/*
 * The carrier of a Python Celery worker: the far end of its main process (a
 * socket) and of its pool children (one connection for each task), as in
 * docs/protocol/carrier.md. Carries; knows no broker and no payload.
 */
#ifndef FLEET_PYTHON_CARRIER_H
#define FLEET_PYTHON_CARRIER_H

#include "fleet/carrier.h"
#include "loop/loop.h"
#include "util/err.h"

/* Who is on the other side. Texts are terminated. */
struct python_hello {
    const char *node;    // "celery@host"
    const char *python;  // its version: "3.11.2"
    const char *celery;  // its version: "5.7.0"
    const char *version; // of mule's Python side
    int64_t pid;         // of the main process
    int slots;           // of its pool
};

struct python_carrier_events {
    /* Once, before anything else. Borrowed for the call; see _serve. */
    void (*on_hello)(void *ctx, const struct python_hello *hello);
    /*
     * The last call: `stopped` was called and is said, or the other side was
     * gone (NULL) or broke the rules before it was served. Then free.
     */
    void (*on_over)(void *ctx, const struct err *err);
};

struct python_carrier;

/* Takes the descriptor of the main process's socket. Borrows `events`. */
struct python_carrier *
python_carrier_new(struct loop *loop, int fd,
                   const struct python_carrier_events *events, void *ctx);

/*
 * From on_hello, or later: listens for tasks, answers the greeting, and from
 * now on tells `events` (borrowed, until on_over). When the main process is
 * gone they hear on_task_gone for all tasks, then STOP_COLD; what is asked
 * after that fails in its `done`, and `stopped` ends it.
 */
bool python_carrier_serve(struct python_carrier *carrier,
                          const struct carrier_events *events, void *ctx,
                          struct err *err);

/* For whoever uses it as any carrier. Borrowed. */
struct carrier *python_carrier_base(struct python_carrier *carrier);

/* Without on_over, too: then at once and silently. NULL is allowed. */
void python_carrier_free(struct python_carrier *carrier);

#endif
