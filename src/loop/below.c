#include "loop/below.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/os.h"
#include "util/array.h"

// How often all are looked for; whoever is not stopped yet may start others.
#define MAX_ROUNDS 4

// How long to wait for those that were killed before looking again.
#define AGAIN_MS 5

static void
signal_one(const struct os_processes *found, pid_t pid, int signo, bool group)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct os_process *process = &found->items[i];
        if (group && process->group == pid) {
            kill(-pid, signo);
            return;
        }
        if (!group && process->pid == pid) {
            os_signal_process(process, signo);
            return;
        }
    }
}

void
below_signal_one(pid_t pid, int signo, bool group)
{
    struct os_processes found = {0};

    if (pid > 1 && os_find_below(&found, getpid())) {
        signal_one(&found, pid, signo, group);
    }
    ARRAY_RELEASE(&found);
}

void
below_signal_all(int signo)
{
    struct os_processes found = {0};
    size_t before = 0;

    for (int round = 0; round < MAX_ROUNDS; round++) {
        if (!os_find_below(&found, getpid()) ||
            (round > 0 && found.count == before)) {
            break;
        }
        before = found.count;
        for (size_t i = 0; i < found.count; i++) {
            os_signal_process(&found.items[i], signo);
        }
    }
    ARRAY_RELEASE(&found);
}

// Whether there is nobody left.
static bool
reap(void)
{
    pid_t pid;

    do {
        pid = waitpid(-1, NULL, WNOHANG);
    } while (pid > 0);
    return pid < 0 && errno == ECHILD;
}

bool
below_end(usec limit)
{
    struct os_processes found = {0};
    usec until = now_usec() + limit;
    bool over = reap();

    while (!over && now_usec() < until) {
        os_find_below(&found, getpid());
        for (size_t i = 0; i < found.count; i++) {
            os_signal_process(&found.items[i], SIGKILL);
        }
        poll(NULL, 0, AGAIN_MS);
        over = reap();
    }
    ARRAY_RELEASE(&found);
    return over;
}
