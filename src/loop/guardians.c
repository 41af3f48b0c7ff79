#include "loop/guardians.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "loop/deadline.h"
#include "loop/guardian.h"
#include "loop/guardians_internal.h"
#include "loop/os.h"
#include "util/alloc.h"
#include "util/log.h"

#define MAX_GUARDIANS 64
#define DEFAULT_GRACE_MS 500

// What may wait for a guardian that is busy, in bytes.
#define MAX_QUEUE (64UL * 1024 * 1024)

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

// How many chunks of a guardian's reports are read before others have a turn.
#define READS_A_TURN 4

struct link_to {
    uv_poll_t poll;
    struct guardians *owner;
    pid_t pid; // 0: it was reaped
    int fd;
    bool open;
    bool writing; // the socket takes no more; waits for it
    bool settling;
    struct buf in; // the beginning of a frame whose end has not come
    struct buf out;
    struct child **children; // by id; NULL: free
    size_t capacity;
    size_t first_free; // none below it is free
    int running;
};

struct guardians {
    struct loop *loop;
    const struct guardians_events *events;
    void *ctx;
    struct guardian_params params;
    struct link_to *links[MAX_GUARDIANS]; // NULL: could not be replaced
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
    struct deadline stop_deadline;
    loop_fn on_stopped;
    void *stopped_ctx;
};

static void on_event(uv_poll_t *poll, int status, int events);
static void link_closed(struct link_to *link);

static void
watch(struct link_to *link)
{
    int events = UV_READABLE | (link->writing ? UV_WRITABLE : 0);

    uv_poll_start(&link->poll, events, on_event);
}

static void
flush(struct link_to *link)
{
    bool writing = false;

    while (link->open && link->out.len > 0) {
        ssize_t count =
            send(link->fd, link->out.data, link->out.len, MSG_NOSIGNAL);
        if (count > 0) {
            buf_drop(&link->out, (size_t)count);
        } else if (errno == EAGAIN) {
            writing = true;
            break;
        } else if (errno != EINTR) {
            buf_reset(&link->out); // it is dead: the end of file will tell
        }
    }
    if (link->open && writing != link->writing) {
        link->writing = writing;
        watch(link);
    }
}

bool
link_send(struct link_to *link, const struct frame *frame)
{
    if (!guardian_codec_put(&link->out, frame)) {
        return false;
    }
    if (!link->writing) {
        flush(link);
    }
    return true;
}

void
link_add(struct link_to *link, struct child *child)
{
    size_t id = link->first_free;

    while (id < link->capacity && link->children[id] != NULL) {
        id++;
    }
    if (id == link->capacity) {
        size_t capacity = alloc_grow(link->capacity, id + 1);
        link->children =
            alloc_resize(link->children, capacity, sizeof(struct child *));
        memset(link->children + link->capacity, 0,
               (capacity - link->capacity) * sizeof(struct child *));
        link->capacity = capacity;
    }
    link->children[id] = child;
    link->first_free = id + 1;
    link->running++;
    child->link = link;
    child->id = (uint32_t)id;
}

void
link_remove(struct link_to *link, struct child *child)
{
    assert(link->children[child->id] == child);
    link->children[child->id] = NULL;
    link->running--;
    if (child->id < link->first_free) {
        link->first_free = child->id;
    }
}

static void
on_link_closed(uv_handle_t *handle)
{
    struct link_to *link = handle->data;

    close(link->fd);
    buf_release(&link->in);
    buf_release(&link->out);
    free(link->children);
    free(link);
}

// Starts a guardian and the way to it, at a place of the table.
static bool
link_open(struct guardians *guardians, int place, struct err *err)
{
    struct guardian_handle handle;

    if (!guardian_start(&guardians->params, &handle, err)) {
        return false;
    }
    struct link_to *link = ALLOC(struct link_to);
    link->owner = guardians;
    link->pid = handle.pid;
    link->fd = handle.fd;
    link->open = true;
    buf_init(&link->in, FRAME_MAX);
    buf_init(&link->out, MAX_QUEUE);
    link->poll.data = link;
    int result = uv_poll_init(loop_uv(guardians->loop), &link->poll, link->fd);
    assert(result == 0); // a socket can always be polled
    (void)result;
    guardians->links[place] = link;
    watch(link);
    buf_add_slice(&link->out, buf_slice(&guardians->set_up));
    flush(link);
    return true;
}

