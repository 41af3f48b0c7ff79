/*
 * The wiring of a run on this machine: loop, guardians, the place it works
 * in, who runs the jobs, the run itself, and what comes from outside. cmd_test
 * and cmd_list differ in what listens and in what is printed afterwards.
 */
#ifndef COMMAND_ENGINE_H
#define COMMAND_ENGINE_H

#include "command/outside.h"
#include "model/event.h"
#include "model/history.h"
#include "model/settings.h"
#include "util/err.h"

struct engine;
struct filter;
struct prober;
struct sequence;

struct engine_params {
    const struct settings *settings;
    bool list_only;
    const char *command; // the command line, quoted for a shell, for reports
    struct history *history; // what past builds know, borrowed, or NULL
    struct filter *filter;   // borrowed, or NULL: run/filter.h
    // Borrowed, or NULL; neither for a fleet.
    struct sequence *sequence;            // just these tests: run/sequence.h
    struct prober *prober;                // run/prober.h
    const char *hash_seed;                // PYTHONHASHSEED; NULL: drawn
    const struct outside_events *outside; // or NULL
    void *ctx;                            // of `outside`
};

/*
 * Forks the guardians, so call it early. Nothing is started yet. NULL with
 * err.
 */
struct engine *engine_new(const struct engine_params *params, struct err *err);
void engine_free(struct engine *engine);

/* Slots, build id and so on, for whoever prints them. */
const struct event_run *engine_about(const struct engine *engine);
/* The interpreter, who named it, and mule's package; NULL: none is needed. */
const char *engine_python(const struct engine *engine);
const char *engine_python_origin(const struct engine *engine);
const char *engine_package(const struct engine *engine);
/* In front of ids: a command that runs them again. */
const char *engine_rerun(const struct engine *engine);
/* What the adapter is called; NULL: there is none. */
const char *engine_adapter(const struct engine *engine);

struct items *engine_items(struct engine *engine);

/*
 * Runs everything, and tells `sink`, which it borrows. Gives the exit status;
 * `err` is set when mule could not do its work.
 */
int engine_run(struct engine *engine, struct event_sink *sink, struct err *err);

/* The signal that ended the run, to be raised again; 0: none did. */
int engine_signal(const struct engine *engine);

/*
 * After engine_run: combines coverage, lists the hottest functions on `fd`,
 * where either was asked for.
 */
bool engine_finish(struct engine *engine, int fd, struct err *err);

#endif
