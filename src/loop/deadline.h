/*
 * One call, once, after some time. Embedded in whoever waits; arming and
 * disarming are cheap and need no memory. All deadlines of a loop pause and
 * resume together (loop_pause_deadlines).
 */
#ifndef LOOP_DEADLINE_H
#define LOOP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "util/heap.h"

/* Private, but for being embedded. Must not move while it is armed. */
struct deadline {
    struct heap_node node;
    struct loop *loop;
    loop_fn fn;
    void *ctx;
    msec due;
    uint64_t number; // equal deadlines come in the order of arming
};

/* Borrows `loop` and `ctx` until deadline_release. */
void deadline_init(struct deadline *deadline, struct loop *loop, loop_fn fn,
                   void *ctx);

/* Disarms it. A zeroed deadline may be released too. */
void deadline_release(struct deadline *deadline);

/* Calls fn(ctx) once in `ms` milliseconds; arming again starts anew. */
void deadline_arm(struct deadline *deadline, msec ms);

/* Nothing to do if it is not armed. */
void deadline_disarm(struct deadline *deadline);

bool deadline_is_armed(const struct deadline *deadline);

/*
 * For loop.c: all deadlines of a loop, on a clock that can stand still. `now`
 * is the time of a clock that cannot.
 */
struct deadlines {
    struct heap heap;
    uint64_t next_number;
    msec skipped; // how long they have been paused so far
    msec paused_at;
    bool paused;
};

void deadlines_init(struct deadlines *deadlines);
void deadlines_release(struct deadlines *deadlines);
void deadlines_pause(struct deadlines *deadlines, bool paused, msec now);

/* Milliseconds until the first one is due, 0 if it is; -1: there is none. */
msec deadlines_wait(const struct deadlines *deadlines, msec now);

/* Calls those that are due, but for those that are armed meanwhile. */
void deadlines_run(struct deadlines *deadlines, msec now);

#endif
