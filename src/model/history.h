/*
 * What is known of items and jobs from past builds, as the run asks for it.
 * Whoever wired the run answers: the store, a file of durations, or nobody.
 */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include "model/outcome.h"

/* Of one item. */
struct past {
    uint64_t us;      // how long it takes
    bool timed;       // `us` is known: it may be 0
    enum state state; // how it ended last; STATE_NONE: not known
};

struct history;
struct history_ops {
    /* False when nothing is known of an item of that whole id. */
    bool (*find_item)(struct history *history, struct slice id,
                      struct past *past);
    /*
     * Of a job of that name: `us` is what it takes beside its items (fixtures,
     * a fork), `state` how something of it that is no item (a fixture) ended
     * badly, if it still has to pass. False when nothing is known.
     */
    bool (*find_job)(struct history *history, struct slice name,
                     struct past *past);
};
struct history {
    const struct history_ops *ops;
};

#endif
