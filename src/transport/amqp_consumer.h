/*
 * What the files of a consumer share: amqp_consumer (its life), amqp_consuming
 * (what the server says on its channel), amqp_delivery (messages) and
 * amqp_subscription. Only a consumer that was stopped is freed, and only once
 * its channel is closed.
 */
#ifndef TRANSPORT_AMQP_CONSUMER_H
#define TRANSPORT_AMQP_CONSUMER_H

#include "transport/amqp_inbox.h"
#include "transport/amqp_internal.h"

#define NAME_SIZE 32

enum stage {
    STAGE_RESTING = 1, // not connected, or its turn has not come
    STAGE_TAKING,
    STAGE_CANCELLING, // stopped; the server will say so
    STAGE_DRAINING,   // stopped; something is not acknowledged yet
    STAGE_ENDED,      // the server ended it
};

/* A message that came too early after the prefetch was lowered. */
struct held {
    struct list_link link;
    uint64_t number;
    bool redelivered;
    struct amqp_inbox inbox; // holds it
};

struct subscription {
    struct exchange_params exchange;
    struct queue_params queue;
    char *exchange_name;
    char *key;
    transport_done_fn on_subscribed; // NULL once it was called
    struct err err;                  // of the declarations
    int tries;
    struct deadline again;
};

struct amqp_consumer {
    struct consumer base;
    struct list_link link;
    struct amqp *amqp;
    char *queue;
    uint32_t prefetch;
    bool no_ack;
    transport_delivery_fn on_delivery;
    transport_done_fn on_ended;
    void *ctx;
    struct subscription *subscription; // NULL: of transport_take
    enum stage stage;
    bool queued;    // its turn comes among the ops
    struct err why; // it ended
    bool stopped;
    transport_done_fn on_stopped;
    void *stop_ctx;
    uint16_t channel;    // 0: none
    uint16_t generation; // of the channel
    bool closing;        // it, as asked by us
    unsigned round;      // of basic.consume on it
    unsigned known;      // the last round that the server has answered
    uint32_t limit;      // what the server was told last
    bool shared;         // the limit is that of the channel
    bool trying;         // ... which the server has not taken yet
    bool never_shared;   // ... and will not
    ARRAY(uint64_t) unanswered;
    struct list held;
    bool serving; // serve_held was posted
    struct amqp_inbox inbox;
};

/* The server's name of it; `round` counts basic.consume on one channel. */
amqp_bytes_t consumer_name(const struct amqp_consumer *consumer, unsigned round,
                           char name[static NAME_SIZE]);
/* In its list; begun with consumer_begin. */
struct amqp_consumer *consumer_new(struct amqp *amqp, const char *queue);
void consumer_begin(struct amqp_consumer *consumer);
/* Behind what was asked before; then it starts. */
void consumer_queue_up(struct amqp_consumer *consumer);
void consumer_on_turn(struct amqp *amqp, struct amqp_op *op,
                      const struct err *err);
/* `op` is asked for this consumer. */
void consumer_ask_for(struct amqp_consumer *consumer, struct amqp_op *op,
                      amqp_op_fn fn);
/* On a channel of its own. */
void consumer_start(struct amqp_consumer *consumer);
/* The server knows it: what had to wait for that. */
void consumer_is_known(struct amqp_consumer *consumer);
/* No more comes; who takes is told later. */
void consumer_end(struct amqp_consumer *consumer, const struct err *err);
void consumer_tell_stopped(struct amqp_consumer *consumer); // calls others
void consumer_close_channel(struct amqp_consumer *consumer);
/* It is closed: nothing of it is known any more. */
void consumer_leave_channel(struct amqp_consumer *consumer);
void consumer_free(struct amqp_consumer *consumer);

/* A message has come as a whole. Calls others. */
void consumer_take_message(struct amqp_consumer *consumer);
/* What is held is given, later, if the prefetch allows it. */
void consumer_ask_serving(struct amqp_consumer *consumer);
void consumer_return_held(struct amqp_consumer *consumer);
void consumer_free_held(struct amqp_consumer *consumer);

/* Declares, binds, and queues up. */
void consumer_ask_subscription(struct amqp_consumer *consumer);
/* Once more, in a moment. */
void subscription_make_again(struct subscription *subscription);
void subscription_free(struct subscription *subscription); // NULL is allowed

#endif
