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

// Descriptors of a guardian; 0 to 2 are /dev/null, for its children.
#define FD_SOCKET 3
#define FD_TERMINAL 4 // to 6: what were descriptors 0 to 2
#define FD_CONTROLLING 7
#define FD_END 8

struct guardian {
    int fd;
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
    sigset_t mask; // while it waits
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
        ssize_t count = send(guardian->fd, out->data, out->len,
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
    int terminal = guardian->nursery.controlling;

    if (terminal >= 0) {
        tcsetpgrp(terminal, group);
    }
}

// A process that a ward says it has started: only if it is below us.
static void
signal_pid(struct guardian *guardian, const struct frame_signal_pid *request)
{
    struct os_processes *found = &guardian->sweep.found;

    if (request->pid <= 1 || !os_find_below(found, getpid())) {
        return;
    }
    for (size_t i = 0; i < found->count; i++) {
        const struct os_process *process = &found->items[i];
        if (request->group && process->group == request->pid) {
            kill(-request->pid, request->signo);
            return;
        }
        if (!request->group && process->pid == request->pid) {
            os_signal_process(process, request->signo);
            return;
        }
    }
}

// Sends a signal to all that is below, until nobody new is found: whoever is
// not stopped yet may be starting others.
static void
signal_all(struct guardian *guardian, int signo)
{
    struct os_processes *found = &guardian->sweep.found;
    size_t before = 0;

    for (size_t i = 0; i < guardian->wards.count; i++) {
        kill(-guardian->wards.items[i].pid, signo);
    }
    for (int round = 0; round < 4; round++) {
        if (!os_find_below(found, getpid()) ||
            (round > 0 && found->count == before)) {
            return;
        }
        before = found->count;
        for (size_t i = 0; i < found->count; i++) {
            os_signal_process(&found->items[i], signo);
        }
    }
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
        signal_pid(guardian, &frame->signal_pid);
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
    ssize_t count = recv(guardian->fd, place, room, MSG_DONTWAIT);

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
    add_poll(guardian, guardian->fd, POLLIN);
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
                        patience(guardian), &guardian->mask);
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

// Ends everything below, however long the chain: what is found is killed,
// what has lost its parent comes to us, until there is nobody.
static void
end_all(struct guardian *guardian)
{
    struct os_processes *found = &guardian->sweep.found;
    usec until = now_usec() + END_US;

    for (size_t i = 0; i < guardian->wards.count; i++) {
        const struct ward *ward = &guardian->wards.items[i];
        kill(-ward->pid, SIGKILL);
        if (ward->foreground) {
            give_terminal(guardian, guardian->employer_group);
        }
    }
    while (now_usec() < until) {
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        }
        if (pid < 0 && errno == ECHILD) {
            return;
        }
        os_find_below(found, getpid());
        for (size_t i = 0; i < found->count; i++) {
            os_signal_process(&found->items[i], SIGKILL);
        }
        os_poll(NULL, 0, 10, &guardian->mask);
    }
}

static void
on_child(int signo)
{
    (void)signo; // interrupting the wait is all it is for
}

// Signals of the terminal and of users are for the program, not for its
// guardian. They are blocked and not ignored, so that they have their own
// effect in children once those have unblocked them.
static void
set_up_signals(struct guardian *guardian)
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
    guardian->mask = all;
    sigdelset(&guardian->mask, SIGCHLD);
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
set_up_descriptors(struct guardian *guardian, int fd)
{
    struct nursery *nursery = &guardian->nursery;
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
        nursery->terminal[i] = place(terminal[i], FD_TERMINAL + i);
        if (dup2(null, i) < 0) {
            return false;
        }
    }
    nursery->controlling = place(controlling, FD_CONTROLLING);
    guardian->fd = place(socket, FD_SOCKET);
    os_close_from(FD_END);
    return guardian->fd >= 0;
}

static bool
set_up(struct guardian *guardian, int fd)
{
    set_up_signals(guardian);
    setpgid(0, 0);
    buf_init(&guardian->in, FRAME_MAX + READ_SIZE);
    buf_init(&guardian->out, QUEUE_MAX);
    return os_adopt_orphans() && set_up_descriptors(guardian, fd) &&
           nursery_init(&guardian->nursery);
}

_Noreturn static void
guardian_main(struct guardian *guardian, const struct guardian_params *params,
              int fd)
{
    if (!set_up(guardian, fd)) {
        _exit(1);
    }
    sweep_init(&guardian->sweep, &guardian->wards, &guardian->out,
               (usec)params->grace_ms * 1000);
    while (!guardian->over) {
        turn(guardian);
    }
    end_all(guardian);
    for (size_t i = 0; i < guardian->remove_at_end.count; i++) {
        struct err err = {0};
        path_remove_tree(guardian->remove_at_end.items[i], &err);
    }
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
        return err_set_errno(err, ERR_SPAWN, number, "starting a guardian");
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *handle = (struct guardian_handle){.pid = pid, .fd = fds[0]};
    return true;
}
