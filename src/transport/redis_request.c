#include "transport/redis_internal.h"

#include <stdlib.h>

#include "util/alloc.h"

struct request {
    struct list_link link;
    struct buf command;
    redis_request_fn fn;
    void *ctx;
    size_t len; // of the command
    bool keep;
    bool sent;
    bool publish;
};

// What a request becomes for the user.
struct redis_call {
    struct redis_transport *redis;
    transport_done_fn done;
    transport_count_fn count;
    void *ctx;
};

// A call to the user that is to be made soon.
struct later {
    struct list_link link;
    struct redis_transport *redis;
    transport_done_fn done;
    transport_count_fn count;
    void *ctx;
    struct err err;
    bool good;
};

// Takes it out of the list; what it counted for is free again.
static void
request_free(struct redis_transport *redis, struct request *request)
{
    list_remove(&request->link);
    if (request->publish) {
        redis->publishes--;
        redis->publish_bytes -= request->len;
    }
    buf_release(&request->command);
    free(request);
}

static void
request_end(struct redis_transport *redis, struct request *request,
            const redisReply *reply, const struct err *err)
{
    redis_request_fn fn = request->fn;
    void *ctx = request->ctx;

    request_free(redis, request);
    if (fn != NULL) {
        fn(ctx, reply, err);
    }
}

static void
on_reply(void *ctx, const redisReply *reply)
{
    struct redis_transport *redis = ctx;
    struct request *request =
        LIST_ENTRY(list_first(&redis->requests), struct request, link);
    struct err err = {0};

    if (!redis_reply_is_error(reply)) {
        request_end(redis, request, reply, NULL);
    } else if (redis_take_trouble(redis, reply, &err)) {
        return; // all of them were told, or wait for the next connection
    } else {
        request_end(redis, request, NULL, &err);
    }
    redis_settle(redis);
}

static void
send_request(struct redis_transport *redis, struct request *request)
{
    request->sent = true;
    redis_link_send(redis->link, buf_slice(&request->command), on_reply, redis);
    if (!request->keep) {
        buf_release(&request->command);
    }
}

static struct request *
request_new(struct redis_transport *redis, struct buf *command,
            enum redis_keep keep, redis_request_fn fn, void *ctx)
{
    struct request *request = ALLOC(struct request);

    request->len = command->len;
    request->command = *command;
    *command = (struct buf){.max = command->max};
    request->fn = fn;
    request->ctx = ctx;
    request->keep = keep == REDIS_KEEP;
    list_add(&redis->requests, &request->link);
    return request;
}

static void
refuse_later(void *ctx)
{
    struct redis_transport *redis = ctx;
    struct err err = {0};

    err_set(&err, ERR_CONFIG, "%s: the connection has failed",
            redis_url(redis)->shown);
    redis_requests_refuse(redis, &err);
}

void
redis_request(struct redis_transport *redis, struct buf *command,
              enum redis_keep keep, redis_request_fn fn, void *ctx)
{
    struct request *request = request_new(redis, command, keep, fn, ctx);

    if (redis->state == STATE_UP) {
        send_request(redis, request);
    } else if (redis->state == STATE_FAILED) {
        loop_post(redis->loop, refuse_later, redis);
    }
}

void
redis_request_publish(struct redis_transport *redis, struct buf *command,
                      enum redis_keep keep, redis_request_fn fn, void *ctx)
{
    redis_request(redis, command, keep, fn, ctx);
    struct request *request =
        LIST_ENTRY(redis->requests.head.previous, struct request, link);
    request->publish = true;
    redis->publishes++;
    redis->publish_bytes += request->len;
}

void
redis_requests_send(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->requests)
    {
        struct request *request = LIST_ENTRY(link, struct request, link);
        if (!request->sent) {
            send_request(redis, request);
        }
    }
}

