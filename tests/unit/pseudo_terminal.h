/*
 * A terminal for tests that need one, without anybody in front of it.
 */
#ifndef TESTS_UNIT_PSEUDO_TERMINAL_H
#define TESTS_UNIT_PSEUDO_TERMINAL_H

#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Runs fn(terminal, master) in a process that leads a session on a new
 * terminal, and gives its exit status. What is written to `master` has been
 * typed. A check that fails there fails here, too.
 */
static inline int
in_a_terminal(int (*fn)(int terminal, int master))
{
    int status = 0;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    char name[100];

    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int terminal = open(name, O_RDWR);
        if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0) {
            _exit(100);
        }
        _exit(fn(terminal, master));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(master);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
