/*
 * What the files of the broker inside this process share, and nobody else sees:
 *
 *     inproc            brokers by name, and what is scripted for them
 *     inproc_transport  the table of functions, and what they ask for
 *     inproc_client     a connection, and what it does in each of its turns
 *     inproc_op         one thing that was asked
 *     inproc_use        consumers
 *     inproc_delivery   what consumers are told, and what is held for it
 *
 * What is asked is done in a later turn of the loop, in the order of asking,
 * but for publishes, which wait while the broker is in alarm. Acknowledging and
 * stopping act at once. inproc_broker, below all of them, knows no connection.
 */
#ifndef TRANSPORT_INPROC_INTERNAL_H
#define TRANSPORT_INPROC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/deadline.h"
#include "transport/driver.h"
#include "transport/inproc.h"
#include "transport/inproc_broker.h"
#include "util/array.h"
#include "util/list.h"

struct inproc {
    struct list_link link; // in `brokers`
    char *name;
    int holds;
    struct list clients;
    struct inproc_broker broker;
    inproc_fate_fn fate;
    void *fate_ctx;
    struct list kept; // struct stored that INPROC_DELAY held back
    size_t kept_count;
    bool alarm;
};

struct inproc_client {
    struct transport base;
    struct list_link link; // in its broker's clients
    struct inproc *inproc;
    struct loop *loop;
    const struct transport_events *events;
    void *ctx;
    char *name;
    char *address;
    bool up;
    bool away; // may not connect
    bool lost; // on_down is to be told
    bool posted;
    bool closing;
    bool closed;
    bool dead;          // freed, but for a call that is still on the way back
    int depth;          // of such calls
    struct list ops;    // struct inproc_op, in their order
    struct list silent; // published, and the confirmation was lost
    size_t pending;     // publishes
    uint64_t pending_bytes;
    struct list consumers;
    struct list topology; // struct inproc_op: what is declared again
    ARRAY(struct inproc_held) held;
    uint64_t next_tag;
    struct deadline limit; // of closing
    transport_done_fn on_closed;
    void *closed_ctx;
};

/* A delivery that waits to be acknowledged. */
struct inproc_held {
    uint64_t tag;
    struct stored *stored;
    struct inproc_use *use; // NULL: its consumer was stopped
    char *queue;
};

/* A consumer. */
struct inproc_use {
    struct consumer base;
    struct taker taker;
    struct list_link link;
    struct inproc_client *client;
    char *queue;
    struct list arrived; // struct stored: given, and not yet told
    transport_delivery_fn on_delivery;
    transport_done_fn on_ended;
    void *ctx;
    bool ended;                     // on_ended is to be told
    bool told;                      // it was, or on_subscribed
    bool attached;                  // at least once
    struct inproc_op *subscription; // its declarations; NULL: it takes
    transport_done_fn on_subscribed;
};

enum inproc_op_kind {
    INPROC_OP_EXCHANGE,
    INPROC_OP_QUEUE,
    INPROC_OP_BIND,
    INPROC_OP_PUBLISH,
    INPROC_OP_ATTACH,
    INPROC_OP_STOP,
    INPROC_OP_LENGTH,
    INPROC_OP_PURGE,
    INPROC_OP_DELETE,
    INPROC_OP_DELETE_EXCHANGE,
    INPROC_OP_NOTHING,
    INPROC_OP_FACTS
};

/* Something asked, to be done in its turn. */
struct inproc_op {
    struct list_link link;
    enum inproc_op_kind kind;
    struct exchange_params exchange;
    struct queue_params queue;
    char *name; // of the queue or exchange
    char *other;
    char *key;
    bool flag; // if_unused, mandatory
    struct stored *stored;
    struct inproc_use *use;
    transport_done_fn done;
    transport_count_fn counted;
    void (*facts)(void *ctx, const struct transport_facts *facts,
                  const struct err *err);
    void *ctx;
};

/* inproc: frees what is in a list of struct stored. */
void inproc_free_messages(struct list *messages);

/* inproc_client: a connection of params->open. Takes the URLs; the table of
 * functions is for the caller to set. */
struct inproc_client *inproc_client_new(const struct driver_params *params);
void inproc_close(struct transport *transport, uint32_t ms,
                  transport_done_fn done, void *ctx);
/* Within a call from the loop, only the memory stays until its end. */
void inproc_free(struct transport *transport);
/* Has a turn later, as there is something to do. */
void inproc_wake(struct inproc_client *client);
/* Takes `op`, to be done in its turn. */
void inproc_ask(struct inproc_client *client, struct inproc_op *op);
/* Leaves the broker; nobody is told. */
void inproc_disconnect(struct inproc_client *client);

/* inproc_op. `done` may be NULL; add what the kind needs, then inproc_ask. */
struct inproc_op *inproc_op_new(enum inproc_op_kind kind,
                                transport_done_fn done, void *ctx);
/* Does not take it out of its list. NULL is allowed. */
void inproc_op_free(struct inproc_op *op);
/* All of a list, which is empty then. */
void inproc_ops_free(struct list *ops);
/* Who asked is not told. A publish whose confirmation is to be lost becomes
 * INPROC_OP_NOTHING. */
bool inproc_op_do(struct inproc_client *client, struct inproc_op *op,
                  uint64_t *count, struct err *err);
/* Tells who asked; frees the op. No error may be NULL or a clean one. */
void inproc_op_answer(struct inproc_op *op, uint64_t count,
                      const struct err *err);

/* inproc_use */
struct consumer *inproc_take(struct transport *transport,
                             const struct consume_params *params);
struct consumer *inproc_subscribe(struct transport *transport,
                                  const struct subscribe_params *params);
void inproc_prefetch(struct consumer *consumer, uint32_t prefetch);
/* Frees the consumer; what is held of it may still be acknowledged. */
void inproc_stop(struct consumer *consumer, transport_done_fn done, void *ctx);
/* From here on its queue gives to it; declares first what it subscribes to. */
bool inproc_use_attach(struct inproc_client *client, struct inproc_use *use,
                       struct err *err);
/* Attaching came to its end; NULL: well. Its owner may stop it in the call. */
void inproc_use_tell_attached(struct inproc_use *use, const struct err *err);
/* Of all of a client: connected again; what was attached is so again. */
void inproc_uses_up(struct inproc_client *client);
/* ... not connected any more: what they were not told of goes back. */
void inproc_uses_down(struct inproc_client *client);
/* Tells one owner that its queue is gone; false: there is none to be told. */
bool inproc_uses_tell_end(struct inproc_client *client);
void inproc_uses_free(struct inproc_client *client);

/* inproc_delivery. A tag that is not held (any more) is no error. */
void inproc_ack(struct transport *transport, uint64_t tag);
void inproc_requeue(struct transport *transport, uint64_t tag);
/* One delivery, of the consumers in turn; false: there is none. */
bool inproc_deliver_one(struct inproc_client *client);
/* All that is held goes back, the last one first. */
void inproc_give_back_held(struct inproc_client *client);

#endif
