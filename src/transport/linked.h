/*
 * The libraries that this floor is linked with, for reports about a machine.
 */
#ifndef TRANSPORT_LINKED_H
#define TRANSPORT_LINKED_H

enum {
    LINKED_COUNT = 3
};

struct linked {
    const char *name;
    char version[32];
    void (*function)(void); // one of its own: tells where it was loaded from
};

void linked_libraries(struct linked libraries[LINKED_COUNT]);

#endif
