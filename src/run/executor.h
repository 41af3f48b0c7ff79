/*
 * What the run asks of a place that runs jobs, this machine or a fleet, and
 * what such a place tells. Nothing above this line asks "local or remote?".
 */
#ifndef RUN_EXECUTOR_H
#define RUN_EXECUTOR_H

#include "model/event.h"

/* One job on its way to a place. Texts are borrowed for the call. */
struct order {
    uint32_t job;
    uint16_t attempt;
    uint32_t timeout_ms;      // of the job; 0: none
    uint32_t test_timeout_ms; // of an item; 0: none
    uint32_t slow_ms;         // 0: no notice
    uint32_t tries;           // how often its items have run before
    uint64_t expect_us;       // how long the job should take; 0: not known
    int avoid; // the number of a slot that rather should not run it, + 1
    // For this machine only; elsewhere nobody looks at them.
    int slot;   // the number of the slot that is to run it, + 1; 0: any
    bool fresh; // in a process that has run nothing before
};

/* What waits to be given out, as far as a place has to know it. */
struct demand {
    uint32_t waiting;   // jobs that have not been given out
    uint32_t later;     // that will be waiting: who is idle is still needed
    uint64_t expect_us; // of the one that is next; 0: not known
    bool idle_only;     // that one may lie behind no other
};

/* A job begins to run. */
struct order_begin {
    uint32_t job;
    uint16_t attempt;
    int slot;
    // The process that runs it, from 1: another number than any other process
    // of that slot has, or will have. 0: not known.
    uint32_t process;
};

/* How an order ended. */
enum order_end {
    ORDER_DONE,      // all that could be said was said
    ORDER_CRASHED,   // its process died
    ORDER_TIMEOUT,   // a limit was reached and its process was ended
    ORDER_CANCELLED, // by executor_cancel
    ORDER_BREACH,    // its adapter broke the protocol
    ORDER_LOST,      // its supervisor, or the way to it, vanished
};

struct order_result {
    uint32_t job;
    uint16_t attempt;
    uint32_t item;
    int slot;
    uint64_t began_us; // CLOCK_MONOTONIC
    const struct outcome *outcome;
};

struct order_report {
    uint32_t job;
    uint16_t attempt;
    int slot;
    enum order_end end;
    uint32_t running;    // the item that ran when it ended badly; ITEM_NONE
    uint64_t running_us; // how long that item ran
    int status;          // wait(2)'s word of the process that ended badly
    const char *problem; // in words; "": say what `status` says
    bool job_limit;      // timeout: the limit was the job's, not the item's
    bool left;           // done: items without a result belong in a new run
    struct usage usage;
    uint64_t us;
    struct output out; // what no item claimed; the running item's, if any
    struct output err;
};

/* An item that was seen only while its job ran. */
struct order_appeared {
    struct slice id;
    struct slice file; // empty: that of the job
    uint32_t line;
    int slot;
    bool whole;
    uint64_t began_us; // CLOCK_MONOTONIC
    const struct outcome *outcome;
};

/* All calls come from the loop, never from inside a call of the executor. */
struct executor_events {
    void (*on_room)(void *ctx); // capacity may have grown
    /*
     * What the tests need is being made, and takes a while: what just now, in
     * a few words, or that it begins (empty). There is no room before it is.
     */
    void (*on_preparing)(void *ctx, struct slice text);
    void (*on_prepared)(void *ctx, uint64_t us);
    void (*on_job_begin)(void *ctx, const struct order_begin *begin);
    void (*on_begin)(void *ctx, uint32_t job, uint16_t attempt, uint32_t item,
                     int slot, uint64_t began_us);
    void (*on_slow)(void *ctx, uint32_t job, uint32_t item, int slot,
                    uint64_t us);
    void (*on_result)(void *ctx, const struct order_result *result);
    /*
     * An item that nobody collected; the run gives it a number. With `whole`
     * the items that appear stand for the collected item of the job, which
     * then counts no more (a TAP program and its points).
     */
    void (*on_appeared)(void *ctx, uint32_t job, uint16_t attempt,
                        const struct order_appeared *appeared);
    /* A program asked to stop everything. */
    void (*on_bail)(void *ctx, uint32_t job, struct slice reason);
    void (*on_end)(void *ctx, const struct order_report *report); // last word
    void (*on_leak)(void *ctx, const struct event_leak *leak);
    /* A result came that counts no more. */
    void (*on_late)(void *ctx);
    /* Somebody who runs jobs came or went: whose the slots are. */
    void (*on_worker)(void *ctx, const struct event_worker *worker);
    void (*on_note)(void *ctx, enum note_level level, const char *text,
                    const char *hint);
    /* It cannot go on; what runs still ends. */
    void (*on_broken)(void *ctx, const struct err *err);
    void (*on_drained)(void *ctx); // after executor_drain: nothing is left
};

/* What is known of a job while it runs. */
enum {
    VIEW_OUT,
    VIEW_ERR,
    VIEW_STREAMS
};
struct order_view {
    uint32_t item;                  // that runs
    uint64_t printed[VIEW_STREAMS]; // bytes, by it
};

struct executor;
struct executor_ops {
    /*
     * How many more orders such as the next one it takes now: more than it
     * has idle slots where they are short.
     */
    uint32_t (*room)(struct executor *executor, const struct demand *demand);
    /* Starts a job; only while there is room. Ends with on_end, always. */
    void (*start)(struct executor *executor, const struct order *order);
    /* Ends every running job; `now`: without grace. Repeatable. */
    void (*cancel)(struct executor *executor, bool now);
    /*
     * Takes back what has not begun, as far as that can be done at once: each
     * such order ends as cancelled. What runs goes on. May be NULL.
     */
    void (*recall)(struct executor *executor);
    /*
     * Ends one order, as `cancel` does all: at once if it has not begun, or
     * when it begins where it lies too near to that. Nothing if it is over.
     * May be NULL, as may `resize`.
     */
    void (*cancel_order)(struct executor *executor, uint32_t job,
                         uint16_t attempt, bool now);
    /*
     * Gives jobs to the first `slots` slots only from now on; what runs in
     * others ends there. False with err, and fewer slots, when there is no
     * way to have so many.
     */
    bool (*resize)(struct executor *executor, int slots, struct err *err);
    /*
     * Looks at a job that runs; false: no item of it does. `read` adds what
     * stands between two places of what that item printed. Both or none may
     * be NULL.
     */
    bool (*view)(struct executor *executor, uint32_t job,
                 struct order_view *view);
    void (*read)(struct executor *executor, uint32_t job, int stream,
                 uint64_t from, uint64_t to, struct buf *text);
    /* Stops and resumes everything that runs (Ctrl-Z). */
    void (*pause)(struct executor *executor, bool paused);
    /* No more orders: lets everything end; on_drained when it has. */
    void (*drain)(struct executor *executor);
};
struct executor {
    const struct executor_ops *ops;
};

#endif
