/*
 * The far side: what a guardian process does, from its fork to its exit. It
 * starts commands when told, tells what becomes of them, and ends everything
 * below it at the end of file of its socket. No libuv, no log, no threads.
 */
#ifndef LOOP_GUARDIAN_H
#define LOOP_GUARDIAN_H

#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"

struct guardian_params {
    uint32_t grace_ms; // between SIGTERM and SIGKILL for leaks
};

struct guardian_handle {
    pid_t pid; // to be waited for
    int fd;    // our end of its socket, non-blocking and close-on-exec
};

/* Forks a guardian. On failure `handle` is untouched. */
bool guardian_start(const struct guardian_params *params,
                    struct guardian_handle *handle, struct err *err);

#endif
