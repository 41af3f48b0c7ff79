#include "loop/signals.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "util/alloc.h"

struct signals {
    signals_fn fn;
    void *ctx;
    int open; // handles that libuv still knows
    uv_signal_t handles[];
};

static void
on_signal(uv_signal_t *handle, int signo)
{
    struct signals *signals = handle->data;

    signals->fn(signals->ctx, signo);
}

static void
on_close(uv_handle_t *handle)
{
    struct signals *signals = handle->data;

    if (--signals->open == 0) {
        free(signals);
    }
}

static bool
is_ignored(int signo)
{
    struct sigaction action;

    return sigaction(signo, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static bool
watch(struct signals *signals, struct loop *loop, int signo, struct err *err)
{
    uv_signal_t *handle = &signals->handles[signals->open];
    int result = uv_signal_init(loop_uv(loop), handle);

    if (result == 0) {
        handle->data = signals;
        signals->open++;
        result = uv_signal_start(handle, on_signal, signo);
        // Waiting for a signal is no reason to go on.
        uv_unref((uv_handle_t *)handle);
    }
    if (result < 0) {
        return err_set(err, ERR_SYSTEM, "handling signal %d: %s", signo,
                       uv_strerror(result));
    }
    return true;
}

struct signals *
signals_new(struct loop *loop, const int *signos, int count, signals_fn fn,
            void *ctx, struct err *err)
{
    assert(count > 0);
    struct signals *signals =
        alloc_zero(1, sizeof(*signals) + (size_t)count * sizeof(uv_signal_t));
    sigset_t set;

    signals->fn = fn;
    signals->ctx = ctx;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) {
        sigaddset(&set, signos[i]);
        if (!is_ignored(signos[i]) && !watch(signals, loop, signos[i], err)) {
            signals_free(signals);
            return NULL;
        }
    }
    // They may have come blocked from whoever started us.
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return signals;
}

void
signals_free(struct signals *signals)
{
    if (signals == NULL) {
        return;
    }
    if (signals->open == 0) {
        free(signals);
        return;
    }
    for (int i = 0, count = signals->open; i < count; i++) {
        uv_close((uv_handle_t *)&signals->handles[i], on_close);
    }
}

void
signals_die_of(int signo)
{
    sigset_t set;

    signal(signo, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, signo);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(signo);
    _exit(128 + signo);
}

void
signals_stop_self(void)
{
    raise(SIGSTOP);
}
