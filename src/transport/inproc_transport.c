// The functions of a transport; what they ask for is done in its turn.
#include "transport/inproc_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static bool
inproc_is_up(const struct transport *transport)
{
    return ((const struct inproc_client *)transport)->up;
}

static const char *
inproc_address(const struct transport *transport)
{
    return ((const struct inproc_client *)transport)->address;
}

static void
inproc_ask_facts(struct transport *transport,
                 void (*fn)(void *ctx, const struct transport_facts *facts,
                            const struct err *err),
                 void *ctx)
{
    struct inproc_op *op = inproc_op_new(INPROC_OP_FACTS, NULL, ctx);

    op->facts = fn;
    inproc_ask((struct inproc_client *)transport, op);
}

// The same op once more, to be done again after each reconnect.
static void
remember(struct inproc_client *client, const struct inproc_op *op)
{
    struct inproc_op *copy = inproc_op_new(op->kind, NULL, NULL);

    copy->exchange = op->exchange;
    copy->queue = op->queue;
    copy->name = alloc_dup_or_null(op->name);
    copy->other = alloc_dup_or_null(op->other);
    copy->key = alloc_dup_or_null(op->key);
    copy->exchange.name = copy->queue.name = copy->name;
    list_add(&client->topology, &copy->link);
}

static void
forget(struct inproc_client *client, enum inproc_op_kind kind, const char *name)
{
    LIST_FOR_EACH(link, &client->topology)
    {
        struct inproc_op *op = LIST_ENTRY(link, struct inproc_op, link);
        bool same = strcmp(op->name, name) == 0 &&
                    (op->kind == kind || op->kind == INPROC_OP_BIND);
        bool bound = kind == INPROC_OP_EXCHANGE && op->kind == INPROC_OP_BIND &&
                     strcmp(op->other, name) == 0;
        if (same || bound) {
            list_remove(link);
            inproc_op_free(op);
        }
    }
}

static void
inproc_declare_exchange(struct transport *transport,
                        const struct exchange_params *params,
                        transport_done_fn done, void *ctx)
{
    struct inproc_client *client = (struct inproc_client *)transport;
    struct inproc_op *op = inproc_op_new(INPROC_OP_EXCHANGE, done, ctx);

    op->name = alloc_dup(params->name);
    op->exchange = *params;
    op->exchange.name = op->name;
    remember(client, op);
    inproc_ask(client, op);
}

static void
inproc_declare_queue(struct transport *transport,
                     const struct queue_params *params, transport_done_fn done,
                     void *ctx)
{
    struct inproc_client *client = (struct inproc_client *)transport;
    struct inproc_op *op = inproc_op_new(INPROC_OP_QUEUE, done, ctx);

    op->name = alloc_dup(params->name);
    op->queue = *params;
    op->queue.name = op->name;
    remember(client, op);
    inproc_ask(client, op);
}

static void
inproc_bind(struct transport *transport, const char *queue,
            const char *exchange, const char *key, transport_done_fn done,
            void *ctx)
{
    struct inproc_client *client = (struct inproc_client *)transport;
    struct inproc_op *op = inproc_op_new(INPROC_OP_BIND, done, ctx);

    op->name = alloc_dup(queue);
    op->other = alloc_dup(exchange);
    op->key = alloc_dup(key);
    remember(client, op);
    inproc_ask(client, op);
}

struct refusal {
    transport_done_fn done;
    void *ctx;
    struct err err;
};

static void
tell_refused(void *ctx, const struct err *err)
{
    struct refusal *refusal = ctx;

    (void)err;
    refusal->done(refusal->ctx, &refusal->err);
    free(refusal);
}

// Answered in its turn, as everything is.
static void
refuse(struct inproc_client *client, transport_done_fn done, void *ctx,
       const struct err *err)
{
    if (done != NULL) {
        struct refusal *refusal = ALLOC(struct refusal);
        *refusal = (struct refusal){.done = done, .ctx = ctx, .err = *err};
        inproc_ask(client,
                   inproc_op_new(INPROC_OP_NOTHING, tell_refused, refusal));
    }
}

