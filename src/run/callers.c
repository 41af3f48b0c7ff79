#include "run/callers.h"

#include "util/alloc.h"
#include "util/log.h"

#include <stdlib.h>

struct caller {
    struct callers *callers;
    struct session *session;
};

static void
forget(struct caller *caller)
{
    struct callers *callers = caller->callers;
    for (size_t i = 0; i < callers->waiting.count; i++) {
        if (callers->waiting.items[i] == caller) {
            ARRAY_REMOVE(&callers->waiting, i);
            break;
        }
    }
    free(caller);
}

static void
on_message(void *ctx, struct session *session,
           const struct adapter_message *message)
{
    struct caller *caller = ctx;
    struct callers *callers = caller->callers;
    forget(caller);
    if (message->kind == ADAPTER_HELLO) {
        callers->events->on_greeting(callers->ctx, session, &message->hello);
    } else {
        log_warn("callers: %s before a greeting",
                 adapter_kind_name(message->kind));
        session_drop(session);
    }
}

static void
on_gone(void *ctx, struct session *session, const struct err *err)
{
    struct caller *caller = ctx;
    struct callers *callers = caller->callers;
    (void)session;
    forget(caller);
    if (err != NULL) {
        callers->events->on_stranger(callers->ctx, err->text);
    }
}

void
callers_init(struct callers *callers, const struct callers_events *events,
             void *ctx)
{
    *callers = (struct callers){.events = events, .ctx = ctx};
}

void
callers_release(struct callers *callers)
{
    for (size_t i = 0; i < callers->waiting.count; i++) {
        struct caller *caller = callers->waiting.items[i];
        session_give(caller->session, NULL, NULL);
        session_drop(caller->session);
        free(caller);
    }
    ARRAY_RELEASE(&callers->waiting);
}

void
callers_add(struct callers *callers, struct connection *connection)
{
    static const struct session_events events = {
        .on_message = on_message,
        .on_gone = on_gone,
    };
    if (callers->waiting.count >= CALLERS_MAX) {
        connection_drop(connection);
        return;
    }
    struct caller *caller = ALLOC(struct caller);
    caller->callers = callers;
    ARRAY_ADD(&callers->waiting, caller);
    caller->session = session_new(connection, &events, caller);
}
