#include "fleet/host_lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/now.h"

enum {
    AGAIN_MS = 25
};

static int
file_of(const struct host_lock *lock)
{
    return lock->number - 1;
}

static void
close_file(struct host_lock *lock)
{
    if (lock->number > 0) {
        close(file_of(lock));
    }
    lock->number = 0;
    lock->held = false;
}

// Whether the file that is locked is still the one of that name: whoever
// prunes removes it while holding it.
static bool
is_current(const struct host_lock *lock)
{
    struct stat ours;
    struct stat current;

    return fstat(file_of(lock), &ours) == 0 &&
           stat(lock->path, &current) == 0 && ours.st_dev == current.st_dev &&
           ours.st_ino == current.st_ino;
}

// True with `held` set or not; false with errno.
static bool
attempt(struct host_lock *lock)
{
    if (lock->number == 0) {
        lock->number = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) + 1;
    }
    if (lock->number == 0) {
        return false;
    }
    int how = (lock->shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    if (flock(file_of(lock), how) != 0) {
        return errno == EWOULDBLOCK || errno == EINTR;
    }
    lock->held = is_current(lock);
    if (!lock->held) {
        close_file(lock);
    }
    return true;
}

static void
on_again(void *ctx)
{
    struct host_lock *lock = ctx;
    struct err err = {0};

    if (!attempt(lock)) {
        err_set_errno(&err, ERR_SYSTEM, errno, "locking %s", lock->path);
    } else if (!lock->held && now_msec() >= lock->until) {
        err_set(&err, ERR_LIMIT, "%s is locked by another process", lock->path);
    } else if (!lock->held) {
        deadline_arm(&lock->again, AGAIN_MS);
        return;
    }
    host_lock_fn fn = lock->fn;
    void *fn_ctx = lock->ctx;
    if (err_is_set(&err)) {
        host_lock_release(lock);
    }
    fn(fn_ctx, err_is_set(&err) ? &err : NULL);
}

void
host_lock_take(struct host_lock *lock, const struct host_lock_params *params,
               host_lock_fn fn, void *ctx)
{
    assert(lock->path == NULL);
    lock->path = alloc_dup(params->path);
    lock->shared = params->shared;
    lock->until = now_msec() + params->patience_ms;
    lock->fn = fn;
    lock->ctx = ctx;
    deadline_init(&lock->again, params->loop, on_again, lock);
    deadline_arm(&lock->again, 0);
}

bool
host_lock_try(struct host_lock *lock, const char *path, bool shared)
{
    assert(lock->path == NULL);
    lock->path = alloc_dup(path);
    lock->shared = shared;
    if (!attempt(lock) || !lock->held) {
        host_lock_release(lock);
        return false;
    }
    return true;
}

void
host_lock_release(struct host_lock *lock)
{
    deadline_release(&lock->again);
    close_file(lock);
    free(lock->path);
    *lock = (struct host_lock){0};
}

void
host_lock_remove(struct host_lock *lock)
{
    assert(lock->held && !lock->shared);
    unlink(lock->path);
    host_lock_release(lock);
}
