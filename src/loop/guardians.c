#include "loop/guardians.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/deadline.h"
#include "loop/guardian_link.h"
#include "loop/os.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/log.h"

#define MAX_GUARDIANS 64
#define DEFAULT_GRACE_MS 500

// Requests that nobody waits for are sent together.
#define SWEEP_LATE_MS 50
#define SWEEP_BYTES (16UL * 1024)

// Longer than a guardian allows itself.
#define SETTLE_MS 4000
#define STOP_MS 3000

// How often a process that has just closed its socket is asked for.
#define REAP_MS 5

// Guardians do not die by themselves; if they do all the time, something is
// wrong that starting more of them will not mend.
#define MAX_RESTARTS 16

struct guardians {
    struct loop *loop;
    const struct guardians_events *events;
    void *ctx;
    struct guardian_params params;
    struct guardian_link *links[MAX_GUARDIANS]; // NULL: not replaced
    bool settling[MAX_GUARDIANS]; // we wait for it to have settled
    int count;
    int restarts;
    struct buf set_up;   // frames that each new guardian is told first
    struct buf texts[2]; // for packing what a frame says
    struct deadline sweep_deadline;
    struct deadline settle_deadline;
    struct deadline reap_deadline;
    loop_fn settled;
    void *settled_ctx;
    uint32_t settle_number;
    ARRAY(pid_t) unreaped;
    bool stopping;
    bool stopped;
    bool late; // they did not stop by themselves
    struct deadline stop_deadline;
    loop_fn on_stopped;
    void *stopped_ctx;
};

static int
find_place(const struct guardians *guardians, const struct guardian_link *link)
{
    int place = 0;

    while (guardians->links[place] != link) {
        place++;
    }
    return place;
}

static void
settle_done(struct guardians *guardians)
{
    loop_fn fn = guardians->settled;

    for (int i = 0; i < guardians->count; i++) {
        const struct guardian_link *link = guardians->links[i];
        if (link != NULL && guardians->settling[i]) {
            return;
        }
    }
    if (fn != NULL) {
        guardians->settled = NULL;
        deadline_disarm(&guardians->settle_deadline);
        fn(guardians->settled_ctx);
    }
}

static void
on_settle_late(void *ctx)
{
    struct guardians *guardians = ctx;

    for (int i = 0; i < guardians->count; i++) {
        guardians->settling[i] = false;
    }
    settle_done(guardians);
}

static void
tell_leak(const struct guardians *guardians, const struct frame_leak *frame)
{
    struct guardian_leak leak = {.pid = frame->pid,
                                 .group = frame->group,
                                 .job = frame->job,
                                 .command = frame->command};

    if (guardians->events->on_leak != NULL) {
        guardians->events->on_leak(guardians->ctx, &leak);
    }
}

static void
on_frame(void *ctx, struct guardian_link *link, const struct frame *frame)
{
    struct guardians *guardians = ctx;

    if (frame->kind == FRAME_LEAK) {
        tell_leak(guardians, &frame->leak);
    } else if (frame->settle == guardians->settle_number) {
        guardians->settling[find_place(guardians, link)] = false;
        settle_done(guardians);
    }
}

static void on_closed(void *ctx, struct guardian_link *link, int lost);

// Starts a guardian at a place of the table.
static bool
open_link(struct guardians *guardians, int place, struct err *err)
{
    static const struct guardian_link_events events = {
        .on_frame = on_frame,
        .on_closed = on_closed,
    };
    struct guardian_link_params params = {
        .loop = guardians->loop,
        .guardian = guardians->params,
        .first = buf_slice(&guardians->set_up),
    };

    guardians->links[place] =
        guardian_link_open(&params, &events, guardians, err);
    return guardians->links[place] != NULL;
}

// What a dead guardian left behind has come to us.
static void
end_strays(struct guardians *guardians)
{
    struct os_processes found = {0};

    os_find_below(&found, getpid());
    for (size_t i = 0; i < found.count; i++) {
        struct os_process *process = &found.items[i];
        for (int j = 0; j < guardians->count; j++) {
            const struct guardian_link *link = guardians->links[j];
            process->marked |=
                link != NULL && guardian_link_pid(link) == process->pid;
        }
        for (size_t j = 0; j < i && !process->marked; j++) {
            process->marked =
                found.items[j].pid == process->parent && found.items[j].marked;
        }
        if (!process->marked) {
            os_signal_process(process, SIGKILL);
            ARRAY_ADD(&guardians->unreaped, process->pid);
        }
    }
    ARRAY_RELEASE(&found);
}

static bool
is_over(const struct guardians *guardians)
{
    for (int i = 0; i < guardians->count; i++) {
        if (guardians->links[i] != NULL) {
            return false;
        }
    }
    return guardians->unreaped.count == 0;
}

static void
unreaped_remove(struct guardians *guardians, size_t index)
{
    ARRAY_REMOVE(&guardians->unreaped, index);
}

