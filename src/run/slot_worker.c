#include "run/slot_internal.h"

#include "run/run_request.h"
#include "util/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

// A worker that was forked greets within milliseconds; one that has to load
// the suite first takes as long as that takes.
#define SLOT_FORK_MS 30000
#define SLOT_SPAWN_MS 120000
// Between the end of a worker's connection and the news of its death.
#define SLOT_SILENCE_MS 5000

static void bury(struct slot *slot);

/* Whether its worker may run one job only: it has no other way to isolate. */
bool
slot_is_single_use(const struct slot *slot)
{
    return slot->shared->settings->isolation != ISOLATION_WORKER &&
           (slot->can & ADAPTER_CAN_PROCESS) == 0 && !slot->shared->inside;
}

/* Signals a process that the worker or the zygote started, or the worker. */
void
slot_signal(struct slot *slot, int pid, int signo, bool group)
{
    if (pid <= 1) {
        return;
    }
    log_debug("slot %d: signal %d to %d", slot->number, signo, pid);
    if (slot->child != NULL) {
        child_signal_pid(slot->child, pid, signo, group);
    } else {
        zygote_signal(slot->shared->zygote, pid, signo, group);
    }
}

void
slot_signal_worker(struct slot *slot, int signo)
{
    if (slot->child != NULL) {
        child_signal(slot->child, signo);
    } else if (slot->pid > 0) {
        slot_signal(slot, slot->pid, signo, true);
    }
}

void
slot_signal_job(struct slot *slot, int signo)
{
    if (slot->run.pid > 0) {
        slot_signal(slot, slot->run.pid, signo, true);
    } else {
        slot_signal_worker(slot, signo);
    }
}

/* The worker cannot be trusted or does not answer: it is ended. */
void
slot_condemn(struct slot *slot, bool breach, const char *problem)
{
    if (slot->problem[0] == '\0') {
        snprintf(slot->problem, sizeof(slot->problem), "%s", problem);
        slot->breach = breach;
    }
    log_info("slot %d: %s", slot->number, problem);
    slot_signal_job(slot, SIGKILL);
    slot_signal_worker(slot, SIGKILL);
}

static void
on_message(void *ctx, struct session *session,
           const struct adapter_message *message)
{
    struct slot *slot = ctx;
    (void)session;
    if (message->kind == ADAPTER_HELLO) {
        slot_condemn(slot, true, "greeted twice");
    } else if (message->kind != ADAPTER_IMPORTING &&
               message->kind != ADAPTER_WARNING &&
               message->kind != ADAPTER_THREADS) {
        slot_message(slot, message);
    }
}

static void
on_session_gone(void *ctx, struct session *session, const struct err *err)
{
    struct slot *slot = ctx;
    if (session == slot->side) {
        slot->side = NULL;
    } else {
        slot->session = NULL;
    }
    if (err != NULL) {
        slot_condemn(slot, true, err->text);
    }
    if (slot->dead) {
        bury(slot);
    } else if (slot->session == NULL && slot->side == NULL) {
        // Its process may have died, or a test closed its socket and it will
        // be back; in both cases there will be news soon.
        deadline_arm(&slot->deadline, SLOT_SILENCE_MS);
    }
}

static const struct session_events session_events = {
    .on_message = on_message,
    .on_gone = on_session_gone,
};

void
slot_send_line(struct slot *slot)
{
    struct slice line = buf_slice(&slot->shared->line);
    if (slot->shared->inside) {
        zygote_send(slot->shared->zygote, line);
    } else if (slot->session != NULL) {
        session_send(slot->session, line);
    }
}

static bool
needs_spawn(const struct slot *slot, const struct order *order)
{
    uint8_t flags = items_peek_job(slot->shared->items, order->job)->flags;
    return slot->shared->spawn || (flags & JOB_SPAWN) != 0;
}

/* Whether the next order that was not sent can go to this worker. */
static bool
fits(const struct slot *slot)
{
    if (slot->shared->inside) {
        return true;
    }
    return needs_spawn(slot, &slot->orders[slot->sent_count]) ==
               slot->spawned &&
           (slot->sent_count == 0 || !slot_is_single_use(slot));
}

