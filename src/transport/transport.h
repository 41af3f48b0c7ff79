/*
 * A message broker as exchanges, queues and acknowledgements: AMQP 0-9-1,
 * Redis in the layout of kombu, or one inside this process for tests. Knows
 * bytes and routes; has never heard of tasks.
 *
 * Everything is asynchronous and comes back from the loop; nothing blocks it,
 * name resolution and a broker that takes no more included. A transport that
 * loses its connection looks for the next one by itself, with a growing pause
 * and through all its URLs: it declares, binds, takes and subscribes again
 * what was declared, and publishes again what was not confirmed, so that a
 * message may come twice but is not lost here. Tags of before are then stale:
 * acknowledging one does nothing, and the broker delivers the message anew.
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "util/err.h"
#include "util/slice.h"

/* The longest body that is sent, and that is taken (a longer one is dropped
 * with a note). */
#define TRANSPORT_BODY_MAX (64u << 20)
/* What may wait to be confirmed: publishes and bytes. More is an ERR_LIMIT
 * in `done`. */
#define TRANSPORT_PENDING_MAX 65536
#define TRANSPORT_PENDING_BYTES_MAX (256u << 20)

/* One message. All borrowed for the call. Zeroed members are left out. */
struct message {
    struct slice body;
    struct slice content_type;     // "application/json"
    struct slice content_encoding; // "utf-8", "binary"
    const json_t *headers;         // an object, or NULL
    struct slice correlation_id;
    struct slice reply_to;
    struct slice expiration; // milliseconds in decimal
    int priority;            // 0 where the broker names none
    bool persistent;         // survives a restart of the broker
};

/* A message that came. All borrowed for the call. */
struct delivery {
    uint64_t tag; // for ack, requeue, reject; 0: needs none
    struct slice queue;
    struct slice exchange; // "": the default one
    struct slice routing_key;
    bool redelivered; // somebody may have taken it before
    struct message message;
};

enum exchange_kind {
    EXCHANGE_DIRECT,
    EXCHANGE_FANOUT,
    EXCHANGE_TOPIC
};

/* As AMQP has it; Redis needs names, kind and binding only. */
struct exchange_params {
    const char *name;
    enum exchange_kind kind;
    bool durable;
    bool auto_delete;
};

struct queue_params {
    const char *name;
    bool durable;
    bool exclusive;   // goes with the connection
    bool auto_delete; // goes with its last consumer
    /*
     * Take it as it is when it exists, whatever its arguments are; else it is
     * made as said here.
     */
    bool passive_first;
    uint32_t expires_ms;     // unused for so long it goes; 0: never
    uint32_t message_ttl_ms; // 0: for ever
};

/* What a declared queue or exchange was, a length, ... `err`: NULL = done. */
typedef void (*transport_done_fn)(void *ctx, const struct err *err);
typedef void (*transport_count_fn)(void *ctx, uint64_t count,
                                   const struct err *err);
typedef void (*transport_delivery_fn)(void *ctx,
                                      const struct delivery *delivery);

struct transport_events {
    /* Connected, for the first time or again. */
    void (*on_up)(void *ctx);
    /* The connection was lost, or could not be made; it is tried again. */
    void (*on_down)(void *ctx, const struct err *err);
    /*
     * It will never work: wrong password, no such vhost, a certificate that
     * is not trusted, a URL nobody knows. Nothing is tried again.
     */
    void (*on_failed)(void *ctx, const struct err *err);
    /* Worth telling: a message too long, a broker in memory alarm (and out
     * of it), a redelivered message without its queue. Never a password. */
    void (*on_note)(void *ctx, const char *text, const char *hint);
};

struct transport_params {
    struct loop *loop;
    const char *urls;       // several separated by `;`; copied
    const char *name;       // who this is, for the broker's operators; copied
    uint32_t heartbeat_ms;  // 0: the default, 60 s; tests use less
    uint32_t visibility_ms; // Redis: 0: what the URL says, or 1 h
    const struct transport_events *events; // borrowed, static
    void *ctx;
};

struct transport;

/*
 * Begins to connect. NULL with err (ERR_CONFIG) for URLs that cannot be used;
 * the error shows them without passwords. What is asked before on_up waits
 * for it.
 */
struct transport *transport_open(const struct transport_params *params,
                                 struct err *err);

/*
 * Sends what waits, for `ms` at most, then closes; `done` comes once, after
 * which only transport_free may be called. What was taken and not
 * acknowledged goes back to its queue.
 */
void transport_close(struct transport *transport, uint32_t ms,
                     transport_done_fn done, void *ctx);
/* Also without transport_close: then at once and silently. NULL is allowed. */
void transport_free(struct transport *transport);

bool transport_is_up(const struct transport *transport);

/* What is connected to, for people: "amqp://guest@host:5672//". Borrowed. */
const char *transport_address(const struct transport *transport);

