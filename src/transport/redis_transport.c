#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "transport/redis_error.h"
#include "transport/redis_internal.h"
#include "util/alloc.h"

#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define PAUSE_FLAPPING_MS 800
// A connection that lived so long was a good one: the next pause is short.
#define GOOD_US 1000000

#define SILENCE_MS 60000
#define VISIBILITY_MS 3600000U
#define RENEW_MIN_MS 250
#define RENEW_MAX_MS 30000

static void open_link(struct redis_transport *redis);

uint32_t
redis_visibility_ms(const struct redis_transport *redis)
{
    uint32_t said = redis_url(redis)->visibility_ms;

    return redis->visibility_ms_wanted != 0 ? redis->visibility_ms_wanted
           : said != 0                      ? said
                                            : VISIBILITY_MS;
}

void
redis_note(struct redis_transport *redis, const char *text, const char *hint)
{
    if (!redis->freed && redis->events->on_note != NULL) {
        redis->events->on_note(redis->ctx, text, hint);
    }
}

// Everything that belongs to the connection goes with it.
static void
let_go(struct redis_transport *redis)
{
    redis_link_close(redis->link);
    redis->link = NULL;
    deadline_disarm(&redis->renew);
    redis_listen_down(redis);
    redis_consumers_down(redis);
    redis_holdings_down(redis);
    redis_requests_unsend(redis);
}

enum life {
    LIFE_NONE = 1, // it was never up
    LIFE_SHORT,
    LIFE_LONG,
};

// A pause comes after all URLs were tried, and grows until one was good. Where
// a server was there at all, it does not grow as far.
static void
plan_next(struct redis_transport *redis, enum life life)
{
    msec most = life == LIFE_NONE ? PAUSE_MAX_MS : PAUSE_FLAPPING_MS;
    msec pause = 0;

    if (life == LIFE_NONE) {
        redis->tried++;
        redis->at = (redis->at + 1) % redis->urls.count;
    }
    if (life != LIFE_NONE || redis->tried >= redis->urls.count) {
        bool first = life == LIFE_LONG || redis->pause == 0;
        redis->tried = 0;
        redis->pause = first ? PAUSE_MIN_MS : 2 * redis->pause;
        redis->pause = redis->pause > most ? most : redis->pause;
        // Many that lost one server do not come back in step.
        pause = redis->pause +
                (msec)(redis->random % (uint64_t)(redis->pause / 4 + 1));
    }
    deadline_arm(&redis->retry, pause);
}

static enum life
life_of(const struct redis_transport *redis)
{
    if (redis->state != STATE_UP) {
        return LIFE_NONE;
    }
    uint64_t lived = (uint64_t)loop_now_us(redis->loop) - redis->up_since_us;
    return lived > GOOD_US ? LIFE_LONG : LIFE_SHORT;
}

void
redis_lost(struct redis_transport *redis, const struct err *err)
{
    struct err copy = *err; // it may lie in what goes now

    if (redis->state == STATE_FAILED || redis->state == STATE_CLOSED ||
        redis->state == STATE_DOWN) {
        return;
    }
    enum life life = life_of(redis);
    redis->state = STATE_DOWN;
    plan_next(redis, life);
    let_go(redis);
    if (!redis->freed && redis->events->on_down != NULL) {
        redis->events->on_down(redis->ctx, &copy);
    }
    redis_settle(redis);
}

void
redis_failed(struct redis_transport *redis, const struct err *err)
{
    struct err copy = *err;

    if (redis->state == STATE_FAILED || redis->state == STATE_CLOSED) {
        return;
    }
    redis->state = STATE_FAILED;
    deadline_disarm(&redis->retry);
    let_go(redis);
    redis_requests_refuse(redis, &copy);
    if (!redis->freed && redis->events->on_failed != NULL) {
        redis->events->on_failed(redis->ctx, &copy);
    }
    redis_settle(redis);
}

bool
redis_take_trouble(struct redis_transport *redis, const redisReply *reply,
                   struct err *err)
{
    enum redis_trouble trouble = redis_error_set(err, redis_reply_text(reply));

    err_wrap(err, "%s", redis_url(redis)->shown);
    switch (trouble) {
    case REDIS_REFUSED:
        return false;
    case REDIS_LATER:
        redis_lost(redis, err);
        return true;
    case REDIS_NEVER:
        redis_failed(redis, err);
        return true;
    }
    return false;
}

