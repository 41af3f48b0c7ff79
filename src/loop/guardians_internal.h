/*
 * What guardians.c and child.c share, and nobody else sees: one guardian from
 * the side of the program it works for.
 */
#ifndef LOOP_GUARDIANS_INTERNAL_H
#define LOOP_GUARDIANS_INTERNAL_H

#include "loop/child.h"
#include "loop/guardian_codec.h"
#include "util/array.h"

struct link_to; // one guardian, and the way to it

struct child {
    struct link_to *link;
    const struct child_events *events; // NULL: dropped
    void *ctx;
    uint32_t id; // its place in the link's children
    pid_t pid;
    bool failed;
};

/* The guardian with the fewest children; NULL: none is left. */
struct link_to *guardians_choose(struct guardians *guardians);

/* Buffers for the texts of one frame. */
struct buf *guardians_texts(struct guardians *guardians);

/* Gives a child its number. */
void link_add(struct link_to *link, struct child *child);

/* Takes back what link_add did; the child is the caller's again. */
void link_remove(struct link_to *link, struct child *child);

/* Sends a frame, now or as soon as it is taken. False: it is too big. */
bool link_send(struct link_to *link, const struct frame *frame);

/* For guardians.c: what is told of a child. GONE and FAILED free it. */
void child_told(struct child *child, const struct frame *frame);

/* Its guardian has died. Frees it. */
void child_lost(struct child *child);

#endif
