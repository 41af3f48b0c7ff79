/*
 * Where jobs run on this machine: the private folder, and a suite behind an
 * adapter or a list of programs, or both, as the settings want it. What the
 * engine of `mule test` and that of a worker have in common. Runs nothing by
 * itself.
 */
#ifndef COMMAND_PLACE_H
#define COMMAND_PLACE_H

#include "command/identity.h"
#include "command/interpreter.h"
#include "loop/guardians.h"
#include "run/commands.h"
#include "run/scripts.h"
#include "run/suite.h"

/* All borrowed, for as long as the place lives. */
struct place_params {
    struct loop *loop;
    struct guardians *guardians;
    const struct settings *settings;
    const struct identity *identity;
    struct items *items;
    const char *revision;  // MULE_REVISION, or NULL
    const char *hash_seed; // NULL: follows from environment and build
    int slots;
    int cpus;            // that this process may use
    int base;            // the number of the first slot in the build
    int total;           // slots of the build; 0: as `slots`
    bool needs_no_suite; // what is to run is not looked for here
    const char *home;    // for its private folder; NULL: $TMPDIR
    const struct executor_events *events;
};

/* Zeroed = nothing. Members are to be read by all. */
struct place {
    struct place_params params;
    struct workplace *workplace;
    struct suite *suite;       // where tests go through an adapter, or NULL
    struct commands *commands; // where programs are run, or NULL
    struct interpreter interpreter;
    struct adapter_command adapter;
    char *coverage_dir; // or NULL
    char *profile_dir;  // or NULL
};

/*
 * Makes the folder, and gives its environment to all that is started from
 * here on. False with err; to be released then, too.
 */
bool place_init(struct place *place, const struct place_params *params,
                struct err *err);
/* Makes what runs jobs, in so many slots. False with err. */
bool place_open(struct place *place, int slots, struct err *err);
/* After on_drained, and when nothing was begun. */
void place_release(struct place *place);

/* Whom the events are told to. */
void place_listen(struct place *place, void *ctx);
/* A process outlived its job: a guardian says so. */
void place_leaked(struct place *place, const struct guardian_leak *leak);

struct source *place_source(struct place *place);
struct executor *place_executor(struct place *place);

/*
 * The scripts of the workspace that the settings name. NULL where none is
 * named, or with err: there is none of that name.
 */
struct scripts *place_scripts(const struct place_params *params,
                              struct err *err);

#endif
