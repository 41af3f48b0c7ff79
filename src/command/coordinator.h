/*
 * The wiring of a run on a fleet: which broker and secret, what workers are
 * told of the build, the fleet itself, and the slots of this machine beside
 * it. engine.c makes one where --distributed is given.
 */
#ifndef COMMAND_COORDINATOR_H
#define COMMAND_COORDINATOR_H

#include "command/identity.h"
#include "fleet/fleet.h"
#include "fleet/pair.h"
#include "fleet/shipment.h"
#include "model/settings.h"
#include "run/executor.h"
#include "util/err.h"

/* Zeroed = none. */
struct coordinator {
    const struct settings *settings;
    char *urls;
    struct secret secret;
    json_t *plan;
    struct shipment *shipment; // what workers get the sources from
    struct fleet *fleet;
    struct pair pair; // where this machine works, too
    bool paired;
    const struct executor_events *events; // of the run
};

/*
 * Chooses broker and secret and takes both out of the environment, so call it
 * before anything is started. False with err.
 */
bool coordinator_init(struct coordinator *coordinator,
                      const struct settings *settings,
                      const struct executor_events *events, struct err *err);
void coordinator_release(struct coordinator *coordinator);

/* Ends what was started; before the guardians are stopped. */
void coordinator_stop(struct coordinator *coordinator);

/* Slots of this machine; 0: they are all elsewhere. */
int coordinator_slots(const struct coordinator *coordinator);
/* The events that the place of this machine is to be given. */
const struct executor_events *
coordinator_events(const struct coordinator *coordinator);

struct coordinator_params {
    struct loop *loop;
    struct guardians *guardians;
    const char *scratch; // a private folder
    const struct identity *identity;
    const struct items *items;
    const char *hash_seed;
    struct executor *here; // this machine; unused where it has no slots
};
/* Begins to connect. */
bool coordinator_start(struct coordinator *coordinator,
                       const struct coordinator_params *params,
                       struct err *err);

/* Who is told; gives whom the place of this machine is to tell. */
void *coordinator_listen(struct coordinator *coordinator, void *ctx);
struct executor *coordinator_executor(struct coordinator *coordinator);

#endif