// Those that are not ours but our children's are reaped by them.
static void
reap_all(struct guardians *guardians)
{
    for (size_t i = guardians->unreaped.count; i > 0; i--) {
        if (waitpid(guardians->unreaped.items[i - 1], NULL, WNOHANG) != 0) {
            unreaped_remove(guardians, i - 1);
        }
    }
}

static void
reap(void *ctx)
{
    struct guardians *guardians = ctx;

    reap_all(guardians);
    if (guardians->unreaped.count > 0) {
        deadline_arm(&guardians->reap_deadline, REAP_MS);
    }
    if (guardians->stopping && !guardians->stopped && is_over(guardians)) {
        guardians->stopped = true;
        deadline_disarm(&guardians->stop_deadline);
        guardians->on_stopped(guardians->stopped_ctx);
    }
}

static void
replace(struct guardians *guardians, int place, pid_t pid, int lost)
{
    struct err cause = {0};
    struct err err = {0};

    if (guardians->restarts++ == MAX_RESTARTS) {
        err_set(&cause, ERR_LIMIT, "they die too often");
    } else {
        open_link(guardians, place, &cause);
    }
    if (err_is_set(&cause)) {
        err_set(&err, ERR_SYSTEM,
                "guardian %d died, %d children are lost, and it cannot be "
                "replaced: %s",
                (int)pid, lost, cause.text);
    } else {
        err_set(&err, ERR_SYSTEM, "guardian %d died, %d children are lost",
                (int)pid, lost);
    }
    if (guardians->events->on_died != NULL) {
        guardians->events->on_died(guardians->ctx, &err);
    }
}

static void
on_closed(void *ctx, struct guardian_link *link, int lost)
{
    struct guardians *guardians = ctx;
    pid_t pid = guardian_link_pid(link);
    int place = find_place(guardians, link);

    guardians->links[place] = NULL;
    guardians->settling[place] = false;
    ARRAY_ADD(&guardians->unreaped, pid);
    if (!guardians->stopping || guardians->late) {
        kill(pid, SIGKILL); // one that spoke nonsense may still be there
        end_strays(guardians);
    }
    if (!guardians->stopping) {
        replace(guardians, place, pid, lost);
    }
    settle_done(guardians);
    deadline_arm(&guardians->reap_deadline, 0);
}

static void
send_sweeps(void *ctx)
{
    struct guardians *guardians = ctx;

    deadline_disarm(&guardians->sweep_deadline);
    for (int i = 0; i < guardians->count; i++) {
        struct guardian_link *link = guardians->links[i];
        if (link != NULL) {
            guardian_link_flush(link);
        }
    }
}

static void
on_stop_late(void *ctx)
{
    struct guardians *guardians = ctx;

    guardians->late = true;
    for (int i = 0; i < guardians->count; i++) {
        const struct guardian_link *link = guardians->links[i];
        if (link != NULL) {
            kill(guardian_link_pid(link), SIGKILL);
        }
    }
}

struct guardians *
guardians_new(struct loop *loop, const struct guardians_params *params,
              const struct guardians_events *events, void *ctx, struct err *err)
{
    assert(params->count > 0);
    struct guardians *guardians = ALLOC(struct guardians);

    guardians->loop = loop;
    guardians->events = events;
    guardians->ctx = ctx;
    guardians->count =
        params->count < MAX_GUARDIANS ? params->count : MAX_GUARDIANS;
    guardians->params.grace_ms =
        params->grace_ms > 0 ? params->grace_ms : DEFAULT_GRACE_MS;
    buf_init(&guardians->set_up, FRAME_MAX);
    buf_init(&guardians->texts[0], FRAME_MAX);
    buf_init(&guardians->texts[1], FRAME_MAX);
    deadline_init(&guardians->sweep_deadline, loop, send_sweeps, guardians);
    deadline_init(&guardians->settle_deadline, loop, on_settle_late, guardians);
    deadline_init(&guardians->reap_deadline, loop, reap, guardians);
    deadline_init(&guardians->stop_deadline, loop, on_stop_late, guardians);
    // When a guardian is killed, what it guarded comes to us.
    os_adopt_orphans();
    for (int i = 0; i < guardians->count; i++) {
        if (!open_link(guardians, i, err)) {
            guardians->count = i;
            guardians->stopping = true;
            for (int j = 0; j < i; j++) {
                guardian_link_drop(guardians->links[j]);
            }
            guardians_free(guardians);
            return NULL;
        }
    }
    return guardians;
}

// Sends a frame to all guardians, and to those that come later.
static void
send_always(struct guardians *guardians, const struct frame *frame)
{
    if (!guardian_codec_put(&guardians->set_up, frame)) {
        log_error("guardians: too much to tell them: kind=%d",
                  (int)frame->kind);
        return;
    }
    for (int i = 0; i < guardians->count; i++) {
        if (guardians->links[i] != NULL) {
            guardian_link_send(guardians->links[i], frame);
        }
    }
}

