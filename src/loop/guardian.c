#include "loop/guardian.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/below.h"
#include "loop/guardian_post.h"
#include "loop/os.h"
#include "loop/sweep.h"
#include "loop/ward.h"
#include "util/alloc.h"
#include "util/path.h"

// Reports of children that do not last are told together; whatever is known
// for so long goes out.
#define REPORT_LATE_US 20000
#define REPORT_BYTES (64UL * 1024)

// With so much to tell, children are left to wait for somebody to read what
// they write. The rest of the queue is for reports, which are small.
#define QUEUE_OUTPUT (256UL * 1024)
#define QUEUE_MAX (16UL * 1024 * 1024)

#define MAX_WARDS 4096

#define READ_SIZE (64UL * 1024)

// How long the output of a child that has exited may be kept open by others.
#define HELD_US 200000

// How long ending everything may take at the end.
#define END_US 2000000

struct guardian {
    struct guardian_post post;
    pid_t employer;       // the program it works for
    pid_t employer_group; // whose terminal it is
    struct nursery nursery;
    struct wards wards;
    struct sweep sweep;
    struct buf in;
    struct buf out;
    ARRAY(struct pollfd) polls;
    ARRAY(char *) remove_at_end;
    usec report_due; // 0: nothing to tell
    bool urgent;     // tell it now
    bool blocked;    // the socket takes no more
    bool paused;
    usec paused_at;
    bool over;
};

static void
later(struct guardian *guardian)
{
    if (guardian->report_due == 0) {
        guardian->report_due = now_usec() + REPORT_LATE_US;
    }
}

static void
tell(struct guardian *guardian, const struct frame *frame)
{
    // What there may be of these is bounded by MAX_WARDS.
    bool added = guardian_codec_put(&guardian->out, frame);
    assert(added);
    (void)added;
}

static void
flush(struct guardian *guardian)
{
    struct buf *out = &guardian->out;

    guardian->blocked = false;
    while (out->len > 0) {
        ssize_t count = send(guardian->post.fd, out->data, out->len,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) {
            buf_drop(out, (size_t)count);
        } else if (errno == EAGAIN) {
            guardian->blocked = true;
            return;
        } else if (errno != EINTR) {
            buf_reset(out); // nobody listens: the end of file is on its way
        }
    }
    guardian->report_due = 0;
    guardian->urgent = false;
}

static bool
is_full(const struct guardian *guardian)
{
    return guardian->out.len >= QUEUE_OUTPUT;
}

static void
start_ward(struct guardian *guardian, const struct frame_spawn *spawn)
{
    struct ward ward;
    struct frame frame = {.kind = FRAME_FAILED};
    bool started;

    if (guardian->wards.count == MAX_WARDS) {
        frame.failed = (struct frame_failed){.id = spawn->id,
                                             .step = STEP_FORK,
                                             .number = EAGAIN,
                                             .name = spawn->argv.bytes.data};
        started = false;
    } else {
        started = ward_start(&ward, &guardian->nursery, spawn, &frame.failed);
    }
    if (!started) {
        tell(guardian, &frame);
        guardian->urgent = true;
        return;
    }
    ARRAY_ADD(&guardian->wards, ward);
    frame = (struct frame){.kind = FRAME_STARTED,
                           .started = {.id = ward.id, .pid = ward.pid}};
    tell(guardian, &frame);
    later(guardian);
}

static void
give_terminal(const struct guardian *guardian, pid_t group)
{
    int terminal = guardian->post.controlling;

    if (terminal >= 0) {
        tcsetpgrp(terminal, group);
    }
}

// Groups first: that costs least, and gets at most of them at once.
static void
signal_all(const struct guardian *guardian, int signo)
{
    for (size_t i = 0; i < guardian->wards.count; i++) {
        kill(-guardian->wards.items[i].pid, signo);
    }
    below_signal_all(signo);
}

static void
pause_all(struct guardian *guardian, bool paused)
{
    if (paused == guardian->paused) {
        return;
    }
    guardian->paused = paused;
    if (paused) {
        guardian->paused_at = now_usec();
        signal_all(guardian, SIGSTOP);
        return;
    }
    usec by = now_usec() - guardian->paused_at;
    sweep_shift(&guardian->sweep, by);
    for (size_t i = 0; i < guardian->wards.count; i++) {
        struct ward *ward = &guardian->wards.items[i];
        ward->cut_at += by;
        if (ward->foreground && !ward->exited) {
            give_terminal(guardian, ward->pid);
        }
    }
    signal_all(guardian, SIGCONT);
}

