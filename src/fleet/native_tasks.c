#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/envelope.h"
#include "fleet/fleet_names.h"
#include "fleet/native_internal.h"
#include "util/alloc.h"

/* Tasks from the node to whoever is carried for, their ends, and commands. */

// ------------------------------------------------------------------- tasks

static struct native_task *
find_task(struct native_carrier *carrier, uint64_t number)
{
    LIST_FOR_EACH(link, &carrier->tasks)
    {
        struct native_task *task = LIST_ENTRY(link, struct native_task, link);
        if (task->number == number) {
            return task;
        }
    }
    return NULL;
}

static void
forget_task(struct native_task *task)
{
    list_remove(&task->link);
    free(task);
}

void
native_end(struct carrier *base, uint64_t number, enum carrier_end how,
           const json_t *value)
{
    struct native_task *task = find_task(native_of(base), number);

    if (task == NULL) {
        return;
    }
    struct node_task *there = task->task;
    bool terminated = task->terminated;
    forget_task(task);
    switch (how) {
    case TASK_DONE:
        if (terminated) {
            node_task_revoked(there, "terminated");
        } else {
            node_task_done(there, value);
        }
        break;
    case TASK_FAILED:
        node_task_failed(there, "ValueError",
                         json_is_string(value) ? json_string_value(value)
                                               : "it failed");
        break;
    case TASK_RETURNED:
        node_task_requeued(there);
        break;
    }
}

void
native_on_task(void *ctx, struct node_task *there)
{
    struct native_carrier *carrier = ctx;
    const struct task *about = node_task_get(there);
    bool offer = slice_equals_text(about->name, FLEET_TASK_OFFER);
    struct sealed sealed;
    struct err err = {0};

    if (!envelope_from_args(about->args, &sealed, &err)) {
        node_task_failed(there, "TypeError", err.text);
        return;
    }
    if (!offer && !node_task_started(there, 0)) {
        return; // revoked meanwhile
    }
    struct native_task *task = ALLOC(struct native_task);
    task->number = ++carrier->next;
    task->task = there;
    list_add(&carrier->tasks, &task->link);
    node_task_set(there, task);
    carrier->carried->on_task(carrier->their, task->number,
                              offer ? TASK_OFFER : TASK_RUN, &sealed,
                              node_task_is_redelivered(there));
}

void
native_on_withdrawn(void *ctx, struct node_task *there)
{
    struct native_carrier *carrier = ctx;
    struct native_task *task = node_task_mine(there);

    if (task != NULL) {
        uint64_t number = task->number;
        forget_task(task);
        carrier->carried->on_task_gone(carrier->their, number);
    }
}

void
native_on_terminate(void *ctx, struct node_task *there, const char *signal_name)
{
    struct native_carrier *carrier = ctx;
    struct native_task *task = node_task_mine(there);

    if (task != NULL) {
        task->terminated = true;
        int signo = strcmp(signal_name, "SIGKILL") == 0 ? SIGKILL : SIGTERM;
        carrier->carried->on_terminate(carrier->their, task->number, signo);
    }
}

// ----------------------------------------------------------------- control

void
native_reply(struct carrier *base, uint64_t number, const json_t *value)
{
    LIST_FOR_EACH(link, &native_of(base)->replies)
    {
        struct native_reply *reply =
            LIST_ENTRY(link, struct native_reply, link);
        if (reply->number == number) {
            node_reply(reply->reply, value);
            list_remove(&reply->link);
            free(reply);
        }
    }
}

void
native_on_command(void *ctx, const char *method, const json_t *arguments,
                  struct node_reply *there)
{
    struct native_carrier *carrier = ctx;
    struct sealed sealed = {0};
    struct err err = {0};
    uint64_t number = 0;

    if (strcmp(method, FLEET_STATUS) != 0 &&
        !envelope_from_arguments(arguments, &sealed, &err)) {
        node_reply_error(there, "%s", err.text);
        return;
    }
    if (there != NULL) {
        struct native_reply *reply = ALLOC(struct native_reply);
        reply->number = number = ++carrier->next;
        reply->reply = there;
        list_add(&carrier->replies, &reply->link);
    }
    carrier->carried->on_control(carrier->their, method, &sealed, number);
}

bool
native_on_resize(void *ctx, int concurrency, struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (concurrency < 1 || concurrency > 4096) {
        return err_set(err, ERR_LIMIT, "slots are between 1 and 4096");
    }
    node_set_concurrency(carrier->node, concurrency);
    carrier->carried->on_slots(carrier->their, concurrency);
    return true;
}

void
native_on_shutdown(void *ctx)
{
    struct native_carrier *carrier = ctx;

    carrier->carried->on_stop(carrier->their, STOP_WARM);
}

void
native_forget_all(struct native_carrier *carrier)
{
    LIST_FOR_EACH(task, &carrier->tasks)
    {
        forget_task(LIST_ENTRY(task, struct native_task, link));
    }
    LIST_FOR_EACH(link, &carrier->replies)
    {
        struct native_reply *reply =
            LIST_ENTRY(link, struct native_reply, link);
        list_remove(&reply->link);
        free(reply);
    }
}