static bool
add_run(struct slot *slot, uint32_t place)
{
    const struct slot_shared *shared = slot->shared;
    struct run_request request = {
        .items = shared->items,
        .build_id = shared->build_id,
        .job = slot->orders[place].job,
        .attempt = slot->orders[place].attempt,
        .tmp =
            workplace_tmp(shared->workplace, slot->number, slot->lanes[place]),
        .by_id = slot->spawned,
    };
    return run_request_add(&slot->shared->line, &request);
}

/* Sends what has not been sent, as long as it fits the worker that is there. */
void
slot_send(struct slot *slot)
{
    if (slot->state != SLOT_IDLE && slot->state != SLOT_BUSY) {
        return;
    }
    buf_reset(&slot->shared->line);
    bool any = false;
    while (slot->sent_count < slot->order_count && fits(slot)) {
        if (!add_run(slot, slot->sent_count)) {
            slot_condemn(slot, true,
                         "has more tests than fit into one request");
            break;
        }
        slot->sent_count++;
        any = true;
    }
    if (any) {
        if (!slot->sent) {
            slot->sent = true;
            slot_begin_front(slot);
        }
        slot->state = SLOT_BUSY;
        slot_send_line(slot);
    } else if (slot->order_count > 0 && slot->sent_count == 0) {
        // A worker of the wrong kind is there: it makes room for another.
        slot_stop(slot);
        slot->stopping = false;
    }
}

void
slot_on_deadline(void *ctx)
{
    struct slot *slot = ctx;
    switch (slot->state) {
    case SLOT_STARTING:
        slot_condemn(slot, false, "its worker did not greet in time");
        if (slot->child == NULL && slot->pid == 0) {
            slot->dead = true;
            bury(slot);
        }
        break;
    case SLOT_IDLE:
    case SLOT_BUSY:
        if (slot->dead) {
            bury(slot);
        } else {
            slot_condemn(slot, false,
                         "closed its connection and stayed silent");
            slot->dead = true;
            deadline_arm(&slot->deadline, SLOT_SILENCE_MS);
        }
        break;
    case SLOT_ENDING:
        if (slot->dead) {
            bury(slot);
        } else {
            slot_signal_worker(slot, SIGKILL);
            slot->dead = true;
            deadline_arm(&slot->deadline, SLOT_STOP_MS);
        }
        break;
    case SLOT_EMPTY:
        break;
    }
}

static void
send_fork(struct slot *slot)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", slot->number);
    struct request_env env[] = {
        {"MULE_SLOT", number},
        {"MULE_LOCAL_SLOT", number},
        {"TMPDIR", workplace_tmp(slot->shared->workplace, slot->number, 0)},
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
        .out = slot->printed.capture.paths[STREAM_OUT],
        .err = slot->printed.capture.paths[STREAM_ERR],
        .tmp = workplace_tmp(slot->shared->workplace, slot->number, 0),
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
    slot->breach = false;
    slot->problem[0] = '\0';
    slot->pid = 0;
    printed_skip(&slot->printed);
    slot->spawned =
        slot->shared->spawn ||
        (slot->order_count > 0 && needs_spawn(slot, &slot->orders[0]));
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
    if (slot->pid == 0) {
        slot->pid = pid;
    }
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
    session_give(session, &session_events, slot);
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
        slot->session != NULL) {
        session_drop(session);
        if (!hello->resume && slot->state != SLOT_EMPTY) {
            slot_condemn(slot, true, "greeted twice");
        }
        return;
    }
    slot->session = session;
    slot->pid = hello->pid;
    slot->can = hello->can;
    slot->dump_signal = hello->dump_signal;
    session_give(session, &session_events, slot);
    deadline_disarm(&slot->deadline);
    send_welcome(slot, session);
    slot->state = SLOT_IDLE;
    slot_send(slot);
    if (slot->stopping && slot->order_count == 0) {
        slot_stop(slot);
    }
}

