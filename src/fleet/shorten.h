/*
 * Makes an update short enough to be sent: its longest texts lose their
 * middles, and say how much. Nothing is dropped that is short. Pure.
 */
#ifndef FLEET_SHORTEN_H
#define FLEET_SHORTEN_H

#include "fleet/update_codec.h"

/* The memory of what was made shorter; zeroed = none. */
struct shorten {
    ARRAY(char *) texts;
    struct finding *findings;
    struct outcome outcome;
};
void shorten_release(struct shorten *shorten);

/*
 * Changes the update so that its JSON is at most `limit` long, which is at
 * least SHORTEN_LIMIT_MIN. It borrows from `shorten` afterwards.
 */
#define SHORTEN_LIMIT_MIN ((size_t)4096)
void shorten_update(struct shorten *shorten, struct update *update,
                    size_t limit);

#endif
