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

/* Where workers get the sources from, where the plan ships a tree. */
struct fleet_supply {
    /* A join wants a piece; fleet_give gives it. False: it makes no sense. */
    bool (*on_want)(void *ctx, const char *join, const json_t *want,
                    struct err *err);
    /* A join that may have wanted pieces wants none any more. */
    void (*on_settled)(void *ctx, const char *join);
};

struct fleet_params {
    struct loop *loop;
    const struct items *items;
    const char *urls;  // of the broker; copied
    const char *queue; // where offers are made
    const char *build_id;
    const char *version; // of mule
    const struct secret *secret;
    /* What the engines of workers are told, but for their slots: an object of
     * docs/protocol/engine.md. Borrowed. NULL: fleet_set_plan follows, and
     * nobody is offered anything before. */
    const json_t *plan;
    const struct fleet_supply *supply; // borrowed, static; NULL: none
    void *supply_ctx;
    uint32_t lease_ms;
    uint32_t wait_ms;     // for a worker; 0: for ever
    uint32_t grace_ms;    // that a cancelled test has
    uint32_t max_workers; // 0: all that come
    uint32_t batch;       // orders in a message; 0: as fits
    const char
        *live; // shows what tests that match it print; NULL: none; borrowed
    int first_slot; // those below work here, beside the fleet
    const struct executor_events *events; // borrowed, static
    void *ctx; // of the events; may be set later with fleet_listen
};

struct fleet;
/* Begins to connect. NULL with err: what was given cannot be used. */
struct fleet *fleet_new(const struct fleet_params *params, struct err *err);
void fleet_listen(struct fleet *fleet, void *ctx);
void fleet_free(struct fleet *fleet); // after on_drained

/* The plan that was not there at first. */
void fleet_set_plan(struct fleet *fleet, const json_t *plan);
/* There will be no plan: the fleet cannot be used. */
void fleet_fail(struct fleet *fleet, const struct err *err);
/* A note for people. */
void fleet_say(struct fleet *fleet, const char *text);
/* A piece, for the queue of a join; one that is gone gets none. */
void fleet_give(struct fleet *fleet, const char *id, struct slice body);

struct executor *fleet_executor(struct fleet *fleet);

#endif
