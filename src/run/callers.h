/*
 * Who has connected to the socket of a run and not said yet who it is. Hands
 * on those that greet; drops all others.
 */
#ifndef RUN_CALLERS_H
#define RUN_CALLERS_H

#include "adapter/session.h"
#include "util/array.h"

// More than any machine has slots for at once.
#define CALLERS_MAX 256

struct callers_events {
    /* Somebody greeted: the session is now the listener's to give or drop. */
    void (*on_greeting)(void *ctx, struct session *session,
                        const struct adapter_hello *hello);
    /* Somebody said what no adapter says. */
    void (*on_stranger)(void *ctx, const char *what);
};

struct caller;
struct callers {
    const struct callers_events *events;
    void *ctx;
    ARRAY(struct caller *) waiting;
};

/* Borrows `events` and `ctx`. Must not move afterwards. */
void callers_init(struct callers *callers, const struct callers_events *events,
                  void *ctx);
/* Hangs up on those that wait. Zeroed memory is allowed. */
void callers_release(struct callers *callers);

/* Takes the connection; where too many wait already it is dropped. */
void callers_add(struct callers *callers, struct connection *connection);

#endif
