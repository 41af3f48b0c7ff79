#include "transport/redis_consumer.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

// How often a wait is broken off before it is left to end by itself.
#define UNBLOCKS_MAX 50

bool
redis_has_stopped(const struct redis_consumer *consumer)
{
    return consumer->stopped;
}

static void
on_pause(void *ctx)
{
    redis_pump(ctx);
}

static void
on_ready(void *ctx)
{
    struct redis_consumer *consumer = ctx;

    consumer->more = true;
    consumer->idle = true;
    redis_go_on(consumer);
}

static void
on_closed(void *ctx, const struct err *err, bool never)
{
    struct redis_consumer *consumer = ctx;

    consumer->connection = NULL;
    if (never) {
        redis_failed(consumer->redis, err);
    } else {
        redis_lost(consumer->redis, err);
    }
}

static const struct redis_link_events events = {
    .on_ready = on_ready,
    .on_closed = on_closed,
};

static void
connect_consumer(struct redis_consumer *consumer)
{
    struct redis_transport *redis = consumer->redis;

    consumer->connection = redis_link_open(&(struct redis_link_params){
        .loop = redis->loop,
        .url = redis_url(redis),
        .name = redis->name,
        .silence_ms = redis->silence_ms,
        .events = &events,
        .ctx = consumer,
    });
}

struct consumer *
redis_take(struct transport *transport, const struct consume_params *params)
{
    struct redis_transport *redis = redis_of(transport);
    struct redis_consumer *consumer = ALLOC(struct redis_consumer);

    consumer->any.base.transport = transport;
    consumer->redis = redis;
    consumer->queue = alloc_dup(params->queue);
    consumer->prefetch = params->prefetch;
    consumer->on_delivery = params->on_delivery;
    consumer->on_ended = params->on_ended;
    consumer->ctx = params->ctx;
    deadline_init(&consumer->pause, redis->loop, on_pause, consumer);
    list_add(&redis->consumers, &consumer->link);
    if (!params->no_ack) {
        consumer->holding = redis_hold(redis, params->queue);
    }
    if (redis->state == STATE_UP) {
        connect_consumer(consumer);
    }
    return &consumer->any.base;
}

void
redis_take_prefetch(struct consumer *base, uint32_t prefetch)
{
    struct redis_consumer *consumer = (struct redis_consumer *)base;

    if (redis_is_listener(base)) {
        return;
    }
    consumer->prefetch = prefetch;
    consumer->more = true;
    redis_pump(consumer);
}

static void
consumer_free(struct redis_consumer *consumer)
{
    deadline_release(&consumer->pause);
    redis_link_close(consumer->connection);
    free(consumer->queue);
    free(consumer);
}

static void
on_left(void *ctx, const redisReply *reply, const struct err *err)
{
    if (err == NULL && reply == NULL) {
        redis_call_reply(ctx, NULL, NULL); // it is being freed
    } else {
        redis_call_end(ctx, 0, NULL);
    }
}

// What the consumer sent has an answer: the end of it, said when the server
// has heard all of what came before.
void
redis_finish_stop(struct redis_consumer *consumer)
{
    struct redis_transport *redis = consumer->redis;
    struct buf command = BUF_INIT(64);
    const struct redis_queue *queue = redis_find_queue(redis, consumer->queue);

    if (consumer->waiting || consumer->batching || consumer->busy) {
        return;
    }
    list_remove(&consumer->link);
    if (consumer->holding != NULL) {
        redis_unhold(consumer->holding);
    }
    if (queue != NULL && queue->auto_delete &&
        !redis_takes_from(redis, consumer->queue)) {
        redis_delete_now(redis, consumer->queue, NULL, NULL);
    }
    if (redis->state == STATE_UP) {
        redis_command_begin(&command, 1);
        redis_command_add_text(&command, "PING");
        redis_request(
            redis, &command, REDIS_ONCE, on_left,
            redis_call_done(redis, consumer->done, consumer->done_ctx));
    } else {
        redis_later_done(redis, consumer->done, consumer->done_ctx, NULL);
    }
    consumer_free(consumer);
    redis_settle(redis);
}

static void unblock(struct redis_consumer *consumer);

// The consumer may be gone by now: it is looked for.
static void
on_unblocked(void *ctx, const redisReply *reply, const struct err *err)
{
    (void)err;
    if (reply == NULL || redis_reply_is_error(reply) ||
        redis_reply_int(reply) == 1) {
        return;
    }
    struct redis_transport *redis = ctx;
    LIST_FOR_EACH(link, &redis->consumers)
    {
        struct redis_consumer *consumer =
            LIST_ENTRY(link, struct redis_consumer, link);
        // Our word was faster than the wait that it was to end.
        if (consumer->stopped && consumer->waiting) {
            unblock(consumer);
        }
    }
}

static void
unblock(struct redis_consumer *consumer)
{
    struct redis_transport *redis = consumer->redis;
    struct buf command = BUF_INIT(256);
    uint64_t id = redis_link_id(consumer->connection);

    if (id == 0 || ++consumer->unblocks > UNBLOCKS_MAX) {
        return; // it ends within a second by itself
    }
    redis_command_begin(&command, 3);
    redis_command_add_text(&command, "CLIENT");
    redis_command_add_text(&command, "UNBLOCK");
    redis_command_add_int(&command, (int64_t)id);
    redis_request(redis, &command, REDIS_ONCE, on_unblocked, redis);
}

static void
stop_consumer(struct redis_consumer *consumer, transport_done_fn done,
              void *ctx)
{
    consumer->stopped = true;
    consumer->done = done;
    consumer->done_ctx = ctx;
    deadline_disarm(&consumer->pause);
    if (consumer->waiting && consumer->redis->state == STATE_UP) {
        unblock(consumer);
    } else {
        redis_finish_stop(consumer);
    }
}

void
redis_take_stop(struct consumer *base, transport_done_fn done, void *ctx)
{
    stop_consumer((struct redis_consumer *)base, done, ctx);
}

void
redis_consumers_stop(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->consumers)
    {
        struct redis_consumer *consumer =
            LIST_ENTRY(link, struct redis_consumer, link);
        if (!consumer->stopped) {
            stop_consumer(consumer, NULL, NULL);
        }
    }
}

void
redis_consumers_up(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->consumers)
    {
        struct redis_consumer *consumer =
            LIST_ENTRY(link, struct redis_consumer, link);
        if (consumer->connection == NULL && !consumer->ended) {
            connect_consumer(consumer);
        }
    }
}

void
redis_consumers_down(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->consumers)
    {
        struct redis_consumer *consumer =
            LIST_ENTRY(link, struct redis_consumer, link);
        redis_link_close(consumer->connection);
        consumer->connection = NULL;
        consumer->waiting = consumer->batching = false;
        consumer->out = 0;
        deadline_disarm(&consumer->pause);
        if (consumer->stopped && !redis->freed) {
            redis_finish_stop(consumer);
        }
    }
}

void
redis_consumers_free(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->consumers)
    {
        struct redis_consumer *consumer =
            LIST_ENTRY(link, struct redis_consumer, link);
        list_remove(link);
        consumer_free(consumer);
    }
}

bool
redis_takes_from(const struct redis_transport *redis, const char *queue)
{
    LIST_FOR_EACH(link, &redis->consumers)
    {
        const struct redis_consumer *consumer =
            LIST_ENTRY(link, struct redis_consumer, link);
        if (!consumer->stopped && strcmp(consumer->queue, queue) == 0) {
            return true;
        }
    }
    return false;
}
