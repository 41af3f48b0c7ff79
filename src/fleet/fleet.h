/*
 * A place that runs jobs: the workers of a fleet, reached through a broker
 * (docs/protocol/celery.md). Offers work, welcomes who takes it, sends orders,
 * passes on what is said of them, keeps the build alive with its lease, and
 * leaves nothing behind. What it decides is decided in roster, tracker, feed
 * and offers; it collects no tests and starts no process.
 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include <jansson.h>

#include "fleet/seal.h"
#include "loop/loop.h"
#include "run/executor.h"
#include "util/err.h"

struct fleet_params {
    struct loop *loop;
    const struct items *items;
    const char *urls;  // of the broker; copied
    const char *queue; // where offers are made
    const char *build_id;
    const char *version; // of mule
    const struct secret *secret;
    /* What the engines of workers are told, but for their slots: an object of
     * docs/protocol/engine.md. Borrowed. */
    const json_t *plan;
    uint32_t lease_ms;
    uint32_t wait_ms;     // for a worker; 0: for ever
    uint32_t grace_ms;    // that a cancelled test has
    uint32_t max_workers; // 0: all that come
    uint32_t batch;       // orders in a message; 0: as fits
    int first_slot;       // those below work here, beside the fleet
    const struct executor_events *events; // borrowed, static
    void *ctx; // of the events; may be set later with fleet_listen
};

struct fleet;
/* Begins to connect. NULL with err: what was given cannot be used. */
struct fleet *fleet_new(const struct fleet_params *params, struct err *err);
void fleet_listen(struct fleet *fleet, void *ctx);
void fleet_free(struct fleet *fleet); // after on_drained

struct executor *fleet_executor(struct fleet *fleet);

#endif
