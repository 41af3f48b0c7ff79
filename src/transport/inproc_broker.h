/*
 * For the files of inproc_internal.h: exchanges, queues, routing and who takes
 * what, without connections, time or loop. Gives messages to takers by a call,
 * at once.
 */
#ifndef TRANSPORT_INPROC_BROKER_H
#define TRANSPORT_INPROC_BROKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "transport/transport.h"
#include "util/err.h"
#include "util/list.h"
#include "util/map.h"

/* A message with where it was sent to. Owns its bytes. */
struct stored {
    struct list_link link;
    uint64_t number; // its place in its queue
    bool redelivered;
    char *exchange;
    char *key;
    struct message message;
    json_t *headers;
    char *bytes; // what `message` points into
};

struct stored *stored_new(const struct publish *publish);
struct stored *stored_copy(const struct stored *stored);
void stored_free(struct stored *stored);

struct place; // a queue

/* Somebody who takes from a queue; part of a consumer. */
struct taker {
    struct list_link link;
    struct place *place; // NULL: not attached
    const void *owner;
    uint32_t prefetch; // 0: no bound
    uint32_t out;      // given and not returned or acknowledged
    bool no_ack;
    /* Takes `stored`. */
    void (*give)(struct taker *taker, struct stored *stored);
    /* The queue was deleted; it is not attached any more. */
    void (*gone)(struct taker *taker);
};

struct inproc_broker {
    struct map exchanges;
    struct map places;
    uint64_t next_number;
};

void inproc_broker_init(struct inproc_broker *broker);
void inproc_broker_release(struct inproc_broker *broker);

bool inproc_broker_exchange(struct inproc_broker *broker,
                            const struct exchange_params *params,
                            struct err *err);
/* `owner` is who an exclusive queue belongs to. */
bool inproc_broker_queue(struct inproc_broker *broker,
                         const struct queue_params *params, const void *owner,
                         struct err *err);
bool inproc_broker_bind(struct inproc_broker *broker, const char *queue,
                        const char *exchange, const char *key, struct err *err);

/* Takes `stored`; false: there is no such exchange. *count: to how many. */
bool inproc_broker_route(struct inproc_broker *broker, struct stored *stored,
                         size_t *count, struct err *err);

bool inproc_broker_attach(struct inproc_broker *broker, const char *queue,
                          struct taker *taker, struct err *err);
/* May delete a queue that goes with its last consumer. */
void inproc_broker_detach(struct inproc_broker *broker, struct taker *taker);
/* Gives what can be given; after a taker has room again. */
void inproc_broker_serve(struct inproc_broker *broker, const char *queue);

/* Takes `stored` back to its old place; without its queue it is gone. */
void inproc_broker_return(struct inproc_broker *broker, const char *queue,
                          struct stored *stored);

/* False: there is no such queue. */
bool inproc_broker_length(const struct inproc_broker *broker, const char *queue,
                          uint64_t *count);
bool inproc_broker_purge(struct inproc_broker *broker, const char *queue,
                         uint64_t *count);
/* False with ERR_LIMIT: it is used. None is no error. */
bool inproc_broker_delete(struct inproc_broker *broker, const char *queue,
                          bool if_unused, uint64_t *count, struct err *err);
void inproc_broker_delete_exchange(struct inproc_broker *broker,
                                   const char *name);

/* A connection ends: what was exclusively its own is deleted. */
void inproc_broker_leave(struct inproc_broker *broker, const void *owner);

#endif