/* What the broker says of itself, once up: product, version, and so on. */
struct transport_facts {
    const char *kind;    // "amqp", "redis", "inproc"
    const char *product; // "RabbitMQ", "Redis"
    const char *version;
    const char *policy;  // Redis: maxmemory-policy; "" not known
    uint64_t memory_max; // Redis: bytes; 0: no bound
    int64_t skew_ms;     // its clock minus ours; INT64_MIN: not known
    bool tls;
};
void transport_ask_facts(struct transport *transport,
                         void (*fn)(void *ctx,
                                    const struct transport_facts *facts,
                                    const struct err *err),
                         void *ctx);

/* Remembered, and declared again after each reconnect. Any done may be NULL. */
void transport_declare_exchange(struct transport *transport,
                                const struct exchange_params *params,
                                transport_done_fn done, void *ctx);
/* ERR_CONFIG: it exists with other arguments. */
void transport_declare_queue(struct transport *transport,
                             const struct queue_params *params,
                             transport_done_fn done, void *ctx);
void transport_bind(struct transport *transport, const char *queue,
                    const char *exchange, const char *key,
                    transport_done_fn done, void *ctx);

/* Copies all it needs of the message. */
struct publish {
    const char *exchange; // "": the default one, key = queue
    const char *key;
    const struct message *message;
    /* An error when no queue takes it (ERR_SYSTEM). Redis: default exchange
     * only, where every list takes it. */
    bool mandatory;
};
/*
 * `done`: the broker has it (confirmed), or refused it; NULL for what may be
 * lost. Publishes of one transport arrive in their order.
 */
void transport_publish(struct transport *transport,
                       const struct publish *publish, transport_done_fn done,
                       void *ctx);

/*
 * Takes messages from a queue that was declared. At most `prefetch` are out
 * and not acknowledged (0: no bound). Several consumers of one transport are
 * served in turn. Each is stopped with consumer_stop.
 */
struct consume_params {
    const char *queue;
    uint32_t prefetch;
    bool no_ack; // taken is done
    transport_delivery_fn on_delivery;
    /* The queue is gone, or the broker refuses: no more comes. May be NULL. */
    transport_done_fn on_ended;
    void *ctx;
};
struct consumer;
struct consumer *transport_take(struct transport *transport,
                                const struct consume_params *params);
void consumer_prefetch(struct consumer *consumer, uint32_t prefetch);
/*
 * No delivery after this call. What was delivered may still be acknowledged;
 * what was on its way goes back. `done` comes once the broker knows. Frees it.
 */
void consumer_stop(struct consumer *consumer, transport_done_fn done,
                   void *ctx);

/* Each delivery needs one of these, once. Stale tags are ignored. */
void transport_ack(struct transport *transport, uint64_t tag);
void transport_requeue(struct transport *transport, uint64_t tag);
void transport_reject(struct transport *transport, uint64_t tag); // dropped

/*
 * Hears what is published to an exchange from now on; what is published while
 * not connected is not heard. AMQP: through a queue of its own, `queue`, made
 * as its params say; Redis: PSUBSCRIBE. Stopped with consumer_stop.
 */
struct subscribe_params {
    struct exchange_params exchange;
    const char *key; // "", "worker.#", "#"
    struct queue_params queue;
    transport_delivery_fn on_delivery;
    transport_done_fn on_subscribed; // from here on it hears; may be NULL
    void *ctx;
};
struct consumer *transport_subscribe(struct transport *transport,
                                     const struct subscribe_params *params);

/* Messages that wait in a queue; ERR_CONFIG: there is no such queue (AMQP). */
void transport_length(struct transport *transport, const char *queue,
                      transport_count_fn done, void *ctx);
/* Drops what waits; gives how much that was. */
void transport_purge(struct transport *transport, const char *queue,
                     transport_count_fn done, void *ctx);
/*
 * Deletes a queue, its binding and what is kept for it, those messages too
 * that dead takers held (Redis: entries of `unacked`, lists of takers).
 * `if_unused`: ERR_LIMIT when somebody takes from it (AMQP knows that).
 * No longer declared after a reconnect.
 */
void transport_delete(struct transport *transport, const char *queue,
                      bool if_unused, transport_count_fn done, void *ctx);
/* No longer declared after a reconnect; it stays as it is until then. */
void transport_forget_queue(struct transport *transport, const char *queue);
/* AMQP: unless something is bound to it. Redis: its binding set. */
void transport_delete_exchange(struct transport *transport, const char *name,
                               transport_done_fn done, void *ctx);
/*
 * Removes messages from a queue whose header `header` has the text `value`:
 * Redis only, waiting ones and those that dead takers held; elsewhere 0.
 */
void transport_withdraw(struct transport *transport, const char *queue,
                        const char *header, const char *value,
                        transport_count_fn done, void *ctx);
/*
 * A taker is dead: what it held of this queue goes back, redelivered. Where
 * the broker does that by itself (AMQP), 0. `name`: that of its transport.
 */
void transport_reclaim(struct transport *transport, const char *queue,
                       const char *name, transport_count_fn done, void *ctx);

#endif
