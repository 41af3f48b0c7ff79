#include "transport/amqp_inbox.h"

#include <stdlib.h>

#include "transport/amqp_content.h"
#include "transport/transport.h"

// More is given back to the system.
#define KEPT_MAX (64UL << 10)

void
amqp_inbox_init(struct amqp_inbox *inbox)
{
    *inbox = (struct amqp_inbox){0};
    buf_init(&inbox->header, AMQP_FRAME_MAX);
    buf_init(&inbox->body, TRANSPORT_BODY_MAX);
}

void
amqp_inbox_release(struct amqp_inbox *inbox)
{
    free(inbox->exchange);
    free(inbox->key);
    buf_release(&inbox->header);
    buf_release(&inbox->body);
    amqp_inbox_init(inbox);
}

void
amqp_inbox_reset(struct amqp_inbox *inbox)
{
    free(inbox->exchange);
    free(inbox->key);
    inbox->exchange = inbox->key = NULL;
    buf_reset(&inbox->header);
    buf_reset(&inbox->body);
    if (inbox->body.capacity > KEPT_MAX) {
        buf_release(&inbox->body);
    }
    inbox->state = AMQP_INBOX_EMPTY;
    inbox->too_long = false;
    inbox->size = inbox->came = 0;
    inbox->whole = (struct slice){0};
}

void
amqp_inbox_move(struct amqp_inbox *to, struct amqp_inbox *from)
{
    if (from->whole.len > 0) {
        buf_add_slice(&from->body, from->whole);
        from->whole = (struct slice){0};
    }
    *to = *from;
    amqp_inbox_init(from);
}

void
amqp_inbox_begin(struct amqp_inbox *inbox, const amqp_basic_deliver_t *deliver)
{
    amqp_inbox_reset(inbox);
    inbox->state = AMQP_INBOX_BEGUN;
    inbox->exchange = slice_dup(amqp_slice(deliver->exchange));
    inbox->key = slice_dup(amqp_slice(deliver->routing_key));
    inbox->number = deliver->delivery_tag;
    inbox->redelivered = deliver->redelivered;
}

static enum amqp_inbox_result
take_header(struct amqp_inbox *inbox, struct slice payload)
{
    struct err ignored = {0};

    if (inbox->state != AMQP_INBOX_BEGUN ||
        !amqp_content_size(payload, &inbox->size, &ignored)) {
        return AMQP_INBOX_BROKEN;
    }
    inbox->state = AMQP_INBOX_FILLING;
    inbox->too_long = inbox->size > TRANSPORT_BODY_MAX;
    buf_add_slice(&inbox->header, payload);
    return inbox->size == 0 ? AMQP_INBOX_WHOLE : AMQP_INBOX_PARTIAL;
}

static enum amqp_inbox_result
take_body(struct amqp_inbox *inbox, struct slice payload)
{
    if (inbox->state != AMQP_INBOX_FILLING ||
        payload.len > inbox->size - inbox->came) {
        return AMQP_INBOX_BROKEN;
    }
    if (payload.len == inbox->size) {
        inbox->whole = payload;
    } else if (!inbox->too_long) {
        buf_add_slice(&inbox->body, payload);
    }
    inbox->came += payload.len;
    return inbox->came == inbox->size ? AMQP_INBOX_WHOLE : AMQP_INBOX_PARTIAL;
}

enum amqp_inbox_result
amqp_inbox_take(struct amqp_inbox *inbox, const struct amqp_frame *frame)
{
    if (frame->type == AMQP_FRAME_HEADER) {
        return take_header(inbox, frame->payload);
    }
    return take_body(inbox, frame->payload);
}

struct slice
amqp_inbox_body(const struct amqp_inbox *inbox)
{
    return inbox->whole.len > 0 ? inbox->whole : buf_slice(&inbox->body);
}
