#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "transport/amqp_content.h"
#include "transport/amqp_inbox.h"
#include "transport/amqp_internal.h"
#include "util/alloc.h"

// A tag for others: which opening of a channel, which channel, and the
// server's own number of the delivery there.
#define TAG_GENERATION_SHIFT 48U
#define TAG_CHANNEL_SHIFT 36U
#define TAG_CHANNEL_MASK 0xFFFU
#define TAG_NUMBER_MASK ((UINT64_C(1) << TAG_CHANNEL_SHIFT) - 1)

#define NAME_SIZE 32
// Before a subscription whose queue was deleted, or belongs to a connection
// that the server still believes in, is made once more.
#define AGAIN_MS 500
// How often the latter is tried, the first time: it may be somebody else's.
#define TRIES 6

enum stage {
    STAGE_RESTING = 1, // not connected, or its turn has not come
    STAGE_TAKING,
    STAGE_CANCELLING, // stopped; the server will say so
    STAGE_DRAINING,   // stopped; something is not acknowledged yet
    STAGE_ENDED,      // the server ended it
};

// A message that came too early after the prefetch was lowered.
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
    bool shared;         // the limit is that of the channel
    bool trying;         // ... which the server has not taken yet
    bool never_shared;   // ... and will not
    ARRAY(uint64_t) unanswered;
    struct list held;
    bool serving; // serve_held was posted
    struct amqp_inbox inbox;
};

static struct amqp_consumer *
consumer_of(struct consumer *consumer)
{
    return (struct amqp_consumer *)consumer;
}

static void
free_held(struct amqp_consumer *consumer)
{
    LIST_FOR_EACH(link, &consumer->held)
    {
        struct held *held = LIST_ENTRY(link, struct held, link);
        list_remove(link);
        amqp_inbox_release(&held->inbox);
        free(held);
    }
}

static void
leave_channel(struct amqp_consumer *consumer)
{
    if (consumer->channel != 0) {
        consumer->amqp->channels.items[consumer->channel] = NULL;
        consumer->channel = 0;
    }
    ARRAY_CLEAR(&consumer->unanswered);
    free_held(consumer);
    amqp_inbox_reset(&consumer->inbox);
}

static void
free_consumer(struct amqp_consumer *consumer)
{
    leave_channel(consumer);
    list_remove(&consumer->link);
    amqp_forget_owner(consumer->amqp, consumer);
    loop_cancel(consumer->amqp->loop, consumer);
    if (consumer->subscription != NULL) {
        deadline_release(&consumer->subscription->again);
        free(consumer->subscription->exchange_name);
        free(consumer->subscription->key);
        free(consumer->subscription);
    }
    ARRAY_RELEASE(&consumer->unanswered);
    amqp_inbox_release(&consumer->inbox);
    free(consumer->queue);
    free(consumer);
}

void
amqp_consumers_release(struct amqp *amqp)
{
    LIST_FOR_EACH(link, &amqp->consumers)
    {
        free_consumer(LIST_ENTRY(link, struct amqp_consumer, link));
    }
    ARRAY_RELEASE(&amqp->channels);
}

// The name under which the server knows it.
static amqp_bytes_t
name_of(const struct amqp_consumer *consumer, unsigned round,
        char name[static NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "c%u.%u.%u", consumer->channel,
                   consumer->generation, round);
    return amqp_cstring_bytes(name);
}

static bool
choose_channel(struct amqp_consumer *consumer)
{
    struct amqp *amqp = consumer->amqp;
    size_t max = amqp_link_channel_max(amqp->consume_link);
    size_t at = AMQP_OWN_CHANNEL + 1;

    while (at < amqp->channels.count && amqp->channels.items[at] != NULL) {
        at++;
    }
    if (at > max) {
        return false;
    }
    while (amqp->channels.count <= at) {
        ARRAY_ADD(&amqp->channels, NULL);
    }
    amqp->channels.items[at] = consumer;
    consumer->channel = (uint16_t)at;
    consumer->generation = ++amqp->generation;
    consumer->round = 0;
    consumer->closing = consumer->shared = consumer->trying = false;
    return true;
}

static void
send_limit(struct amqp_consumer *consumer, uint32_t limit, bool shared)
{
    amqp_basic_qos_t qos = {
        .prefetch_count = (uint16_t)(limit < UINT16_MAX ? limit : UINT16_MAX),
        .global = shared,
    };

    amqp_say(consumer->amqp->consume_link, consumer->channel,
             AMQP_BASIC_QOS_METHOD, &qos);
}

