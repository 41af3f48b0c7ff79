/*
 * Starts a program again and again and says what each start took: a line with
 * microseconds until it was reaped, and KiB it had resident at most. It is
 * this small program that starts it, because a child's peak counts what its
 * parent had.
 *
 * usage: start COUNT PROGRAM [ARG...]
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double
now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
    posix_spawn_file_actions_t actions;
    long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

    if (count < 1) {
        fprintf(stderr, "usage: start COUNT PROGRAM [ARG...]\n");
        return 2;
    }
    posix_spawn_file_actions_init(&actions);
    for (int stream = 0; stream < 3; stream++) {
        posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR,
                                         0);
    }
    for (long i = 0; i < count; i++) {
        struct rusage usage;
        pid_t pid;
        int status;
        double began = now_us();

        errno = posix_spawn(&pid, argv[2], &actions, NULL, argv + 2, environ);
        if (errno != 0 || wait4(pid, &status, 0, &usage) < 0) {
            perror(argv[2]);
            return 2;
        }
        printf("%.1f %ld %d\n", now_us() - began, usage.ru_maxrss, status);
    }
    posix_spawn_file_actions_destroy(&actions);
    return 0;
}
