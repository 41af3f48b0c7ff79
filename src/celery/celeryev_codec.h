/*
 * The events by which Celery's monitors know nodes and tasks, both ways. Pure.
 */
#ifndef CELERY_CELERYEV_CODEC_H
#define CELERY_CELERYEV_CODEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/now.h"
#include "util/slice.h"

struct celeryev {
    struct slice type;     // "worker-heartbeat"
    struct slice hostname; // the node
    usec wall;             // when
    int64_t clock;
    int64_t pid;
    const json_t *fields; // an object: more of it; when decoded: all of it
};

/* Writes the body of one event; false: it does not fit. */
bool celeryev_encode(const struct celeryev *event, struct buf *body);

/* "worker.heartbeat", the routing key of a type. False: it is too long. */
bool celeryev_key(struct slice type, struct buf *key);

/*
 * Calls fn for each event of a body: one object, or a list of them. What is
 * no event in a list is left out. False with err: it is neither.
 */
bool celeryev_decode(struct slice body,
                     void (*fn)(void *ctx, const struct celeryev *event),
                     void *ctx, struct err *err);

#endif