static bool
send_consume(struct amqp_consumer *consumer, struct err *err)
{
    struct amqp_link *link = consumer->amqp->consume_link;
    char name[NAME_SIZE];
    amqp_basic_consume_t fields = {
        .queue = amqp_cstring_bytes(consumer->queue),
        .consumer_tag = name_of(consumer, ++consumer->round, name),
        .no_ack = consumer->no_ack,
    };

    return amqp_send(link, consumer->channel, AMQP_BASIC_CONSUME_METHOD,
                     &fields, err);
}

static void
send_cancel(struct amqp_consumer *consumer, unsigned round)
{
    char name[NAME_SIZE];
    amqp_basic_cancel_t fields = {.consumer_tag =
                                      name_of(consumer, round, name)};

    amqp_say(consumer->amqp->consume_link, consumer->channel,
             AMQP_BASIC_CANCEL_METHOD, &fields);
}

static void
tell_ended(void *ctx)
{
    struct amqp_consumer *consumer = ctx;
    struct subscription *subscription = consumer->subscription;
    struct amqp *amqp = consumer->amqp;
    struct err why = consumer->why;

    if (consumer->stopped) {
        return;
    }
    amqp_enter(amqp);
    if (subscription == NULL) {
        if (consumer->on_ended != NULL) {
            consumer->on_ended(consumer->ctx, &why);
        }
    } else if (subscription->on_subscribed != NULL) {
        transport_done_fn on_subscribed = subscription->on_subscribed;
        subscription->on_subscribed = NULL;
        on_subscribed(consumer->ctx, &why);
    } else {
        amqp_note(amqp, why.text, why.hint);
    }
    amqp_leave(amqp);
}

// No more comes; who takes is told later.
static void
end(struct amqp_consumer *consumer, const struct err *err)
{
    consumer->stage = STAGE_ENDED;
    consumer->why = *err;
    loop_post(consumer->amqp->loop, tell_ended, consumer);
}

static void
start(struct amqp_consumer *consumer)
{
    struct amqp *amqp = consumer->amqp;
    struct err err = {0};

    if (!choose_channel(consumer)) {
        err_set(&err, ERR_LIMIT, "the server allows no more channels");
        end(consumer, &err);
        return;
    }
    amqp_open_channel(amqp->consume_link, consumer->channel);
    consumer->stage = STAGE_TAKING;
    if (!consumer->no_ack) {
        send_limit(consumer, consumer->prefetch, false);
    }
    if (!send_consume(consumer, &err)) {
        end(consumer, &err);
    }
}

static void
on_turn(struct amqp *amqp, struct amqp_op *op, const struct err *err)
{
    struct amqp_consumer *consumer = op->owner;

    consumer->queued = false;
    if (err != NULL) {
        end(consumer, err);
    } else if (consumer->stage == STAGE_RESTING && amqp->consume_up) {
        start(consumer);
    }
}

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
        on_turn(amqp, op, why);
    }
}

static void
ask_for(struct amqp_consumer *consumer, struct amqp_op *op, amqp_op_fn fn)
{
    op->fn = fn;
    op->owner = consumer;
    amqp_ask(consumer->amqp, op);
}

static void
ask_subscription(struct amqp_consumer *consumer)
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
    ask_for(consumer, exchange, on_declared);
    ask_for(consumer, queue, on_declared);
    ask_for(consumer, bind, on_bound);
}

// Behind what was declared before it.
static void
queue_up(struct amqp_consumer *consumer)
{
    consumer->queued = true;
    if (consumer->subscription != NULL) {
        ask_subscription(consumer);
    } else {
        ask_for(consumer, amqp_op_new(AMQP_OP_NOTHING, consumer->queue),
                on_turn);
    }
}

static void
subscribe_again(void *ctx)
{
    struct amqp_consumer *consumer = ctx;

    if (consumer->stage == STAGE_RESTING && !consumer->queued &&
        consumer->amqp->phase == AMQP_UP) {
        queue_up(consumer);
    }
}

