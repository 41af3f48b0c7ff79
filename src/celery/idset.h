/*
 * Ids that are remembered for a while: revoked tasks, finished ones. When it
 * is full the oldest is forgotten. Told the time, never asks for it.
 */
#ifndef CELERY_IDSET_H
#define CELERY_IDSET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/list.h"
#include "util/map.h"
#include "util/now.h"
#include "util/slice.h"

struct idset {
    struct map entries;
    struct list by_age;
    size_t max;
    msec life;
};

void idset_init(struct idset *set, size_t max, msec life);
void idset_release(struct idset *set);

/* Adds it, or makes it young again. An id of more than 1024 bytes is not
 * taken. */
void idset_add(struct idset *set, struct slice id, msec now);
bool idset_has(struct idset *set, struct slice id, msec now);
void idset_remove(struct idset *set, struct slice id);

/* All of them, the oldest first; a new reference. */
json_t *idset_json(struct idset *set, msec now);

#endif
