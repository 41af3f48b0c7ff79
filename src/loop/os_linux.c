#include "loop/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/slice.h"

// For exec in a process that shares our memory: execvp's way with scripts
// that name no interpreter copies the arguments to the stack.
#define SPAWN_STACK (256UL * 1024)

// More than this of somebody's environment is not searched.
#define MAX_ENVIRONMENT (256UL * 1024)

// Room for "/proc/PID/environ" and longer names there.
#define PROC_PATH 64

bool
os_adopt_orphans(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

void
os_die_with_parent(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) {
        _exit(127); // it died before we could ask
    }
}

// For kernels without close_range.
static void
close_listed(int first)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (folder == NULL) {
        return;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this folder
    while ((entry = readdir(folder)) != NULL) {
        int64_t fd;
        if (slice_to_int(slice_of(entry->d_name), first, INT32_MAX, &fd) &&
            fd != dirfd(folder)) {
            close((int)fd);
        }
    }
    closedir(folder);
}

void
os_close_from(int first)
{
    if (close_range((unsigned)first, ~0U, 0) < 0) {
        close_listed(first);
    }
}

void *
os_stack_new(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, SPAWN_STACK + page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (memory == MAP_FAILED) {
        return NULL;
    }
    mprotect(memory, page, PROT_NONE); // whoever needs more than that crashes
    return memory + page;
}

pid_t
os_spawn(void *stack, int (*fn)(void *arg), void *arg)
{
    return clone(fn, (char *)stack + SPAWN_STACK,
                 CLONE_VM | CLONE_VFORK | SIGCHLD, arg);
}

bool
os_pipe(int fds[static 2])
{
    return pipe2(fds, O_CLOEXEC) == 0;
}

int
os_poll(struct pollfd *fds, nfds_t count, int timeout_ms, const sigset_t *mask)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                               .tv_nsec = timeout_ms % 1000 * 1000000L};

    return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, mask);
}

int
os_file_of(const void *data, size_t len)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    size_t written = 0;

    while (fd >= 0 && written < len) {
        ssize_t count = write(fd, (const char *)data + written, len - written);
        if (count < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        written += count > 0 ? (size_t)count : 0;
    }
    if (fd >= 0) {
        lseek(fd, 0, SEEK_SET);
    }
    return fd;
}

pid_t
os_peer_pid(int fd)
{
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
        return 0;
    }
    return peer.pid;
}

// Reads the beginning of a file below /proc: what fits, terminated. Gives its
// length, or -1.
static ssize_t
read_proc(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return -1;
    }
    size_t len = 0;
    ssize_t count;
    while (len < size - 1 &&
           (count = read(fd, text + len, size - 1 - len)) != 0) {
        if (count < 0) {
            close(fd);
            return -1;
        }
        len += (size_t)count;
    }
    close(fd);
    text[len] = '\0';
    return (ssize_t)len;
}

static bool
next_number(struct slice *rest, int64_t max, int64_t *number)
{
    struct slice word;

    return slice_word(rest, &word) && slice_to_int(word, -1, max, number);
}

// "PID (COMMAND) STATE PPID PGRP SESSION ..."; the command may hold anything,
// so the last parenthesis ends it. The time of the start is the 22nd field.
static bool
parse_stat(const char *text, struct os_process *process)
{
    const char *end = strrchr(text, ')');
    int64_t parent;
    int64_t group;
    int64_t session;
    struct slice word;

    if (end == NULL) {
        return false;
    }
    struct slice rest = slice_of(end + 1);
    if (!slice_word(&rest, &word)) {
        return false;
    }
    process->zombie = word.data[0] == 'Z' || word.data[0] == 'X';
    if (!next_number(&rest, INT32_MAX, &parent) ||
        !next_number(&rest, INT32_MAX, &group) ||
        !next_number(&rest, INT32_MAX, &session)) {
        return false;
    }
    for (int field = 7; field <= 22; field++) {
        if (!slice_word(&rest, &word)) {
            return false;
        }
    }
    process->parent = (pid_t)parent;
    process->group = (pid_t)group;
    process->session = (pid_t)session;
    return slice_to_uint(word, UINT64_MAX, &process->started);
}