static void
obey(struct guardian *guardian, const struct frame *frame)
{
    const struct ward *ward;

    switch (frame->kind) {
    case FRAME_SPAWN:
        start_ward(guardian, &frame->spawn);
        return;
    case FRAME_SIGNAL:
        ward = wards_find(&guardian->wards, frame->signal.id);
        if (ward != NULL) {
            kill(-ward->pid, frame->signal.signo);
        }
        return;
    case FRAME_SIGNAL_PID:
        below_signal_one(frame->signal_pid.pid, frame->signal_pid.signo,
                         frame->signal_pid.group);
        return;
    case FRAME_SWEEP:
        sweep_add(&guardian->sweep, frame->sweep.tag, frame->sweep.group,
                  now_usec());
        return;
    case FRAME_SETTLE:
        sweep_settle(&guardian->sweep, frame->settle, now_usec());
        return;
    case FRAME_PAUSE:
        pause_all(guardian, frame->pause);
        return;
    case FRAME_ENVIRONMENT:
        nursery_change(&guardian->nursery, &frame->environment);
        return;
    case FRAME_REMOVE_AT_END:
        ARRAY_ADD(&guardian->remove_at_end, alloc_dup(frame->path));
        return;
    case FRAME_STARTED:
    case FRAME_OUTPUT:
    case FRAME_FAILED:
    case FRAME_GONE:
    case FRAME_LEAK:
    case FRAME_SETTLED:
    case FRAME_KIND_COUNT:
        break;
    }
    guardian->over = true; // a report is nothing that we can be told
}

static void
receive(struct guardian *guardian)
{
    struct slice rest;
    struct frame frame;
    struct err err = {0};
    enum frame_result result;
    size_t room;
    char *place = buf_room(&guardian->in, READ_SIZE, &room);
    ssize_t count = recv(guardian->post.fd, place, room, MSG_DONTWAIT);

    if (count <= 0) {
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            guardian->over = true;
        }
        return;
    }
    buf_grew(&guardian->in, (size_t)count);
    rest = buf_slice(&guardian->in);
    while ((result = guardian_codec_take(&rest, &frame, &err)) == FRAME_WHOLE) {
        obey(guardian, &frame);
    }
    buf_drop(&guardian->in, guardian->in.len - rest.len);
    if (result == FRAME_BROKEN) {
        guardian->over = true; // whoever writes this is not our employer
    }
}

// Tells of a child that is over in every respect, and forgets it.
static void
bury(struct guardian *guardian, size_t index)
{
    struct ward *ward = &guardian->wards.items[index];
    struct frame frame = {.kind = FRAME_GONE, .gone = ward->gone};

    tell(guardian, &frame);
    guardian->urgent = true;
    ward_release(ward);
    ARRAY_REMOVE(&guardian->wards, index);
}

static void
bury_all(struct guardian *guardian)
{
    for (size_t i = guardian->wards.count; i > 0; i--) {
        const struct ward *ward = &guardian->wards.items[i - 1];
        if (ward->exited && ward_is_silent(ward)) {
            bury(guardian, i - 1);
        }
    }
}

// Whoever has the terminal was stopped on it: so is everybody.
static void
follow_stop(struct guardian *guardian, pid_t pid)
{
    const struct ward *ward = wards_find_pid(&guardian->wards, pid);

    if (ward != NULL && ward->foreground && !guardian->paused) {
        give_terminal(guardian, guardian->employer_group);
        kill(guardian->employer, SIGTSTP);
    }
}

// Reaps whatever has ended. That nothing is left is the cheapest answer to
// the question what was left behind.
static void
reap(struct guardian *guardian)
{
    struct rusage usage;
    int status;
    pid_t pid;

    while ((pid = wait4(-1, &status, WNOHANG | WUNTRACED, &usage)) > 0) {
        if (WIFSTOPPED(status)) {
            follow_stop(guardian, pid);
            continue;
        }
        struct ward *ward = wards_find_pid(&guardian->wards, pid);
        if (ward == NULL) {
            continue; // an orphan
        }
        ward_exited(ward, status, &usage);
        ward->cut_at = now_usec() + HELD_US;
        if (ward->foreground) {
            give_terminal(guardian, guardian->employer_group);
        }
        sweep_add_ward(&guardian->sweep, ward, now_usec());
    }
    if (pid < 0 && errno == ECHILD) {
        bool settling = guardian->sweep.settling;
        sweep_nothing_left(&guardian->sweep);
        guardian->urgent |= settling;
    }
}

// Output that somebody else keeps open after its child has gone.
static void
cut_held(struct guardian *guardian, usec now)
{
    for (size_t i = 0; i < guardian->wards.count; i++) {
        struct ward *ward = &guardian->wards.items[i];
        if (!ward->exited || ward_is_silent(ward) || ward->cut_at > now) {
            continue;
        }
        if (is_full(guardian)) {
            ward->cut_at = now + HELD_US; // it is us who did not read
            continue;
        }
        ward->gone.held = true;
        ward_close(ward);
    }
}

static int
add_poll(struct guardian *guardian, int fd, short events)
{
    ARRAY_ADD(&guardian->polls, ((struct pollfd){.fd = fd, .events = events}));
    return (int)guardian->polls.count - 1;
}

