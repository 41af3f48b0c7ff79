/*
 * The orders a member has, and the tasks (messages) they came in: which task
 * ends when, and which copy of an order is to run. Pure: is told what came and
 * what ended, and says what to believe.
 *
 * An order runs here once whatever comes: a copy of one that is here is
 * adopted (its message takes the place of the first), and one that ended here
 * is over.
 */
#ifndef FLEET_HOLDINGS_H
#define FLEET_HOLDINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/order_codec.h"
#include "util/list.h"
#include "util/map.h"
#include "util/now.h"

/* A message with orders. */
struct held_task {
    struct list_link link;
    uint64_t number;
    bool gone;      // the message is no longer ours
    size_t open;    // orders of it that have not ended
    json_t *result; // a list of what ended, see holdings_end
};

struct holding {
    struct list_link link; // in the order of coming
    struct order_name name;
    struct held_task *task;
    json_t *order; // as it came, for an engine
    bool busies;   // it should keep a slot busy for longer than is planned
    bool begun;
    int slot;        // once it began
    usec began;      // wall clock
    msec began_boot; // the other clock
    uint32_t results;
};

struct holdings {
    struct list orders; // struct holding
    struct list tasks;  // struct held_task, with open orders
    struct list idle;   // and without
    struct map by_name;
    size_t count;
    size_t begun;
    size_t busying;          // orders that `busies`
    struct order_ends *over; // the last attempt of each job that ended here
};

void holdings_init(struct holdings *holdings);
void holdings_release(struct holdings *holdings);

/* A task came; its orders are added to it. Must be ended, or lost. */
struct held_task *holdings_task(struct holdings *holdings, uint64_t number);
struct held_task *holdings_find_task(const struct holdings *holdings,
                                     uint64_t number);

/* What an order that came should take; 0: it does not say. */
uint64_t holdings_expect_us(const json_t *order);

enum holdings_verdict {
    HOLDINGS_NEW,     // it is to run here
    HOLDINGS_ADOPTED, // it runs here; `task` has it from now on
    HOLDINGS_OVER,    // it ended here
    HOLDINGS_FOREIGN, // a copy of somebody else's: it must not run here
};
/*
 * An order came in `task`. Keeps a reference to `order` for HOLDINGS_NEW.
 * After HOLDINGS_ADOPTED the task that had it may have nothing left: see
 * holdings_idle_task.
 */
enum holdings_verdict holdings_offer(struct holdings *holdings,
                                     struct held_task *task,
                                     struct order_name name, json_t *order,
                                     bool redelivered);

/* NULL: it is not here. */
struct holding *holdings_find(const struct holdings *holdings,
                              struct order_name name);

void holdings_begin(struct holdings *holdings, struct holding *holding,
                    int slot, usec wall, msec boot);

/* It ended here: gives its task. The holding is gone. */
struct held_task *holdings_end(struct holdings *holdings,
                               struct holding *holding);
/* It will not run here: the same, but it may come again. */
struct held_task *holdings_drop(struct holdings *holdings,
                                struct holding *holding);

/* A task without open orders, taken out, or NULL. The caller's: task_free. */
struct held_task *holdings_idle_task(struct holdings *holdings);
void held_task_free(struct held_task *task);

#endif
