// What the server says on the channel of a consumer.
#include "transport/amqp_consumer.h"

static void
on_consuming(struct amqp_consumer *consumer, const amqp_basic_consume_ok_t *ok)
{
    struct subscription *subscription = consumer->subscription;
    char name[NAME_SIZE];

    if (slice_equals(
            amqp_slice(ok->consumer_tag),
            amqp_slice(consumer_name(consumer, consumer->round, name)))) {
        consumer_is_known(consumer);
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
    struct slice current =
        amqp_slice(consumer_name(consumer, consumer->round, name));

    if (consumer->stage != STAGE_CANCELLING ||
        !slice_equals(amqp_slice(ok->consumer_tag), current)) {
        return; // the one before the limit changed
    }
    consumer->stage = STAGE_DRAINING;
    if (consumer->unanswered.count == 0) {
        consumer_close_channel(consumer);
    }
    consumer_tell_stopped(consumer);
}

// The server cancels: the queue was deleted.
static void
on_server_cancels(struct amqp_consumer *consumer,
                  const amqp_basic_cancel_t *cancel)
{
    char name[NAME_SIZE];
    struct slice current =
        amqp_slice(consumer_name(consumer, consumer->round, name));
    struct err err = {0};

    if (!slice_equals(amqp_slice(cancel->consumer_tag), current)) {
        return;
    }
    if (consumer->stage == STAGE_CANCELLING) {
        consumer->stage = STAGE_DRAINING;
        if (consumer->unanswered.count == 0) {
            consumer_close_channel(consumer);
        }
        consumer_tell_stopped(consumer);
    } else if (consumer->stage == STAGE_TAKING &&
               consumer->subscription != NULL) {
        // Whoever deleted it could not know that somebody listens.
        consumer_close_channel(consumer);
        consumer->stage = STAGE_RESTING;
    } else if (consumer->stage == STAGE_TAKING) {
        err_set(&err, ERR_CONFIG, "the queue \"%s\" was deleted",
                consumer->queue);
        consumer_end(consumer, &err);
    }
}

// As asked. Calls nobody.
static void
on_closed(struct amqp_consumer *consumer)
{
    consumer_leave_channel(consumer);
    if (consumer->stopped) {
        consumer_free(consumer);
    } else if (consumer->stage == STAGE_RESTING) {
        subscription_make_again(consumer->subscription);
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
    consumer_leave_channel(consumer);
    if (consumer->stopped) {
        amqp_later(amqp, consumer->on_stopped, consumer->stop_ctx, NULL);
        consumer_free(consumer);
        return;
    }
    if (stage != STAGE_TAKING) {
        return;
    }
    consumer->stage = STAGE_RESTING;
    if (too_long) {
        consumer_start(consumer);
    } else {
        consumer_end(consumer, &err);
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

void
amqp_consumer_frame(struct amqp *amqp, const struct amqp_frame *frame)
{
    struct err err = {0};

    // Closed from both ends at once, or for the second time: RabbitMQ goes on
    // looking for what was held too long until it hears the answer.
    if (frame->channel >= amqp->channels.count ||
        amqp->channels.items[frame->channel] == NULL) {
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
        consumer_take_message(consumer);
        // The consumer may be stopped now, but its channel is not closed.
        if (!amqp->dead && amqp->channels.count > frame->channel &&
            amqp->channels.items[frame->channel] == consumer) {
            amqp_inbox_reset(&consumer->inbox);
        }
        break;
    case AMQP_INBOX_PARTIAL:
        break;
    case AMQP_INBOX_BROKEN:
        err_set(&err, ERR_SYSTEM, "a message's frame is out of place");
        amqp_link_distrust(amqp->consume_link, &err);
        break;
    }
}
