/*
 * All slots of a suite: what is asked of each of them, and which one gets an
 * order.
 */
#ifndef RUN_CREW_H
#define RUN_CREW_H

#include "run/slot.h"
#include "schedule/batch.h"

/* Zeroed = nobody. */
struct crew {
    struct slot_shared *shared;
    struct slot **slots;
    int count;
};

/* Makes `count` slots, which borrow `shared`. False with err. */
bool crew_init(struct crew *crew, struct slot_shared *shared, int count,
               struct err *err);
void crew_release(struct crew *crew); // when nobody works

/* Makes more slots until there are `count`. False with err: some are missing. */
bool crew_grow(struct crew *crew, int count, struct err *err);

/* The slot of that number, or NULL: there is none. */
struct slot *crew_find(const struct crew *crew, int number);

/* Whether a slot is not empty. */
bool crew_is_working(const struct crew *crew);

/* How many orders such as the next one the first `slots` take. */
uint32_t crew_room(const struct crew *crew, int slots,
                   const struct batch *batch, const struct demand *demand);

/*
 * Gives an order to the slot that it names or else to the one of the first
 * `slots` that will be free first; of several, not to the one it avoids.
 */
void crew_give(struct crew *crew, int slots, const struct batch *batch,
               const struct order *order);

void crew_tick(struct crew *crew, uint64_t now_us);
void crew_cancel(struct crew *crew, bool now);
/* One order, wherever it lies. */
void crew_cancel_order(struct crew *crew, uint32_t job, uint16_t attempt,
                       bool now);
/* The slot where the job runs, and what is to be seen of it; or NULL. */
struct slot *crew_view(struct crew *crew, uint32_t job,
                       struct order_view *view);
void crew_stop(struct crew *crew);
void crew_orphaned(struct crew *crew);

#endif