static struct amqp_consumer *
consumer_new(struct amqp *amqp, const char *queue)
{
    struct amqp_consumer *consumer = ALLOC(struct amqp_consumer);

    consumer->base.transport = &amqp->base;
    consumer->amqp = amqp;
    consumer->queue = alloc_dup(queue);
    consumer->stage = STAGE_RESTING;
    list_init(&consumer->held);
    amqp_inbox_init(&consumer->inbox);
    list_add(&amqp->consumers, &consumer->link);
    return consumer;
}

static void
begin(struct amqp_consumer *consumer)
{
    struct err why = {0};

    if (amqp_is_over(consumer->amqp, &why)) {
        end(consumer, &why);
    } else {
        queue_up(consumer);
    }
}

struct consumer *
amqp_take(struct transport *transport, const struct consume_params *params)
{
    struct amqp_consumer *consumer =
        consumer_new(amqp_of(transport), params->queue);

    consumer->prefetch = params->prefetch;
    consumer->no_ack = params->no_ack;
    consumer->on_delivery = params->on_delivery;
    consumer->on_ended = params->on_ended;
    consumer->ctx = params->ctx;
    begin(consumer);
    return &consumer->base;
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
    begin(consumer);
    return &consumer->base;
}

// What was declared is there again; those whose turn comes among the ops are
// not to be begun twice.
void
amqp_consumers_start(struct amqp *amqp)
{
    LIST_FOR_EACH(link, &amqp->consumers)
    {
        struct amqp_consumer *consumer =
            LIST_ENTRY(link, struct amqp_consumer, link);
        if (consumer->stage != STAGE_RESTING || consumer->queued) {
            continue;
        }
        if (consumer->subscription != NULL) {
            queue_up(consumer);
        } else {
            start(consumer);
        }
    }
}

// Calls others.
static void
tell_stopped(struct amqp_consumer *consumer)
{
    transport_done_fn on_stopped = consumer->on_stopped;

    consumer->on_stopped = NULL;
    if (on_stopped != NULL) {
        on_stopped(consumer->stop_ctx, NULL);
    }
}

void
amqp_consumers_lost(struct amqp *amqp)
{
    LIST_FOR_EACH(link, &amqp->consumers)
    {
        struct amqp_consumer *consumer =
            LIST_ENTRY(link, struct amqp_consumer, link);
        consumer->never_shared = consumer->never_shared || consumer->trying;
        leave_channel(consumer);
        if (consumer->stopped) {
            amqp_later(amqp, consumer->on_stopped, consumer->stop_ctx, NULL);
            free_consumer(consumer);
        } else if (consumer->stage != STAGE_ENDED) {
            consumer->stage = STAGE_RESTING;
        }
    }
}

static void
send_answer(struct amqp_consumer *consumer, uint64_t number,
            enum amqp_answer answer)
{
    amqp_basic_ack_t ack = {.delivery_tag = number};
    amqp_basic_reject_t reject = {.delivery_tag = number,
                                  .requeue = answer == AMQP_ANSWER_REQUEUE};

    if (answer == AMQP_ANSWER_ACK) {
        amqp_say(consumer->amqp->consume_link, consumer->channel,
                 AMQP_BASIC_ACK_METHOD, &ack);
    } else {
        amqp_say(consumer->amqp->consume_link, consumer->channel,
                 AMQP_BASIC_REJECT_METHOD, &reject);
    }
}

static void
close_channel(struct amqp_consumer *consumer)
{
    amqp_channel_close_t close = {.reply_code = AMQP_REPLY_SUCCESS,
                                  .reply_text = amqp_cstring_bytes("done")};

    if (!consumer->closing) {
        consumer->closing = true;
        amqp_say(consumer->amqp->consume_link, consumer->channel,
                 AMQP_CHANNEL_CLOSE_METHOD, &close);
    }
}

static void
deliver(struct amqp_consumer *consumer, const struct amqp_inbox *inbox)
{
    struct delivery delivery = {
        .queue = slice_of(consumer->queue),
        .exchange = slice_of(inbox->exchange),
        .routing_key = slice_of(inbox->key),
        .redelivered = inbox->redelivered,
    };
    struct err err = {0};
    json_t *headers = NULL;

    if (!consumer->no_ack) {
        delivery.tag = (uint64_t)consumer->generation << TAG_GENERATION_SHIFT |
                       (uint64_t)consumer->channel << TAG_CHANNEL_SHIFT |
                       inbox->number;
        ARRAY_ADD(&consumer->unanswered, inbox->number);
    }
    if (!amqp_content_decode(buf_slice(&inbox->header), &delivery.message,
                             &headers, &err)) {
        amqp_note(consumer->amqp,
                  "a message with headers that cannot be read "
                  "was dropped",
                  NULL);
        amqp_answer(consumer->amqp, delivery.tag, AMQP_ANSWER_REJECT);
        return;
    }
    delivery.message.body = amqp_inbox_body(inbox);
    consumer->on_delivery(consumer->ctx, &delivery);
    json_decref(headers);
}

