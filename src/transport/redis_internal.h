/*
 * What the files of the driver for Redis share, and nobody else sees:
 *
 *   redis_transport  connecting again and again; the table of functions
 *   redis_request    commands on the main connection, kept until answered
 *   redis_publish    exchanges, bindings and messages to them
 *   redis_take       consumers: a connection each, that waits for messages
 *   redis_consumer   their beginning and end
 *   redis_holding    what is taken and not acknowledged
 *   redis_mend       what dead takers, and we ourselves before, held
 *   redis_listen     subscriptions: one connection for all
 *   redis_queue      length, purge, delete, withdraw; facts of the server
 *
 * How a message is taken: BLMOVE (older servers: BRPOPLPUSH) moves it from its
 * queue to the list `QUEUE.taken.NAME`, in one step and without a moment in
 * which nobody has it; acknowledging removes it there. `QUEUE.takers` holds
 * who takes, with the time of the server at which each was last alive. Who
 * comes back, or is found dead by the others, has its list put back.
 */
#ifndef TRANSPORT_REDIS_INTERNAL_H
#define TRANSPORT_REDIS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/deadline.h"
#include "transport/driver.h"
#include "transport/redis_link.h"
#include "transport/redis_script.h"
#include "util/buf.h"
#include "util/list.h"
#include "util/map.h"

enum redis_state {
    STATE_DOWN = 1,  // waits for the next try
    STATE_LINKING,   // connects
    STATE_PREPARING, // loads the scripts
    STATE_UP,
    STATE_FAILED, // for ever
    STATE_CLOSED,
};

struct redis_transport {
    struct transport base;
    struct loop *loop;
    const struct transport_events *events;
    void *ctx;
    struct broker_urls urls;
    char *name;
    uint32_t silence_ms;
    uint32_t visibility_ms_wanted; // 0: what the URL says
    enum redis_state state;
    bool closing;  // transport_close was called
    bool settling; // redis_settle is on its way
    bool freed;    // the user is gone: call nothing of his any more
    bool legacy;   // a server without BLMOVE
    int at;        // the URL in use
    int tried;     // URLs since the last pause
    msec pause;
    uint64_t up_since_us;
    struct deadline retry;
    struct deadline renew;
    struct redis_link *link;
    size_t unloaded; // scripts whose loading was not answered yet
    struct redis_scripts scripts;

    struct list requests; // the sent ones first
    size_t publishes;     // among them
    size_t publish_bytes;

    struct list exchanges;
    struct list bindings;
    struct list queues;
    uint64_t random; // for the tags of messages that are published
    uint64_t published;

    struct list consumers;
    struct list holdings;
    struct map held; // by tag
    uint64_t next_tag;

    struct redis_link *ear;
    struct list listeners;
    bool dispatching; // within calls to them

    struct list laters;
    struct deadline last; // the end of transport_close
    transport_done_fn closed;
    void *closed_ctx;
};

static inline struct redis_transport *
redis_of(struct transport *transport)
{
    return (struct redis_transport *)transport;
}

static inline const struct broker_url *
redis_url(const struct redis_transport *redis)
{
    return &redis->urls.items[redis->at];
}

/* The prefix of all keys. */
static inline const char *
redis_prefix(const struct redis_transport *redis)
{
    return redis_url(redis)->prefix;
}

uint32_t redis_visibility_ms(const struct redis_transport *redis);

/* The connection does not work: it is made anew. */
void redis_lost(struct redis_transport *redis, const struct err *err);
/* It will never work. */
void redis_failed(struct redis_transport *redis, const struct err *err);
/* The same by what an error reply means; false: only the command failed. */
bool redis_take_trouble(struct redis_transport *redis, const redisReply *reply,
                        struct err *err);
void redis_note(struct redis_transport *redis, const char *text,
                const char *hint);
/* Something that transport_close may wait for has ended. */
void redis_settle(struct redis_transport *redis);

void redis_laters_free(struct redis_transport *redis);
/* A call to the user from the loop, not from inside of his. */
void redis_later_done(struct redis_transport *redis, transport_done_fn done,
                      void *ctx, const struct err *err);