static void
settle_done(struct guardians *guardians)
{
    loop_fn fn = guardians->settled;

    for (int i = 0; i < guardians->count; i++) {
        const struct link_to *link = guardians->links[i];
        if (link != NULL && link->open && link->settling) {
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
        if (guardians->links[i] != NULL) {
            guardians->links[i]->settling = false;
        }
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

static uint32_t
frame_child(const struct frame *frame)
{
    switch (frame->kind) {
    case FRAME_STARTED:
        return frame->started.id;
    case FRAME_OUTPUT:
        return frame->output.id;
    case FRAME_FAILED:
        return frame->failed.id;
    case FRAME_GONE:
        return frame->gone.id;
    case FRAME_SPAWN:
    case FRAME_SIGNAL:
    case FRAME_SIGNAL_PID:
    case FRAME_SWEEP:
    case FRAME_SETTLE:
    case FRAME_PAUSE:
    case FRAME_ENVIRONMENT:
    case FRAME_REMOVE_AT_END:
    case FRAME_LEAK:
    case FRAME_SETTLED:
    case FRAME_KIND_COUNT:
        break;
    }
    return UINT32_MAX;
}

static void
told(struct link_to *link, const struct frame *frame)
{
    struct guardians *guardians = link->owner;

    if (frame->kind == FRAME_LEAK) {
        tell_leak(guardians, &frame->leak);
        return;
    }
    if (frame->kind == FRAME_SETTLED) {
        if (frame->settle == guardians->settle_number) {
            link->settling = false;
            settle_done(guardians);
        }
        return;
    }
    uint32_t id = frame_child(frame);
    if (id < link->capacity && link->children[id] != NULL) {
        child_told(link->children[id], frame);
    } else {
        log_error("guardian %d: told of nobody: kind=%d", (int)link->pid,
                  (int)frame->kind);
    }
}

// Handles the frames in `bytes` and keeps what is left for later.
static bool
take_frames(struct link_to *link, struct slice bytes)
{
    bool split = link->in.len > 0;
    struct frame frame;
    struct err err = {0};
    enum frame_result result = FRAME_MORE;

    if (split) {
        if (!buf_add_slice(&link->in, bytes)) {
            return false;
        }
        bytes = buf_slice(&link->in);
    }
    // Whoever is told may stop us all: then nothing more is told.
    while (link->open && (result = guardian_codec_take(&bytes, &frame, &err)) ==
                             FRAME_WHOLE) {
        told(link, &frame);
    }
    if (result == FRAME_BROKEN) {
        log_error("guardian %d: %s", (int)link->pid, err.text);
        return false;
    }
    if (split) {
        buf_drop(&link->in, link->in.len - bytes.len);
        return true;
    }
    return buf_add_slice(&link->in, bytes);
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
    struct link_to *link = poll->data;
    char *scratch = loop_scratch(link->owner->loop);

    (void)status; // reading finds out what it is
    if ((events & UV_WRITABLE) != 0) {
        flush(link);
    }
    for (int i = 0; i < READS_A_TURN && link->open; i++) {
        ssize_t count =
            recv(link->fd, scratch, LOOP_SCRATCH_SIZE, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (count <= 0 ||
            !take_frames(link, slice_make(scratch, (size_t)count))) {
            link_closed(link);
            return;
        }
        if ((size_t)count < LOOP_SCRATCH_SIZE) {
            return;
        }
    }
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
            const struct link_to *link = guardians->links[j];
            process->marked |= link != NULL && link->pid == process->pid;
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

    end_strays(guardians);
    if (guardians->restarts++ == MAX_RESTARTS) {
        err_set(&cause, ERR_LIMIT, "they die too often");
    } else {
        link_open(guardians, place, &cause);
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

// The end of a guardian: its own, or as it was asked for.
static void
link_closed(struct link_to *link)
{
    struct guardians *guardians = link->owner;
    int place = 0;
    int lost = link->running;
    pid_t pid = link->pid;

    while (guardians->links[place] != link) {
        place++;
    }
    link->open = false;
    uv_poll_stop(&link->poll);
    guardians->links[place] = NULL;
    // One that spoke nonsense may still be there; with its socket closed it
    // would end, but nobody would believe it.
    kill(pid, guardians->stopping ? 0 : SIGKILL);
    ARRAY_ADD(&guardians->unreaped, pid);
    for (size_t i = 0; i < link->capacity; i++) {
        if (link->children[i] != NULL) {
            child_lost(link->children[i]);
        }
    }
    uv_close((uv_handle_t *)&link->poll, on_link_closed);
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
        struct link_to *link = guardians->links[i];
        if (link != NULL && !link->writing) {
            flush(link);
        }
    }
}

static void
on_stop_late(void *ctx)
{
    struct guardians *guardians = ctx;

    for (int i = 0; i < guardians->count; i++) {
        const struct link_to *link = guardians->links[i];
        if (link != NULL) {
            kill(link->pid, SIGKILL);
        }
    }
}

struct guardians *
guardians_new(struct loop *loop, const struct guardians_params *params,
              const struct guardians_events *events, void *ctx, struct err *err)
{
    assert(params->count > 0 && params->count <= MAX_GUARDIANS);
    struct guardians *guardians = ALLOC(struct guardians);

    guardians->loop = loop;
    guardians->events = events;
    guardians->ctx = ctx;
    guardians->count = params->count;
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
        if (!link_open(guardians, i, err)) {
            guardians->count = i;
            guardians->stopping = true;
            for (int j = 0; j < i; j++) {
                link_closed(guardians->links[j]);
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
            link_send(guardians->links[i], frame);
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
        struct link_to *link = guardians->links[i];
        if (link != NULL) {
            guardian_codec_put(&link->out, &frame);
            full |= link->out.len > SWEEP_BYTES;
        }
    }
    if (full) {
        send_sweeps(guardians);
    } else if (!deadline_is_armed(&guardians->sweep_deadline)) {
        deadline_arm(&guardians->sweep_deadline, SWEEP_LATE_MS);
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
        struct link_to *link = guardians->links[i];
        if (link != NULL) {
            link->settling = link_send(link, &frame);
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
            link_send(guardians->links[i], &frame);
        }
    }
}

int
guardians_running(const struct guardians *guardians)
{
    int running = 0;

    for (int i = 0; i < guardians->count; i++) {
        const struct link_to *link = guardians->links[i];
        running += link != NULL ? link->running : 0;
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
        const struct link_to *link = guardians->links[i];
        if (link != NULL) {
            flush(guardians->links[i]);
            shutdown(link->fd, SHUT_WR);
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

struct link_to *
guardians_choose(struct guardians *guardians)
{
    struct link_to *best = NULL;

    for (int i = 0; i < guardians->count && !guardians->stopping; i++) {
        struct link_to *link = guardians->links[i];
        if (link != NULL && (best == NULL || link->running < best->running)) {
            best = link;
        }
    }
    return best;
}

struct buf *
guardians_texts(struct guardians *guardians)
{
    return guardians->texts;
}
