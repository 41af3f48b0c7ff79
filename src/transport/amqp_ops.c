// The functions of transport.h, as what is asked of the other files.
#include "transport/amqp_internal.h"
#include "util/alloc.h"

static bool
op_is_up(const struct transport *transport)
{
    return ((const struct amqp *)transport)->phase == AMQP_UP;
}

static const char *
op_address(const struct transport *transport)
{
    const struct amqp *amqp = (const struct amqp *)transport;

    return amqp->urls.items[amqp->url].shown;
}

static void
op_ask_facts(struct transport *transport,
             void (*fn)(void *, const struct transport_facts *,
                        const struct err *),
             void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_NOTHING, "");

    op->facts = fn;
    op->ctx = ctx;
    amqp_ask(amqp_of(transport), op);
}

static void
ask_done(struct transport *transport, struct amqp_op *op,
         transport_done_fn done, void *ctx)
{
    op->done = done;
    op->ctx = ctx;
    amqp_ask(amqp_of(transport), op);
}

static void
ask_count(struct transport *transport, struct amqp_op *op,
          transport_count_fn count, void *ctx)
{
    op->count = count;
    op->ctx = ctx;
    amqp_ask(amqp_of(transport), op);
}

static void
op_declare_exchange(struct transport *transport,
                    const struct exchange_params *params,
                    transport_done_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_EXCHANGE, params->name);

    op->exchange_params = *params;
    op->exchange_params.name = NULL;
    ask_done(transport, op, done, ctx);
}

static void
op_declare_queue(struct transport *transport, const struct queue_params *params,
                 transport_done_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_QUEUE, params->name);

    op->queue_params = *params;
    op->queue_params.name = NULL;
    ask_done(transport, op, done, ctx);
}

static void
op_bind(struct transport *transport, const char *queue, const char *exchange,
        const char *key, transport_done_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_BIND, queue);

    op->exchange = alloc_dup(exchange);
    op->key = alloc_dup(key);
    ask_done(transport, op, done, ctx);
}

static void
op_publish(struct transport *transport, const struct publish *publish,
           transport_done_fn done, void *ctx)
{
    amqp_publish(amqp_of(transport), publish, done, ctx);
}

static void
op_ack(struct transport *transport, uint64_t tag)
{
    amqp_answer(amqp_of(transport), tag, AMQP_ANSWER_ACK);
}

static void
op_requeue(struct transport *transport, uint64_t tag)
{
    amqp_answer(amqp_of(transport), tag, AMQP_ANSWER_REQUEUE);
}

static void
op_reject(struct transport *transport, uint64_t tag)
{
    amqp_answer(amqp_of(transport), tag, AMQP_ANSWER_REJECT);
}

static void
op_length(struct transport *transport, const char *queue,
          transport_count_fn done, void *ctx)
{
    ask_count(transport, amqp_op_new(AMQP_OP_LENGTH, queue), done, ctx);
}

static void
op_purge(struct transport *transport, const char *queue,
         transport_count_fn done, void *ctx)
{
    ask_count(transport, amqp_op_new(AMQP_OP_PURGE, queue), done, ctx);
}

static void
op_forget_queue(struct transport *transport, const char *queue)
{
    amqp_admin_forget(amqp_of(transport), queue);
}

static void
op_delete_queue(struct transport *transport, const char *queue, bool if_unused,
                transport_count_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_DELETE, queue);

    op->if_unused = if_unused;
    ask_count(transport, op, done, ctx);
}

static void
op_delete_exchange(struct transport *transport, const char *name,
                   transport_done_fn done, void *ctx)
{
    ask_done(transport, amqp_op_new(AMQP_OP_DELETE_EXCHANGE, name), done, ctx);
}

static void
op_withdraw(struct transport *transport, const char *queue, const char *header,
            const char *value, transport_count_fn done, void *ctx)
{
    (void)queue;
    (void)header;
    (void)value;
    amqp_later_count(amqp_of(transport), done, ctx, NULL);
}

static void
op_reclaim(struct transport *transport, const char *queue, const char *name,
           transport_count_fn done, void *ctx)
{
    (void)queue;
    (void)name;
    amqp_later_count(amqp_of(transport), done, ctx, NULL);
}

const struct transport_ops amqp_ops = {
    .close = amqp_transport_close,
    .free = amqp_transport_free,
    .is_up = op_is_up,
    .address = op_address,
    .ask_facts = op_ask_facts,
    .declare_exchange = op_declare_exchange,
    .declare_queue = op_declare_queue,
    .bind = op_bind,
    .publish = op_publish,
    .take = amqp_take,
    .subscribe = amqp_subscribe,
    .prefetch = amqp_prefetch,
    .stop = amqp_stop,
    .ack = op_ack,
    .requeue = op_requeue,
    .reject = op_reject,
    .length = op_length,
    .purge = op_purge,
    .delete_queue = op_delete_queue,
    .forget_queue = op_forget_queue,
    .delete_exchange = op_delete_exchange,
    .withdraw = op_withdraw,
    .reclaim = op_reclaim,
};
