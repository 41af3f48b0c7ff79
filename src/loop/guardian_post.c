#include "loop/guardian_post.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "loop/os.h"

// Descriptors of a guardian; 0 to 2 are /dev/null, for its children.
#define FD_SOCKET 3
#define FD_TERMINAL 4 // to 6: what were descriptors 0 to 2
#define FD_CONTROLLING 7
#define FD_END 8

static void
on_child(int signo)
{
    (void)signo; // interrupting the wait is all it is for
}

// Signals of the terminal and of users are for the program, not for its
// guardian. They are blocked and not ignored, so that they have their own
// effect in children once those have unblocked them.
static void
set_up_signals(struct guardian_post *post)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t all;

    for (int signo = 1; signo < NSIG; signo++) {
        sigaction(signo, &action, NULL);
    }
    action.sa_handler = on_child;
    sigaction(SIGCHLD, &action, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    post->mask = all;
    sigdelset(&post->mask, SIGCHLD);
}

// A copy of a descriptor out of the way of the fixed numbers; -1: none.
static int
aside(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_END);
}

// Brings a descriptor to its number, or makes sure that nothing is there.
static int
place(int fd, int number)
{
    if (fd < 0) {
        close(number);
        return -1;
    }
    return dup3(fd, number, O_CLOEXEC);
}

// Brings the descriptors to their fixed numbers and closes all others.
static bool
set_up_descriptors(struct guardian_post *post, int fd)
{
    // Copies first: any of them may be where another has to go.
    int socket = aside(fd);
    int null = aside(open("/dev/null", O_RDWR | O_CLOEXEC));
    int controlling = aside(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    int terminal[3];

    if (socket < 0 || null < 0) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        terminal[i] = aside(i);
    }
    for (int i = 0; i < 3; i++) {
        post->terminal[i] = place(terminal[i], FD_TERMINAL + i);
        if (dup2(null, i) < 0) {
            return false;
        }
    }
    post->controlling = place(controlling, FD_CONTROLLING);
    post->fd = place(socket, FD_SOCKET);
    os_close_from(FD_END);
    return post->fd >= 0;
}

bool
guardian_post_take(struct guardian_post *post, int fd)
{
    set_up_signals(post);
    // Out of the terminal's reach: its keys are for the program.
    setpgid(0, 0);
    return os_adopt_orphans() && set_up_descriptors(post, fd);
}