static msec
renew_ms(const struct redis_transport *redis)
{
    msec quarter = redis_visibility_ms(redis) / 4;

    return quarter < RENEW_MIN_MS   ? RENEW_MIN_MS
           : quarter > RENEW_MAX_MS ? RENEW_MAX_MS
                                    : quarter;
}

static void
on_renew(void *ctx)
{
    struct redis_transport *redis = ctx;

    redis_holdings_renew(redis);
    redis_queues_renew(redis);
    deadline_arm(&redis->renew, renew_ms(redis));
}

static void
become_up(struct redis_transport *redis)
{
    redis->state = STATE_UP;
    redis->up_since_us = (uint64_t)loop_now_us(redis->loop);
    redis_bindings_send(redis);
    redis_holdings_up(redis);
    redis_requests_send(redis);
    redis_consumers_up(redis);
    redis_listen_up(redis);
    deadline_arm(&redis->renew, renew_ms(redis));
    if (!redis->freed && redis->events->on_up != NULL) {
        redis->events->on_up(redis->ctx);
    }
}

static void
on_loaded(void *ctx, const redisReply *reply)
{
    struct redis_transport *redis = ctx;
    struct err err = {0};

    if (redis_reply_is_error(reply)) {
        if (!redis_take_trouble(redis, reply, &err)) {
            err_hint(&err, "scripts in Lua are needed: EVALSHA, SCRIPT LOAD");
            redis_failed(redis, &err);
        }
        return;
    }
    redis->unloaded--;
    if (redis->unloaded == 0) {
        become_up(redis);
    }
}

static void
on_ready(void *ctx)
{
    struct redis_transport *redis = ctx;
    struct buf command = BUF_INIT(1UL << 20);

    redis->state = STATE_PREPARING;
    redis->unloaded = SCRIPT_COUNT;
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        redis_command_begin(&command, 3);
        redis_command_add_text(&command, "SCRIPT");
        redis_command_add_text(&command, "LOAD");
        redis_command_add_text(&command, redis_script_text(i));
        redis_link_send(redis->link, buf_slice(&command), on_loaded, redis);
        buf_reset(&command);
    }
    buf_release(&command);
}

static void
on_closed(void *ctx, const struct err *err, bool never)
{
    struct redis_transport *redis = ctx;

    redis->link = NULL;
    if (never) {
        redis_failed(redis, err);
    } else {
        redis_lost(redis, err);
    }
}

static const struct redis_link_events link_events = {
    .on_ready = on_ready,
    .on_closed = on_closed,
};

static void
open_link(struct redis_transport *redis)
{
    redis->state = STATE_LINKING;
    redis->link = redis_link_open(&(struct redis_link_params){
        .loop = redis->loop,
        .url = redis_url(redis),
        .name = redis->name,
        .silence_ms = redis->silence_ms,
        .events = &link_events,
        .ctx = redis,
    });
}

static void
on_retry(void *ctx)
{
    open_link(ctx);
}

// Ends transport_close: by itself, or because its time is over.
static void
finish(struct redis_transport *redis)
{
    transport_done_fn done = redis->closed;
    void *done_ctx = redis->closed_ctx;
    struct err err = {0};

    if (redis->state == STATE_CLOSED) {
        return;
    }
    redis->state = STATE_CLOSED;
    deadline_disarm(&redis->last);
    deadline_disarm(&redis->retry);
    let_go(redis);
    err_set(&err, ERR_LIMIT, "%s: there was no time to send it",
            redis_url(redis)->shown);
    redis_requests_refuse(redis, &err);
    redis_later_done(redis, done, done_ctx, NULL);
}

static void
on_last(void *ctx)
{
    finish(ctx);
}

// Looks whether transport_close is through.
static void
settle(void *ctx)
{
    struct redis_transport *redis = ctx;

    redis->settling = false;
    bool idle = list_is_empty(&redis->requests);
    if (redis->state == STATE_FAILED ||
        (idle && list_is_empty(&redis->consumers))) {
        finish(redis);
    }
}

void
redis_settle(struct redis_transport *redis)
{
    if (redis->closing && !redis->settling && redis->state != STATE_CLOSED) {
        redis->settling = true;
        loop_post(redis->loop, settle, redis);
    }
}

