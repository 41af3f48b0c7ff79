#include "transport/redis_internal.h"

#include <stdlib.h>
#include <string.h>

#include "transport/kombu_codec.h"
#include "util/alloc.h"

#define CHANNEL_MAX (256UL << 10)
#define COMMAND_MAX (1UL << 20)

struct listener {
    struct redis_any any;
    struct list_link link;
    struct redis_transport *redis;
    char *pattern;
    char *queue;
    transport_delivery_fn on_delivery;
    transport_done_fn on_subscribed; // NULL once it was called
    void *ctx;
    bool stopped;
};

void
redis_add_channel(struct redis_transport *redis, struct buf *buf,
                  const char *exchange, const char *key)
{
    buf_addf(buf, "%s/%d.%s", redis_prefix(redis), redis_url(redis)->database,
             exchange);
    if (key[0] != '\0') {
        buf_addf(buf, "/%s", key);
    }
}

// The pattern of PSUBSCRIBE: # and * stay or become *, all else is meant as it
// stands there.
static char *
pattern_of(struct redis_transport *redis, const char *exchange, const char *key)
{
    struct buf plain = BUF_INIT(CHANNEL_MAX);
    struct buf pattern = BUF_INIT(2 * CHANNEL_MAX);

    redis_add_channel(redis, &plain, exchange, "");
    for (size_t i = 0; i < plain.len; i++) {
        if (strchr("*?[]\\", plain.data[i]) != NULL) {
            buf_add_char(&pattern, '\\');
        }
        buf_add_char(&pattern, plain.data[i]);
    }
    if (key[0] != '\0') {
        buf_add_char(&pattern, '/');
    }
    for (; *key != '\0'; key++) {
        if (strchr("?[]\\", *key) != NULL) {
            buf_add_char(&pattern, '\\');
        }
        buf_add_char(&pattern, *key);
        if (*key == '#') {
            buf_cut(&pattern, pattern.len - 1);
            buf_add_char(&pattern, '*');
        }
    }
    buf_release(&plain);
    return buf_take(&pattern);
}

static void
send_pattern(struct redis_transport *redis, const char *verb,
             const char *pattern)
{
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_command_begin(&command, 2);
    redis_command_add_text(&command, verb);
    redis_command_add_text(&command, pattern);
    redis_link_send(redis->ear, buf_slice(&command), NULL, NULL);
    buf_release(&command);
}

static void
listener_free(struct listener *listener)
{
    list_remove(&listener->link);
    free(listener->pattern);
    free(listener->queue);
    free(listener);
}

// Those that were stopped from inside of a call to one of them.
static void
sweep(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->listeners)
    {
        struct listener *listener = LIST_ENTRY(link, struct listener, link);
        if (listener->stopped) {
            listener_free(listener);
        }
    }
}

static void
deliver(struct redis_transport *redis, struct slice pattern, struct slice text)
{
    struct kombu_message message;
    struct err err = {0};

    if (!kombu_decode(text, &message, &err)) {
        char *note =
            alloc_printf("a message on channel %.*s was dropped: %s",
                         SLICE_ARG(slice_first(pattern, 100)), err.text);
        redis_note(redis, note, NULL);
        free(note);
    } else {
        LIST_FOR_EACH(link, &redis->listeners)
        {
            struct listener *listener = LIST_ENTRY(link, struct listener, link);
            if (!listener->stopped && !redis->freed &&
                slice_equals_text(pattern, listener->pattern)) {
                message.delivery.queue = slice_of(listener->queue);
                listener->on_delivery(listener->ctx, &message.delivery);
            }
        }
    }
    kombu_release(&message);
}

static void
tell_subscribed(struct redis_transport *redis, struct slice pattern)
{
    LIST_FOR_EACH(link, &redis->listeners)
    {
        struct listener *listener = LIST_ENTRY(link, struct listener, link);
        transport_done_fn fn = listener->on_subscribed;
        if (fn != NULL && !listener->stopped && !redis->freed &&
            slice_equals_text(pattern, listener->pattern)) {
            listener->on_subscribed = NULL;
            fn(listener->ctx, NULL);
        }
    }
}

static void
on_push(void *ctx, const redisReply *reply)
{
    struct redis_transport *redis = ctx;
    struct err err = {0};

    if (redis_reply_is_error(reply)) {
        if (!redis_take_trouble(redis, reply, &err)) {
            redis_note(redis, err.text, err.hint);
        }
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
        return; // a server that is asked whether it is there
    }
    struct slice kind = redis_reply_text(reply->element[0]);
    struct slice pattern = redis_reply_text(reply->element[1]);
    redis->dispatching = true;
    if (slice_equals_text(kind, "pmessage") && reply->elements == 4) {
        deliver(redis, pattern, redis_reply_text(reply->element[3]));
    } else if (slice_equals_text(kind, "psubscribe")) {
        tell_subscribed(redis, pattern);
    }
    redis->dispatching = false;
    if (!redis->freed) {
        sweep(redis);
    }
}