static bool
is_full(const struct amqp_consumer *consumer)
{
    return !consumer->no_ack && consumer->prefetch != 0 &&
           consumer->unanswered.count >= consumer->prefetch;
}

static void
serve_held(void *ctx)
{
    struct amqp_consumer *consumer = ctx;
    struct amqp *amqp = consumer->amqp;

    consumer->serving = false;
    amqp_enter(amqp);
    // One for each turn: whoever takes it may stop the consumer.
    if (consumer->stage == STAGE_TAKING && !is_full(consumer)) {
        struct list_link *link = list_take_first(&consumer->held);
        if (link != NULL) {
            struct held *held = LIST_ENTRY(link, struct held, link);
            if (!list_is_empty(&consumer->held)) {
                consumer->serving = true;
                loop_post(amqp->loop, serve_held, consumer);
            }
            deliver(consumer, &held->inbox);
            amqp_inbox_release(&held->inbox);
            free(held);
        }
    }
    amqp_leave(amqp);
}

static void
ask_serving(struct amqp_consumer *consumer)
{
    if (!list_is_empty(&consumer->held) && !is_full(consumer) &&
        !consumer->serving) {
        consumer->serving = true;
        loop_post(consumer->amqp->loop, serve_held, consumer);
    }
}

static void
hold(struct amqp_consumer *consumer)
{
    struct held *held = ALLOC(struct held);

    amqp_inbox_move(&held->inbox, &consumer->inbox);
    list_add(&consumer->held, &held->link);
}

// A message has come as a whole. Calls others.
static void
take_message(struct amqp_consumer *consumer)
{
    struct amqp *amqp = consumer->amqp;
    struct amqp_inbox *inbox = &consumer->inbox;

    if (consumer->stopped || amqp->phase == AMQP_CLOSING) {
        if (!consumer->no_ack) {
            send_answer(consumer, inbox->number, AMQP_ANSWER_REQUEUE);
        }
    } else if (inbox->too_long) {
        char *text =
            alloc_printf("a message of %llu bytes in \"%s\" is too "
                         "long, and was dropped",
                         (unsigned long long)inbox->size, consumer->queue);
        if (!consumer->no_ack) {
            send_answer(consumer, inbox->number, AMQP_ANSWER_REJECT);
        }
        amqp_note(amqp, text, NULL);
        free(text);
    } else if (is_full(consumer) || !list_is_empty(&consumer->held)) {
        hold(consumer);
        ask_serving(consumer);
    } else {
        deliver(consumer, inbox);
    }
}

void
amqp_answer(struct amqp *amqp, uint64_t tag, enum amqp_answer answer)
{
    size_t channel = tag >> TAG_CHANNEL_SHIFT & TAG_CHANNEL_MASK;
    uint64_t number = tag & TAG_NUMBER_MASK;

    if (channel >= amqp->channels.count ||
        amqp->channels.items[channel] == NULL) {
        return;
    }
    struct amqp_consumer *consumer = amqp->channels.items[channel];
    if (consumer->generation != tag >> TAG_GENERATION_SHIFT) {
        return;
    }
    size_t at = 0;
    while (at < consumer->unanswered.count &&
           consumer->unanswered.items[at] != number) {
        at++;
    }
    if (at == consumer->unanswered.count) {
        return;
    }
    ARRAY_REMOVE(&consumer->unanswered, at);
    send_answer(consumer, number, answer);
    if (consumer->stage == STAGE_DRAINING && consumer->unanswered.count == 0) {
        close_channel(consumer);
    } else {
        ask_serving(consumer);
    }
}

