/*
 * Programs started by this one, through guardians. Everything a child needs is
 * copied when it is started; what happens to it comes as events. Its input and
 * output are bytes; nobody here knows what they mean.
 */
#ifndef LOOP_CHILD_H
#define LOOP_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/guardians.h"
#include "util/err.h"
#include "util/slice.h"

struct child;

/* What to do where the system gives no more processes. */
#define CHILD_TOO_MANY                                                        \
    "there may be too many processes (ulimit -u) or too little memory; fewer" \
    " slots (-j) need less of both"

enum child_input {
    CHILD_INPUT_NULL, // /dev/null
    CHILD_INPUT_FILE, // input_path
    CHILD_INPUT_TEXT, // input_text, then end of file; at most 1 MiB
    CHILD_INPUT_TERMINAL,
};

enum child_output {
    CHILD_OUTPUT_PIPE,     // told by on_output
    CHILD_OUTPUT_FILE,     // appended to a file that is made if it is missing
    CHILD_OUTPUT_SAME,     // stderr only: goes where stdout goes
    CHILD_OUTPUT_TERMINAL, // wherever this program's own goes
    CHILD_OUTPUT_NULL,
};

enum child_leads {
    CHILD_LEADS_GROUP,    // a process group, without a controlling terminal
    CHILD_LEADS_SESSION,  // a session too; the scheduler may weigh it by itself
    CHILD_LEADS_TERMINAL, // a group in the foreground of our terminal
};

/* All is copied. Zeroed but for argv is a sensible child. */
struct child_params {
    const char *const *argv; // NULL at its end; argv[0] is looked for in PATH
    /*
     * Changes to the base environment, NULL at its end or NULL: "NAME=value"
     * sets, "NAME" removes. Later ones win.
     */
    const char *const *env;
    const char *cwd; // or NULL
    const char *tag; // the job, as MULE_JOB names it (env must set it); or NULL
    enum child_input input;
    const char *input_path;
    struct slice input_text;
    enum child_output out;
    enum child_output err;
    const char *out_path;
    const char *err_path;
    enum child_leads leads;
    /*
     * It has processes that may outlive it: nothing is looked for or ended
     * when it has gone. See guardians_sweep.
     */
    bool zygote;
};

enum child_stream {
    CHILD_OUT = 1,
    CHILD_ERR = 2
};

struct child_usage {
    uint64_t user_us;
    uint64_t system_us;
    uint64_t maxrss_kib;
};

/* How it ended; see wait(2) for `status`. */
struct child_exit {
    int status;
    struct child_usage usage; // of itself and of the children it waited for
    uint64_t wall_us;         // from before it was started until it was reaped
    bool failed;              // it never ran: on_failed has said why
    bool held; // somebody else kept its output open; it was cut off
    bool lost; // its guardian died or was stopped; the rest is not known
};

/* Any but on_gone may be NULL. */
struct child_events {
    /* It runs. Comes with its end where that is near, at most 20 ms late. */
    void (*on_started)(void *ctx, pid_t pid);
    /* What it wrote to a pipe, borrowed for the call. */
    void (*on_output)(void *ctx, enum child_stream stream, struct slice bytes);
    /* It could not be started; the error names the step and the cause. */
    void (*on_failed)(void *ctx, const struct err *err);
    /*
     * The last call, for every child that was started: it was reaped, and all
     * its output was told. `exit` is borrowed.
     */
    void (*on_gone)(void *ctx, const struct child_exit *exit);
};

/*
 * Starts a child with the guardian that has the fewest. Borrows `events`
 * (make it static) and `ctx` until on_gone. NULL with err: what is asked for
 * cannot be sent (too big), or no guardian is left.
 */
struct child *child_start(struct guardians *guardians,
                          const struct child_params *params,
                          const struct child_events *events, void *ctx,
                          struct err *err);

/*
 * Sends a signal to the group of the child, also when the child itself has
 * exited and on_gone has not come yet. The child cannot be another by then.
 */
void child_signal(struct child *child, int signo);

/*
 * Sends a signal to a process that the child (a zygote) said it has started,
 * or to the group it leads. Nothing happens where it is not a descendant.
 */
void child_signal_pid(struct child *child, pid_t pid, int signo, bool group);

/*
 * No more events: the child is ended with SIGKILL, and `ctx` is not touched
 * again. For ways out.
 */
void child_drop(struct child *child);

/* 0 until on_started. */
pid_t child_pid(const struct child *child);

#endif