static void
on_ready(void *ctx)
{
    struct redis_transport *redis = ctx;

    LIST_FOR_EACH(link, &redis->listeners)
    {
        struct listener *listener = LIST_ENTRY(link, struct listener, link);
        send_pattern(redis, "PSUBSCRIBE", listener->pattern);
    }
}

static void
on_closed(void *ctx, const struct err *err, bool never)
{
    struct redis_transport *redis = ctx;

    redis->ear = NULL;
    if (never) {
        redis_failed(redis, err);
    } else {
        redis_lost(redis, err);
    }
}

static const struct redis_link_events events = {
    .on_ready = on_ready,
    .on_push = on_push,
    .on_closed = on_closed,
};

void
redis_listen_up(struct redis_transport *redis)
{
    if (redis->ear != NULL || list_is_empty(&redis->listeners)) {
        return;
    }
    redis->ear = redis_link_open(&(struct redis_link_params){
        .loop = redis->loop,
        .url = redis_url(redis),
        .name = redis->name,
        .silence_ms = redis->silence_ms,
        .pushes = true,
        .events = &events,
        .ctx = redis,
    });
}

void
redis_listen_down(struct redis_transport *redis)
{
    redis_link_close(redis->ear);
    redis->ear = NULL;
}

// A direct exchange is heard through a queue.
static struct consumer *
subscribe_queue(struct transport *transport,
                const struct subscribe_params *params)
{
    struct queue_params queue = params->queue;

    queue.auto_delete = true;
    transport_declare_queue(transport, &queue, NULL, NULL);
    transport_bind(transport, queue.name, params->exchange.name, params->key,
                   params->on_subscribed, params->ctx);
    return transport_take(transport, &(struct consume_params){
                                         .queue = queue.name,
                                         .no_ack = true,
                                         .on_delivery = params->on_delivery,
                                         .ctx = params->ctx,
                                     });
}

struct consumer *
redis_subscribe(struct transport *transport,
                const struct subscribe_params *params)
{
    struct redis_transport *redis = redis_of(transport);

    redis_exchange_note(redis, params->exchange.name, params->exchange.kind);
    if (params->exchange.kind == EXCHANGE_DIRECT) {
        return subscribe_queue(transport, params);
    }
    struct listener *listener = ALLOC(struct listener);
    listener->any.base.transport = transport;
    listener->any.listener = true;
    listener->redis = redis;
    listener->pattern = pattern_of(redis, params->exchange.name, params->key);
    listener->queue =
        alloc_dup(params->queue.name != NULL ? params->queue.name : "");
    listener->on_delivery = params->on_delivery;
    listener->on_subscribed = params->on_subscribed;
    listener->ctx = params->ctx;
    list_add(&redis->listeners, &listener->link);
    if (redis->ear != NULL && redis_link_is_ready(redis->ear)) {
        send_pattern(redis, "PSUBSCRIBE", listener->pattern);
    } else if (redis->state == STATE_UP) {
        redis_listen_up(redis);
    }
    return &listener->any.base;
}

bool
redis_is_listener(const struct consumer *consumer)
{
    return ((const struct redis_any *)consumer)->listener;
}

static bool
is_wanted(const struct redis_transport *redis, const char *pattern)
{
    LIST_FOR_EACH(link, &redis->listeners)
    {
        const struct listener *listener =
            LIST_ENTRY(link, struct listener, link);
        if (!listener->stopped && strcmp(listener->pattern, pattern) == 0) {
            return true;
        }
    }
    return false;
}

void
redis_listen_stop(struct consumer *consumer, transport_done_fn done, void *ctx)
{
    struct listener *listener = (struct listener *)consumer;
    struct redis_transport *redis = listener->redis;

    listener->stopped = true;
    if (redis->ear != NULL && redis_link_is_ready(redis->ear) &&
        !is_wanted(redis, listener->pattern)) {
        send_pattern(redis, "PUNSUBSCRIBE", listener->pattern);
    }
    if (!redis->dispatching) {
        listener_free(listener);
    }
    redis_later_done(redis, done, ctx, NULL);
}

void
redis_listen_free(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->listeners)
    {
        listener_free(LIST_ENTRY(link, struct listener, link));
    }
}
