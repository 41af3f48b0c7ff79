/*
 * --jobs-from: a job a line, from a file or standard input.
 */
#ifndef COMMAND_JOBS_FROM_H
#define COMMAND_JOBS_FROM_H

#include "model/settings.h"
#include "util/err.h"

/*
 * Adds the lines of settings->jobs_from, if there is one, to the labels. Empty
 * lines and lines that begin with # are passed over.
 */
bool jobs_from_read(struct settings *settings, struct err *err);

#endif
