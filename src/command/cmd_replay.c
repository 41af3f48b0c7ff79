#include "command/command.h"
#include "command/replay_process.h"
#include "command/retell.h"

/* mule replay: a build is told again, to the terminal and any report. */
int
cmd_replay(int argc, char **argv)
{
    struct settings settings;
    struct retold retold = {0};
    struct err err = {0};
    int status = 0;

    if (!command_configure(COMMAND_REPLAY, argc, argv, &settings, &status)) {
        return status;
    }
    if (settings.process > 0 || settings.execute) {
        return replay_process(&settings, argc, argv);
    }
    status = retell(&settings, &retold, &err) ? retold.exit_status
                                              : command_fail(&err);
    settings_release(&settings);
    return status;
}
