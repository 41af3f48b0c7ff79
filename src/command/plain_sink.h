/*
 * A sink for commands that run something and do not report it: warnings and
 * notes go to standard error, nothing else is said.
 */
#ifndef COMMAND_PLAIN_SINK_H
#define COMMAND_PLAIN_SINK_H

#include "model/event.h"

struct plain_sink {
    struct event_sink sink;
    int verbosity; // notes that are no warnings from 2 on
};

/* It owns nothing and may lie on the stack. */
void plain_sink_init(struct plain_sink *plain, int verbosity);

#endif
