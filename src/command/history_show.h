/*
 * What `mule history` prints: builds, slow tests, flaky ones, one test over
 * time; for people or as JSON.
 */
#ifndef COMMAND_HISTORY_SHOW_H
#define COMMAND_HISTORY_SHOW_H

#include "model/settings.h"
#include "store/store.h"
#include "util/err.h"

/*
 * What the settings ask for, of the store in `folder`. False with err;
 * ERR_USAGE: no such test. `store` NULL: it has no database yet, and err says
 * so; cleared where there are builds that left a recording alone.
 */
bool history_show(struct store *store, const char *folder,
                  const struct settings *settings, struct err *err);

#endif
