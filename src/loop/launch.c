#include "loop/launch.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "loop/nursery.h"
#include "loop/os.h"
#include "util/slice.h"

// Where commands are looked for when the environment does not say.
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static const char *
path_of(char *const *envp)
{
    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, "PATH=", 5) == 0) {
            return *envp + 5;
        }
    }
    return DEFAULT_PATH;
}

static int
launch_failed(struct launch *launch, enum frame_step step, const char *name)
{
    launch->number = errno;
    launch->step = step;
    launch->name = name;
    return 127;
}

// A file without a format that the kernel knows is a script of the shell, as
// for execvp.
static void
execute(struct launch *launch, char *path)
{
    char *first = launch->argv[1];

    execve(path, launch->argv + 1, launch->envp);
    if (errno == ENOEXEC) {
        launch->argv[0] = nursery_unconst("/bin/sh");
        launch->argv[1] = path;
        execve("/bin/sh", launch->argv, launch->envp);
        launch->argv[1] = first;
    }
}

// Whether a command may still be found in another folder.
static bool
is_elsewhere(int number)
{
    return number == ENOENT || number == ENOTDIR || number == EACCES ||
           number == ENAMETOOLONG || number == ELOOP || number == ESTALE;
}

static void
execute_from_path(struct launch *launch)
{
    char path[PATH_MAX];
    char *command = launch->argv[1];
    struct slice name = slice_of(command);
    struct slice rest = slice_of(path_of(launch->envp));
    struct slice folder;
    bool denied = false;

    if (name.len == 0 || slice_has(name, '/')) {
        execute(launch, command);
        return;
    }
    errno = ENOENT;
    while (slice_split(&rest, ':', &folder)) {
        if (folder.len == 0) {
            folder = SLICE(".");
        }
        if (folder.len + name.len + 2 > sizeof(path)) {
            continue;
        }
        memcpy(path, folder.data, folder.len);
        path[folder.len] = '/';
        memcpy(path + folder.len + 1, name.data, name.len + 1);
        execute(launch, path);
        denied = denied || errno == EACCES;
        if (!is_elsewhere(errno)) {
            return;
        }
    }
    errno = denied ? EACCES : ENOENT;
}

static bool
lead(const struct launch *launch)
{
    switch (launch->spawn->leads) {
    case CHILD_LEADS_GROUP:
        if (launch->controlling >= 0) {
            // Or else whoever opens /dev/tty is stopped, for being in the
            // background. A session of its own would do it as well, but Linux
            // gives each session a share of the processor of its own.
            ioctl(launch->controlling, TIOCNOTTY);
        }
        return setpgid(0, 0) == 0;
    case CHILD_LEADS_SESSION:
        return setsid() >= 0;
    case CHILD_LEADS_TERMINAL:
        if (setpgid(0, 0) < 0) {
            return false;
        }
        if (launch->controlling >= 0) {
            // All signals are blocked, SIGTTOU too. No terminal is no failure.
            tcsetpgrp(launch->controlling, getpid());
        }
        return true;
    }
    return true;
}

__attribute__((no_sanitize("address"))) int
launch_run(void *arg)
{
    struct launch *launch = arg;
    const struct frame_spawn *spawn = launch->spawn;
    sigset_t none;

    os_die_with_parent(launch->guardian);
    if (!lead(launch)) {
        return launch_failed(launch, STEP_GROUP, launch->argv[1]);
    }
    for (int i = 0; i < 3; i++) {
        if (launch->fds[i] >= 0 && dup2(launch->fds[i], i) < 0) {
            return launch_failed(launch, STEP_OUTPUT, launch->argv[1]);
        }
    }
    if (spawn->cwd[0] != '\0' && chdir(spawn->cwd) < 0) {
        return launch_failed(launch, STEP_FOLDER, spawn->cwd);
    }
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    execute_from_path(launch);
    return launch_failed(launch, STEP_EXEC, launch->argv[1]);
}
