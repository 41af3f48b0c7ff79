/*
 * Signals as events of the loop. Says what came, not what to do about it.
 */
#ifndef LOOP_SIGNALS_H
#define LOOP_SIGNALS_H

#include "loop/loop.h"
#include "util/err.h"

struct signals;

typedef void (*signals_fn)(void *ctx, int signo);

/*
 * From now on each of the `count` signals is told to fn(ctx, signo) and has
 * lost its own effect. One that is ignored stays ignored: whoever started us
 * with nohup or in the background meant it. Two of a kind that come close
 * together may be told as one. Gives NULL with err.
 */
struct signals *signals_new(struct loop *loop, const int *signos, int count,
                            signals_fn fn, void *ctx, struct err *err);

/* Ends the events; the signals have their default effect again. */
void signals_free(struct signals *signals);

/*
 * Dies of `signo` as if it had never been handled, so that the parent sees
 * it. For a signal that does not kill by default, exits with 128 + signo.
 * Whoever calls has cleaned up before.
 */
_Noreturn void signals_die_of(int signo);

/*
 * Really stops this process, until somebody continues it: for SIGTSTP, once
 * everything has been paused.
 */
void signals_stop_self(void);

#endif