// Whether the server knows a limit of a whole channel. RabbitMQ 4 may refuse
// it, and whoever asks for it with a quorum queue loses the connection.
static bool
may_share(const struct amqp_consumer *consumer)
{
    const json_t *version = json_object_get(
        amqp_link_properties(consumer->amqp->consume_link), "version");
    struct slice text = slice_of(json_string_value(version));
    uint64_t major = 0;

    return !consumer->never_shared &&
           slice_to_uint(slice_first(text, slice_find(text, '.')), UINT32_MAX,
                         &major) &&
           major < 4;
}

// A consumer keeps the limit it was born with, so that another one is needed.
// The old one goes only then, for a queue that goes with its last consumer.
// The limit of a channel can be changed: that is asked for when it is changed
// for the first time. Where there is none, what the old consumer still holds
// comes on top, and waits here.
void
amqp_prefetch(struct consumer *base, uint32_t prefetch)
{
    struct amqp_consumer *consumer = consumer_of(base);
    struct err ignored = {0};
    bool same = consumer->prefetch == prefetch;

    consumer->prefetch = prefetch;
    if (same || consumer->no_ack || consumer->stage != STAGE_TAKING) {
        return;
    }
    if (consumer->shared) {
        send_limit(consumer, prefetch, true);
    } else {
        consumer->shared = consumer->trying = may_share(consumer);
        // In this order: the limit of consumers resets that of the channel.
        send_limit(consumer, consumer->shared ? 0 : prefetch, false);
        if (consumer->shared) {
            send_limit(consumer, prefetch, true);
        }
        send_consume(consumer, &ignored);
        send_cancel(consumer, consumer->round - 1);
    }
    ask_serving(consumer);
}

static void
return_held(struct amqp_consumer *consumer)
{
    LIST_FOR_EACH(link, &consumer->held)
    {
        struct held *held = LIST_ENTRY(link, struct held, link);
        send_answer(consumer, held->inbox.number, AMQP_ANSWER_REQUEUE);
    }
    free_held(consumer);
}

void
amqp_stop(struct consumer *base, transport_done_fn done, void *ctx)
{
    struct amqp_consumer *consumer = consumer_of(base);
    struct amqp *amqp = consumer->amqp;

    assert(!consumer->stopped);
    consumer->stopped = true;
    amqp_forget_owner(amqp, consumer);
    if (consumer->channel == 0) {
        amqp_later(amqp, done, ctx, NULL);
        free_consumer(consumer);
        return;
    }
    return_held(consumer);
    if (consumer->stage == STAGE_TAKING) {
        consumer->on_stopped = done;
        consumer->stop_ctx = ctx;
        consumer->stage = STAGE_CANCELLING;
        send_cancel(consumer, consumer->round);
        return;
    }
    amqp_later(amqp, done, ctx, NULL);
    consumer->stage = STAGE_DRAINING;
    if (consumer->unanswered.count == 0) {
        close_channel(consumer);
    }
}

static void
on_consuming(struct amqp_consumer *consumer, const amqp_basic_consume_ok_t *ok)
{
    struct subscription *subscription = consumer->subscription;
    char name[NAME_SIZE];

    if (slice_equals(amqp_slice(ok->consumer_tag),
                     amqp_slice(name_of(consumer, consumer->round, name)))) {
        consumer->trying = false;
    }
    if (subscription != NULL && subscription->on_subscribed != NULL &&
        !consumer->stopped) {
        transport_done_fn on_subscribed = subscription->on_subscribed;
        subscription->on_subscribed = NULL;
        on_subscribed(consumer->ctx, NULL);
    }
}

static void
on_cancelled(struct amqp_consumer *consumer, const amqp_basic_cancel_ok_t *ok)
{
    char name[NAME_SIZE];
    struct slice current = amqp_slice(name_of(consumer, consumer->round, name));

    if (consumer->stage != STAGE_CANCELLING ||
        !slice_equals(amqp_slice(ok->consumer_tag), current)) {
        return; // the one before the limit changed
    }
    consumer->stage = STAGE_DRAINING;
    if (consumer->unanswered.count == 0) {
        close_channel(consumer);
    }
    tell_stopped(consumer);
}

