/*
 * What an engine is told of the build it serves: docs/protocol/engine.md,
 * **plan**, as a struct. Owns all its texts.
 */
#ifndef FLEET_PLAN_H
#define FLEET_PLAN_H

#include <jansson.h>

#include "model/settings.h"
#include "util/err.h"

// Of one engine, and of a build.
#define PLAN_SLOTS_MAX 4096
#define PLAN_TOTAL_MAX 65535

/* Zeroed = none. */
struct plan {
    json_t *root;
    char *build;
    char *revision;  // "": none
    char *hash_seed; // "": follows from the build
    char *home;      // "": not said
    char *node;      // "": not said
    struct texts options;
    int base;
    int slots;
    int total;
    const json_t *tree; // of root; NULL: {}
    bool has_workspace;
    struct workspace workspace;
    bool prepared;
    bool noop;
};

/* Reads the object, which is shared. False with ERR_PROTOCOL. */
bool plan_decode(struct plan *plan, json_t *object, struct err *err);
void plan_release(struct plan *plan);

#endif
