#include "command/outside.h"

#include "loop/deadline.h"
#include "loop/keyboard.h"
#include "loop/signals.h"
#include "util/alloc.h"
#include "util/now.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define OUTSIDE_TICK_MS 100

struct outside {
    struct outside_params params;
    struct signals *signals;
    struct keyboard *keyboard;
    struct deadline tick;
    usec began;
    int signal; // that ended the run
    bool closed;
};

static uint64_t
time_of(const struct outside *outside)
{
    return (uint64_t)(now_usec() - outside->began);
}

static void
stop(struct outside *outside, enum stop_reason reason)
{
    if (outside->closed) {
        return;
    }
    bool again = outside->signal != 0 && reason == STOP_INTERRUPTED;
    run_stop(outside->params.run, reason, again);
}

/* Ctrl-Z: everything stands still, mule last; everything goes on after it. */
static void
stand_still(struct outside *outside)
{
    const struct outside_params *params = &outside->params;
    if (params->events->on_hide != NULL) {
        params->events->on_hide(params->ctx);
    }
    guardians_pause(params->guardians, true);
    loop_pause_deadlines(params->loop, true);
    run_pause(params->run, true);
    keyboard_hold(outside->keyboard, true);
    signals_stop_self();
    keyboard_hold(outside->keyboard, false);
    run_pause(params->run, false);
    loop_pause_deadlines(params->loop, false);
    guardians_pause(params->guardians, false);
}

static void
ask(struct outside *outside)
{
    if (outside->params.events->on_asked != NULL) {
        outside->params.events->on_asked(outside->params.ctx, time_of(outside));
    }
}

static void
on_signal(void *ctx, int signo)
{
    struct outside *outside = ctx;
    switch (signo) {
    case SIGINT:
    case SIGTERM:
    case SIGHUP:
        stop(outside, STOP_INTERRUPTED);
        outside->signal = signo;
        break;
    case SIGTSTP:
        stand_still(outside);
        break;
    case SIGUSR1:
        ask(outside);
        break;
    case SIGWINCH:
        if (outside->params.events->on_resize != NULL) {
            outside->params.events->on_resize(outside->params.ctx);
        }
        break;
    default:
        break;
    }
}

static void
on_key(void *ctx, enum keyboard_key key)
{
    struct outside *outside = ctx;
    switch (key) {
    case KEYBOARD_ENTER:
        ask(outside);
        break;
    case KEYBOARD_QUIT:
        stop(outside, STOP_ASKED);
        break;
    }
}

static void
on_tick(void *ctx)
{
    struct outside *outside = ctx;
    outside->params.events->on_tick(outside->params.ctx, time_of(outside));
    deadline_arm(&outside->tick, OUTSIDE_TICK_MS);
}

struct outside *
outside_new(const struct outside_params *params, struct err *err)
{
    static const int signos[] = {SIGINT,  SIGTERM, SIGHUP,
                                 SIGTSTP, SIGUSR1, SIGWINCH};
    struct outside *outside = ALLOC(struct outside);
    outside->params = *params;
    outside->began = now_usec();
    deadline_init(&outside->tick, params->loop, on_tick, outside);
    outside->signals =
        signals_new(params->loop, signos, sizeof(signos) / sizeof(signos[0]),
                    on_signal, outside, err);
    if (outside->signals == NULL) {
        outside_free(outside);
        return NULL;
    }
    if (params->keys && params->events->on_asked != NULL) {
        outside->keyboard =
            keyboard_new(params->loop, STDIN_FILENO, on_key, outside);
    }
    if (params->events->on_tick != NULL) {
        deadline_arm(&outside->tick, OUTSIDE_TICK_MS);
    }
    return outside;
}

void
outside_free(struct outside *outside)
{
    if (outside == NULL) {
        return;
    }
    keyboard_free(outside->keyboard);
    if (outside->signals != NULL) {
        signals_free(outside->signals);
    }
    deadline_release(&outside->tick);
    free(outside);
}

void
outside_close(struct outside *outside)
{
    outside->closed = true;
    deadline_disarm(&outside->tick);
}

int
outside_signal(const struct outside *outside)
{
    return outside != NULL ? outside->signal : 0;
}
