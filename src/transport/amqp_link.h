/*
 * One connection to an AMQP 0-9-1 server: greeting, login, heartbeats, being
 * blocked and closing. Gives the frames of its channels to its owner, who
 * makes channels of them. Tries once: does not connect again.
 *
 *     connecting -> greeting -> tuning -> opening -> up -> closing
 */
#ifndef TRANSPORT_AMQP_LINK_H
#define TRANSPORT_AMQP_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "transport/amqp_frame.h"
#include "transport/broker_url.h"
#include "util/err.h"

struct amqp_link;

struct amqp_link_events {
    void (*on_up)(void *ctx);
    /* A frame of a channel other than 0. */
    void (*on_frame)(void *ctx, const struct amqp_frame *frame);
    /* The server reads nothing more, and why; NULL: it does again. */
    void (*on_blocked)(void *ctx, const char *reason);
    /*
     * The last call; amqp_link_free follows. NULL: closed as asked.
     * ERR_CONFIG: it will never work. ERR_PROTOCOL: the server closed it
     * because of what it was sent. Others: lost.
     */
    void (*on_gone)(void *ctx, const struct err *err);
};

struct amqp_link_params {
    struct loop *loop;
    const struct broker_url *url; // borrowed until amqp_link_free
    const char *name;             // shown to the broker's operators; borrowed
    uint32_t heartbeat_ms;        // 0: 60 s; full seconds, rounded up
    const struct amqp_link_events *events;
    void *ctx;
};

struct amqp_link *amqp_link_open(const struct amqp_link_params *params);
/* At once and without an event; also from within one. NULL is allowed. */
void amqp_link_free(struct amqp_link *link);

/* Says goodbye; on_gone follows, after `ms` at the latest. */
void amqp_link_close(struct amqp_link *link, uint32_t ms);

/*
 * Sends a method, or frames that were made before, at the end of this turn
 * of the loop, in one write with others. Only while up, else nothing happens.
 * False with ERR_LIMIT: a name in it is too long.
 */
bool amqp_link_send(struct amqp_link *link, uint16_t channel,
                    amqp_method_number_t id, const void *fields,
                    struct err *err);
void amqp_link_put(struct amqp_link *link, struct slice frames);

/*
 * The fields of a frame's method, until the next call. NULL: it made no
 * sense, and the link is about to be gone.
 */
const void *amqp_link_method(struct amqp_link *link,
                             const struct amqp_frame *frame);

/* The server said what makes no sense: on_gone follows. */
void amqp_link_distrust(struct amqp_link *link, const struct err *err);

/* Bytes that the server did not take yet. */
size_t amqp_link_queued(const struct amqp_link *link);
uint32_t amqp_link_frame_max(const struct amqp_link *link);
uint16_t amqp_link_channel_max(const struct amqp_link *link);
/* What the server says of itself: an object, borrowed. */
const json_t *amqp_link_properties(const struct amqp_link *link);

#endif
