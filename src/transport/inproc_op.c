// What was asked: doing it to the broker, and telling who asked.
#include "transport/inproc_internal.h"

#include <stdlib.h>

#include "util/alloc.h"

struct inproc_op *
inproc_op_new(enum inproc_op_kind kind, transport_done_fn done, void *ctx)
{
    struct inproc_op *op = ALLOC(struct inproc_op);

    op->kind = kind;
    op->done = done;
    op->ctx = ctx;
    return op;
}

void
inproc_op_free(struct inproc_op *op)
{
    if (op != NULL) {
        stored_free(op->stored);
        free(op->name);
        free(op->other);
        free(op->key);
        free(op);
    }
}

void
inproc_ops_free(struct list *ops)
{
    LIST_FOR_EACH(link, ops)
    {
        inproc_op_free(LIST_ENTRY(link, struct inproc_op, link));
    }
    list_init(ops);
}

// Gives false while the op must wait where it is.
static bool
do_publish(struct inproc_client *client, struct inproc_op *op, struct err *err)
{
    struct inproc *inproc = client->inproc;
    struct publish publish = {.exchange = op->stored->exchange,
                              .key = op->stored->key,
                              .message = &op->stored->message,
                              .mandatory = op->flag};
    enum inproc_fate fate =
        inproc->fate == NULL
            ? INPROC_PASS
            : inproc->fate(inproc->fate_ctx, client->name, &publish);
    struct stored *stored = stored_copy(op->stored);
    size_t count = 1;

    switch (fate) {
    case INPROC_DROP:
        stored_free(stored);
        return true;
    case INPROC_REFUSE:
        stored_free(stored);
        return err_set(err, ERR_LIMIT, "the broker refused a message");
    case INPROC_DELAY:
        list_add(&inproc->kept, &stored->link);
        inproc->kept_count++;
        return true;
    case INPROC_DUPLICATE:
        (void)inproc_broker_route(&inproc->broker, stored_copy(stored), &count,
                                  err);
        err_clear(err);
        break;
    case INPROC_SILENT:
        op->kind = INPROC_OP_NOTHING;
        break;
    case INPROC_PASS:
        break;
    }
    if (!inproc_broker_route(&inproc->broker, stored, &count, err)) {
        return false;
    }
    return count > 0 || !op->flag ||
           err_set(err, ERR_SYSTEM, "no queue takes %s", op->stored->key);
}

bool
inproc_op_do(struct inproc_client *client, struct inproc_op *op,
             uint64_t *count, struct err *err)
{
    struct inproc_broker *broker = &client->inproc->broker;

    switch (op->kind) {
    case INPROC_OP_EXCHANGE:
        return inproc_broker_exchange(broker, &op->exchange, err);
    case INPROC_OP_QUEUE:
        return inproc_broker_queue(broker, &op->queue, client, err);
    case INPROC_OP_BIND:
        return inproc_broker_bind(broker, op->name, op->other, op->key, err);
    case INPROC_OP_PUBLISH:
        return do_publish(client, op, err);
    case INPROC_OP_ATTACH:
        return inproc_use_attach(client, op->use, err);
    case INPROC_OP_LENGTH:
        return inproc_broker_length(broker, op->name, count) ||
               err_set(err, ERR_CONFIG, "no queue %s", op->name);
    case INPROC_OP_PURGE:
        return inproc_broker_purge(broker, op->name, count) ||
               err_set(err, ERR_CONFIG, "no queue %s", op->name);
    case INPROC_OP_DELETE:
        return inproc_broker_delete(broker, op->name, op->flag, count, err);
    case INPROC_OP_DELETE_EXCHANGE:
        inproc_broker_delete_exchange(broker, op->name);
        return true;
    case INPROC_OP_STOP:
    case INPROC_OP_NOTHING:
    case INPROC_OP_FACTS:
        break;
    }
    return true;
}

static const struct transport_facts facts = {
    .kind = "inproc", .product = "inproc", .version = "1", .policy = ""};

void
inproc_op_answer(struct inproc_op *op, uint64_t count, const struct err *err)
{
    if (err != NULL && !err_is_set(err)) {
        err = NULL;
    }
    if (op->kind == INPROC_OP_ATTACH) {
        inproc_use_tell_attached(op->use, err);
    } else if (op->kind == INPROC_OP_FACTS) {
        op->facts(op->ctx, err == NULL ? &facts : NULL, err);
    } else if (op->counted != NULL) {
        op->counted(op->ctx, count, err);
    } else if (op->done != NULL) {
        op->done(op->ctx, err);
    }
    inproc_op_free(op);
}
