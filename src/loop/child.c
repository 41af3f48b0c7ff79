#include "loop/child.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "loop/guardian_link.h"
#include "util/alloc.h"

// Packs texts one behind the other, for a frame. False: too long.
static bool
pack(struct buf *bytes, const char *const *texts, struct frame_texts *packed)
{
    buf_reset(bytes);
    *packed = (struct frame_texts){0};
    for (; texts != NULL && *texts != NULL; texts++) {
        if (!guardian_codec_add_text(bytes, &packed->count, *texts)) {
            return false;
        }
    }
    packed->bytes = buf_slice(bytes);
    return true;
}

static bool
make_frame(struct guardians *guardians, const struct child_params *params,
           struct frame_spawn *spawn)
{
    struct buf *texts = guardians_texts(guardians);

    *spawn = (struct frame_spawn){
        .input = params->input,
        .out = params->out,
        .err = params->err,
        .leads = params->leads,
        .zygote = params->zygote,
        .cwd = params->cwd,
        .tag = params->tag,
        .input_path = params->input_path,
        .out_path = params->out_path,
        .err_path = params->err_path,
        .input_text = params->input_text,
    };
    return pack(&texts[0], params->argv, &spawn->argv) &&
           pack(&texts[1], params->env, &spawn->env);
}

struct child *
child_start(struct guardians *guardians, const struct child_params *params,
            const struct child_events *events, void *ctx, struct err *err)
{
    assert(params->argv != NULL && params->argv[0] != NULL);
    assert(params->out != CHILD_OUTPUT_SAME);
    assert(events->on_gone != NULL);
    struct frame frame = {.kind = FRAME_SPAWN};
    bool fits = make_frame(guardians, params, &frame.spawn);
    struct guardian_link *link = guardians_choose(guardians);

    if (link == NULL) {
        err_set(err, ERR_SPAWN, "no guardian is left to start %s",
                params->argv[0]);
        return NULL;
    }
    struct child *child = ALLOC(struct child);
    child->events = events;
    child->ctx = ctx;
    guardian_link_add(link, child);
    frame.spawn.id = child->id;
    if (!fits || !guardian_link_send(link, &frame)) {
        guardian_link_remove(link, child);
        free(child);
        err_set(err, ERR_SPAWN,
                "starting %s: its arguments and environment are too long",
                params->argv[0]);
        return NULL;
    }
    return child;
}

void
child_signal(struct child *child, int signo)
{
    struct frame frame = {.kind = FRAME_SIGNAL,
                          .signal = {.id = child->id, .signo = signo}};

    guardian_link_send(child->link, &frame);
}

void
child_signal_pid(struct child *child, pid_t pid, int signo, bool group)
{
    struct frame frame = {
        .kind = FRAME_SIGNAL_PID,
        .signal_pid = {.pid = pid, .signo = signo, .group = group}};

    guardian_link_send(child->link, &frame);
}

void
child_drop(struct child *child)
{
    if (child != NULL) {
        child->events = NULL;
        child_signal(child, SIGKILL);
    }
}

pid_t
child_pid(const struct child *child)
{
    return child->pid;
}

static void
bury(struct child *child, const struct child_exit *exit)
{
    guardian_link_remove(child->link, child);
    if (child->events != NULL) {
        child->events->on_gone(child->ctx, exit);
    }
    free(child);
}

static void
tell_failed(struct child *child, const struct frame_failed *failed)
{
    struct child_exit exit = {.failed = true};
    struct err err = {0};

    if (child->events != NULL && child->events->on_failed != NULL) {
        err_set_errno(&err, ERR_SPAWN, failed->number, "%s %s",
                      frame_step_name(failed->step), failed->name);
        if (failed->number == EAGAIN || failed->number == ENOMEM) {
            err_hint(&err, CHILD_TOO_MANY);
        }
        child->events->on_failed(child->ctx, &err);
    }
    bury(child, &exit);
}

void
child_told(struct child *child, const struct frame *frame)
{
    const struct child_events *events = child->events;

    if (frame->kind == FRAME_STARTED) {
        child->pid = frame->started.pid;
        if (events != NULL && events->on_started != NULL) {
            events->on_started(child->ctx, child->pid);
        }
    } else if (frame->kind == FRAME_OUTPUT) {
        if (events != NULL && events->on_output != NULL) {
            events->on_output(child->ctx, frame->output.stream,
                              frame->output.bytes);
        }
    } else if (frame->kind == FRAME_FAILED) {
        tell_failed(child, &frame->failed);
    } else if (frame->kind == FRAME_GONE) {
        struct child_exit exit = {.status = frame->gone.status,
                                  .usage = frame->gone.usage,
                                  .wall_us = frame->gone.wall_us,
                                  .held = frame->gone.held};
        bury(child, &exit);
    }
}

void
child_lost(struct child *child)
{
    struct child_exit exit = {.lost = true};

    bury(child, &exit);
}
