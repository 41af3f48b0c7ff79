// Hearing what is published to an exchange, through a queue of one's own.
#include <stdlib.h>

#include "transport/amqp_consumer.h"
#include "util/alloc.h"

// Before a subscription whose queue was deleted, or belongs to a connection
// that the server still believes in, is made once more.
#define AGAIN_MS 500
// How often the latter is tried, the first time: it may be somebody else's.
#define TRIES 6

static void
on_declared(struct amqp *amqp, struct amqp_op *op, const struct err *err)
{
    struct amqp_consumer *consumer = op->owner;
    struct subscription *subscription = consumer->subscription;

    (void)amqp;
    if (err != NULL && !err_is_set(&subscription->err)) {
        subscription->err = *err;
    }
}

// An exclusive queue is locked until the server has noticed that the
// connection before this one is gone. Who has listened once does not give up.
static bool
is_worth_another_try(struct subscription *subscription, const struct err *err)
{
    bool locked =
        slice_find_part(slice_of(err->text), SLICE("RESOURCE_LOCKED")) <
        slice_of(err->text).len;

    subscription->tries++;
    return locked &&
           (subscription->on_subscribed == NULL || subscription->tries < TRIES);
}

static void
on_bound(struct amqp *amqp, struct amqp_op *op, const struct err *err)
{
    struct amqp_consumer *consumer = op->owner;
    struct subscription *subscription = consumer->subscription;
    const struct err *why =
        err_is_set(&subscription->err) ? &subscription->err : err;

    if (why != NULL && is_worth_another_try(subscription, why)) {
        consumer->queued = false;
        deadline_arm(&subscription->again, AGAIN_MS);
    } else {
        consumer_on_turn(amqp, op, why);
    }
}

void
consumer_ask_subscription(struct amqp_consumer *consumer)
{
    struct subscription *subscription = consumer->subscription;
    const char *exchange_name = subscription->exchange_name;
    struct amqp_op *exchange = amqp_op_new(AMQP_OP_EXCHANGE, exchange_name);
    struct amqp_op *queue = amqp_op_new(AMQP_OP_QUEUE, consumer->queue);
    struct amqp_op *bind = amqp_op_new(AMQP_OP_BIND, consumer->queue);

    err_clear(&subscription->err);
    exchange->exchange_params = subscription->exchange;
    queue->queue_params = subscription->queue;
    bind->exchange = alloc_dup(exchange_name);
    bind->key = alloc_dup(subscription->key);
    consumer_ask_for(consumer, exchange, on_declared);
    consumer_ask_for(consumer, queue, on_declared);
    consumer_ask_for(consumer, bind, on_bound);
}

static void
subscribe_again(void *ctx)
{
    struct amqp_consumer *consumer = ctx;

    if (consumer->stage == STAGE_RESTING && !consumer->queued &&
        consumer->amqp->phase == AMQP_UP) {
        consumer_queue_up(consumer);
    }
}

struct consumer *
amqp_subscribe(struct transport *transport,
               const struct subscribe_params *params)
{
    struct amqp *amqp = amqp_of(transport);
    struct amqp_consumer *consumer = consumer_new(amqp, params->queue.name);
    struct subscription *subscription = ALLOC(struct subscription);

    subscription->exchange = params->exchange;
    subscription->queue = params->queue;
    subscription->exchange_name = alloc_dup(params->exchange.name);
    subscription->exchange.name = subscription->queue.name = NULL;
    subscription->key = alloc_dup(params->key);
    subscription->on_subscribed = params->on_subscribed;
    deadline_init(&subscription->again, amqp->loop, subscribe_again, consumer);
    consumer->subscription = subscription;
    consumer->no_ack = true;
    consumer->on_delivery = params->on_delivery;
    consumer->ctx = params->ctx;
    consumer_begin(consumer);
    return &consumer->base;
}

void
subscription_free(struct subscription *subscription)
{
    if (subscription != NULL) {
        deadline_release(&subscription->again);
        free(subscription->exchange_name);
        free(subscription->key);
        free(subscription);
    }
}

void
subscription_make_again(struct subscription *subscription)
{
    deadline_arm(&subscription->again, AGAIN_MS);
}
