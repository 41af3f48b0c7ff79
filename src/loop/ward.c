#include "loop/ward.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/launch.h"
#include "loop/os.h"
#include "util/alloc.h"

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
    nursery_prepare(nursery, spawn);
    struct launch launch = {
        .spawn = spawn,
        .guardian = nursery->guardian,
        .controlling = nursery->controlling,
        .argv = nursery->argv.items,
        .envp = nursery->envp.items,
    };
    memcpy(launch.fds, plumbing.fds, sizeof(launch.fds));
    pid_t pid = os_spawn(nursery->stack, launch_run, &launch);
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
