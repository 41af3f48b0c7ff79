#include "loop/ward.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/os.h"
#include "util/alloc.h"

// Where commands are looked for when the environment does not say.
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

// The length of the name in "NAME=value" or "NAME".
static size_t
name_length(const char *text)
{
    return strcspn(text, "=");
}

static bool
is_same_name(const char *a, const char *b, size_t len)
{
    return a[0] == b[0] && strncmp(a, b, len) == 0 && a[len] == '=';
}

static void
words_add(struct words *words, char *text)
{
    ARRAY_ADD(words, text);
}

static char *
words_take(struct words *words, size_t index)
{
    char *word = words->items[index];

    ARRAY_REMOVE(words, index);
    return word;
}

// Takes out every variable that has the name of `change`. Gives the last one,
// or NULL.
static char *
words_take_name(struct words *words, const char *change)
{
    size_t len = name_length(change);
    char *taken = NULL;

    for (size_t i = words->count; i > 0; i--) {
        if (is_same_name(words->items[i - 1], change, len)) {
            taken = words_take(words, i - 1);
        }
    }
    return taken;
}

// The text behind this one.
static const char *
next_text(const char *text)
{
    return text + strlen(text) + 1;
}

bool
nursery_init(struct nursery *nursery)
{
    nursery->stack = os_stack_new();
    nursery->guardian = getpid();
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        free(words_take_name(&nursery->environment, *entry));
        words_add(&nursery->environment, alloc_dup(*entry));
    }
    return nursery->stack != NULL;
}

void
nursery_change(struct nursery *nursery, const struct frame_texts *changes)
{
    const char *text = changes->bytes.data;

    for (uint32_t i = 0; i < changes->count; i++) {
        free(words_take_name(&nursery->environment, text));
        if (strchr(text, '=') != NULL) {
            words_add(&nursery->environment, alloc_dup(text));
        }
        text = next_text(text);
    }
}

// The texts lie in the frame and outlive the start; exec wants them writable
// but does not write.
static char *
unconst(const char *text)
{
    char *same;

    memcpy(&same, &text, sizeof(same));
    return same;
}

static void
make_argv(struct nursery *nursery, const struct frame_texts *words)
{
    const char *word = words->bytes.data;

    ARRAY_CLEAR(&nursery->argv);
    words_add(&nursery->argv, NULL); // room for the name of a shell
    for (uint32_t i = 0; i < words->count; i++) {
        words_add(&nursery->argv, unconst(word));
        word = next_text(word);
    }
    words_add(&nursery->argv, NULL);
}

static void
make_envp(struct nursery *nursery, const struct frame_texts *changes)
{
    const char *text = changes->bytes.data;

    ARRAY_CLEAR(&nursery->envp);
    for (size_t i = 0; i < nursery->environment.count; i++) {
        words_add(&nursery->envp, nursery->environment.items[i]);
    }
    for (uint32_t i = 0; i < changes->count; i++) {
        words_take_name(&nursery->envp, text);
        if (strchr(text, '=') != NULL) {
            words_add(&nursery->envp, unconst(text));
        }
        text = next_text(text);
    }
    words_add(&nursery->envp, NULL);
}

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

/*
 * What the new process needs, and what it says. It runs in our memory until
 * it has executed its program: it may write to this struct and its own stack
 * only, and must not allocate.
 */
struct launch {
    const struct frame_spawn *spawn;
    pid_t guardian;
    int fds[3];      // to become 0 to 2; as many are left as they are with -1
    int controlling; // the terminal, or -1
    char **argv;     // the command's begin at 1
    char *const *envp;
    enum frame_step step; // 0: none has failed
    int number;
    const char *name;
};

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
        launch->argv[0] = unconst("/bin/sh");
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

__attribute__((no_sanitize("address"))) static int
run_launch(void *arg)
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

static void
close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static bool
refuse(struct frame_failed *failed, enum frame_step step, const char *name)
{
    failed->number = errno;
    failed->step = step;
    failed->name = name;
    return false;
}

