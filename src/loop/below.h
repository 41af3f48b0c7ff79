/*
 * Everything below this process, however deep: children, their children, and
 * orphans that have come to us.
 */
#ifndef LOOP_BELOW_H
#define LOOP_BELOW_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/now.h"

/*
 * Sends a signal to a process, or to the members of the group it leads or
 * led; nothing happens where neither is below.
 */
void below_signal_one(pid_t pid, int signo, bool group);

/* Sends a signal to all, those included that are started meanwhile. */
void below_signal_all(int signo);

/*
 * Kills and reaps until there is nobody, for so long at most. A signal need
 * not be blocked meanwhile. False: some are left.
 */
bool below_end(usec limit);

#endif
