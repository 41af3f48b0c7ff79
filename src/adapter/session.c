#include "adapter/session.h"

#include "util/alloc.h"
#include "util/log.h"

#include <stdlib.h>

struct session {
    struct connection *connection; // NULL: gone
    const struct session_events *events;
    void *ctx;
    struct adapter_message message;
    bool calling; // inside on_message: freed when that returns
    bool dropped;
};

static void
session_free(struct session *session)
{
    adapter_message_release(&session->message);
    free(session);
}

/* Says goodbye with `err`, NULL for an ordinary end. */
static void
session_end(struct session *session, const struct err *err)
{
    connection_drop(session->connection);
    session->connection = NULL;
    if (!session->dropped) {
        session->dropped = true;
        session->events->on_gone(session->ctx, session, err);
    }
    if (!session->calling) {
        session_free(session);
    }
}

static void
on_line(void *ctx, struct slice line)
{
    struct session *session = ctx;
    struct err err = {0};
    log_debug("session %p: %.*s", (void *)session,
              (int)(line.len < 400 ? line.len : 400), line.data);
    if (!adapter_message_decode(&session->message, line, &err)) {
        session_end(session, &err);
        return;
    }
    if (session->message.kind == ADAPTER_OTHER) {
        return;
    }
    session->calling = true;
    session->events->on_message(session->ctx, session, &session->message);
    session->calling = false;
    if (session->dropped) {
        session_free(session);
    }
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct session *session = ctx;
    session->connection = NULL;
    session_end(session, err);
}

struct session *
session_new(struct connection *connection, const struct session_events *events,
            void *ctx)
{
    static const struct connection_events connection_events = {
        .on_line = on_line,
        .on_closed = on_closed,
    };
    struct session *session = ALLOC(struct session);
    session->connection = connection;
    session->events = events;
    session->ctx = ctx;
    connection_start(connection, &connection_events, session);
    return session;
}

void
session_give(struct session *session, const struct session_events *events,
             void *ctx)
{
    session->events = events;
    session->ctx = ctx;
}

void
session_send(struct session *session, struct slice lines)
{
    if (session->connection != NULL) {
        connection_send(session->connection, lines.data, lines.len);
    }
}

void
session_drop(struct session *session)
{
    if (session == NULL || session->dropped) {
        return;
    }
    session->dropped = true;
    session_end(session, NULL);
}

void
session_close(struct session *session)
{
    if (session->connection != NULL) {
        connection_close(session->connection);
    }
}

int
session_pid(const struct session *session)
{
    return session->connection != NULL
               ? (int)connection_peer_pid(session->connection)
               : 0;
}