void redis_later_count(struct redis_transport *redis, transport_count_fn done,
                       void *ctx, const struct err *err);

/*
 * redis_request. Exactly one of reply and err is there; neither: the
 * transport is being freed, free what `ctx` is.
 */
typedef void (*redis_request_fn)(void *ctx, const redisReply *reply,
                                 const struct err *err);
enum redis_keep {
    REDIS_ONCE, // goes with the connection
    REDIS_KEEP, // is sent again on the next one
};
/* Takes the bytes of `command`. fn may be NULL. */
void redis_request(struct redis_transport *redis, struct buf *command,
                   enum redis_keep keep, redis_request_fn fn, void *ctx);
/* As redis_request with REDIS_KEEP, counted as a publish. */
void redis_request_publish(struct redis_transport *redis, struct buf *command,
                           enum redis_keep keep, redis_request_fn fn,
                           void *ctx);
void redis_requests_send(struct redis_transport *redis);   // now that it is up
void redis_requests_unsend(struct redis_transport *redis); // now that it is not
void redis_requests_refuse(struct redis_transport *redis,  // and never will be
                           const struct err *err);
void redis_requests_free(struct redis_transport *redis);

/* Completions of requests for the user's callbacks. */
struct redis_call;
struct redis_call *redis_call_done(struct redis_transport *redis,
                                   transport_done_fn done, void *ctx);
struct redis_call *redis_call_count(struct redis_transport *redis,
                                    transport_count_fn done, void *ctx);
void redis_call_reply(void *call, const redisReply *reply,
                      const struct err *err); // a redis_request_fn
void redis_call_end(struct redis_call *call, uint64_t count,
                    const struct err *err);

/* Names of keys, added to a command as one part. */
void redis_add_list(struct redis_transport *redis, struct buf *command,
                    const char *queue, int step);
void redis_add_lists(struct redis_transport *redis, struct buf *command,
                     const char *queue);
/* The prefix, `front`, `name` and `back`. */
void redis_add_key(struct redis_transport *redis, struct buf *command,
                   const char *front, const char *name, const char *back);
void redis_add_taken(struct redis_transport *redis, struct buf *command,
                     const char *queue, const char *name);

/* redis_publish */
void redis_declare_exchange(struct transport *transport,
                            const struct exchange_params *params,
                            transport_done_fn done, void *ctx);
void redis_declare_queue(struct transport *transport,
                         const struct queue_params *params,
                         transport_done_fn done, void *ctx);
void redis_bind(struct transport *transport, const char *queue,
                const char *exchange, const char *key, transport_done_fn done,
                void *ctx);
void redis_publish(struct transport *transport, const struct publish *publish,
                   transport_done_fn done, void *ctx);
void redis_delete_exchange(struct transport *transport, const char *name,
                           transport_done_fn done, void *ctx);
void redis_exchange_note(struct redis_transport *redis, const char *name,
                         enum exchange_kind kind);
void redis_bindings_send(struct redis_transport *redis); // again
void redis_queues_renew(struct redis_transport *redis);
void
redis_queues_leave(struct redis_transport *redis); // deletes exclusive ones
void redis_publish_free(struct redis_transport *redis);
/* Removes its bindings, and forgets that it was declared. */
void redis_forget_queue(struct redis_transport *redis, const char *name);
struct redis_queue {
    struct list_link link;
    char *name;
    bool exclusive;
    bool auto_delete;
    uint32_t expires_ms;
};
struct redis_queue *redis_find_queue(const struct redis_transport *redis,
                                     const char *name);

/* redis_holding */
struct redis_consumer;
struct redis_holding {
    struct list_link link;
    struct redis_transport *redis;
    char *queue;
    struct list held;
    int consumers;
    bool dirty; // its list may hold what nobody here knows of
    bool mending;
};
struct redis_held {
    struct list_link link;
    struct redis_holding *holding;
    struct redis_consumer *consumer; // NULL: stopped since
    uint64_t tag;
    struct slice text; // behind the struct
};
struct redis_holding *redis_hold(struct redis_transport *redis,
                                 const char *queue);
void redis_unhold(struct redis_holding *holding); // a consumer less
/* Keeps a message that was taken, under a tag of its own. */
struct redis_held *redis_held_add(struct redis_holding *holding,
                                  struct redis_consumer *consumer,
                                  struct slice text);
