/*
 * The carrier of a native worker: a Celery node in this process, with its
 * connection to the broker. Carries payloads; does not know what they mean.
 */
#ifndef FLEET_NATIVE_CARRIER_H
#define FLEET_NATIVE_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/carrier.h"
#include "loop/loop.h"
#include "util/err.h"

/* Texts are copied. */
struct native_carrier_params {
    struct loop *loop;
    const char *urls;
    const char *node;   // "mule@host"
    const char *queues; // of offers, separated by commas
    const char *version;
    int slots;
    bool allow_control;
    uint32_t patience_ms; // for the first connection; 0: a minute
};

struct native_carrier_events {
    /* It is connected and its name is its own, for the first time or again. */
    void (*on_connected)(void *ctx, const char *address);
    /* For the log: the way is gone, a note of the transport. */
    void (*on_note)(void *ctx, const char *text, const char *hint);
    /*
     * The last call. NULL: `stopped` was called, and all is said; else it
     * cannot be, or never was, what it should be. Then free it.
     */
    void (*on_over)(void *ctx, const struct err *err);
};

struct native_carrier;

/*
 * Begins to connect; tells `carried`, whose ctx is `their`, and `events`
 * (both borrowed, static). NULL with err (ERR_CONFIG): URLs or name cannot be
 * used; passwords are not shown.
 */
struct native_carrier *
native_carrier_new(const struct native_carrier_params *params,
                   const struct carrier_events *carried, void *their,
                   const struct native_carrier_events *events, void *ctx,
                   struct err *err);

/* For whoever uses it as any carrier. Borrowed. */
struct carrier *native_carrier_base(struct native_carrier *carrier);

/* Without on_over, too: then at once and silently. NULL is allowed. */
void native_carrier_free(struct native_carrier *carrier);

#endif
