// What is said on any channel.
#include <assert.h>

#include "transport/amqp_internal.h"

#define TEXT_MAX 200

bool
amqp_send(struct amqp_link *link, uint16_t channel, amqp_method_number_t id,
          const void *fields, struct err *err)
{
    return link == NULL || amqp_link_send(link, channel, id, fields, err);
}

void
amqp_say(struct amqp_link *link, uint16_t channel, amqp_method_number_t id,
         const void *fields)
{
    struct err err = {0};
    bool sent = amqp_send(link, channel, id, fields, &err);

    assert(sent);
    (void)sent;
}

void
amqp_close_ok(struct amqp_link *link, uint16_t channel)
{
    amqp_channel_close_ok_t fields = {0};

    amqp_say(link, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &fields);
}

void
amqp_open_channel(struct amqp_link *link, uint16_t channel)
{
    amqp_channel_open_t fields = {0};

    amqp_say(link, channel, AMQP_CHANNEL_OPEN_METHOD, &fields);
}

void
amqp_explain(const amqp_channel_close_t *close, struct err *err)
{
    struct slice text = slice_first(amqp_slice(close->reply_text), TEXT_MAX);
    bool ours = close->reply_code == AMQP_NOT_FOUND ||
                close->reply_code == AMQP_PRECONDITION_FAILED ||
                close->reply_code == AMQP_ACCESS_REFUSED ||
                close->reply_code == AMQP_RESOURCE_LOCKED;

    err_set(err, ours ? ERR_CONFIG : ERR_SYSTEM, "the broker refuses: %.*s",
            SLICE_ARG(text));
}
