/*
 * A file for each join, written before anything is set up and removed once all
 * is torn down: a worker that was killed finds what it left behind. Locked as
 * long as its worker lives, so that two workers with one folder never take up
 * each other's. Does not know what its text means.
 */
#ifndef FLEET_MARKER_H
#define FLEET_MARKER_H

#include <jansson.h>
#include <stdbool.h>

#include "util/err.h"

struct marker;

/* Makes `folder` where it is missing. `about` is an object, borrowed. */
struct marker *marker_write(const char *folder, const char *node,
                            const char *join, const json_t *about,
                            struct err *err);

/* Removes the file, and frees. */
void marker_remove(struct marker *marker);
/* Frees only: the file stays. NULL is allowed. */
void marker_free(struct marker *marker);

/*
 * One that a worker of this name left behind, now ours, and in *about (a new
 * reference) what it says; NULL: there is none, and *held says whether one is
 * there whose worker lives, or is not quite dead. A file that cannot be read
 * is removed.
 */
struct marker *marker_find(const char *folder, const char *node, json_t **about,
                           bool *held);

#endif
