#include "run/slot_internal.h"

#include "run/remark.h"
#include "util/log.h"

#include <signal.h>
#include <string.h>

// Between the end of a worker's connection and the news of its death.
#define SLOT_SILENCE_MS 5000

static void bury(struct slot *slot);

bool
slot_forks_jobs(const struct slot *slot)
{
    return slot->shared->settings->isolation != ISOLATION_WORKER &&
           (slot->can & ADAPTER_CAN_PROCESS) != 0 && !slot->shared->inside;
}

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
    slot->killed = slot->killed || signo == SIGKILL;
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
    if (!deadline_is_armed(&slot->deadline)) {
        // It may be out of reach, and nobody listens to it any more.
        deadline_arm(&slot->deadline, SLOT_SILENCE_MS);
    }
}

/* The first of them is enough: what runs, here too, is cancelled then. */
static void
take_unfit(struct slot *slot, const struct adapter_message *message)
{
    if (!slot->cancelled) {
        remark_unfit(&message->unfit, slot->shared->events, slot->shared->ctx);
    }
}

static void
on_message(void *ctx, struct session *session,
           const struct adapter_message *message)
{
    struct slot *slot = ctx;
    (void)session;
    if (message->kind == ADAPTER_HELLO) {
        slot_condemn(slot, true, "greeted twice");
    } else if (message->kind == ADAPTER_UNFIT) {
        take_unfit(slot, message);
    } else if (message->kind == ADAPTER_NOTE) {
        remark_note(&message->note, slot->shared->events, slot->shared->ctx);
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

void
slot_listen(struct slot *slot, struct session *session)
{
    static const struct session_events events = {
        .on_message = on_message,
        .on_gone = on_session_gone,
    };
    session_give(session, &events, slot);
}

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

void
slot_on_deadline(void *ctx)
{
    struct slot *slot = ctx;
    switch (slot->state) {
    case SLOT_STARTING:
        slot_condemn(slot, false, "did not greet in time");
        if (slot->dead || (slot->child == NULL && slot->pid == 0)) {
            bury(slot);
        } else {
            slot->dead = true;
            deadline_arm(&slot->deadline, SLOT_SILENCE_MS);
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
    if ((slot->cancelled || slot->cut) && slot->page != NULL &&
        slot->page[0] > 1) {
        slot->cut = false;
        slot_signal(slot, (int)slot->page[0], SIGKILL, true);
    }
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
    } else if (!greeted && slot->order_count > 0 && !slot->orphan) {
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
    bool may_greet = slot->orphan && slot->state == SLOT_STARTING;
    if (slot->session == NULL && slot->side == NULL && !may_greet) {
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
    slot->orphan = true;
    slot_condemn(slot, false, "the process that had loaded the suite is gone");
    slot_exited(slot, SIGKILL, &(struct usage){0});
}
