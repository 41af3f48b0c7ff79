/*
 * From the words of a command to settings that are ready to be used: defaults,
 * then those of --defaults, then mule.yaml, then the command line. What the commands call.
 */
#ifndef CONFIG_CONFIGURE_H
#define CONFIG_CONFIGURE_H

#include "config/options.h"
#include "model/settings.h"
#include "util/err.h"

/* What beside the settings came out of it. Zeroed before, released after. */
struct configured {
    bool wants_help;    // nothing else was done then
    struct texts notes; // sentences that the user should read
};

/*
 * Fills in `settings`, which need not be initialised and must be released,
 * also on failure. `count` words follow the command's own.
 */
bool configure(struct settings *settings, struct configured *configured,
               enum option_command command, int count, char *const words[],
               struct err *err);

void configured_release(struct configured *configured);

#endif
