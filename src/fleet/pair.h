/*
 * Two places that run jobs as one: the slots of this machine and a fleet
 * beside them. What there is room for here is done here; the rest goes
 * there. The run sees one executor. When the second place breaks, the first
 * one goes on alone.
 */
#ifndef FLEET_PAIR_H
#define FLEET_PAIR_H

#include "run/executor.h"

/* One of the two, as the ctx of its events. Private. */
struct pair_side {
    struct pair *pair;
    struct executor *executor;
    bool drained;
};

struct pair {
    struct executor executor;
    struct pair_side here;
    struct pair_side there;
    const struct executor_events *events;
    void *ctx;
    struct demand demand; // as we were asked last
};

/*
 * `events` and `ctx` are those of the run; borrowed. The two executors are
 * given the events of pair_events, with `&pair->here` and `&pair->there` as
 * their ctx.
 */
void pair_init(struct pair *pair, const struct executor_events *events,
               void *ctx);
void pair_join(struct pair *pair, struct executor *here,
               struct executor *there);
const struct executor_events *pair_events(void);
struct executor *pair_executor(struct pair *pair);

#endif
