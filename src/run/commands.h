/*
 * Programs on this machine, one a job: TAP programs, or a command with $TEST.
 * No adapter and no Python. Both a source of items (the programs that were
 * named) and a place that runs jobs.
 */
#ifndef RUN_COMMANDS_H
#define RUN_COMMANDS_H

#include "loop/child.h"
#include "run/executor.h"
#include "run/source.h"
#include "run/workplace.h"

struct commands_params {
    struct loop *loop;
    struct guardians *guardians;
    const struct settings *settings;
    struct items *items;
    struct workplace *workplace;
    const char *build_id;
    const char *revision; // MULE_REVISION, or NULL
    int slots;
    int base; // the number of the first slot in its build
    const struct executor_events *events;
};

struct commands;
/* Borrows all. */
struct commands *commands_new(const struct commands_params *params);
void commands_listen(struct commands *commands, void *ctx);
void commands_free(struct commands *commands); // after on_drained

/* A process outlived its program: a guardian says so. */
void commands_leaked(struct commands *commands,
                     const struct guardian_leak *leak);

struct source *commands_source(struct commands *commands);
struct executor *commands_executor(struct commands *commands);

#endif
