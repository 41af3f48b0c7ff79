/*
 * A recording -> jobs to simulate. What ran of a job again, as a retry, as a
 * repetition or because it was cut short, could not run beside it: together
 * they are one job, which takes as long as all of them. What a job needs, and
 * whether it is alone, is what mule.yaml says now of its name or file.
 */
#ifndef COMMAND_SIMULATED_RECORDING_H
#define COMMAND_SIMULATED_RECORDING_H

#include "command/simulated.h"

/*
 * Adds the jobs whose end is told, in the order in which they began, and, where
 * none are asked for, the slots. Says on stderr when there were more jobs.
 */
bool simulated_recording_read(struct simulated *simulated,
                              const struct settings *settings, const char *path,
                              struct err *err);

#endif
