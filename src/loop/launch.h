/*
 * The last steps of a new process before it is another program. They are made
 * in the memory of the guardian, which stands still meanwhile: only this
 * struct and the stack may be written to, and nothing may be allocated.
 */
#ifndef LOOP_LAUNCH_H
#define LOOP_LAUNCH_H

#include "loop/guardian_codec.h"

struct launch {
    const struct frame_spawn *spawn;
    pid_t guardian;
    int fds[3];      // to become 0 to 2; as many are left as they are with -1
    int controlling; // the terminal, or -1
    char **argv;     // the command's begin at 1
    char *const *envp;
    enum frame_step step; // 0: none has failed
    int number;
    const char *name;
};

/* For os_spawn, with a struct launch. Comes back, to exit, only on failure. */
int launch_run(void *arg);

#endif