static void
close_transport(struct transport *transport, uint32_t ms,
                transport_done_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);

    redis->closing = true;
    redis->closed = done;
    redis->closed_ctx = ctx;
    redis_consumers_stop(redis);
    redis_requeue_all(redis);
    redis_queues_leave(redis);
    deadline_arm(&redis->last, ms);
    redis_settle(redis);
}

static void
free_now(void *ctx)
{
    struct redis_transport *redis = ctx;

    redis_requests_free(redis);
    redis_listen_free(redis);
    redis_consumers_free(redis);
    redis_holdings_free(redis);
    redis_publish_free(redis);
    redis_laters_free(redis);
    loop_cancel(redis->loop, redis);
    deadline_release(&redis->retry);
    deadline_release(&redis->renew);
    deadline_release(&redis->last);
    broker_urls_release(&redis->urls);
    free(redis->name);
    free(redis);
}

// The memory goes a little later: this may be called from a callback of ours.
static void
free_transport(struct transport *transport)
{
    struct redis_transport *redis = redis_of(transport);

    redis->freed = true;
    redis->state = STATE_CLOSED;
    deadline_disarm(&redis->retry);
    deadline_disarm(&redis->renew);
    deadline_disarm(&redis->last);
    redis_link_close(redis->link);
    redis->link = NULL;
    redis_listen_down(redis);
    redis_consumers_down(redis);
    loop_cancel(redis->loop, redis);
    loop_post(redis->loop, free_now, redis);
}

static bool
is_up(const struct transport *transport)
{
    const struct redis_transport *redis =
        (const struct redis_transport *)transport;

    return redis->state == STATE_UP;
}

static const char *
address(const struct transport *transport)
{
    return redis_url((const struct redis_transport *)transport)->shown;
}

static void
stop(struct consumer *consumer, transport_done_fn done, void *ctx)
{
    if (redis_is_listener(consumer)) {
        redis_listen_stop(consumer, done, ctx);
    } else {
        redis_take_stop(consumer, done, ctx);
    }
}

static const struct transport_ops ops = {
    .close = close_transport,
    .free = free_transport,
    .is_up = is_up,
    .address = address,
    .ask_facts = redis_ask_facts,
    .declare_exchange = redis_declare_exchange,
    .declare_queue = redis_declare_queue,
    .bind = redis_bind,
    .publish = redis_publish,
    .take = redis_take,
    .subscribe = redis_subscribe,
    .prefetch = redis_take_prefetch,
    .stop = stop,
    .ack = redis_ack,
    .requeue = redis_requeue,
    .reject = redis_ack, // nobody keeps what was rejected
    .length = redis_length,
    .purge = redis_purge,
    .delete_queue = redis_delete_queue,
    .delete_exchange = redis_delete_exchange,
    .withdraw = redis_withdraw,
    .reclaim = redis_reclaim,
};

static void
init_lists(struct redis_transport *redis)
{
    list_init(&redis->requests);
    list_init(&redis->exchanges);
    list_init(&redis->bindings);
    list_init(&redis->queues);
    list_init(&redis->consumers);
    list_init(&redis->holdings);
    list_init(&redis->listeners);
    list_init(&redis->laters);
    map_init(&redis->held, MAP_BORROWS_KEYS);
}

struct transport *
redis_open(const struct driver_params *params, struct err *err)
{
    struct redis_transport *redis = ALLOC(struct redis_transport);
    uint32_t silence = params->open.heartbeat_ms;

    (void)err;
    redis->base.ops = &ops;
    redis->loop = params->open.loop;
    redis->events = params->open.events;
    redis->ctx = params->open.ctx;
    redis->urls = params->urls;
    redis->name = alloc_dup(params->open.name);
    if (silence == 0) {
        silence = redis->urls.items[0].heartbeat_ms;
    }
    redis->silence_ms = silence != 0 ? silence : SILENCE_MS;
    redis->visibility_ms_wanted = params->open.visibility_ms;
    init_lists(redis);
    redis_scripts_init(&redis->scripts);
    if (getrandom(&redis->random, sizeof(redis->random), 0) !=
        (ssize_t)sizeof(redis->random)) {
        redis->random = (uint64_t)loop_now_us(redis->loop);
    }
    deadline_init(&redis->retry, redis->loop, on_retry, redis);
    deadline_init(&redis->renew, redis->loop, on_renew, redis);
    deadline_init(&redis->last, redis->loop, on_last, redis);
    open_link(redis);
    return &redis->base;
}
