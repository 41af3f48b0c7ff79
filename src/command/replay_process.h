/*
 * mule replay --process: what one process of a build ran, printed or run
 * again.
 */
#ifndef COMMAND_REPLAY_PROCESS_H
#define COMMAND_REPLAY_PROCESS_H

#include "model/settings.h"

/*
 * Process settings->process of the build that the first label names, or of
 * the last one. Takes over the settings; argc and argv are the words of the
 * command. Gives the exit status.
 */
int replay_process(struct settings *settings, int argc, char **argv);

#endif
