/*
 * What mule replay and mule report share: settings, a fan-out of everybody
 * who listens, and the telling.
 */
#ifndef COMMAND_RETELL_H
#define COMMAND_RETELL_H

#include "model/settings.h"
#include "report/retelling.h"

/*
 * Tells the terminal, and every report that the settings ask for, what one
 * recording has, or, under --merge, those of several shards. False with err.
 */
bool retell(const struct settings *settings, struct retold *retold,
            struct err *err);

#endif
