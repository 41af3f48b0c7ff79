/*
 * A conversation with one adapter process: a connection whose lines are
 * messages. Decodes them and hands them on; ends the conversation at the
 * first line that is none. Knows no job, no slot and no plan.
 */
#ifndef ADAPTER_SESSION_H
#define ADAPTER_SESSION_H

#include "adapter/adapter_codec.h"
#include "loop/connection.h"

struct session;

struct session_events {
    /* Borrowed for the call. The session may be dropped in it. */
    void (*on_message)(void *ctx, struct session *session,
                       const struct adapter_message *message);
    /*
     * The last call; the session is gone when it returns. `err`: NULL when
     * the other side ended it, else the breach of protocol or what failed.
     */
    void (*on_gone)(void *ctx, struct session *session, const struct err *err);
};

/* Takes the connection and starts it. Borrows `events` and `ctx`. */
struct session *session_new(struct connection *connection,
                            const struct session_events *events, void *ctx);

/* From now on somebody else listens: once it is known who has called. */
void session_give(struct session *session, const struct session_events *events,
                  void *ctx);

/* Sends whole lines. */
void session_send(struct session *session, struct slice lines);

/* Ends it at once, without a last call. NULL is allowed. */
void session_drop(struct session *session);

/* Lets what was sent go out, then ends it; on_gone comes with NULL. */
void session_close(struct session *session);

/* The process at the other end, as the kernel tells it; 0: unknown. */
int session_pid(const struct session *session);

#endif