void
guardians_environment(struct guardians *guardians, const char *const *changes)
{
    struct buf *bytes = &guardians->texts[0];
    struct frame frame = {.kind = FRAME_ENVIRONMENT};

    buf_reset(bytes);
    for (; *changes != NULL; changes++) {
        guardian_codec_add_text(bytes, &frame.environment.count, *changes);
    }
    frame.environment.bytes = buf_slice(bytes);
    send_always(guardians, &frame);
}

void
guardians_remove_at_end(struct guardians *guardians, const char *path)
{
    struct frame frame = {.kind = FRAME_REMOVE_AT_END, .path = path};

    send_always(guardians, &frame);
}

void
guardians_sweep(struct guardians *guardians, const char *tag, pid_t group)
{
    struct frame frame = {.kind = FRAME_SWEEP,
                          .sweep = {.group = group, .tag = tag}};
    bool full = false;

    for (int i = 0; i < guardians->count; i++) {
        struct guardian_link *link = guardians->links[i];
        if (link != NULL) {
            guardian_link_queue(link, &frame);
            full |= guardian_link_queued(link) > SWEEP_BYTES;
        }
    }
    if (full) {
        send_sweeps(guardians);
    } else if (!deadline_is_armed(&guardians->sweep_deadline)) {
        deadline_arm(&guardians->sweep_deadline, SWEEP_LATE_MS);
    }
}

void
guardians_signal(struct guardians *guardians, pid_t pid, int signo, bool group)
{
    struct frame frame = {
        .kind = FRAME_SIGNAL_PID,
        .signal_pid = {.pid = pid, .signo = signo, .group = group}};

    for (int i = 0; i < guardians->count; i++) {
        if (guardians->links[i] != NULL) {
            guardian_link_send(guardians->links[i], &frame);
        }
    }
}

static void
settle_nothing(void *ctx)
{
    settle_done(ctx);
}

void
guardians_settle(struct guardians *guardians, loop_fn fn, void *ctx)
{
    assert(guardians->settled == NULL);
    struct frame frame = {.kind = FRAME_SETTLE,
                          .settle = ++guardians->settle_number};

    guardians->settled = fn;
    guardians->settled_ctx = ctx;
    for (int i = 0; i < guardians->count; i++) {
        struct guardian_link *link = guardians->links[i];
        if (link != NULL) {
            guardians->settling[i] = guardian_link_send(link, &frame);
        }
    }
    deadline_arm(&guardians->settle_deadline, SETTLE_MS);
    loop_post(guardians->loop, settle_nothing, guardians);
}

void
guardians_pause(struct guardians *guardians, bool paused)
{
    struct frame frame = {.kind = FRAME_PAUSE, .pause = paused};

    for (int i = 0; i < guardians->count; i++) {
        if (guardians->links[i] != NULL) {
            guardian_link_send(guardians->links[i], &frame);
        }
    }
}

int
guardians_running(const struct guardians *guardians)
{
    int running = 0;

    for (int i = 0; i < guardians->count; i++) {
        const struct guardian_link *link = guardians->links[i];
        running += link != NULL ? guardian_link_running(link) : 0;
    }
    return running;
}

int
guardians_count(const struct guardians *guardians)
{
    return guardians->count;
}

void
guardians_stop(struct guardians *guardians, loop_fn fn, void *ctx)
{
    assert(!guardians->stopping);
    guardians->stopping = true;
    guardians->on_stopped = fn;
    guardians->stopped_ctx = ctx;
    for (int i = 0; i < guardians->count; i++) {
        if (guardians->links[i] != NULL) {
            guardian_link_finish(guardians->links[i]);
        }
    }
    deadline_arm(&guardians->stop_deadline, STOP_MS);
    deadline_arm(&guardians->reap_deadline, 0);
}

void
guardians_free(struct guardians *guardians)
{
    if (guardians == NULL) {
        return;
    }
    assert(guardians->stopping);
    loop_cancel(guardians->loop, guardians);
    deadline_release(&guardians->sweep_deadline);
    deadline_release(&guardians->settle_deadline);
    deadline_release(&guardians->reap_deadline);
    deadline_release(&guardians->stop_deadline);
    buf_release(&guardians->set_up);
    buf_release(&guardians->texts[0]);
    buf_release(&guardians->texts[1]);
    ARRAY_RELEASE(&guardians->unreaped);
    free(guardians);
}

struct guardian_link *
guardians_choose(struct guardians *guardians)
{
    struct guardian_link *best = NULL;
    int fewest = INT_MAX;

    for (int i = 0; i < guardians->count && !guardians->stopping; i++) {
        struct guardian_link *link = guardians->links[i];
        if (link != NULL && guardian_link_is_open(link) &&
            guardian_link_running(link) < fewest) {
            best = link;
            fewest = guardian_link_running(link);
        }
    }
    return best;
}

struct buf *
guardians_texts(struct guardians *guardians)
{
    return guardians->texts;
}
