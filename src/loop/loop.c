#include "loop/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/array.h"

// How many turns closing may take, one thing leading to another.
#define CLOSING_TURNS 16

struct post {
    loop_fn fn; // NULL: it was taken back
    void *ctx;
};

struct loop {
    uv_loop_t uv;
    uv_timer_t timer; // for the first of the deadlines
    uv_idle_t idle;   // keeps the loop from waiting while something is posted
    uv_check_t check; // makes the calls that were posted
    struct deadlines deadlines;
    msec timer_due; // of a clock that goes on; -1: the timer is stopped
    ARRAY(struct post) posts;
    char scratch[LOOP_SCRATCH_SIZE];
};

// libuv's calls here cannot fail but for a mistake of ours.
static void
must(int result)
{
    assert(result == 0);
    (void)result;
}

static void
on_timer(uv_timer_t *timer)
{
    struct loop *loop = timer->data;

    loop->timer_due = -1;
    deadlines_run(&loop->deadlines, now_msec());
    loop_deadlines_changed(loop);
}

static void
on_check(uv_check_t *check)
{
    struct loop *loop = check->data;
    // What is posted meanwhile is for the next turn.
    size_t count = loop->posts.count;

    for (size_t i = 0; i < count; i++) {
        struct post post = loop->posts.items[i];
        if (post.fn != NULL) {
            post.fn(post.ctx);
        }
    }
    memmove(loop->posts.items, loop->posts.items + count,
            (loop->posts.count - count) * sizeof(struct post));
    loop->posts.count -= count;
    if (loop->posts.count == 0) {
        must(uv_idle_stop(&loop->idle));
        must(uv_check_stop(&loop->check));
    }
}

static void
on_idle(uv_idle_t *idle)
{
    (void)idle; // its being there is all it is for
}

struct loop *
loop_new(void)
{
    struct loop *loop = alloc_bytes(sizeof(*loop));

    // libuv writes with write(2), which knows no MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN);
    must(uv_loop_init(&loop->uv));
    must(uv_timer_init(&loop->uv, &loop->timer));
    must(uv_idle_init(&loop->uv, &loop->idle));
    must(uv_check_init(&loop->uv, &loop->check));
    loop->timer.data = loop;
    loop->check.data = loop;
    deadlines_init(&loop->deadlines);
    loop->timer_due = -1;
    loop->posts.items = NULL;
    loop->posts.count = loop->posts.capacity = 0;
    return loop;
}

void
loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    // Who closes something may let go of it by a call of its own.
    for (int i = 0; i < CLOSING_TURNS && loop->posts.count > 0; i++) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    // What was closed needs a turn to be gone, and may close more then; what
    // was not closed by anybody makes uv_loop_close fail.
    int closed = UV_EBUSY;
    for (int i = 0; i < CLOSING_TURNS && closed != 0; i++) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        closed = uv_loop_close(&loop->uv);
    }
    must(closed);
    assert(loop->posts.count == 0);
    ARRAY_RELEASE(&loop->posts);
    deadlines_release(&loop->deadlines);
    free(loop);
}

void
loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void
loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

void
loop_post(struct loop *loop, loop_fn fn, void *ctx)
{
    if (loop->posts.count == 0) {
        must(uv_idle_start(&loop->idle, on_idle));
        must(uv_check_start(&loop->check, on_check));
    }
    ARRAY_ADD(&loop->posts, ((struct post){.fn = fn, .ctx = ctx}));
}

void
loop_cancel(struct loop *loop, const void *ctx)
{
    for (size_t i = 0; i < loop->posts.count; i++) {
        if (loop->posts.items[i].ctx == ctx) {
            loop->posts.items[i].fn = NULL;
        }
    }
}

usec
loop_now_us(const struct loop *loop)
{
    (void)loop;
    return now_usec();
}

void
loop_pause_deadlines(struct loop *loop, bool paused)
{
    deadlines_pause(&loop->deadlines, paused, now_msec());
    loop_deadlines_changed(loop);
}

uv_loop_t *
loop_uv(struct loop *loop)
{
    return &loop->uv;
}

char *
loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

struct deadlines *
loop_deadlines(struct loop *loop)
{
    return &loop->deadlines;
}

// The timer may come too early, and is set anew then; it must not be late.
// Deadlines are mostly disarmed before they are due, so that leaving it as it
// is costs less than moving it each time.
void
loop_deadlines_changed(struct loop *loop)
{
    msec now = now_msec();
    msec wait = deadlines_wait(&loop->deadlines, now);

    if (wait < 0) {
        if (loop->timer_due >= 0) {
            must(uv_timer_stop(&loop->timer));
            loop->timer_due = -1;
        }
        return;
    }
    if (loop->timer_due >= 0 && loop->timer_due <= now + wait) {
        return;
    }
    loop->timer_due = now + wait;
    uv_update_time(&loop->uv);
    must(uv_timer_start(&loop->timer, on_timer, (uint64_t)wait, 0));
}
