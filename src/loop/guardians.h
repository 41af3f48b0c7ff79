/*
 * The guardians of this program: small processes that start children for it,
 * end what children leave behind, and outlive this program just long enough to
 * end everything else. Several, because starting a process suspends whoever
 * starts it. One that dies is replaced; its children are lost.
 */
#ifndef LOOP_GUARDIANS_H
#define LOOP_GUARDIANS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "util/err.h"

struct guardians;

/* A process that outlived its job. It is being ended when this is told. */
struct guardian_leak {
    pid_t pid;
    pid_t group;
    const char *job;     // its MULE_JOB, or the tag of its group; "" if unknown
    const char *command; // its command line, words separated by blanks
};

struct guardians_events {
    void (*on_leak)(void *ctx, const struct guardian_leak *leak);
    /* A guardian died and another has taken its place, or could not. */
    void (*on_died)(void *ctx, const struct err *err);
};

struct guardians_params {
    int count;         // one for each processor is right; 64 at most are made
    uint32_t grace_ms; // between SIGTERM and SIGKILL for leaks; 0: 500
};

/*
 * Forks them, so call it while the program is small. Borrows `events` and
 * `ctx` until the end. NULL with err.
 */
struct guardians *guardians_new(struct loop *loop,
                                const struct guardians_params *params,
                                const struct guardians_events *events,
                                void *ctx, struct err *err);

/*
 * Changes the environment that all children begin with: "NAME=value" sets,
 * "NAME" removes; NULL at its end. At first it is this program's own.
 */
void guardians_environment(struct guardians *guardians,
                           const char *const *changes);

/* At the end, however this program ends, the tree at `path` is removed. */
void guardians_remove_at_end(struct guardians *guardians, const char *path);

/*
 * A job is over: processes with this MULE_JOB, or in this process group or
 * session (0: none), that are still there after a short while are leaks.
 * `tag` may be NULL. Cheap: many of them are looked for at once. Needed for
 * jobs inside zygotes only; for other children it happens by itself.
 */
void guardians_sweep(struct guardians *guardians, const char *tag, pid_t group);

/*
 * Sends a signal to a process, or to the group it leads, that descends from a
 * guardian; for those whose child, a zygote, has gone before them.
 */
void guardians_signal(struct guardians *guardians, pid_t pid, int signo,
                      bool group);

/*
 * Ends every process that is not a child or below one, as leaks, unless it
 * ends by itself in a short while, and calls fn(ctx) when none is left or
 * about two seconds have passed. One at a time.
 */
void guardians_settle(struct guardians *guardians, loop_fn fn, void *ctx);

/* Stops (or continues) every process below the guardians: for Ctrl-Z. */
void guardians_pause(struct guardians *guardians, bool paused);

/* Children that have been started and have not gone. */
int guardians_running(const struct guardians *guardians);

/* How many there are. */
int guardians_count(const struct guardians *guardians);

/*
 * Ends everything that is left, then the guardians themselves, and calls
 * fn(ctx). Children that were still there are told as lost before. It takes
 * three seconds at most: then the guardians are killed. Starts nothing any
 * more.
 */
void guardians_stop(struct guardians *guardians, loop_fn fn, void *ctx);

/* Only after guardians_stop has called back. NULL is allowed. */
void guardians_free(struct guardians *guardians);

#endif
