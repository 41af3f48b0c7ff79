/*
 * The lines between a worker and its engine: what the worker says -> structs,
 * what the engine says -> lines. See docs/protocol/engine.md. Pure.
 */
#ifndef FLEET_SERVING_CODEC_H
#define FLEET_SERVING_CODEC_H

#include <jansson.h>

#include "fleet/order_codec.h"
#include "util/buf.h"

#define SERVING_PROTOCOL "1.0"

/* The longest line, without its newline. */
#define SERVING_LINE_MAX ((size_t)8 << 20)

/* What the worker says. */
enum serving_kind {
    SERVING_OTHER, // of a newer minor protocol: to be ignored
    SERVING_PLAN,
    SERVING_RUN,
    SERVING_CANCEL,
    SERVING_LIVE,
    SERVING_PIECE,
    SERVING_POOL,
    SERVING_TEARDOWN,
    SERVING_KIND_COUNT
};

struct serving_message {
    enum serving_kind kind;
    json_t *root;         // the message itself: plan
    const json_t *orders; // run: a list
    bool all;             // cancel: not only `names`
    bool now;             // cancel, teardown
    struct slice pattern; // live
    uint64_t credit;      // live
    uint64_t at;          // piece
    struct slice data;    // piece
    int slots;            // pool; 0: nothing is to begin

    struct order_names names; // cancel; its memory is used again
};

/*
 * Reads one line without its newline. What it gives belongs to the message,
 * which may be used again. False with ERR_PROTOCOL; the kind is
 * SERVING_OTHER then.
 */
bool serving_message_decode(struct serving_message *message, struct slice line,
                            struct err *err);
void serving_message_release(struct serving_message *message);

/* What the engine says; each adds one line with its newline. */
void serving_add_hello(struct buf *buf, const char *version, int pid);
void serving_add_ready(struct buf *buf, uint64_t us);
void serving_add_failed(struct buf *buf, const char *why);
void serving_add_left(struct buf *buf, bool ok, const char *why, uint64_t us);
/* `open`: how many orders that were begun with will still end. */
void serving_add_pool(struct buf *buf, int slots, size_t open);
void serving_add_want(struct buf *buf, const char *hash, uint64_t at,
                      uint64_t bytes, bool again);

#endif
