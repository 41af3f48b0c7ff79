/*
 * A lock between the processes of this host: a file that is locked. Waits for
 * others without blocking the loop. The system lets go of it when its holder
 * dies.
 */
#ifndef FLEET_HOST_LOCK_H
#define FLEET_HOST_LOCK_H

#include <stdbool.h>

#include "loop/deadline.h"
#include "util/err.h"

/* `err` is NULL when the lock is held; ERR_LIMIT: others kept it too long. */
typedef void (*host_lock_fn)(void *ctx, const struct err *err);

/* Zeroed = not held. */
struct host_lock {
    int number; // of the open file, plus one; 0: none
    char *path;
    bool shared;
    bool held;
    msec until;
    struct deadline again;
    host_lock_fn fn;
    void *ctx;
};

struct host_lock_params {
    struct loop *loop;
    const char *path; // of the file, which is made; its folder is not
    bool shared;
    msec patience_ms; // for how long it is waited for
};

/* Takes it, and calls fn(ctx) from the loop. Must not be held or waited for. */
void host_lock_take(struct host_lock *lock,
                    const struct host_lock_params *params, host_lock_fn fn,
                    void *ctx);

/* Takes it if nobody else has it. */
bool host_lock_try(struct host_lock *lock, const char *path, bool shared);

/* Lets go of it, or stops waiting. A zeroed one may be released too. */
void host_lock_release(struct host_lock *lock);

/* The same, and removes the file, which must be held alone. */
void host_lock_remove(struct host_lock *lock);

#endif
