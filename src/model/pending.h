/*
 * Items that have ended and run again: the last outcome of each that was
 * something else than a plain pass, and how often it was set aside. A bad
 * outcome is kept until another bad one comes.
 */
#ifndef MODEL_PENDING_H
#define MODEL_PENDING_H

#include "model/kept.h"
#include "util/map.h"

struct pending {
    uint32_t item; // the key
    uint32_t retries;
    struct kept *kept;
};

struct pendings {
    struct map items;
};

void pendings_init(struct pendings *pendings);
void pendings_release(struct pendings *pendings);

/* NULL: there is none. Valid until it is taken. */
const struct pending *pendings_find(const struct pendings *pendings,
                                    uint32_t item);

/* One more outcome of an item; it is copied. */
void pendings_keep(struct pendings *pendings, uint32_t item,
                   const struct outcome *outcome);

/* Forgets the item and gives what was kept of it, to be freed; or NULL. */
struct kept *pendings_take(struct pendings *pendings, uint32_t item);

#endif
