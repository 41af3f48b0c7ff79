#include "transport/amqp_consumer.h"

#include <assert.h>
#include <stdlib.h>

#include "util/alloc.h"

static struct amqp_consumer *
consumer_of(struct consumer *consumer)
{
    return (struct amqp_consumer *)consumer;
}

void
consumer_leave_channel(struct amqp_consumer *consumer)
{
    if (consumer->channel != 0) {
        consumer->amqp->channels.items[consumer->channel] = NULL;
        consumer->channel = 0;
    }
    ARRAY_CLEAR(&consumer->unanswered);
    consumer_free_held(consumer);
    amqp_inbox_reset(&consumer->inbox);
}

void
consumer_free(struct amqp_consumer *consumer)
{
    consumer_leave_channel(consumer);
    list_remove(&consumer->link);
    amqp_forget_owner(consumer->amqp, consumer);
    loop_cancel(consumer->amqp->loop, consumer);
    subscription_free(consumer->subscription);
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
        consumer_free(LIST_ENTRY(link, struct amqp_consumer, link));
    }
    ARRAY_RELEASE(&amqp->channels);
}

// The name under which the server knows it.
amqp_bytes_t
consumer_name(const struct amqp_consumer *consumer, unsigned round,
              char name[static NAME_SIZE])
{
    (void)snprintf(name, NAME_SIZE, "c%u.%u.%u", consumer->channel,
                   consumer->generation, round);
    return amqp_cstring_bytes(name);
}

// The one that was free for the longest time: what the server says of a
// channel may come when it is closed already, and is not meant for the next.
static bool
choose_channel(struct amqp_consumer *consumer)
{
    struct amqp *amqp = consumer->amqp;
    uint16_t max = amqp_link_channel_max(amqp->consume_link);
    uint16_t at = amqp->last_channel;

    for (uint16_t tries = AMQP_OWN_CHANNEL; tries < max; tries++) {
        at = at >= max ? AMQP_OWN_CHANNEL + 1 : (uint16_t)(at + 1);
        while (amqp->channels.count <= at) {
            ARRAY_ADD(&amqp->channels, NULL);
        }
        if (amqp->channels.items[at] == NULL) {
            amqp->channels.items[at] = consumer;
            amqp->last_channel = consumer->channel = at;
            consumer->generation = ++amqp->generation;
            consumer->round = consumer->known = 0;
            consumer->closing = consumer->shared = consumer->trying = false;
            return true;
        }
    }
    return false;
}

static void
send_limit(struct amqp_consumer *consumer, uint32_t limit, bool shared)
{
    amqp_basic_qos_t qos = {
        .prefetch_count = (uint16_t)(limit < UINT16_MAX ? limit : UINT16_MAX),
        .global = shared,
    };

    consumer->limit = limit;
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
        .consumer_tag = consumer_name(consumer, ++consumer->round, name),
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
                                      consumer_name(consumer, round, name)};

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
void
consumer_end(struct amqp_consumer *consumer, const struct err *err)
{
    consumer->stage = STAGE_ENDED;
    consumer->why = *err;
    loop_post(consumer->amqp->loop, tell_ended, consumer);
}

void
consumer_start(struct amqp_consumer *consumer)
{
    struct amqp *amqp = consumer->amqp;
    struct err err = {0};

    if (!choose_channel(consumer)) {
        err_set(&err, ERR_LIMIT, "the server allows no more channels");
        consumer_end(consumer, &err);
        return;
    }
    amqp_open_channel(amqp->consume_link, consumer->channel);
    consumer->stage = STAGE_TAKING;
    if (!consumer->no_ack) {
        send_limit(consumer, consumer->prefetch, false);
    }
    if (!send_consume(consumer, &err)) {
        consumer_end(consumer, &err);
    }
}

void
consumer_on_turn(struct amqp *amqp, struct amqp_op *op, const struct err *err)
{
    struct amqp_consumer *consumer = op->owner;

    consumer->queued = false;
    if (err != NULL) {
        consumer_end(consumer, err);
    } else if (consumer->stage == STAGE_RESTING && amqp->consume_up) {
        consumer_start(consumer);
    }
}

