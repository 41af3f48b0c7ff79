/*
 * --durations FILE: how long jobs take, read whole.
 */
#ifndef COMMAND_READ_DURATIONS_H
#define COMMAND_READ_DURATIONS_H

#include "schedule/durations.h"

/* NULL with an ERR_CONFIG. */
struct durations *read_durations(const char *path, struct err *err);

#endif
