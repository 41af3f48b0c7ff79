/*
 * The orders that an engine has: those that wait for room, those that run.
 * Finds the job of each among what was collected here, says where it differs,
 * gives the others to a place that runs jobs while it has room, and turns what
 * that place tells into updates. Knows no connection and starts nothing.
 */
#ifndef FLEET_DESK_H
#define FLEET_DESK_H

#include "fleet/bulletin.h"
#include "fleet/finder.h"

struct desk_params {
    struct loop *loop;
    struct items *items;
    struct bulletin *bulletin;
    enum finder_jobs jobs;
    int base; // the number of the place's first slot
    /* The place cannot go on, and what ran there was lost. From the loop. */
    void (*on_broken)(void *ctx, const struct err *err);
    void (*on_drained)(void *ctx); // the place is empty
    /* Whether results pile up, so that nothing more should begin now. */
    bool (*is_full)(void *ctx);
    void *ctx;
};

struct desk;
/* Borrows all. */
struct desk *desk_new(const struct desk_params *params);
void desk_free(struct desk *desk); // when nothing runs

/* The events that the place is to be given, with the desk as their ctx. */
const struct executor_events *desk_events(void);

/*
 * The tables are complete: what waits is given to the place from now on.
 * `missing` says, where it is not empty, why some jobs may be missing.
 */
void desk_open(struct desk *desk, struct executor *executor,
               struct slice missing);

/* An order, as order_decode reads it. False with ERR_PROTOCOL. */
bool desk_take(struct desk *desk, const json_t *order, struct err *err);

/* Ends these; what is not here is ignored. `now`: without grace. */
void desk_cancel(struct desk *desk, const struct order_name *names,
                 size_t count, bool now);

/* Ends all there are, and all that will come. Repeatable. */
void desk_cancel_all(struct desk *desk, bool now);

/* Forgets what waits without a word: others will be told why. */
void desk_forget_waiting(struct desk *desk);

/* There may be room. */
void desk_give(struct desk *desk);

/*
 * Nothing begins while it is paused. What was given to the place by then
 * counts as begun, and is told so: it cannot be taken back.
 */
void desk_pause(struct desk *desk, bool paused);

/* Orders that are here. */
size_t desk_count(const struct desk *desk);

/* Calls `each` for every order that the place has, and its job there. */
void desk_each_given(const struct desk *desk,
                     void (*each)(void *ctx, struct order_name name,
                                  uint32_t job),
                     void *ctx);

/* Those of them that the place has, begun or about to. */
size_t desk_given(const struct desk *desk);

#endif
