/*
 * What a run is called, where it takes place, and the command that runs one
 * of its items again. Decides nothing about the run.
 */
#ifndef COMMAND_IDENTITY_H
#define COMMAND_IDENTITY_H

#include "model/event.h"
#include "model/settings.h"
#include "util/err.h"

/* Zeroed = nothing is known yet. */
struct identity {
    char build_id[64];
    char hostname[256];
    char *cwd;
    char *rerun;   // in front of an id: a command that runs it again
    char *adapter; // its words as a shell would have them; NULL: none was named
};

/* Borrows `settings` for the call. False with err. */
bool identity_init(struct identity *identity, const struct settings *settings,
                   struct err *err);
void identity_release(struct identity *identity);

/* Draws the seed of a random order where the user gave none. */
void identity_draw_seed(struct settings *settings);

/*
 * The same for events; borrows the identity. `command`: the command line, or
 * NULL.
 */
void identity_describe(const struct identity *identity,
                       const struct settings *settings, const char *command,
                       struct event_run *about);

#endif