static void
inproc_publish(struct transport *transport, const struct publish *publish,
               transport_done_fn done, void *ctx)
{
    struct inproc_client *client = (struct inproc_client *)transport;
    uint64_t len = publish->message->body.len;
    struct err err = {0};

    if (len > TRANSPORT_BODY_MAX) {
        err_set(&err, ERR_LIMIT, "a message of %zu bytes is too long",
                (size_t)len);
    } else if (client->pending >= TRANSPORT_PENDING_MAX ||
               client->pending_bytes + len > TRANSPORT_PENDING_BYTES_MAX) {
        err_set(&err, ERR_LIMIT, "too many messages wait for the broker");
    }
    if (err_is_set(&err)) {
        refuse(client, done, ctx, &err);
        return;
    }
    struct inproc_op *op = inproc_op_new(INPROC_OP_PUBLISH, done, ctx);
    op->stored = stored_new(publish);
    op->flag = publish->mandatory;
    client->pending++;
    client->pending_bytes += len;
    inproc_ask(client, op);
}

static void
ask_count(struct transport *transport, struct inproc_op *op, const char *name,
          transport_count_fn counted)
{
    op->name = alloc_dup(name);
    op->counted = counted;
    inproc_ask((struct inproc_client *)transport, op);
}

static void
inproc_ask_length(struct transport *transport, const char *queue,
                  transport_count_fn done, void *ctx)
{
    ask_count(transport, inproc_op_new(INPROC_OP_LENGTH, NULL, ctx), queue,
              done);
}

static void
inproc_purge(struct transport *transport, const char *queue,
             transport_count_fn done, void *ctx)
{
    ask_count(transport, inproc_op_new(INPROC_OP_PURGE, NULL, ctx), queue,
              done);
}

static void
inproc_delete_queue(struct transport *transport, const char *queue,
                    bool if_unused, transport_count_fn done, void *ctx)
{
    struct inproc_op *op = inproc_op_new(INPROC_OP_DELETE, NULL, ctx);

    op->flag = if_unused;
    forget((struct inproc_client *)transport, INPROC_OP_QUEUE, queue);
    ask_count(transport, op, queue, done);
}

static void
inproc_delete_exchange(struct transport *transport, const char *name,
                       transport_done_fn done, void *ctx)
{
    struct inproc_client *client = (struct inproc_client *)transport;
    struct inproc_op *op = inproc_op_new(INPROC_OP_DELETE_EXCHANGE, done, ctx);

    op->name = alloc_dup(name);
    forget(client, INPROC_OP_EXCHANGE, name);
    inproc_ask(client, op);
}

static void
inproc_withdraw(struct transport *transport, const char *queue,
                const char *header, const char *value, transport_count_fn done,
                void *ctx)
{
    (void)header;
    (void)value;
    ask_count(transport, inproc_op_new(INPROC_OP_NOTHING, NULL, ctx), queue,
              done);
}

static void
inproc_reclaim(struct transport *transport, const char *queue, const char *name,
               transport_count_fn done, void *ctx)
{
    (void)name;
    ask_count(transport, inproc_op_new(INPROC_OP_NOTHING, NULL, ctx), queue,
              done);
}

static const struct transport_ops ops = {
    .close = inproc_close,
    .free = inproc_free,
    .is_up = inproc_is_up,
    .address = inproc_address,
    .ask_facts = inproc_ask_facts,
    .declare_exchange = inproc_declare_exchange,
    .declare_queue = inproc_declare_queue,
    .bind = inproc_bind,
    .publish = inproc_publish,
    .take = inproc_take,
    .subscribe = inproc_subscribe,
    .prefetch = inproc_prefetch,
    .stop = inproc_stop,
    .ack = inproc_ack,
    .requeue = inproc_requeue,
    .reject = inproc_ack,
    .length = inproc_ask_length,
    .purge = inproc_purge,
    .delete_queue = inproc_delete_queue,
    .delete_exchange = inproc_delete_exchange,
    .withdraw = inproc_withdraw,
    .reclaim = inproc_reclaim,
};

struct transport *
inproc_open(const struct driver_params *params, struct err *err)
{
    struct inproc_client *client = inproc_client_new(params);

    (void)err;
    client->base.ops = &ops;
    return &client->base;
}
