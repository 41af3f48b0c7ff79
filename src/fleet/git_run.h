/*
 * One git command at a time, as a child: never asks anything, runs no hook and
 * no program that a URL names, and takes nothing from an environment that
 * belongs to another repository. What it says is masked: no password gets out.
 */
#ifndef FLEET_GIT_RUN_H
#define FLEET_GIT_RUN_H

#include <stdbool.h>

#include "loop/child.h"
#include "util/buf.h"
#include "util/err.h"

/* What a command said at its end; borrowed for the call. */
struct git_end {
    bool ok;          // exit status 0
    struct slice out; // bytes
    const char *said; // the last line it complained with, masked; "": none
};

/* The last call. `err`: it could not be run at all, or said too much. */
typedef void (*git_run_fn)(void *ctx, const struct git_end *end,
                           const struct err *err);

/* A line of its complaints, masked. */
typedef void (*git_said_fn)(void *ctx, struct slice line);

/* Zeroed but for the first four = idle. */
struct git_run {
    struct guardians *guardians;
    struct loop *loop;
    git_said_fn said; // or NULL
    void *ctx;        // of `said` and of every `done`
    struct child *child;
    git_run_fn done;
    struct buf out;
    struct buf complaints;
    struct buf line; // the last one
    struct err err;
};

struct git_call {
    const char *const *words; // what follows `git`; NULL at its end
    const char *folder;       // where, or NULL
    const char *url;          // what the remote `mule` is, or NULL
};

/* Starts one; none may run. `done` comes from the loop. */
void git_run_start(struct git_run *run, const struct git_call *call,
                   git_run_fn done);

bool git_run_is_busy(const struct git_run *run);

/* Kills what runs: `done` does not come. Frees memory. */
void git_run_release(struct git_run *run);

#endif
