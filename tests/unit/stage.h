/*
 * A loop with a limit, for tests that wait for events: a test whose event
 * never comes fails instead of hanging.
 */
#ifndef TESTS_UNIT_STAGE_H
#define TESTS_UNIT_STAGE_H

#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loop/deadline.h"
#include "loop/loop.h"

// A broker that was killed needs its time on a machine that is busy.
#define STAGE_LIMIT_MS 60000

struct stage {
    struct loop *loop;
    struct deadline limit;
    bool late;
};

static inline void
stage_is_late(void *ctx)
{
    struct stage *stage = ctx;

    stage->late = true;
    loop_stop(stage->loop);
}

static inline void
stage_init(struct stage *stage)
{
    *stage = (struct stage){.loop = loop_new()};
    deadline_init(&stage->limit, stage->loop, stage_is_late, stage);
}

/* Runs the loop until somebody stops it; false: nobody did in time. */
static inline bool
stage_try(struct stage *stage)
{
    deadline_arm(&stage->limit, STAGE_LIMIT_MS);
    loop_run(stage->loop);
    deadline_disarm(&stage->limit);
    return !stage->late;
}

/* The same; not being stopped is a failure. */
static inline void
stage_run(struct stage *stage)
{
    assert_true(stage_try(stage));
}

static inline void
stage_stop(void *ctx)
{
    struct stage *stage = ctx;

    loop_stop(stage->loop);
}

/* One turn: whatever is there happens, nothing is waited for. */
static inline void
stage_turn(struct stage *stage)
{
    loop_post(stage->loop, stage_stop, stage);
    loop_run(stage->loop);
}

static inline void
stage_release(struct stage *stage)
{
    deadline_release(&stage->limit);
    loop_free(stage->loop);
}

/* Waits until a process that is not our child has gone. */
static inline void
stage_wait_gone(pid_t pid, int timeout_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd >= 0) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, timeout_ms), 1);
        close(fd);
    }
}

#endif
