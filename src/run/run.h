/*
 * The run: what is to be done, what was, and when it is over. It knows a
 * source of items, a place that runs jobs and a sink for events; every
 * decision that concerns the whole run is made here, with the ledger and the
 * queue. It starts no process and prints nothing.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "loop/loop.h"
#include "model/history.h"
#include "model/settings.h"
#include "run/executor.h"
#include "run/filter.h"
#include "run/prober.h"
#include "run/scripts.h"
#include "run/sequence.h"
#include "run/source.h"
#include "schedule/durations.h"

struct run_params {
    const struct settings *settings;
    struct loop *loop;
    struct items *items;
    struct source *source;
    struct executor *executor;
    struct scripts *scripts; // of the workspace, or NULL
    struct event_sink *sink;
    struct event_run about;  // what RUN_STARTED says
    const char *rerun;       // a command that runs an id again, without it
    struct history *history; // what past builds know, or NULL
    const struct durations *durations; // by which shards are balanced, or NULL
    struct filter *filter;     // leaves out a part of what is selected, or NULL
    struct sequence *sequence; // runs just these tests in that order, or NULL
    struct prober *prober;     // looks for what makes a test fail, or NULL
    bool commands;             // jobs are run by settings->runner, one each
    bool elsewhere; // the source runs nothing: it ends before the jobs
    bool list_only; // collect and select, run nothing
    /* After RUN_FINISHED, from the loop. */
    void (*on_finished)(void *ctx, int exit_status);
    void *ctx;
};

struct run;
/* Borrows everything; it must outlive the run. */
struct run *run_new(const struct run_params *params);
void run_free(struct run *run); // after on_finished

void run_start(struct run *run);

/*
 * No new job from here on; what runs is ended, the teardown script still
 * runs. A second call with `now` set ends it without grace.
 */
void run_stop(struct run *run, enum stop_reason reason, bool now);

/* Ctrl-Z and back. */
void run_pause(struct run *run, bool paused);

/* Why the run could not do its work; not set when it could. */
const struct err *run_error(const struct run *run);
bool run_nothing_selected(const struct run *run);

/* The events an executor is to be given, with the run as their ctx. */
const struct executor_events *run_executor_events(void);
/* The same for a run with a prober. */
void run_probe_events(struct executor_events *events);

#endif
