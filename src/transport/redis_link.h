/*
 * One connection to a Redis server as commands and replies: logs in, selects
 * the database, gives itself a name, matches replies to commands, and notices
 * when nobody answers any more. Connects once; whoever owns it opens the next.
 */
#ifndef TRANSPORT_REDIS_LINK_H
#define TRANSPORT_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "transport/broker_url.h"
#include "transport/kombu_codec.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

/* The longest reply; more ends the connection. */
#define REDIS_REPLY_MAX (KOMBU_ENVELOPE_MAX + (16UL << 20))

struct redis_link;

struct redis_link_events {
    /* Logged in. */
    void (*on_ready)(void *ctx);
    /* A reply that belongs to no command: what was subscribed to. May be
     * NULL where there is none. */
    void (*on_push)(void *ctx, const redisReply *reply);
    /* The last call; commands without a reply get none. `never`: trying again
     * will not help. */
    void (*on_closed)(void *ctx, const struct err *err, bool never);
};

struct redis_link_params {
    struct loop *loop;
    const struct broker_url *url; // borrowed
    const char *name;             // for the server's list of clients; borrowed
    uint32_t silence_ms;          // nothing heard for so long: it is dead
    bool pushes;                  // replies after the login go to on_push
    const struct redis_link_events *events;
    void *ctx;
};

/* No event comes from inside of any call here. */
struct redis_link *redis_link_open(const struct redis_link_params *params);

/* Closes at once; neither events nor replies follow. NULL is allowed. */
void redis_link_close(struct redis_link *link);

/* Borrowed for the call. Error replies come, too. */
typedef void (*redis_reply_fn)(void *ctx, const redisReply *reply);

/* A whole command, see redis_command_begin; copied. fn may be NULL, and is on
 * a link that pushes. Only once it is ready. */
void redis_link_send(struct redis_link *link, struct slice command,
                     redis_reply_fn fn, void *ctx);

/* How the server calls this connection; 0: it does not say. */
uint64_t redis_link_id(const struct redis_link *link);

bool redis_link_is_ready(const struct redis_link *link);

/* Commands as they are sent: begin, and as many parts as were announced. */
void redis_command_begin(struct buf *buf, size_t parts);
void redis_command_add(struct buf *buf, struct slice part);
void redis_command_add_text(struct buf *buf, const char *part);
void redis_command_add_int(struct buf *buf, int64_t number);

/* What is said by a reply. Empty, and 0, for any other kind of reply. */
struct slice redis_reply_text(const redisReply *reply);
int64_t redis_reply_int(const redisReply *reply);
bool redis_reply_is_error(const redisReply *reply);

#endif