// The server cancels: the queue was deleted.
static void
on_server_cancels(struct amqp_consumer *consumer,
                  const amqp_basic_cancel_t *cancel)
{
    char name[NAME_SIZE];
    struct slice current = amqp_slice(name_of(consumer, consumer->round, name));
    struct err err = {0};

    if (!slice_equals(amqp_slice(cancel->consumer_tag), current)) {
        return;
    }
    if (consumer->stage == STAGE_CANCELLING) {
        consumer->stage = STAGE_DRAINING;
        if (consumer->unanswered.count == 0) {
            close_channel(consumer);
        }
        tell_stopped(consumer);
    } else if (consumer->stage == STAGE_TAKING &&
               consumer->subscription != NULL) {
        // Whoever deleted it could not know that somebody listens.
        close_channel(consumer);
        consumer->stage = STAGE_RESTING;
    } else if (consumer->stage == STAGE_TAKING) {
        err_set(&err, ERR_CONFIG, "the queue \"%s\" was deleted",
                consumer->queue);
        end(consumer, &err);
    }
}

// As asked. Calls nobody.
static void
on_closed(struct amqp_consumer *consumer)
{
    leave_channel(consumer);
    if (consumer->stopped) {
        free_consumer(consumer);
    } else if (consumer->stage == STAGE_RESTING) {
        deadline_arm(&consumer->subscription->again, AGAIN_MS);
    }
}

static bool
took_too_long(const amqp_channel_close_t *close)
{
    struct slice text = amqp_slice(close->reply_text);

    return close->reply_code == AMQP_PRECONDITION_FAILED &&
           slice_find_part(text, SLICE("delivery acknowledgement")) < text.len;
}

// What was unanswered goes back. Calls nobody.
static void
on_server_closes(struct amqp_consumer *consumer,
                 const amqp_channel_close_t *close)
{
    struct amqp *amqp = consumer->amqp;
    struct err err = {0};
    enum stage stage = consumer->stage;
    bool too_long = took_too_long(close);

    amqp_explain(close, &err);

    amqp_close_ok(amqp->consume_link, consumer->channel);
    leave_channel(consumer);
    if (consumer->stopped) {
        amqp_later(amqp, consumer->on_stopped, consumer->stop_ctx, NULL);
        free_consumer(consumer);
        return;
    }
    if (stage != STAGE_TAKING) {
        return;
    }
    consumer->stage = STAGE_RESTING;
    if (too_long) {
        start(consumer);
    } else {
        end(consumer, &err);
    }
}

static void
take_method(struct amqp_consumer *consumer, amqp_method_number_t id,
            const void *fields)
{
    switch (id) {
    case AMQP_BASIC_DELIVER_METHOD:
        amqp_inbox_begin(&consumer->inbox, fields);
        break;
    case AMQP_BASIC_CONSUME_OK_METHOD:
        on_consuming(consumer, fields);
        break;
    case AMQP_BASIC_CANCEL_OK_METHOD:
        on_cancelled(consumer, fields);
        break;
    case AMQP_BASIC_CANCEL_METHOD:
        on_server_cancels(consumer, fields);
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        on_server_closes(consumer, fields);
        break;
    case AMQP_CHANNEL_CLOSE_OK_METHOD:
        on_closed(consumer);
        break;
    default: // channel.open-ok, basic.qos-ok
        break;
    }
}

static void
distrust(struct amqp *amqp, const char *what)
{
    struct err err = {0};

    err_set(&err, ERR_SYSTEM, "%s out of place", what);
    amqp_link_distrust(amqp->consume_link, &err);
}

void
amqp_consumer_frame(struct amqp *amqp, const struct amqp_frame *frame)
{
    if (frame->channel >= amqp->channels.count ||
        amqp->channels.items[frame->channel] == NULL) {
        distrust(amqp, "a channel");
        return;
    }
    struct amqp_consumer *consumer = amqp->channels.items[frame->channel];
    if (frame->type == AMQP_FRAME_METHOD) {
        amqp_method_number_t id = amqp_method_id(frame);
        const void *fields = amqp_link_method(amqp->consume_link, frame);
        if (fields != NULL) {
            take_method(consumer, id, fields);
        }
        return;
    }
    switch (amqp_inbox_take(&consumer->inbox, frame)) {
    case AMQP_INBOX_WHOLE:
        take_message(consumer);
        // The consumer may be stopped now, but its channel is not closed.
        if (!amqp->dead && amqp->channels.count > frame->channel &&
            amqp->channels.items[frame->channel] == consumer) {
            amqp_inbox_reset(&consumer->inbox);
        }
        break;
    case AMQP_INBOX_PARTIAL:
        break;
    case AMQP_INBOX_BROKEN:
        distrust(amqp, "a message's frame");
        break;
    }
}
