/*
 * A client of a Redis server for tests: connects, remembers what it is told,
 * and waits for it. Everything ends the test where it takes too long.
 */
#ifndef TESTS_BROKER_REDIS_SCENE_H
#define TESTS_BROKER_REDIS_SCENE_H

#include "tests/support/broker_server.h"
#include "tests/unit/stage.h"

#include <hiredis/hiredis.h>

#include "transport/transport.h"

struct scene {
    struct stage stage;
    struct transport *transport;
    size_t ups;
    size_t downs;
    size_t failures;
    size_t notes;
    size_t answers;
    size_t closed;
    size_t ended;
    uint64_t count; // the last number that was answered
    struct err err; // the last error of any kind
    char note[512];
    size_t deliveries;
    char came[64]; // the first letter of each body
    bool redelivered[64];
    uint64_t tags[64];
    bool acknowledges;
    struct transport_facts facts;
};

/* Parts of transport_params; zeroed is what is not wanted. */
struct scene_params {
    const char *url;
    const char *name;
    uint32_t visibility_ms;
    uint32_t heartbeat_ms;
};

/* Connects, and returns at once. */
void scene_open(struct scene *scene, const struct scene_params *params);
/* The same, and waits until it is up. */
void scene_open_up(struct scene *scene, const char *url, const char *name);
/* Frees it at once, as when a process ends. */
void scene_drop(struct scene *scene);
/* Closes it as it should be. */
void scene_close(struct scene *scene);

/* Until `*what` is at least `wanted`. */
void scene_wait(struct scene *scene, const size_t *what, size_t wanted);

/* Sends one message for each letter and waits for all confirmations. */
void scene_send(struct scene *scene, const char *queue, const char *letters);
void scene_publish(struct scene *scene, const char *exchange, const char *key,
                   const char *letter, int priority);

struct consumer *scene_take(struct scene *scene, const char *queue,
                            uint32_t prefetch);
struct consumer *scene_subscribe(struct scene *scene, const char *exchange,
                                 enum exchange_kind kind, const char *key);

/* For answers: to be given as callbacks, with the scene. */
void scene_done(void *ctx, const struct err *err);
void scene_count(void *ctx, uint64_t count, const struct err *err);
void scene_delivery(void *ctx, const struct delivery *delivery);
void scene_ended(void *ctx, const struct err *err);

/* Asks and waits; gives the number. */
uint64_t scene_length(struct scene *scene, const char *queue);
uint64_t scene_delete(struct scene *scene, const char *queue);
uint64_t scene_reclaim(struct scene *scene, const char *queue,
                       const char *name);

/* Another client, without any of this. To be freed by redisFree. */
redisContext *scene_other(const struct broker_server *server);
/* Its command, whose reply is an integer. */
long long scene_ask(redisContext *redis, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
