/*
 * A broker inside this process, for tests: every inproc://NAME transport of
 * the same name (and of one loop) shares it. Time stands still there: queues
 * and messages do not expire. What can go wrong with a real one is scripted
 * here.
 *
 *     struct inproc *broker = inproc_hold("name");    // before or after opening
 *     inproc_script(broker, choose, &story);
 *     inproc_cut(broker, "client");
 *     inproc_release(broker);
 */
#ifndef TRANSPORT_INPROC_H
#define TRANSPORT_INPROC_H

#include <stdbool.h>
#include <stddef.h>

#include "transport/transport.h"

struct inproc;

/* The broker of that name, made if need be; it lives at least until it is
 * released as often. */
struct inproc *inproc_hold(const char *name);
void inproc_release(struct inproc *broker);

/* What becomes of a publish. All but REFUSE and SILENT are confirmed. */
enum inproc_fate {
    INPROC_PASS,
    INPROC_DROP,      // confirmed and lost
    INPROC_DUPLICATE, // comes twice
    INPROC_DELAY,     // kept until inproc_let
    INPROC_REFUSE,    // an error, ERR_LIMIT
    INPROC_SILENT     // arrives, and the confirmation is lost
};
/* Asked once for each publish. `client` is the name of its transport. */
typedef enum inproc_fate (*inproc_fate_fn)(void *ctx, const char *client,
                                           const struct publish *publish);
/* NULL: everything passes again. */
void inproc_script(struct inproc *broker, inproc_fate_fn fate, void *ctx);

/* How many are kept; lets them go, in their order or the other way round. */
size_t inproc_kept(const struct inproc *broker);
enum inproc_order {
    INPROC_IN_ORDER,
    INPROC_REVERSED
};
void inproc_let(struct inproc *broker, enum inproc_order order);

/*
 * The connections of the client of that name (NULL: of all) are lost. `away`:
 * it cannot connect again until inproc_back; else it does at once.
 */
void inproc_cut(struct inproc *broker, const char *client, bool away);
void inproc_back(struct inproc *broker, const char *client);

/* In alarm, publishes are neither taken nor refused. */
void inproc_alarm(struct inproc *broker, bool alarm);

/* What is there: queues, exchanges; messages of a queue, -1: no such queue. */
size_t inproc_queue_count(const struct inproc *broker);
size_t inproc_exchange_count(const struct inproc *broker);
long inproc_length(const struct inproc *broker, const char *queue);

#endif
