/*
 * The inside of serving, for the files it is made of: serving.c (its phases,
 * and the socket) and serving_orders.c (what runs the jobs, and what is asked
 * of it). Nobody else includes it.
 */
#ifndef FLEET_SERVING_INTERNAL_H
#define FLEET_SERVING_INTERNAL_H

#include "fleet/live.h"
#include "fleet/serving.h"
#include "fleet/serving_codec.h"
#include "fleet/speech.h"
#include "fleet/tree.h"
#include "loop/connection.h"

enum phase {
    PHASE_PLAN = 1,
    PHASE_TREE,
    PHASE_SETUP,
    PHASE_SERVING,
    PHASE_FAILED, // waits for its teardown
    PHASE_DRAINING,
    PHASE_TEARDOWN,
    PHASE_REMOVING,
    PHASE_LEFT, // or nobody is there any more
};

struct serving {
    struct serving_params params;
    enum phase phase;
    struct connection *connection;
    struct serving_message message;
    struct plan plan;
    struct guardians *guardians;
    struct scripts *scripts;
    struct tree *tree; // NULL: no plan has come
    struct speech speech;
    struct bulletin *bulletin;
    struct serving_place place;
    struct desk *desk;  // NULL: no order has come
    struct live *live;  // what runs, for those who watch
    struct buf missing; // modules that could not be loaded
    struct buf line;
    struct err problem; // of the end
    usec began;         // to prepare, then to tear down
    bool paused;        // nothing is to begin
    bool configured;    // the teardown script is to run
    bool over;
};

// --------------------------------------------------------------- serving.c

/* Sends the line that was built in serving->line, behind all updates. */
void serving_send_line(struct serving *serving);
/* It cannot serve this build, now or any more. */
void serving_fail(struct serving *serving, const struct err *err);
/* What ran has ended; for desk_params. */
void serving_on_drained(void *ctx);

// -------------------------------------------------------- serving_orders.c

/* Messages `run`, `cancel` and `pool`. What makes no sense sets `err`. */
void serving_take_orders(struct serving *serving, struct err *err);
void serving_take_cancel(struct serving *serving);
void serving_take_pool(struct serving *serving);

#endif