void redis_ack(struct transport *transport, uint64_t tag);
void redis_requeue(struct transport *transport, uint64_t tag);
void redis_requeue_all(struct redis_transport *redis);
/* Puts a message back that nobody has seen, or removes one that cannot be
 * used. */
void redis_put_back(struct redis_holding *holding, struct slice text);
void redis_drop_taken(struct redis_holding *holding, struct slice text);
/* Once nobody takes from it here, and nothing of it is left. */
void redis_holding_settle(struct redis_holding *holding);

/* What goes from a taker's list to the queue, as it is and as it will be. */
struct redis_move {
    const char *queue;
    const char *name;
    enum redis_keep keep;
    struct slice text;
    struct slice again;
    int priority;
};

void redis_move_send(struct redis_transport *redis,
                     const struct redis_move *move, redis_request_fn fn,
                     void *ctx);
/* The same, marked as delivered again; fills in `again` and `priority`. */
void redis_move_marked(struct redis_transport *redis, struct redis_move *move,
                       redis_request_fn fn, void *ctx);

void redis_leave_takers(struct redis_transport *redis, const char *queue,
                        const char *name, enum redis_keep keep);
size_t redis_held_count(const struct redis_holding *holding);
void redis_holdings_down(struct redis_transport *redis);
void redis_holdings_free(struct redis_transport *redis);

/* redis_mend */
/* Puts back what is in its list and not held; then its consumers go on. */
void redis_mend(struct redis_holding *holding);
void redis_holdings_renew(struct redis_transport *redis);
void redis_holdings_up(struct redis_transport *redis);
void redis_reclaim(struct transport *transport, const char *queue,
                   const char *name, transport_count_fn done, void *ctx);

/* What both kinds of consumer begin with. */
struct redis_any {
    struct consumer base;
    bool listener;
};

/* redis_consumer and redis_take */
bool redis_has_stopped(const struct redis_consumer *consumer);
struct consumer *redis_take(struct transport *transport,
                            const struct consume_params *params);
void redis_take_prefetch(struct consumer *base, uint32_t prefetch);
void redis_take_stop(struct consumer *base, transport_done_fn done, void *ctx);
void redis_consumer_lost(struct redis_consumer *consumer); // one out less
void redis_consumers_up(struct redis_transport *redis);
void redis_consumers_down(struct redis_transport *redis);
void redis_consumers_failed(struct redis_transport *redis,
                            const struct err *err);
void redis_consumers_stop(struct redis_transport *redis);
void redis_consumers_free(struct redis_transport *redis);
void redis_consumers_pump(struct redis_holding *holding);
bool redis_takes_from(const struct redis_transport *redis, const char *queue);

/* redis_listen */
struct consumer *redis_subscribe(struct transport *transport,
                                 const struct subscribe_params *params);
bool redis_is_listener(const struct consumer *consumer);
void redis_listen_stop(struct consumer *consumer, transport_done_fn done,
                       void *ctx);
void redis_listen_up(struct redis_transport *redis);
void redis_listen_down(struct redis_transport *redis);
void redis_listen_free(struct redis_transport *redis);
/* The channel of an exchange; `key` may be "". */
void redis_add_channel(struct redis_transport *redis, struct buf *buf,
                       const char *exchange, const char *key);

/* redis_queue */
void redis_length(struct transport *transport, const char *queue,
                  transport_count_fn done, void *ctx);
void redis_purge(struct transport *transport, const char *queue,
                 transport_count_fn done, void *ctx);
void redis_delete_queue(struct transport *transport, const char *queue,
                        bool if_unused, transport_count_fn done, void *ctx);
/* Whoever uses it. */
void redis_delete_now(struct redis_transport *redis, const char *queue,
                      transport_count_fn done, void *ctx);
void redis_withdraw(struct transport *transport, const char *queue,
                    const char *header, const char *value,
                    transport_count_fn done, void *ctx);
void redis_ask_facts(struct transport *transport,
                     void (*fn)(void *ctx, const struct transport_facts *facts,
                                const struct err *err),
                     void *ctx);

#endif
