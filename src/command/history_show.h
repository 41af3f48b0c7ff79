/*
 * What `mule history` prints: builds, slow tests, flaky ones, one test over
 * time; for people or as JSON.
 */
#ifndef COMMAND_HISTORY_SHOW_H
#define COMMAND_HISTORY_SHOW_H

#include "model/settings.h"
#include "store/store.h"
#include "util/err.h"

/* What the settings ask for. False with err; ERR_USAGE: no such test. */
bool history_show(struct store *store, const struct settings *settings,
                  struct err *err);

#endif
