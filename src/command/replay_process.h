/*
 * mule replay --process: what one process of a build ran, printed or run
 * again.
 */
#ifndef COMMAND_REPLAY_PROCESS_H
#define COMMAND_REPLAY_PROCESS_H

#include "model/settings.h"

/*
 * Of the recording at `path`, which is settings->process. Takes over the
 * settings; argc and argv are the words of the command. Gives the exit
 * status.
 */
int replay_process(struct settings *settings, const char *path, int argc,
                   char **argv);

#endif
