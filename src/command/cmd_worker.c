#include "command/command.h"

/* mule worker: for now the engine that a worker starts for itself. */
int
cmd_worker(int argc, char **argv)
{
    struct settings settings = {0};
    int status = 0;
    if (!command_configure(COMMAND_WORKER, argc, argv, &settings, &status)) {
        return status;
    }
    bool engine = settings.engine;
    settings_release(&settings);
    if (engine) {
        return cmd_engine();
    }
    struct err err = {0};
    err_set(&err, ERR_USAGE, "mule worker only knows --engine yet");
    return command_fail(&err);
}
