// Messages that came: given to whoever takes them, held back, answered.
#include <assert.h>
#include <stdlib.h>

#include "transport/amqp_consumer.h"
#include "transport/amqp_content.h"
#include "util/alloc.h"

// A tag for others: which opening of a channel, which channel, and the
// server's own number of the delivery there.
#define TAG_GENERATION_SHIFT 48U
#define TAG_CHANNEL_SHIFT 36U
#define TAG_CHANNEL_MASK 0xFFFU
#define TAG_NUMBER_MASK ((UINT64_C(1) << TAG_CHANNEL_SHIFT) - 1)

void
consumer_free_held(struct amqp_consumer *consumer)
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

void
consumer_ask_serving(struct amqp_consumer *consumer)
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
void
consumer_take_message(struct amqp_consumer *consumer)
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
        consumer_ask_serving(consumer);
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
        consumer_close_channel(consumer);
    } else {
        consumer_ask_serving(consumer);
    }
}

void
consumer_return_held(struct amqp_consumer *consumer)
{
    LIST_FOR_EACH(link, &consumer->held)
    {
        struct held *held = LIST_ENTRY(link, struct held, link);
        send_answer(consumer, held->inbox.number, AMQP_ANSWER_REQUEUE);
    }
    consumer_free_held(consumer);
}