void
redis_requests_unsend(struct redis_transport *redis)
{
    struct list dropped;

    list_init(&dropped);
    LIST_FOR_EACH(link, &redis->requests)
    {
        struct request *request = LIST_ENTRY(link, struct request, link);
        if (request->sent && !request->keep) {
            list_remove(link);
            list_add(&dropped, link);
        }
        request->sent = false;
    }
    struct err err = {0};
    err_set(&err, ERR_SYSTEM, "the connection was lost");
    struct list_link *first = NULL;
    while ((first = list_take_first(&dropped)) != NULL) {
        request_end(redis, LIST_ENTRY(first, struct request, link), NULL, &err);
    }
}

// `err` NULL: the transport is being freed.
static void
end_all(struct redis_transport *redis, const struct err *err)
{
    struct list ended;
    struct list_link *first = NULL;

    // What is asked meanwhile is refused in its turn.
    list_init(&ended);
    while ((first = list_take_first(&redis->requests)) != NULL) {
        list_add(&ended, first);
    }
    while ((first = list_take_first(&ended)) != NULL) {
        request_end(redis, LIST_ENTRY(first, struct request, link), NULL, err);
    }
}

void
redis_requests_refuse(struct redis_transport *redis, const struct err *err)
{
    end_all(redis, err);
    redis_settle(redis);
}

void
redis_requests_free(struct redis_transport *redis)
{
    end_all(redis, NULL);
}

struct redis_call *
redis_call_done(struct redis_transport *redis, transport_done_fn done,
                void *ctx)
{
    struct redis_call *call = ALLOC(struct redis_call);

    call->redis = redis;
    call->done = done;
    call->ctx = ctx;
    return call;
}

struct redis_call *
redis_call_count(struct redis_transport *redis, transport_count_fn done,
                 void *ctx)
{
    struct redis_call *call = redis_call_done(redis, NULL, ctx);

    call->count = done;
    return call;
}

void
redis_call_end(struct redis_call *call, uint64_t count, const struct err *err)
{
    bool silent = call->redis->freed;

    if (call->done != NULL && !silent) {
        call->done(call->ctx, err);
    }
    if (call->count != NULL && !silent) {
        call->count(call->ctx, count, err);
    }
    free(call);
}

void
redis_call_reply(void *call, const redisReply *reply, const struct err *err)
{
    if (reply == NULL && err == NULL) {
        free(call);
        return;
    }
    redis_call_end(call, reply != NULL ? (uint64_t)redis_reply_int(reply) : 0,
                   err);
}

static void
later_end(struct later *later, bool tell)
{
    const struct err *err = later->good ? NULL : &later->err;

    list_remove(&later->link);
    if (tell && later->done != NULL) {
        later->done(later->ctx, err);
    } else if (tell && later->count != NULL) {
        later->count(later->ctx, 0, err);
    }
    free(later);
}

static void
on_later(void *ctx)
{
    struct later *later = ctx;

    later_end(later, !later->redis->freed);
}

static struct later *
later_new(struct redis_transport *redis, void *ctx, const struct err *err)
{
    struct later *later = ALLOC(struct later);

    later->redis = redis;
    later->ctx = ctx;
    later->good = err == NULL;
    later->err = err != NULL ? *err : later->err;
    list_add(&redis->laters, &later->link);
    loop_post(redis->loop, on_later, later);
    return later;
}

void
redis_later_done(struct redis_transport *redis, transport_done_fn done,
                 void *ctx, const struct err *err)
{
    if (done != NULL) {
        later_new(redis, ctx, err)->done = done;
    }
}

void
redis_later_count(struct redis_transport *redis, transport_count_fn done,
                  void *ctx, const struct err *err)
{
    if (done != NULL) {
        later_new(redis, ctx, err)->count = done;
    }
}

void
redis_laters_free(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->laters)
    {
        struct later *later = LIST_ENTRY(link, struct later, link);
        loop_cancel(redis->loop, later);
        later_end(later, false);
    }
}
