#include "run/slot_internal.h"

#include "util/log.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

// A worker that was forked greets within milliseconds; one that has to load
// the suite first takes as long as that takes.
#define SLOT_FORK_MS 30000
#define SLOT_SPAWN_MS 120000

static void
send_fork(struct slot *slot)
{
    char number[16];
    char local[16];
    snprintf(number, sizeof(number), "%d", slot->number);
    snprintf(local, sizeof(local), "%d", slot_local(slot));
    struct request_env env[] = {
        {"MULE_SLOT", number},
        {"MULE_LOCAL_SLOT", local},
        {"TMPDIR", slot_tmp(slot, 0)},
    };
    struct request_fork fork = {
        .slot = slot->number,
        .env = env,
        .env_count = 3,
        .out = slot->printed.capture.paths[STREAM_OUT],
        .err = slot->printed.capture.paths[STREAM_ERR],
        .page = slot->page_path,
    };
    buf_reset(&slot->shared->line);
    request_add_fork(&slot->shared->line, &fork);
    zygote_send(slot->shared->zygote, buf_slice(&slot->shared->line));
}

static void
on_child_failed(void *ctx, const struct err *err)
{
    struct slot *slot = ctx;
    snprintf(slot->problem, sizeof(slot->problem), "%s", err->text);
}

static void
on_child_gone(void *ctx, const struct child_exit *exit)
{
    struct slot *slot = ctx;
    struct usage usage = {exit->usage.user_us, exit->usage.system_us,
                          exit->usage.maxrss_kib};
    slot->child = NULL;
    if (exit->lost) {
        slot->orphan = true; // how it ended is not known
        snprintf(slot->problem, sizeof(slot->problem), "its guardian vanished");
    }
    slot_exited(slot, exit->status, &usage);
}

static bool
spawn_worker(struct slot *slot, struct err *err)
{
    static const struct child_events events = {
        .on_failed = on_child_failed,
        .on_gone = on_child_gone,
    };
    struct adapter_start start = {
        .command = slot->shared->command,
        .socket = workplace_socket(slot->shared->workplace),
        .slot = slot->number,
        .local_slot = slot_local(slot),
        .out = slot->printed.capture.paths[STREAM_OUT],
        .err = slot->printed.capture.paths[STREAM_ERR],
        .tmp = slot_tmp(slot, 0),
    };
    slot->child = adapter_command_start(slot->shared->guardians, &start,
                                        &events, slot, err);
    return slot->child != NULL;
}

void
slot_start_worker(struct slot *slot)
{
    assert(slot->state == SLOT_EMPTY);
    slot->dead = false;
    slot->killed = false;
    slot->breach = false;
    slot->orphan = false;
    slot->problem[0] = '\0';
    slot->pid = 0;
    slot->used = false;
    slot->process = 0;
    printed_skip(&slot->printed);
    slot->spawned =
        slot->shared->spawn ||
        (slot->order_count > 0 && slot_needs_spawn(slot, &slot->orders[0]));
    if (slot->page != NULL) {
        memset(slot->page, 0, PAGE_BYTES);
    }
    slot->state = SLOT_STARTING;
    if (slot->shared->inside) {
        slot->state = SLOT_IDLE;
        slot_send(slot);
        return;
    }
    struct err err = {0};
    if (!slot->spawned) {
        send_fork(slot);
    } else if (!spawn_worker(slot, &err)) {
        slot_fork_failed(slot, slice_of(err.text));
        return;
    }
    deadline_arm(&slot->deadline, slot->spawned ? SLOT_SPAWN_MS : SLOT_FORK_MS);
}

void
slot_forked(struct slot *slot, int pid)
{
    if (slot->state != SLOT_EMPTY && !slot->spawned) {
        slot->pid = pid; // its parent knows better than its greeting
    }
}

bool
slot_has(const struct slot *slot, int pid)
{
    return !slot->spawned && (slot->pid == 0 || slot->pid == pid);
}

static void
send_welcome(struct slot *slot, struct session *session)
{
    buf_reset(&slot->shared->line);
    request_add_welcome(&slot->shared->line, slot->shared->welcome);
    session_send(session, buf_slice(&slot->shared->line));
}

static bool
may_resume(struct slot *slot, const struct adapter_hello *hello)
{
    return slot_front(slot) != NULL && !slot->dead && slot->side == NULL &&
           hello->resume_job == slot->orders[0].job &&
           hello->resume_attempt == slot->orders[0].attempt;
}

/*
 * A test closed the socket of its process, which has called again. Where that
 * is a process of the job's own, the worker goes on with the old connection.
 * The worker itself has no other: what lay in the old one is asked for again.
 */
static void
resume(struct slot *slot, struct session *session,
       const struct adapter_hello *hello)
{
    deadline_disarm(&slot->deadline);
    slot_listen(slot, session);
    send_welcome(slot, session);
    if (hello->pid == slot->pid) {
        slot->side = slot->session; // what it still holds is read
        slot->session = session;
        slot->sent_count = 1;
        slot_send(slot);
    } else {
        slot->side = session;
    }
}

void
slot_greeted(struct slot *slot, struct session *session,
             const struct adapter_hello *hello)
{
    if (hello->resume && may_resume(slot, hello)) {
        resume(slot, session, hello);
        return;
    }
    if (hello->resume || slot->state != SLOT_STARTING ||
        slot->session != NULL || slot->orphan) {
        session_drop(session);
        if (!hello->resume && slot->state != SLOT_EMPTY && !slot->orphan) {
            slot_condemn(slot, true, "greeted twice");
        }
        return;
    }
    slot->session = session;
    slot->pid = slot->pid == 0 ? hello->pid : slot->pid;
    slot->can = hello->can;
    slot->dump_signal = hello->dump_signal;
    slot_listen(slot, session);
    deadline_disarm(&slot->deadline);
    send_welcome(slot, session);
    slot->state = SLOT_IDLE;
    slot_send(slot);
    if (slot->killed) {
        // Told to die before it led the group that was told: it heard nothing.
        slot_signal_worker(slot, SIGKILL);
        deadline_arm(&slot->deadline, SLOT_STOP_MS);
    } else if (slot->stopping && slot->order_count == 0) {
        slot_stop(slot);
    }
}

void
slot_fork_failed(struct slot *slot, struct slice reason)
{
    struct err err = {0};
    if (slot->state != SLOT_STARTING || slot->child != NULL || slot->pid != 0) {
        log_warn("slot %d: no worker was asked for", slot->number);
        return;
    }
    err_set(&err, ERR_SPAWN, "starting a worker: %.*s", SLICE_ARG(reason));
    err_hint(&err, CHILD_TOO_MANY);
    slot->state = SLOT_EMPTY;
    deadline_disarm(&slot->deadline);
    slot->shared->events->on_broken(slot->shared->ctx, &err);
    slot_give_back(slot, ORDER_CANCELLED, "no worker could be started");
    slot->shared->on_empty(slot->shared->suite);
}