static bool
read_process(pid_t pid, struct os_process *process)
{
    char path[PROC_PATH];
    char text[1024];

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_proc(path, text, sizeof(text)) < 0) {
        return false;
    }
    *process = (struct os_process){.pid = pid};
    return parse_stat(text, process);
}

static bool
list_all(struct os_processes *all)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;

    if (folder == NULL) {
        return false;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this folder
    while ((entry = readdir(folder)) != NULL) {
        int64_t pid;
        struct os_process process;
        if (slice_to_int(slice_of(entry->d_name), 1, INT32_MAX, &pid) &&
            read_process((pid_t)pid, &process)) {
            ARRAY_ADD(all, process);
        }
    }
    closedir(folder);
    return true;
}

static void
add_children(struct os_processes *found, struct os_processes *all, pid_t parent)
{
    for (size_t i = 0; i < all->count; i++) {
        struct os_process *process = &all->items[i];
        if (process->parent == parent && process->pid != parent &&
            !process->marked) {
            process->marked = true; // whatever the list says, only once
            ARRAY_ADD(found, *process);
            ARRAY_LAST(found).marked = false;
        }
    }
}

bool
os_find_below(struct os_processes *processes, pid_t ancestor)
{
    struct os_processes all = {0};
    bool ok = list_all(&all);

    ARRAY_CLEAR(processes);
    add_children(processes, &all, ancestor);
    for (size_t i = 0; i < processes->count; i++) {
        add_children(processes, &all, processes->items[i].pid);
    }
    ARRAY_RELEASE(&all);
    return ok;
}

bool
os_list_children(struct os_pids *pids)
{
    char text[4096];

    ARRAY_CLEAR(pids);
    ssize_t len = read_proc("/proc/thread-self/children", text, sizeof(text));
    if (len < 0 || (size_t)len == sizeof(text) - 1) {
        return false;
    }
    struct slice rest = slice_make(text, (size_t)len);
    struct slice word;
    while (slice_word(&rest, &word)) {
        int64_t pid;
        if (!slice_to_int(word, 1, INT32_MAX, &pid)) {
            return false;
        }
        ARRAY_ADD(pids, (pid_t)pid);
    }
    return true;
}

bool
os_signal_process(const struct os_process *process, int signo)
{
    struct os_process now;
    // A descriptor of the process first: what is found out about the pid then
    // is about that process, however late the signal is sent.
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);

    if (fd < 0 && errno == ESRCH) {
        return false;
    }
    bool same = read_process(process->pid, &now) &&
                now.started == process->started && !now.zombie;
    if (!same) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (fd < 0) { // a kernel without them
        return kill(process->pid, signo) == 0;
    }
    bool sent = syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0) == 0;
    close(fd);
    return sent;
}

bool
os_process_variable(pid_t pid, const char *name, struct buf *value)
{
    char path[PROC_PATH];
    size_t name_len = strlen(name);
    char *text = alloc_bytes(MAX_ENVIRONMENT);
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    ssize_t len = read_proc(path, text, MAX_ENVIRONMENT);
    struct slice rest = slice_make(text, len > 0 ? (size_t)len : 0);
    struct slice entry;
    while (rest.len > 0 && slice_split(&rest, '\0', &entry)) {
        if (entry.len > name_len && entry.data[name_len] == '=' &&
            memcmp(entry.data, name, name_len) == 0) {
            buf_reset(value);
            found = buf_add_slice(value, slice_skip(entry, name_len + 1));
            break;
        }
    }
    free(text);
    return found;
}

void
os_process_command(pid_t pid, struct buf *command)
{
    char path[PROC_PATH];
    char text[1024];

    buf_reset(command);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    ssize_t len = read_proc(path, text, sizeof(text));
    if (len <= 0) { // it has no memory any more, but still a name
        snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
        len = read_proc(path, text, sizeof(text));
    }
    while (len > 0 && (text[len - 1] == '\0' || text[len - 1] == '\n')) {
        len--;
    }
    for (ssize_t i = 0; i < len; i++) {
        char byte = text[i];
        buf_add_char(command, (char)(byte == '\0' ? ' ' : byte));
    }
}

void
os_punch_hole(int fd, uint64_t from, uint64_t len)
{
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
              (off_t)len);
}
