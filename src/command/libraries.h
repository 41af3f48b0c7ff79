/*
 * The libraries this program is linked to: their versions, as they say
 * themselves, and the files they were loaded from.
 */
#ifndef COMMAND_LIBRARIES_H
#define COMMAND_LIBRARIES_H

#include "transport/linked.h"

#define LIBRARIES_COUNT (6 + LINKED_COUNT)

struct library {
    const char *name;
    char version[32];
    char path[256]; // "": it is not a file of its own
};

struct libraries {
    struct library items[LIBRARIES_COUNT];
};

void libraries_find(struct libraries *libraries);

#endif
