/*
 * The process that has loaded the suite: started, greeted, asked for what it
 * knows, asked to fork, and started again without a module that made it end
 * or hang while it was loaded. Knows slots by their numbers only.
 */
#ifndef RUN_ZYGOTE_H
#define RUN_ZYGOTE_H

#include "adapter/session.h"
#include "loop/loop.h"
#include "run/adapter_command.h"
#include "run/source.h"
#include "run/workplace.h"

struct zygote_events {
    /* It can be asked to fork from here on. */
    void (*on_ready)(void *ctx);
    void (*on_forked)(void *ctx, int slot, int pid);
    void (*on_failed)(void *ctx, int slot, struct slice reason);
    void (*on_exited)(void *ctx, const struct adapter_slot *exit);
    /* What it prepares just now; empty: it begins. */
    void (*on_preparing)(void *ctx, struct slice text);
    /* It is prepared; what it printed meanwhile, if anything. */
    void (*on_prepared)(void *ctx, uint64_t us, struct slice said);
    /* The tests cannot be run, and why. */
    void (*on_unfit)(void *ctx, const struct adapter_unfit *unfit);
    void (*on_note)(void *ctx, const struct adapter_note *note);
    /* What is not about loading or forking: it runs jobs itself. */
    void (*on_message)(void *ctx, const struct adapter_message *message);
    /* It ended, and not because it was asked to; what it had forked lives. */
    void (*on_died)(void *ctx, const struct err *err);
    void (*on_stopped)(void *ctx); // after zygote_stop: it is gone
};

struct zygote_params {
    struct loop *loop;
    struct guardians *guardians;
    const struct settings *settings;
    const struct workplace *workplace;
    const struct adapter_command *command;
    const struct request_welcome *welcome;
    const struct zygote_events *events;
    void *ctx;
};

struct zygote;
/* Borrows all. */
struct zygote *zygote_new(const struct zygote_params *params);
void zygote_free(struct zygote *zygote); // when it is not running

/*
 * Starts it if it does not run, and collects. The events of the source come
 * from the loop.
 */
void zygote_collect(struct zygote *zygote, struct items *items, bool everything,
                    const struct source_events *events, void *ctx);

/* Somebody greeted as a zygote: takes the session, or drops a second one. */
void zygote_greeted(struct zygote *zygote, struct session *session,
                    const struct adapter_hello *hello);

/* It has loaded the suite, and does nothing else at the moment. */
bool zygote_is_ready(const struct zygote *zygote);

/*
 * Asks it once to prepare, if that is something it does and it is ready.
 * Whether there is nothing to wait for; else on_prepared or on_unfit follows,
 * or it dies.
 */
bool zygote_prepare(struct zygote *zygote);
/* ADAPTER_CAN_* of its greeting. */
unsigned zygote_can(const struct zygote *zygote);
int zygote_dump_signal(const struct zygote *zygote);

void zygote_send(struct zygote *zygote, struct slice lines);
/* Signals a process that descends from it. */
void zygote_signal(struct zygote *zygote, int pid, int signo, bool group);

/* Kills it; on_died follows. */
void zygote_kill(struct zygote *zygote);

/*
 * Ends it. on_stopped follows, at once if it does not run. One that has
 * something to remove has a minute for that.
 */
void zygote_stop(struct zygote *zygote);

/*
 * It is to end sooner than that: in a few seconds, the second time at once.
 * Nothing before zygote_stop.
 */
void zygote_hurry(struct zygote *zygote);

/* It had something to remove, and did not end by itself, in order. */
bool zygote_owes(const struct zygote *zygote);

/* How long a process of the suite may take to end after it was asked to. */
uint32_t zygote_end_ms(const struct settings *settings, uint32_t otherwise);

#endif
