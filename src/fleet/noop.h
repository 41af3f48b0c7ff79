/*
 * A place that runs jobs by saying that each of their items has passed: for
 * measuring all that is around it. Starts nothing.
 */
#ifndef FLEET_NOOP_H
#define FLEET_NOOP_H

#include "loop/loop.h"
#include "run/executor.h"

struct noop_params {
    struct loop *loop;
    const struct items *items;
    int slots;
    int base; // the number of the first slot in its build
    const struct executor_events *events;
};

struct noop;
/* Borrows all. */
struct noop *noop_new(const struct noop_params *params);
void noop_free(struct noop *noop); // after on_drained, or if never begun

/* Whom the events are told to. */
void noop_listen(struct noop *noop, void *ctx);

struct executor *noop_executor(struct noop *noop);

#endif