static bool
open_input(const struct frame_spawn *spawn, const struct nursery *nursery,
           int *fd)
{
    switch (spawn->input) {
    case CHILD_INPUT_NULL:
        return true; // our own is /dev/null
    case CHILD_INPUT_FILE:
        *fd = open(spawn->input_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return *fd >= 0;
    case CHILD_INPUT_TEXT:
        *fd = os_file_of(spawn->input_text.data, spawn->input_text.len);
        return *fd >= 0;
    case CHILD_INPUT_TERMINAL:
        *fd = nursery->terminal[0];
        return true;
    }
    return true;
}

// Where the two ends of the three descriptors of a child are, while it is
// being started.
struct plumbing {
    int fds[3];    // for the child
    bool owned[3]; // to be closed afterwards
    int ours[2];   // what we read
};

static bool
open_output(struct plumbing *plumbing, const struct nursery *nursery, int fd,
            enum child_output output, const char *path)
{
    int ends[2];

    switch (output) {
    case CHILD_OUTPUT_PIPE:
        if (!os_pipe(ends)) {
            return false;
        }
        plumbing->ours[fd - 1] = ends[0];
        plumbing->fds[fd] = ends[1];
        plumbing->owned[fd] = true;
        return true;
    case CHILD_OUTPUT_FILE:
        plumbing->fds[fd] = open(
            path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
        plumbing->owned[fd] = true;
        return plumbing->fds[fd] >= 0;
    case CHILD_OUTPUT_SAME:
        // -1 would leave our own /dev/null there; so is stdout's then.
        plumbing->fds[fd] = plumbing->fds[1];
        return true;
    case CHILD_OUTPUT_TERMINAL:
        plumbing->fds[fd] = nursery->terminal[fd];
        return true;
    case CHILD_OUTPUT_NULL:
        return true;
    }
    return true;
}

static void
plumbing_release(struct plumbing *plumbing)
{
    for (int i = 0; i < 3; i++) {
        if (plumbing->owned[i]) {
            close_fd(&plumbing->fds[i]);
        }
    }
    close_fd(&plumbing->ours[0]);
    close_fd(&plumbing->ours[1]);
}

static bool
open_all(struct plumbing *plumbing, const struct nursery *nursery,
         const struct frame_spawn *spawn, struct frame_failed *failed)
{
    enum child_output err = spawn->err;

    plumbing->owned[0] =
        spawn->input == CHILD_INPUT_FILE || spawn->input == CHILD_INPUT_TEXT;
    if (!open_input(spawn, nursery, &plumbing->fds[0])) {
        return refuse(failed, STEP_INPUT, spawn->input_path);
    }
    if (!open_output(plumbing, nursery, 1, spawn->out, spawn->out_path)) {
        return spawn->out == CHILD_OUTPUT_PIPE
                   ? refuse(failed, STEP_PIPE, spawn->argv.bytes.data)
                   : refuse(failed, STEP_OUTPUT, spawn->out_path);
    }
    if (err == CHILD_OUTPUT_FILE && spawn->out == CHILD_OUTPUT_FILE &&
        strcmp(spawn->out_path, spawn->err_path) == 0) {
        err = CHILD_OUTPUT_SAME;
    }
    if (!open_output(plumbing, nursery, 2, err, spawn->err_path)) {
        return err == CHILD_OUTPUT_PIPE
                   ? refuse(failed, STEP_PIPE, spawn->argv.bytes.data)
                   : refuse(failed, STEP_OUTPUT, spawn->err_path);
    }
    return true;
}

bool
ward_start(struct ward *ward, struct nursery *nursery,
           const struct frame_spawn *spawn, struct frame_failed *failed)
{
    struct plumbing plumbing = {.fds = {-1, -1, -1}, .ours = {-1, -1}};
    usec began = now_usec();

    failed->id = spawn->id;
    if (!open_all(&plumbing, nursery, spawn, failed)) {
        plumbing_release(&plumbing);
        return false;
    }
    make_argv(nursery, &spawn->argv);
    make_envp(nursery, &spawn->env);
    struct launch launch = {
        .spawn = spawn,
        .guardian = nursery->guardian,
        .controlling = nursery->controlling,
        .argv = nursery->argv.items,
        .envp = nursery->envp.items,
    };
    memcpy(launch.fds, plumbing.fds, sizeof(launch.fds));
    pid_t pid = os_spawn(nursery->stack, run_launch, &launch);
    if (pid < 0) {
        refuse(failed, STEP_FORK, launch.argv[1]);
    } else if (launch.step != 0) {
        failed->step = launch.step;
        failed->number = launch.number;
        failed->name = launch.name;
        waitpid(pid, NULL, 0);
        pid = -1;
    }
    if (pid < 0) {
        plumbing_release(&plumbing);
        return false;
    }
    *ward = (struct ward){
        .id = spawn->id,
        .pid = pid,
        .zygote = spawn->zygote,
        .foreground = spawn->leads == CHILD_LEADS_TERMINAL,
        .tag = spawn->tag[0] != '\0' ? alloc_dup(spawn->tag) : NULL,
        .fds = {plumbing.ours[0], plumbing.ours[1]},
        .places = {-1, -1},
        .began = began,
    };
    plumbing.ours[0] = plumbing.ours[1] = -1;
    plumbing_release(&plumbing);
    return true;
}

void
ward_read(struct ward *ward, enum child_stream stream, short revents,
          struct buf *out)
{
    int *fd = &ward->fds[stream - 1];
    size_t room;

    if ((revents & POLLIN) == 0) { // a hang-up, and nothing left to read
        close_fd(fd);
        return;
    }
    char *place = guardian_codec_begin_output(out, ward->id, stream,
                                              FRAME_MAX_OUTPUT, &room);
    if (place == NULL) {
        return; // full: later
    }
    ssize_t count = read(*fd, place, room);
    guardian_codec_end_output(out, count > 0 ? (size_t)count : 0);
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
        close_fd(fd);
    }
}

void
ward_close(struct ward *ward)
{
    close_fd(&ward->fds[0]);
    close_fd(&ward->fds[1]);
}

static uint64_t
microseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

void
ward_exited(struct ward *ward, int status, const struct rusage *usage)
{
    ward->exited = true;
    ward->gone = (struct frame_gone){
        .id = ward->id,
        .status = status,
        .usage = {.user_us = microseconds(&usage->ru_utime),
                  .system_us = microseconds(&usage->ru_stime),
                  .maxrss_kib = (uint64_t)usage->ru_maxrss},
        .wall_us = (uint64_t)(now_usec() - ward->began),
    };
}

bool
ward_is_silent(const struct ward *ward)
{
    return ward->fds[0] < 0 && ward->fds[1] < 0;
}

void
ward_release(struct ward *ward)
{
    ward_close(ward);
    free(ward->tag);
    ward->tag = NULL;
}

struct ward *
wards_find(const struct wards *wards, uint32_t id)
{
    for (size_t i = 0; i < wards->count; i++) {
        if (wards->items[i].id == id) {
            return &wards->items[i];
        }
    }
    return NULL;
}

struct ward *
wards_find_pid(const struct wards *wards, pid_t pid)
{
    for (size_t i = 0; i < wards->count; i++) {
        if (wards->items[i].pid == pid && !wards->items[i].exited) {
            return &wards->items[i];
        }
    }
    return NULL;
}
