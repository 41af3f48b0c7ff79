/*
 * mule list --times: how long each job that is selected should take, in the
 * words of schedule/durations.h, so that shards can be balanced by it.
 */
#ifndef COMMAND_LIST_TIMES_H
#define COMMAND_LIST_TIMES_H

#include "model/history.h"
#include "model/items.h"
#include "model/settings.h"
#include "util/err.h"

/*
 * Prints it on standard output: every job, or none where nothing is known of
 * any. False with err when it cannot be written.
 */
bool list_times(struct items *items, const struct settings *settings,
                struct history *history, struct err *err);

#endif
