/*
 * Private folders of runs that are over: a guardian removes them however mule
 * ends, unless it was killed itself.
 */
#ifndef COMMAND_LEFTOVERS_H
#define COMMAND_LEFTOVERS_H

#include "model/settings.h"

/*
 * Adds the paths of folders that a mule of this user made, in TMPDIR and /tmp,
 * and that no running one listens in.
 */
void leftovers_find(struct texts *found);

#endif
