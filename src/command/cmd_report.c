#include "command/command.h"
#include "command/retell.h"

/*
 * mule report: reports of a build that is over. Its own status is whether they
 * could be written; under --merge, which is the end of a build of several
 * shards, it is that of the build.
 */
int
cmd_report(int argc, char **argv)
{
    struct settings settings;
    struct retold retold = {0};
    struct err err = {0};
    int status = 0;

    if (!command_configure(COMMAND_REPORT, argc, argv, &settings, &status)) {
        return status;
    }
    if (!retell(&settings, &retold, &err)) {
        status = command_fail(&err);
    } else if (settings.merge) {
        status = retold.exit_status;
    } else {
        status = EXIT_PASSED;
    }
    settings_release(&settings);
    return status;
}
