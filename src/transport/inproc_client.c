// A connection: what it does in each of its turns, and its end.
#include "transport/inproc_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "util/alloc.h"

static void pump(void *ctx);

void
inproc_wake(struct inproc_client *client)
{
    if (!client->posted && !client->dead) {
        client->posted = true;
        loop_post(client->loop, pump, client);
    }
}

void
inproc_ask(struct inproc_client *client, struct inproc_op *op)
{
    list_add(&client->ops, &op->link);
    inproc_wake(client);
}

// A publish leaves what is pending.
static void
settle(struct inproc_client *client, const struct inproc_op *op)
{
    if (op->stored != NULL) {
        client->pending--;
        client->pending_bytes -= op->stored->message.body.len;
    }
}

static void
perform(struct inproc_client *client, struct inproc_op *op)
{
    bool publish = op->kind == INPROC_OP_PUBLISH;
    struct err err = {0};
    uint64_t count = 0;

    (void)inproc_op_do(client, op, &count, &err);
    if (publish && op->kind == INPROC_OP_NOTHING) {
        op->kind = INPROC_OP_PUBLISH;
        list_add(&client->silent, &op->link);
        return;
    }
    settle(client, op);
    inproc_op_answer(op, count, &err);
}

// The first op that can be done now (or any one), or NULL.
static struct inproc_op *
next_op(struct inproc_client *client, bool any)
{
    // The analyzer fears that an op which was freed is still in the list.
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    LIST_FOR_EACH(link, &client->ops)
    {
        struct inproc_op *op = LIST_ENTRY(link, struct inproc_op, link);
        if (any || op->kind != INPROC_OP_PUBLISH || !client->inproc->alarm) {
            list_remove(link);
            assert(list_first(&client->ops) != link);
            return op;
        }
    }
    return NULL;
}

void
inproc_disconnect(struct inproc_client *client)
{
    client->up = false;
    inproc_uses_down(client);
    inproc_give_back_held(client);
    inproc_broker_leave(&client->inproc->broker, client);
}

static void
redo(struct inproc_client *client)
{
    struct err err = {0};
    uint64_t count = 0;

    LIST_FOR_EACH(link, &client->topology)
    {
        (void)inproc_op_do(client, LIST_ENTRY(link, struct inproc_op, link),
                           &count, &err);
        err_clear(&err);
    }
    while (!list_is_empty(&client->silent)) {
        struct list_link *last = client->silent.head.previous;
        list_remove(last);
        list_add_first(&client->ops, last);
    }
    inproc_uses_up(client);
}

static void
connect_now(struct inproc_client *client)
{
    client->up = true;
    redo(client);
    if (client->events->on_up != NULL) {
        client->events->on_up(client->ctx);
    }
}

// One step; false: there is nothing to do.
static bool
step(struct inproc_client *client)
{
    if (client->lost) {
        struct err err = {0};
        client->lost = false;
        err_set(&err, ERR_SYSTEM, "%s: connection lost", client->address);
        if (client->events->on_down != NULL) {
            client->events->on_down(client->ctx, &err);
        }
        return true;
    }
    if (!client->up) {
        if (client->away) {
            return false;
        }
        connect_now(client);
        return true;
    }
    struct inproc_op *op = next_op(client, false);
    if (op != NULL) {
        perform(client, op);
        return true;
    }
    return inproc_deliver_one(client) || inproc_uses_tell_end(client);
}

static void
client_destroy(struct inproc_client *client)
{
    ARRAY_RELEASE(&client->held);
    free(client->name);
    free(client->address);
    free(client);
}

static void
finish_closing(struct inproc_client *client)
{
    struct list_link *link = NULL;
    struct inproc_op *op = NULL;
    struct err err = {0};

    deadline_disarm(&client->limit);
    client->closed = true;
    inproc_disconnect(client);
    err_set(&err, ERR_INTERRUPTED, "the connection was closed");
    while ((link = list_take_first(&client->silent)) != NULL) {
        list_add(&client->ops, link);
    }
    while (!client->dead && (op = next_op(client, true)) != NULL) {
        settle(client, op);
        inproc_op_answer(op, 0, &err);
    }
    if (!client->dead) {
        client->on_closed(client->closed_ctx, NULL);
    }
}

static void
on_limit(void *ctx)
{
    struct inproc_client *client = ctx;

    client->depth++;
    finish_closing(client);
    if (--client->depth == 0 && client->dead) {
        client_destroy(client);
    }
}

#define STEPS_A_TURN 256

static void
pump(void *ctx)
{
    struct inproc_client *client = ctx;
    int steps = 0;

    client->posted = false;
    client->depth++;
    while (!client->dead && !client->closed && steps < STEPS_A_TURN &&
           step(client)) {
        steps++;
    }
    if (!client->dead && !client->closed) {
        if (steps == STEPS_A_TURN) {
            inproc_wake(client);
        } else if (client->closing && client->up &&
                   list_is_empty(&client->ops)) {
            finish_closing(client);
        }
    }
    if (--client->depth == 0 && client->dead) {
        client_destroy(client);
    }
}

struct inproc_client *
inproc_client_new(const struct driver_params *params)
{
    struct inproc_client *client = ALLOC(struct inproc_client);
    struct broker_urls urls = params->urls;
    const struct transport_params *open = &params->open;

    client->inproc = inproc_hold(urls.items[0].host);
    client->loop = open->loop;
    client->events = open->events;
    client->ctx = open->ctx;
    client->name = alloc_dup(open->name);
    client->address = alloc_dup(urls.items[0].shown);
    list_init(&client->ops);
    list_init(&client->silent);
    list_init(&client->consumers);
    list_init(&client->topology);
    deadline_init(&client->limit, client->loop, on_limit, client);
    list_add(&client->inproc->clients, &client->link);
    broker_urls_release(&urls);
    inproc_wake(client);
    return client;
}

void
inproc_close(struct transport *transport, uint32_t ms, transport_done_fn done,
             void *ctx)
{
    struct inproc_client *client = (struct inproc_client *)transport;

    client->closing = true;
    client->on_closed = done;
    client->closed_ctx = ctx;
    deadline_arm(&client->limit, ms);
    inproc_wake(client);
}

void
inproc_free(struct transport *transport)
{
    struct inproc_client *client = (struct inproc_client *)transport;

    inproc_disconnect(client);
    inproc_uses_free(client);
    inproc_ops_free(&client->ops);
    inproc_ops_free(&client->silent);
    inproc_ops_free(&client->topology);
    deadline_release(&client->limit);
    loop_cancel(client->loop, client);
    list_remove(&client->link);
    inproc_release(client->inproc);
    client->dead = true;
    if (client->depth == 0) {
        client_destroy(client);
    }
}
