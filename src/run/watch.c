#include "run/watch.h"

// A dump is written within milliseconds; a process that hangs in the kernel
// will not write it at all.
#define WATCH_DUMP_US 300000U
// After SIGKILL only the kernel can be late.
#define WATCH_LAST_US 10000000U

void
watch_begin(struct watch *watch, const struct watch_limits *limits,
            uint64_t now_us)
{
    *watch = (struct watch){
        .limits = *limits,
        .job_began_us = now_us,
    };
}

void
watch_item(struct watch *watch, uint64_t began_us)
{
    if (watch->item_began_us == began_us) {
        return;
    }
    watch->item_began_us = began_us;
    watch->said_slow = false;
    if (watch->cause == WATCH_ITEM_LIMIT && watch->stage < WATCH_KILLED) {
        // It came to its end after all: the next one must not pay for it.
        watch->cause = watch->cancelled ? WATCH_CANCEL : WATCH_NO_CAUSE;
        watch->stage = WATCH_RUNNING;
    }
}

void
watch_cancel(struct watch *watch, bool now)
{
    watch->cancelled = true;
    if (watch->cause == WATCH_NO_CAUSE) {
        watch->cause = WATCH_CANCEL;
    }
    if (now) {
        watch->limits.grace_ms = 0;
    }
}

static uint64_t
since(uint64_t now_us, uint64_t then_us)
{
    return now_us > then_us ? now_us - then_us : 0;
}

static bool
is_over(uint64_t now_us, uint64_t began_us, uint32_t limit_ms)
{
    return limit_ms > 0 && began_us > 0 &&
           since(now_us, began_us) >= 1000 * (uint64_t)limit_ms;
}

static enum watch_action
enter(struct watch *watch, enum watch_stage stage, uint64_t now_us,
      enum watch_action action)
{
    watch->stage = stage;
    watch->stage_us = now_us;
    return action;
}

static enum watch_action
step_running(struct watch *watch, uint64_t now_us)
{
    if (watch->cause == WATCH_CANCEL) {
        return enter(watch, WATCH_TERMINATED, now_us, WATCH_TERMINATE);
    }
    const struct watch_limits *limits = &watch->limits;
    if (is_over(now_us, watch->item_began_us, limits->item_ms)) {
        watch->cause = WATCH_ITEM_LIMIT;
    } else if (is_over(now_us, watch->job_began_us, limits->job_ms)) {
        watch->cause = WATCH_JOB_LIMIT;
    }
    if (watch->cause != WATCH_NO_CAUSE) {
        return enter(watch, WATCH_DUMPED, now_us, WATCH_DUMP);
    }
    if (!watch->said_slow &&
        is_over(now_us, watch->item_began_us, limits->slow_ms)) {
        watch->said_slow = true;
        return WATCH_SAY_SLOW;
    }
    return WATCH_NOTHING;
}

enum watch_action
watch_step(struct watch *watch, uint64_t now_us)
{
    uint64_t waited = since(now_us, watch->stage_us);
    switch (watch->stage) {
    case WATCH_RUNNING:
        return step_running(watch, now_us);
    case WATCH_DUMPED:
        if (waited >= WATCH_DUMP_US) {
            return enter(watch, WATCH_TERMINATED, now_us, WATCH_TERMINATE);
        }
        return WATCH_NOTHING;
    case WATCH_TERMINATED:
        if (waited >= 1000 * (uint64_t)watch->limits.grace_ms) {
            return enter(watch, WATCH_KILLED, now_us, WATCH_KILL);
        }
        return WATCH_NOTHING;
    case WATCH_KILLED:
        if (waited >= WATCH_LAST_US) {
            return enter(watch, WATCH_GIVEN_UP, now_us, WATCH_GIVE_UP);
        }
        return WATCH_NOTHING;
    case WATCH_GIVEN_UP:
        return WATCH_NOTHING;
    }
    return WATCH_NOTHING;
}
