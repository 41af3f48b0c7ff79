/*
 * What comes from outside while a run is under way: signals, keys, and the
 * time. Stops, pauses and asks; knows nothing of what runs.
 */
#ifndef COMMAND_OUTSIDE_H
#define COMMAND_OUTSIDE_H

#include "loop/guardians.h"
#include "run/run.h"

/* For whoever shows the run; any may be NULL. */
struct outside_events {
    void (*on_tick)(void *ctx, uint64_t now_us);  // ten times a second
    void (*on_asked)(void *ctx, uint64_t now_us); // what runs right now?
    void (*on_resize)(void *ctx);
    void (*on_hide)(void *ctx); // the terminal is about to be somebody else's
};

/* All borrowed. */
struct outside_params {
    const struct outside_events *events;
    void *ctx; // of the events
    struct loop *loop;
    struct guardians *guardians;
    struct run *run;
    bool keys; // standard input is not needed by what runs
};

struct outside;
/* Listens from now on. NULL with err. */
struct outside *outside_new(const struct outside_params *params,
                            struct err *err);
void outside_free(struct outside *outside); // NULL is allowed

/* The run is over: signals are still noted, and change nothing any more. */
void outside_close(struct outside *outside);

/* The signal that ended the run; 0: none did. NULL is allowed. */
int outside_signal(const struct outside *outside);

#endif
