/*
 * An engine's side of docs/protocol/engine.md: from the plan through the tree
 * and the setup script to orders, and through the teardown script to the end.
 * Makes nothing that runs jobs; whoever wires it does.
 *
 *     PLAN -> TREE -> SETUP -> SERVING -> DRAINING -> TEARDOWN -> REMOVING
 *               \________\________\-> FAILED -/         -> LEFT
 */
#ifndef FLEET_SERVING_H
#define FLEET_SERVING_H

#include "fleet/desk.h"
#include "fleet/plan.h"
#include "loop/guardians.h"
#include "run/scripts.h"
#include "run/source.h"

/* What runs the jobs of a build. */
struct serving_place {
    struct executor *executor; // with desk_events() and the desk as their ctx
    struct source *source; // fills the tables, or NULL: nothing is collected
    struct items *items;
    enum finder_jobs jobs;
};

/* The sources of the build, when they are there. */
struct serving_tree {
    const char *folder;   // where to work; NULL: here
    const char *revision; // "": not known
    /* Hears what the scripts of the workspace print. */
    void (*said)(void *said_ctx, struct slice bytes);
    void *said_ctx;
};

/* Called from the loop, in this order. Those with err may refuse. */
struct serving_events {
    /*
     * The plan is there: what must be made while the program is small, and
     * who starts what gets the sources.
     */
    bool (*on_plan)(void *ctx, const struct plan *plan,
                    struct guardians **guardians, struct err *err);
    /* The sources are there. *scripts are those of the workspace, or NULL. */
    bool (*on_tree)(void *ctx, const struct serving_tree *tree,
                    struct scripts **scripts, struct err *err);
    /* What is kept of a script's output, in bytes. After on_tree. */
    uint64_t (*output_limit)(void *ctx);
    /* The first order is there. `place->jobs` and `items` say what it is. */
    bool (*on_order)(void *ctx, const struct plan *plan,
                     struct serving_place *place, struct err *err);
    /* Nothing works in the tree any more, and it is to be removed. */
    void (*on_leave_tree)(void *ctx);
    /* Its desk: to be told to the executor before it is used. */
    void (*on_desk)(void *ctx, struct desk *desk);
    /*
     * It is over: in order, after `left`; or because the connection ended, or
     * was told what makes no sense: everything that still runs must be ended.
     */
    void (*on_over)(void *ctx, bool in_order);
};

struct serving_params {
    struct loop *loop;
    int fd; // of the connected socket; taken
    const char *version;
    const struct serving_events *events;
    void *ctx;
};

struct serving;
/* Greets at once. Borrows all but `fd`. */
struct serving *serving_new(const struct serving_params *params);
void serving_free(struct serving *serving); // after on_over, in order

/* As if the connection had ended. */
void serving_abort(struct serving *serving);

#endif
