/*
 * A new process on its way to being a guardian: what it inherited from the
 * program that forked it, signals and descriptors, is put in order.
 */
#ifndef LOOP_GUARDIAN_POST_H
#define LOOP_GUARDIAN_POST_H

#include <signal.h>
#include <stdbool.h>

struct guardian_post {
    int fd;          // the socket
    int terminal[3]; // what were descriptors 0 to 2; -1: none
    int controlling; // the controlling terminal; -1: none
    sigset_t mask;   // while it waits for events: all but SIGCHLD
};

/*
 * Takes the post, with the socket at `fd`. Afterwards every signal is blocked,
 * SIGCHLD interrupts a wait with `mask`, descriptors 0 to 2 are /dev/null, and
 * whatever else was open is closed. Orphans are adopted. False: cannot.
 */
bool guardian_post_take(struct guardian_post *post, int fd);

#endif
