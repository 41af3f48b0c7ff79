/*
 * What every system does in its own way: finding and signalling processes,
 * starting them cheaply, closing descriptors. os_linux.c is the one there is.
 * Functions say "cannot" by their result, and callers have a way without.
 */
#ifndef LOOP_OS_H
#define LOOP_OS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"

/* Orphans below this process become its children from now on. */
bool os_adopt_orphans(void);

/* In a new process: die when `parent` does, also if it has already. */
void os_die_with_parent(pid_t parent);

/* Closes every descriptor from `first` on. */
void os_close_from(int first);

/* A stack for os_spawn, never freed; NULL with errno. */
void *os_stack_new(void);

/*
 * Makes a process that shares this one's memory, runs fn(arg) on `stack` and
 * must end by exec or _exit; this process stands still until then. Gives its
 * pid, or -1 with errno.
 */
pid_t os_spawn(void *stack, int (*fn)(void *arg), void *arg);

/* pipe(2), closed on exec. */
bool os_pipe(int fds[static 2]);

/* poll(2) with the signals of `mask` blocked meanwhile and no others. */
int os_poll(struct pollfd *fds, nfds_t count, int timeout_ms,
            const sigset_t *mask);

/* An unnamed file that holds the bytes, at its start; -1 with errno. */
int os_file_of(const void *data, size_t len);

/*
 * Gives `len` bytes of a file back to the disk; they read as zeros. Where that
 * cannot be done nothing happens.
 */
void os_punch_hole(int fd, uint64_t from, uint64_t len);

/* Who is at the other end of a Unix socket; 0 where it cannot be told. */
pid_t os_peer_pid(int fd);

/* A process as it was at one moment. */
struct os_process {
    pid_t pid;
    pid_t parent;
    pid_t group;
    pid_t session;
    uint64_t started; // tells it from a later process with the same pid
    bool zombie;
    bool marked; // for whoever looks through them
};

struct os_processes {
    struct os_process *items;
    size_t count;
    size_t capacity;
};

/*
 * Finds all living descendants of `ancestor` (zombies too), parents before
 * children. The array is replaced; to be released with ARRAY_RELEASE. False
 * when processes cannot be listed.
 */
bool os_find_below(struct os_processes *processes, pid_t ancestor);

/* The children of this very process, cheaply; false: cannot be told. */
struct os_pids {
    pid_t *items;
    size_t count;
    size_t capacity;
};
bool os_list_children(struct os_pids *pids);

/*
 * Sends a signal to exactly this process: not to a later one that has its
 * pid. False if it is not there any more or may not be signalled.
 */
bool os_signal_process(const struct os_process *process, int signo);

/* The value a variable had when the process was executed; false: none. */
bool os_process_variable(pid_t pid, const char *name, struct buf *value);

/* Its command line, with blanks between the words. May be cut. */
void os_process_command(pid_t pid, struct buf *command);

#endif