void
consumer_ask_for(struct amqp_consumer *consumer, struct amqp_op *op,
                 amqp_op_fn fn)
{
    op->fn = fn;
    op->owner = consumer;
    amqp_ask(consumer->amqp, op);
}

// Behind what was declared before it.
void
consumer_queue_up(struct amqp_consumer *consumer)
{
    consumer->queued = true;
    if (consumer->subscription != NULL) {
        consumer_ask_subscription(consumer);
    } else {
        consumer_ask_for(consumer,
                         amqp_op_new(AMQP_OP_NOTHING, consumer->queue),
                         consumer_on_turn);
    }
}

struct amqp_consumer *
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

void
consumer_begin(struct amqp_consumer *consumer)
{
    struct err why = {0};

    if (amqp_is_over(consumer->amqp, &why)) {
        consumer_end(consumer, &why);
    } else {
        consumer_queue_up(consumer);
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
    consumer_begin(consumer);
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
            consumer_queue_up(consumer);
        } else {
            consumer_start(consumer);
        }
    }
}

// Calls others.
void
consumer_tell_stopped(struct amqp_consumer *consumer)
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
        consumer_leave_channel(consumer);
        if (consumer->stopped) {
            amqp_later(amqp, consumer->on_stopped, consumer->stop_ctx, NULL);
            consumer_free(consumer);
        } else if (consumer->stage != STAGE_ENDED) {
            consumer->stage = STAGE_RESTING;
        }
    }
}

void
consumer_close_channel(struct amqp_consumer *consumer)
{
    amqp_channel_close_t close = {.reply_code = AMQP_REPLY_SUCCESS,
                                  .reply_text = amqp_cstring_bytes("done")};

    if (!consumer->closing) {
        consumer->closing = true;
        amqp_say(consumer->amqp->consume_link, consumer->channel,
                 AMQP_CHANNEL_CLOSE_METHOD, &close);
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
static void
change_limit(struct amqp_consumer *consumer)
{
    uint32_t prefetch = consumer->prefetch;
    struct err ignored = {0};

    if (consumer->shared) {
        send_limit(consumer, prefetch, true);
        return;
    }
    consumer->shared = consumer->trying = may_share(consumer);
    // In this order: the limit of consumers resets that of the channel.
    send_limit(consumer, consumer->shared ? 0 : prefetch, false);
    if (consumer->shared) {
        send_limit(consumer, prefetch, true);
    }
    send_consume(consumer, &ignored);
    send_cancel(consumer, consumer->round - 1);
}

// RabbitMQ (3.10 does) breaks down over a consumer that is cancelled before the
// queue has answered the channel that it is there, and takes the connection
// with it: no cancelling before basic.consume-ok.
static bool
is_known(const struct amqp_consumer *consumer)
{
    return consumer->known == consumer->round;
}

void
amqp_prefetch(struct consumer *base, uint32_t prefetch)
{
    struct amqp_consumer *consumer = consumer_of(base);
    bool same = consumer->prefetch == prefetch;

    consumer->prefetch = prefetch;
    if (same || consumer->no_ack || consumer->stage != STAGE_TAKING) {
        return;
    }
    if (consumer->shared || is_known(consumer)) {
        change_limit(consumer);
    }
    consumer_ask_serving(consumer);
}

void
consumer_is_known(struct amqp_consumer *consumer)
{
    consumer->known = consumer->round;
    consumer->trying = false;
    if (consumer->stage == STAGE_CANCELLING) {
        send_cancel(consumer, consumer->round);
    } else if (consumer->stage == STAGE_TAKING && !consumer->no_ack &&
               consumer->limit != consumer->prefetch) {
        change_limit(consumer);
    }
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
        consumer_free(consumer);
        return;
    }
    consumer_return_held(consumer);
    if (consumer->stage == STAGE_TAKING) {
        consumer->on_stopped = done;
        consumer->stop_ctx = ctx;
        consumer->stage = STAGE_CANCELLING;
        if (is_known(consumer)) {
            send_cancel(consumer, consumer->round);
        }
        return;
    }
    amqp_later(amqp, done, ctx, NULL);
    consumer->stage = STAGE_DRAINING;
    if (consumer->unanswered.count == 0) {
        consumer_close_channel(consumer);
    }
}
