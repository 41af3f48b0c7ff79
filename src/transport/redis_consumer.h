/*
 * A consumer of the driver for Redis, for the two files that make it:
 * redis_take and redis_consumer.
 */
#ifndef TRANSPORT_REDIS_CONSUMER_H
#define TRANSPORT_REDIS_CONSUMER_H

#include "transport/redis_internal.h"

struct redis_consumer {
    struct redis_any any;
    struct list_link link;
    struct redis_transport *redis;
    struct redis_holding *holding; // NULL: what is taken is done
    char *queue;
    uint32_t prefetch;
    uint32_t out; // delivered and not acknowledged
    transport_delivery_fn on_delivery;
    transport_done_fn on_ended;
    void *ctx;
    struct redis_link *connection;
    bool waiting;  // a command that blocks is on its way
    bool batching; // one that takes what is there
    bool more;     // there may be more
    uint32_t skip; // how often not to look whether there is
    uint32_t skips;
    bool idle;  // nothing came for a while
    bool ended; // the broker refused
    bool full;  // and has no room, which was told
    bool stopped;
    bool busy; // within a reply to it
    int unblocks;
    uint32_t asked; // of the batch
    transport_done_fn done;
    void *done_ctx;
    struct deadline pause;
};

/* Neither stopped nor refused. */
bool redis_is_active(const struct redis_consumer *consumer);

/* Takes as much as there is room for. */
void redis_pump(struct redis_consumer *consumer);

/* After each reply: on with it, or the end of a stop. */
void redis_go_on(struct redis_consumer *consumer);

/* Ends and frees it, once what it sent has its answers. */
void redis_finish_stop(struct redis_consumer *consumer);

#endif
