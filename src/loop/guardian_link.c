#include "loop/guardian_link.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "util/alloc.h"
#include "util/log.h"

// What may wait for a guardian that is busy, in bytes.
#define MAX_QUEUE (64UL * 1024 * 1024)

// How many chunks of a guardian's reports are read before others have a turn.
#define READS_A_TURN 4

struct guardian_link {
    uv_poll_t poll;
    struct loop *loop;
    const struct guardian_link_events *events;
    void *ctx;
    pid_t pid;
    int fd;
    bool open;
    bool writing;  // the socket takes no more; waits for it
    struct buf in; // the beginning of a frame whose end has not come
    struct buf out;
    struct child **children; // by id; NULL: free
    size_t capacity;
    size_t first_free; // none below it is free
    int running;
};

static void on_event(uv_poll_t *poll, int status, int events);

static void
watch(struct guardian_link *link)
{
    int events = UV_READABLE | (link->writing ? UV_WRITABLE : 0);

    uv_poll_start(&link->poll, events, on_event);
}

void
guardian_link_flush(struct guardian_link *link)
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
guardian_link_queue(struct guardian_link *link, const struct frame *frame)
{
    return guardian_codec_put(&link->out, frame);
}

bool
guardian_link_send(struct guardian_link *link, const struct frame *frame)
{
    if (!guardian_link_queue(link, frame)) {
        return false;
    }
    if (!link->writing) {
        guardian_link_flush(link);
    }
    return true;
}

void
guardian_link_add(struct guardian_link *link, struct child *child)
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
guardian_link_remove(struct guardian_link *link, struct child *child)
{
    assert(link->children[child->id] == child);
    link->children[child->id] = NULL;
    link->running--;
    if (child->id < link->first_free) {
        link->first_free = child->id;
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
told(struct guardian_link *link, const struct frame *frame)
{
    uint32_t id = frame_child(frame);

    if (id < link->capacity && link->children[id] != NULL) {
        child_told(link->children[id], frame);
    } else if (frame->kind == FRAME_LEAK || frame->kind == FRAME_SETTLED) {
        link->events->on_frame(link->ctx, link, frame);
    } else {
        log_error("guardian %d: told of nobody: kind=%d", (int)link->pid,
                  (int)frame->kind);
    }
}

// Handles the frames in `bytes` and keeps what is left for later.
static bool
take_frames(struct guardian_link *link, struct slice bytes)
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
on_close(uv_handle_t *handle)
{
    struct guardian_link *link = handle->data;

    close(link->fd);
    buf_release(&link->in);
    buf_release(&link->out);
    free(link->children);
    free(link);
}

// The end of a guardian: its own, or as it was asked for.
static void
closed(struct guardian_link *link)
{
    int lost = link->running;

    link->open = false;
    uv_poll_stop(&link->poll);
    link->events->on_closed(link->ctx, link, lost);
    // Only now: who hears of a lost child may start it again at once, for
    // which there must be a guardian.
    for (size_t i = 0; i < link->capacity; i++) {
        if (link->children[i] != NULL) {
            child_lost(link->children[i]);
        }
    }
    uv_close((uv_handle_t *)&link->poll, on_close);
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
    struct guardian_link *link = poll->data;
    char *scratch = loop_scratch(link->loop);

    (void)status; // reading finds out what it is
    if ((events & UV_WRITABLE) != 0) {
        guardian_link_flush(link);
    }
    for (int i = 0; i < READS_A_TURN && link->open; i++) {
        ssize_t count =
            recv(link->fd, scratch, LOOP_SCRATCH_SIZE, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (count <= 0 ||
            !take_frames(link, slice_make(scratch, (size_t)count))) {
            closed(link);
            return;
        }
        if ((size_t)count < LOOP_SCRATCH_SIZE) {
            return;
        }
    }
}

struct guardian_link *
guardian_link_open(const struct guardian_link_params *params,
                   const struct guardian_link_events *events, void *ctx,
                   struct err *err)
{
    struct guardian_handle handle;

    if (!guardian_start(&params->guardian, &handle, err)) {
        return NULL;
    }
    struct guardian_link *link = ALLOC(struct guardian_link);
    link->loop = params->loop;
    link->events = events;
    link->ctx = ctx;
    link->pid = handle.pid;
    link->fd = handle.fd;
    link->open = true;
    buf_init(&link->in, FRAME_MAX);
    buf_init(&link->out, MAX_QUEUE);
    link->poll.data = link;
    int result = uv_poll_init(loop_uv(link->loop), &link->poll, link->fd);
    assert(result == 0); // a socket can always be polled
    (void)result;
    watch(link);
    buf_add_slice(&link->out, params->first);
    guardian_link_flush(link);
    return link;
}

void
guardian_link_drop(struct guardian_link *link)
{
    link->open = false;
    kill(link->pid, SIGKILL);
    waitpid(link->pid, NULL, 0);
    uv_close((uv_handle_t *)&link->poll, on_close);
}

void
guardian_link_finish(struct guardian_link *link)
{
    guardian_link_flush(link);
    shutdown(link->fd, SHUT_WR);
}

bool
guardian_link_is_open(const struct guardian_link *link)
{
    return link->open;
}

size_t
guardian_link_queued(const struct guardian_link *link)
{
    return link->out.len;
}

pid_t
guardian_link_pid(const struct guardian_link *link)
{
    return link->pid;
}

int
guardian_link_running(const struct guardian_link *link)
{
    return link->running;
}