/* Gives every order that lies here back, all with the same fate. */
void
slot_give_back(struct slot *slot, enum order_end end, const char *problem)
{
    while (slot->order_count > 0) {
        struct order order = slot->orders[0];
        slot->sent_count = 0;
        slot_drop_front(slot);
        struct order_report report = {
            .job = order.job,
            .attempt = order.attempt,
            .slot = slot->number,
            .end = end,
            .running = ITEM_NONE,
            .problem = problem,
        };
        slot->shared->events->on_end(slot->shared->ctx, &report);
    }
}

void
slot_abandon(struct slot *slot)
{
    slot->state = SLOT_ENDING;
    slot_signal_worker(slot, SIGKILL);
    deadline_arm(&slot->deadline, SLOT_STOP_MS);
    slot_give_back(slot, ORDER_CANCELLED, "");
}

/* A job that a killed worker had begun although nobody wanted it any more. */
static void
end_stray_job(struct slot *slot)
{
    if (slot->cancelled && slot->page != NULL && slot->page[0] > 1) {
        slot_signal(slot, (int)slot->page[0], SIGKILL, true);
    }
}

void
slot_fork_failed(struct slot *slot, struct slice reason)
{
    struct err err = {0};
    err_set(&err, ERR_SPAWN, "starting a worker: %.*s", SLICE_ARG(reason));
    err_hint(&err, "there may be too many processes (ulimit -u) or too little"
                   " memory; fewer slots (-j) need less of both");
    slot->state = SLOT_EMPTY;
    deadline_disarm(&slot->deadline);
    slot->shared->events->on_broken(slot->shared->ctx, &err);
    slot_give_back(slot, ORDER_CANCELLED, "no worker could be started");
    slot->shared->on_empty(slot->shared->suite);
}

/* The worker is gone and has said all that it will: what of its orders? */
static void
bury(struct slot *slot)
{
    deadline_disarm(&slot->deadline);
    session_drop(slot->session);
    session_drop(slot->side);
    slot->session = slot->side = NULL;
    slot_read_page(slot);
    end_stray_job(slot);
    bool greeted = slot->state != SLOT_STARTING;
    // Not empty yet: what is given to it while it tells of its end must wait.
    slot->state = SLOT_ENDING;
    if (slot_front(slot) != NULL) {
        if (slot->run.pid > 0 && !slot->run.exited) {
            slot_signal_job(slot, SIGKILL); // nobody is left to do so
        }
        slot_sweep(slot, slot->pid);
        uint64_t us = slot_now(slot) - slot->run.began_us;
        slot_end_front(slot, true, slot->dead_status, us);
    } else if (!greeted && slot->order_count > 0) {
        struct err err = {0};
        err_set(&err, ERR_SPAWN, "a worker of adapter \"%s\" %s",
                slot->shared->command->name,
                slot->problem[0] != '\0' ? slot->problem
                                         : "ended before it greeted");
        slot->shared->events->on_broken(slot->shared->ctx, &err);
        slot_give_back(slot, ORDER_CANCELLED, "no worker could be started");
    }
    slot->pid = 0;
    // What had been sent ahead was never begun: the next worker gets it.
    slot->sent = false;
    slot->sent_count = 0;
    if (slot->cancelled) {
        slot_give_back(slot, ORDER_CANCELLED, "");
    }
    slot->state = SLOT_EMPTY;
    if (slot->order_count > 0) {
        slot_start_worker(slot);
    } else {
        slot->shared->on_empty(slot->shared->suite);
        slot->shared->events->on_room(slot->shared->ctx);
    }
}

void
slot_exited(struct slot *slot, int status, const struct usage *usage)
{
    if (slot->state == SLOT_EMPTY) {
        return;
    }
    slot->dead = true;
    slot->dead_status = status;
    slot->run.usage = *usage;
    if (slot->session == NULL && slot->side == NULL) {
        bury(slot);
    } else {
        deadline_arm(&slot->deadline, SLOT_EOF_MS);
    }
}

void
slot_orphaned(struct slot *slot)
{
    if (slot->state == SLOT_EMPTY || slot->spawned) {
        return;
    }
    // Its own connection tells of its end from now on.
    slot_condemn(slot, false, "the process that had loaded the suite is gone");
    slot_exited(slot, SIGKILL, &(struct usage){0});
}
