/*
 * The bare loop of a runner of commands: start a program, read what it writes
 * to two pipes, reap it, and nothing else. What a real runner takes beyond
 * this is its own cost.
 *
 * usage: spawn [-n COUNT] [-s SPAWNERS] [-i SLOTS] PROGRAM [ARG...]
 *
 * COUNT programs in all, shared out evenly between SPAWNERS processes, each of
 * which keeps SLOTS programs running. Prints the seconds that took.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct slot {
    pid_t pid;  // 0: free
    int out[2]; // our ends of its stdout and stderr; -1: closed
};

static void
give_up(const char *what)
{
    perror(what);
    exit(2);
}

static double
seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
start(struct slot *slot, char **argv)
{
    int ends[2][2];
    posix_spawn_file_actions_t actions;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (int stream = 0; stream < 2; stream++) {
        if (pipe2(ends[stream], O_CLOEXEC) != 0) {
            give_up("pipe2");
        }
        posix_spawn_file_actions_adddup2(&actions, ends[stream][1], stream + 1);
    }
    errno = posix_spawn(&slot->pid, argv[0], &actions, NULL, argv, environ);
    if (errno != 0) {
        give_up(argv[0]);
    }
    posix_spawn_file_actions_destroy(&actions);
    for (int stream = 0; stream < 2; stream++) {
        close(ends[stream][1]);
        slot->out[stream] = ends[stream][0];
    }
}

/* Reads once from each stream that has something; true when both are over. */
static bool
drain(struct slot *slot, const struct pollfd *polled)
{
    char bytes[4096];

    for (int stream = 0; stream < 2; stream++) {
        if (slot->out[stream] < 0 || polled[stream].revents == 0) {
            continue;
        }
        ssize_t got = read(slot->out[stream], bytes, sizeof bytes);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            close(slot->out[stream]);
            slot->out[stream] = -1;
        }
    }
    return slot->out[0] < 0 && slot->out[1] < 0;
}

/* Runs `count` programs, `slots` at a time; gives how many failed. */
static int
loop(int count, int slots, char **argv)
{
    struct slot *slot = calloc((size_t)slots, sizeof *slot);
    struct pollfd *polled = calloc((size_t)slots * 2, sizeof *polled);
    int started = 0;
    int failed = 0;

    if (slot == NULL || polled == NULL) {
        give_up("calloc");
    }
    for (int done = 0; done < count;) {
        for (int i = 0; i < slots; i++) {
            if (slot[i].pid == 0 && started < count) {
                start(&slot[i], argv);
                started++;
            }
            for (int stream = 0; stream < 2; stream++) {
                polled[i * 2 + stream] = (struct pollfd){
                    .fd = slot[i].pid != 0 ? slot[i].out[stream] : -1,
                    .events = POLLIN,
                };
            }
        }
        if (poll(polled, (nfds_t)slots * 2, -1) < 0 && errno != EINTR) {
            give_up("poll");
        }
        for (int i = 0; i < slots; i++) {
            int status;

            if (slot[i].pid == 0 || !drain(&slot[i], &polled[i * 2])) {
                continue;
            }
            if (waitpid(slot[i].pid, &status, 0) < 0) {
                give_up("waitpid");
            }
            failed += status != 0;
            slot[i].pid = 0;
            done++;
        }
    }
    free(slot);
    free(polled);
    return failed;
}

static int
positive(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*end != '\0' || number < 1 || number > 10 * 1000 * 1000) {
        fprintf(stderr, "spawn: not a number of things: %s\n", text);
        exit(2);
    }
    return (int)number;
}

int
main(int argc, char **argv)
{
    int count = 5000;
    int spawners = 2;
    int slots = 1;
    int option;
    int status;
    bool good = true;

    while ((option = getopt(argc, argv, "+n:s:i:")) != -1) {
        switch (option) {
        case 'n':
            count = positive(optarg);
            break;
        case 's':
            spawners = positive(optarg);
            break;
        case 'i':
            slots = positive(optarg);
            break;
        default:
            return 2;
        }
    }
    if (argv[optind] == NULL) {
        fprintf(stderr, "spawn: no program\n");
        return 2;
    }
    double began = seconds_now();
    for (int i = 0; i < spawners; i++) {
        int share = (int)((long)count * (i + 1) / spawners -
                          (long)count * i / spawners);
        pid_t pid = fork();

        if (pid < 0) {
            give_up("fork");
        }
        if (pid == 0) {
            _exit(loop(share, slots, &argv[optind]) != 0);
        }
    }
    while (wait(&status) > 0) {
        good = good && status == 0;
    }
    printf("%.6f\n", seconds_now() - began);
    return good ? 0 : 1;
}
