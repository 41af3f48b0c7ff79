/*
 * One guardian from the side of the program it works for: frames to it and
 * from it, and the children it has started. guardians.c decides which guardian
 * does what; child.c decides what to tell about a child. For those two only.
 */
#ifndef LOOP_GUARDIAN_LINK_H
#define LOOP_GUARDIAN_LINK_H

#include "loop/child.h"
#include "loop/guardian.h"
#include "loop/guardian_codec.h"

struct guardian_link;

struct child {
    struct guardian_link *link;
    const struct child_events *events; // NULL: dropped
    void *ctx;
    uint32_t id; // its place in the link's children
    pid_t pid;
};

struct guardian_link_params {
    struct loop *loop;
    struct guardian_params guardian;
    struct slice first; // frames to begin with
};

struct guardian_link_events {
    /* A LEAK, or SETTLED. */
    void (*on_frame)(void *ctx, struct guardian_link *link,
                     const struct frame *frame);
    /*
     * The last call; the link must not be used any more. The guardian has
     * ended or makes no sense; `lost` children are told so right after it.
     */
    void (*on_closed)(void *ctx, struct guardian_link *link, int lost);
};

/* Starts a guardian. NULL with err. */
struct guardian_link *
guardian_link_open(const struct guardian_link_params *params,
                   const struct guardian_link_events *events, void *ctx,
                   struct err *err);

/* Kills one that has started nothing; no event follows. */
void guardian_link_drop(struct guardian_link *link);

/* Sends a frame, now or as soon as it is taken. False: it is too big. */
bool guardian_link_send(struct guardian_link *link, const struct frame *frame);

/* The same, but waits for the next frame or flush. */
bool guardian_link_queue(struct guardian_link *link, const struct frame *frame);
void guardian_link_flush(struct guardian_link *link);

/* Bytes that wait. */
size_t guardian_link_queued(const struct guardian_link *link);

/* No more frames: the guardian ends everything, and then on_closed comes. */
void guardian_link_finish(struct guardian_link *link);

/* False while it tells of its end. */
bool guardian_link_is_open(const struct guardian_link *link);
pid_t guardian_link_pid(const struct guardian_link *link);
int guardian_link_running(const struct guardian_link *link);

/* Gives a child its number, or takes it back: then it is the caller's. */
void guardian_link_add(struct guardian_link *link, struct child *child);
void guardian_link_remove(struct guardian_link *link, struct child *child);

/* In child.c: what is told of a child. GONE and FAILED free it. */
void child_told(struct child *child, const struct frame *frame);

/* In child.c: its guardian has died. Frees it. */
void child_lost(struct child *child);

/* In guardians.c: the one with the fewest children; NULL: none is left. */
struct guardian_link *guardians_choose(struct guardians *guardians);

/* In guardians.c: two buffers for the texts of a frame. */
struct buf *guardians_texts(struct guardians *guardians);

#endif
