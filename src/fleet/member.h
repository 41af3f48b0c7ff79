/*
 * The worker's side of the fleet (docs/protocol/celery.md): takes an offer,
 * has an engine make the workspace ready, takes orders until it is dismissed
 * or hears nothing of the build any more, has all of it torn down, and is free
 * for the next one. Over any carrier, native or Python's. Decides with
 * member_life and holdings; knows neither brokers nor how jobs run.
 */
#ifndef FLEET_MEMBER_H
#define FLEET_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/carrier.h"
#include "fleet/engine_link.h"
#include "fleet/seal.h"
#include "loop/loop.h"
#include "model/settings.h"
#include "util/err.h"

/* Texts are copied, the rest is borrowed. */
struct member_params {
    struct loop *loop;
    const struct secret *secret;
    const char *node;    // its Celery name
    const char *kind;    // "native", "celery"
    const char *python;  // its version; "": native
    const char *program; // mule's version
    const char *queue;   // of offers, for mule_status
    int slots;
    const char *state; // folder of the markers
    const char *home;  // folder of trees and mirrors
    /* Scripts of this machine, by name; they win over those of a build. */
    const struct workspace *workspaces;
    int workspace_count;
    bool allow_scripts; // a build may bring its own
    bool once;          // serve one build, then stop
    bool noop;          // nothing is started, for measuring
    /* Tasks have results: a carrier that cannot leave them out. */
    bool results;
    uint32_t soft_ms; // how long STOP_SOFT waits; 0: 10 s
    engine_start_fn start_engine;
    void *engine; // for it
    /* A line for the log of whoever runs the worker; may be NULL. */
    void (*say)(void *ctx, const char *line);
    void *ctx;
};

struct member;
struct member *member_new(const struct member_params *params);
/* At once: what runs is killed, its marker stays. NULL is allowed. */
void member_free(struct member *member);

/* What the carrier tells; its ctx is the member. */
extern const struct carrier_events member_carrier_events;

/*
 * Begins: tears down what an earlier worker of this name left behind, then
 * takes offers. Borrows the carrier, which must live until member_free. False
 * with err (ERR_CONFIG): nothing can be written in the folder of markers.
 */
bool member_start(struct member *member, struct carrier *carrier,
                  struct err *err);

/* "serving b1", for a status line. Valid until the next event. */
const char *member_about(struct member *member);

#endif
