#include "tests/broker/redis_scene.h"

#include <stdarg.h>
#include <string.h>

#include "util/alloc.h"

static void
take_err(struct scene *scene, const struct err *err)
{
    if (err != NULL) {
        scene->err = *err;
    }
    loop_stop(scene->stage.loop);
}

static void
on_up(void *ctx)
{
    struct scene *scene = ctx;

    scene->ups++;
    take_err(scene, NULL);
}

static void
on_down(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    scene->downs++;
    take_err(scene, err);
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    scene->failures++;
    take_err(scene, err);
}

static void
on_note(void *ctx, const char *text, const char *hint)
{
    struct scene *scene = ctx;

    scene->notes++;
    (void)snprintf(scene->note, sizeof(scene->note), "%s (%s)", text,
                   hint != NULL ? hint : "");
    take_err(scene, NULL);
}

static const struct transport_events events = {
    .on_up = on_up,
    .on_down = on_down,
    .on_failed = on_failed,
    .on_note = on_note,
};

static void
on_closed(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    scene->closed++;
    take_err(scene, err);
}

void
scene_done(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    scene->answers++;
    take_err(scene, err);
}

void
scene_count(void *ctx, uint64_t count, const struct err *err)
{
    struct scene *scene = ctx;

    scene->count = count;
    scene_done(ctx, err);
}

void
scene_ended(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    scene->ended++;
    take_err(scene, err);
}

void
scene_delivery(void *ctx, const struct delivery *delivery)
{
    struct scene *scene = ctx;
    size_t at = scene->deliveries++;

    if (at < sizeof(scene->came) - 1) {
        scene->came[at] = delivery->message.body.data[0];
        scene->redelivered[at] = delivery->redelivered;
        scene->tags[at] = delivery->tag;
    }
    if (scene->acknowledges) {
        transport_ack(scene->transport, delivery->tag);
    }
    take_err(scene, NULL);
}

void
scene_open(struct scene *scene, const struct scene_params *params)
{
    struct err err = {0};

    *scene = (struct scene){0};
    stage_init(&scene->stage);
    scene->transport = transport_open(
        &(struct transport_params){
            .loop = scene->stage.loop,
            .urls = params->url,
            .name = params->name,
            .heartbeat_ms = params->heartbeat_ms,
            .visibility_ms = params->visibility_ms,
            .events = &events,
            .ctx = scene,
        },
        &err);
    if (scene->transport == NULL) {
        fail_msg("%s", err.text);
    }
}

void
scene_open_up(struct scene *scene, const char *url, const char *name)
{
    scene_open(scene, &(struct scene_params){.url = url, .name = name});
    scene_wait(scene, &scene->ups, 1);
}

void
scene_drop(struct scene *scene)
{
    transport_free(scene->transport);
    stage_release(&scene->stage);
}

void
scene_close(struct scene *scene)
{
    transport_close(scene->transport, 5000, on_closed, scene);
    scene_wait(scene, &scene->closed, 1);
    scene_drop(scene);
}

void
scene_wait(struct scene *scene, const size_t *what, size_t wanted)
{
    while (*what < wanted) {
        if (!stage_try(&scene->stage)) {
            fail_msg(
                "after %d s: %zu of %zu; ups %zu, downs %zu, notes %zu,"
                " answers %zu, deliveries %zu (%s), ended %zu; last: %s %s",
                STAGE_LIMIT_MS / 1000, *what, wanted, scene->ups, scene->downs,
                scene->notes, scene->answers, scene->deliveries, scene->came,
                scene->ended, scene->err.text, scene->note);
        }
        if (scene->failures > 0 && what != &scene->failures && *what < wanted) {
            fail_msg("%s", scene->err.text);
        }
    }
}

void
scene_publish(struct scene *scene, const char *exchange, const char *key,
              const char *letter, int priority)
{
    struct message message = {
        .body = slice_make(letter, 1),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .priority = priority,
        .persistent = true,
    };

    transport_publish(scene->transport,
                      &(struct publish){.exchange = exchange,
                                        .key = key,
                                        .message = &message},
                      scene_done, scene);
}

void
scene_send(struct scene *scene, const char *queue, const char *letters)
{
    size_t wanted = scene->answers + strlen(letters);

    for (; *letters != '\0'; letters++) {
        scene_publish(scene, "", queue, letters, 0);
    }
    scene_wait(scene, &scene->answers, wanted);
}

struct consumer *
scene_take(struct scene *scene, const char *queue, uint32_t prefetch)
{
    return transport_take(scene->transport, &(struct consume_params){
                                                .queue = queue,
                                                .prefetch = prefetch,
                                                .on_delivery = scene_delivery,
                                                .on_ended = scene_ended,
                                                .ctx = scene,
                                            });
}

struct consumer *
scene_subscribe(struct scene *scene, const char *exchange,
                enum exchange_kind kind, const char *key)
{
    size_t wanted = scene->answers + 1;
    struct consumer *consumer = transport_subscribe(
        scene->transport, &(struct subscribe_params){
                              .exchange = {.name = exchange, .kind = kind},
                              .key = key,
                              .queue = {.name = "ear"},
                              .on_delivery = scene_delivery,
                              .on_subscribed = scene_done,
                              .ctx = scene,
                          });

    scene_wait(scene, &scene->answers, wanted);
    return consumer;
}

uint64_t
scene_length(struct scene *scene, const char *queue)
{
    transport_length(scene->transport, queue, scene_count, scene);
    scene_wait(scene, &scene->answers, scene->answers + 1);
    return scene->count;
}

uint64_t
scene_delete(struct scene *scene, const char *queue)
{
    transport_delete(scene->transport, queue, false, scene_count, scene);
    scene_wait(scene, &scene->answers, scene->answers + 1);
    return scene->count;
}

uint64_t
scene_reclaim(struct scene *scene, const char *queue, const char *name)
{
    transport_reclaim(scene->transport, queue, name, scene_count, scene);
    scene_wait(scene, &scene->answers, scene->answers + 1);
    return scene->count;
}

redisContext *
scene_other(const struct broker_server *server)
{
    redisContext *redis = redisConnect("127.0.0.1", server->port);

    assert_non_null(redis);
    assert_int_equal(redis->err, 0);
    return redis;
}

long long
scene_ask(redisContext *redis, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    redisReply *reply = redisvCommand(redis, format, arguments);
    va_end(arguments);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("%s: %s", format, reply->str);
    }
    long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer
                       : reply->type == REDIS_REPLY_ARRAY
                           ? (long long)reply->elements
                           : 0;
    freeReplyObject(reply);
    return number;
}
