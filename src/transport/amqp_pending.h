/*
 * One message that is not confirmed. Its frames but for the body are made
 * once, when it is published.
 */
#ifndef TRANSPORT_AMQP_PENDING_H
#define TRANSPORT_AMQP_PENDING_H

#include "transport/amqp_frame.h"
#include "transport/transport.h"
#include "util/list.h"

struct pending {
    struct list_link link;
    uint64_t serial;
    uint64_t number;   // once it was sent
    uint64_t after;    // the declaration that comes before it
    size_t head_len;   // the frames of method and header
    size_t header_len; // the payload of the latter
    size_t body_len;
    bool mandatory;
    bool returned;
    transport_done_fn done;
    void *ctx;
    const char *exchange; // behind the body
    const char *key;
    char bytes[]; // head, body, exchange, key
};

/* What it takes of TRANSPORT_PENDING_BYTES_MAX. */
size_t pending_size(const struct pending *pending);

/*
 * A copy of what is to be published, to be freed; `scratch` is for making it.
 * NULL with ERR_LIMIT: something in it is too long.
 */
struct pending *pending_new(const struct publish *publish, struct buf *scratch,
                            struct err *err);

/* Adds its frames, each of at most `frame_max` bytes. */
void pending_put(const struct pending *pending, struct buf *out,
                 uint32_t frame_max);

#endif
