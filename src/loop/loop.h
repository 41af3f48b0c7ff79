/*
 * The event loop: one thread, one loop, and everything that happens comes as
 * a call from loop_run. The door to libuv: outside this folder nobody sees a
 * uv_ name. Does not know what it waits for; see deadline, signals, listener,
 * connection, keyboard and child.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>

#include "util/now.h"

struct loop;

/* Also ignores SIGPIPE: a peer that is gone is an event, not our death. */
struct loop *loop_new(void);

/*
 * Everything that was opened on the loop must have been closed by its owner
 * before: what is still open is our mistake and ends the program. Turns the
 * loop as often as closing takes, and makes the calls that were posted. NULL
 * is allowed.
 */
void loop_free(struct loop *loop);

/* Turns until loop_stop, or until nothing is left that could happen. */
void loop_run(struct loop *loop);

/* Makes loop_run return at the end of this turn. */
void loop_stop(struct loop *loop);

/*
 * Calls fn(ctx) later: in this turn when called from an event, never from
 * inside this call. In the order of posting.
 */
typedef void (*loop_fn)(void *ctx);
void loop_post(struct loop *loop, loop_fn fn, void *ctx);

/* Takes back every call that was posted with this `ctx` and not made yet. */
void loop_cancel(struct loop *loop, const void *ctx);

/* Monotonic time now; goes on while deadlines are paused. */
usec loop_now_us(const struct loop *loop);

/*
 * Pauses all deadlines of the loop, or resumes them with the time that was
 * left. For Ctrl-Z. Saying the same twice is harmless.
 */
void loop_pause_deadlines(struct loop *loop, bool paused);

/* For the files of this folder. */
struct uv_loop_s;
struct deadlines;
struct uv_loop_s *loop_uv(struct loop *loop);

/* Room for reading into, free again when the call that asked returns. */
#define LOOP_SCRATCH_SIZE (256UL * 1024)
char *loop_scratch(struct loop *loop);

struct deadlines *loop_deadlines(struct loop *loop);

/* Must be called when a deadline was armed. */
void loop_deadlines_changed(struct loop *loop);

#endif
