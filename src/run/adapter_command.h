/*
 * How the processes of an adapter are started: the command, and what changes
 * in the environment for a zygote or a worker of it.
 */
#ifndef RUN_ADAPTER_COMMAND_H
#define RUN_ADAPTER_COMMAND_H

#include "loop/child.h"

struct adapter_command {
    const char *const *argv; // NULL at its end
    const char *name;        // for messages: "unittest"
    bool terminal;           // the terminal is handed over to it
};

/*
 * Starts a process of the adapter that calls `socket`: a zygote where `slot`
 * is -1, else a worker of that slot, whose output goes to `out` and `err` (or
 * to a pipe: NULL) and whose temporary folder is `tmp`. With `tidy` it calls
 * nobody, and removes what the build has left outside.
 */
struct adapter_start {
    const struct adapter_command *command;
    const char *socket;
    int slot;       // in the build
    int local_slot; // on this machine
    const char *out;
    const char *err; // the same text as `out`: merged
    const char *tmp; // or NULL
    bool tidy;
};
struct child *adapter_command_start(struct guardians *guardians,
                                    const struct adapter_start *start,
                                    const struct child_events *events,
                                    void *ctx, struct err *err);

#endif
