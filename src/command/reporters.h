/*
 * Everybody whom the settings ask to be told of a run: the same for a run
 * that happens and for one that is told again. A new report is a row in the
 * table of reporters.c.
 */
#ifndef COMMAND_REPORTERS_H
#define COMMAND_REPORTERS_H

#include "model/event.h"
#include "model/settings.h"
#include "report/terminal.h"

enum reporters_of {
    REPORTERS_OF_RUN,       // also what a CI server wants without being asked
    REPORTERS_OF_RECORDING, // what is asked for
};

/* Adds each report that is wanted to the fan-out. False with err. */
bool reporters_add(struct event_sink *fanout, const struct settings *settings,
                   enum reporters_of what, struct err *err);

/* How the terminal is to be used. It is standard error when --json has
 * standard output. */
void reporters_describe_terminal(const struct settings *settings,
                                 struct terminal_params *params);

#endif