static void
prepare(struct guardian *guardian)
{
    bool full = is_full(guardian);

    ARRAY_CLEAR(&guardian->polls);
    add_poll(guardian, guardian->post.fd, POLLIN);
    if (guardian->blocked) {
        guardian->polls.items[0].events = (short)(POLLIN | POLLOUT);
    }
    for (size_t i = 0; i < guardian->wards.count; i++) {
        struct ward *ward = &guardian->wards.items[i];
        for (int j = 0; j < 2; j++) {
            ward->places[j] = ward->fds[j] >= 0 && !full
                                  ? add_poll(guardian, ward->fds[j], POLLIN)
                                  : -1;
        }
    }
}

static void
read_wards(struct guardian *guardian)
{
    for (size_t i = 0; i < guardian->wards.count; i++) {
        struct ward *ward = &guardian->wards.items[i];
        for (int j = 0; j < 2; j++) {
            int place = ward->places[j];
            short revents = 0;
            if (place >= 0) {
                revents = guardian->polls.items[place].revents;
            }
            if (revents != 0) {
                ward_read(ward, (enum child_stream)(j + 1), revents,
                          &guardian->out);
            }
        }
    }
    if (guardian->out.len > 0) {
        later(guardian);
    }
}

static void
earlier(usec *first, usec other)
{
    if (other != 0 && (*first == 0 || other < *first)) {
        *first = other;
    }
}

// How long to wait for the next event, in milliseconds; -1: for ever.
static int
patience(const struct guardian *guardian)
{
    usec next = guardian->blocked ? 0 : guardian->report_due;

    if (!guardian->paused) {
        earlier(&next, sweep_next(&guardian->sweep));
        for (size_t i = 0; i < guardian->wards.count; i++) {
            const struct ward *ward = &guardian->wards.items[i];
            earlier(&next, ward->exited ? ward->cut_at : 0);
        }
    }
    if (next == 0) {
        return -1;
    }
    usec left = next - now_usec();
    return left > 0 ? (int)((left + 999) / 1000) : 0;
}

static void
turn(struct guardian *guardian)
{
    prepare(guardian);
    int count = os_poll(guardian->polls.items, guardian->polls.count,
                        patience(guardian), &guardian->post.mask);
    if (count > 0) {
        read_wards(guardian);
        if (guardian->polls.items[0].revents != 0) {
            guardian->blocked = false;
            receive(guardian);
        }
    } else if (count < 0) {
        reap(guardian); // the only signal that gets through is SIGCHLD
    }
    if (!guardian->paused) {
        usec now = now_usec();
        cut_held(guardian, now);
        guardian->urgent |= sweep_run(&guardian->sweep, now);
    }
    bury_all(guardian);
    if (!guardian->blocked &&
        (guardian->urgent || guardian->out.len >= REPORT_BYTES ||
         (guardian->report_due != 0 && guardian->report_due <= now_usec()))) {
        flush(guardian);
    }
}

static bool
set_up(struct guardian *guardian, const struct guardian_params *params, int fd)
{
    struct guardian_post *post = &guardian->post;

    if (!guardian_post_take(post, fd)) {
        return false;
    }
    buf_init(&guardian->in, FRAME_MAX + READ_SIZE);
    buf_init(&guardian->out, QUEUE_MAX);
    sweep_init(&guardian->sweep, &guardian->wards, &guardian->out,
               (usec)params->grace_ms * 1000);
    return nursery_init(&guardian->nursery, post->terminal, post->controlling);
}

static void
end(struct guardian *guardian)
{
    for (size_t i = 0; i < guardian->wards.count; i++) {
        const struct ward *ward = &guardian->wards.items[i];
        kill(-ward->pid, SIGKILL);
        if (ward->foreground) {
            give_terminal(guardian, guardian->employer_group);
        }
    }
    below_end(END_US);
    for (size_t i = 0; i < guardian->remove_at_end.count; i++) {
        struct err err = {0};
        path_remove_tree(guardian->remove_at_end.items[i], &err);
    }
}

_Noreturn static void
guardian_main(struct guardian *guardian, const struct guardian_params *params,
              int fd)
{
    if (!set_up(guardian, params, fd)) {
        _exit(1);
    }
    while (!guardian->over) {
        turn(guardian);
    }
    end(guardian);
    _exit(0);
}

bool
guardian_start(const struct guardian_params *params,
               struct guardian_handle *handle, struct err *err)
{
    int fds[2];
    sigset_t all;
    sigset_t before;
    struct guardian guardian = {.employer = getpid(),
                                .employer_group = getpgrp()};

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        return err_set_errno(err, ERR_SYSTEM, errno,
                             "making a socket for a guardian");
    }
    // No handler of ours may run in the new process.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        guardian_main(&guardian, params, fds[1]);
    }
    int number = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        err_set_errno(err, ERR_SPAWN, number, "starting a guardian");
        return err_hint(err, CHILD_TOO_MANY);
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *handle = (struct guardian_handle){.pid = pid, .fd = fds[0]};
    return true;
}
