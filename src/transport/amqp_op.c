// One thing that is asked of the server and answered by it.
#include <stdlib.h>

#include "transport/amqp_internal.h"
#include "util/alloc.h"

struct amqp_op *
amqp_op_new(enum amqp_op_kind kind, const char *name)
{
    struct amqp_op *op = ALLOC(struct amqp_op);

    op->kind = kind;
    op->name = alloc_dup(name);
    return op;
}

void
amqp_op_free(struct amqp_op *op)
{
    if (op != NULL) {
        list_remove(&op->link);
        free(op->name);
        free(op->exchange);
        free(op->key);
        free(op);
    }
}

static const char *
kind_text(enum exchange_kind kind)
{
    switch (kind) {
    case EXCHANGE_DIRECT:
        return "direct";
    case EXCHANGE_FANOUT:
        return "fanout";
    case EXCHANGE_TOPIC:
        return "topic";
    }
    return "";
}

static bool
send_exchange(struct amqp *amqp, const struct amqp_op *op, struct err *err)
{
    amqp_exchange_declare_t fields = {
        .exchange = amqp_cstring_bytes(op->name),
        .type = amqp_cstring_bytes(kind_text(op->exchange_params.kind)),
        .passive = op->kind == AMQP_OP_LOOK,
        .durable = op->exchange_params.durable,
        .auto_delete = op->exchange_params.auto_delete,
    };

    return amqp_send(amqp->consume_link, AMQP_OWN_CHANNEL,
                     AMQP_EXCHANGE_DECLARE_METHOD, &fields, err);
}

static void
add_argument(amqp_table_t *table, const char *name, uint32_t value)
{
    if (value != 0) {
        table->entries[table->num_entries++] = (amqp_table_entry_t){
            .key = amqp_cstring_bytes(name),
            .value = {.kind = AMQP_FIELD_KIND_I32,
                      .value.i32 =
                          value < INT32_MAX ? (int32_t)value : INT32_MAX}};
    }
}

static bool
send_queue(struct amqp *amqp, const struct amqp_op *op, struct err *err)
{
    const struct queue_params *params = &op->queue_params;
    amqp_table_entry_t arguments[2];
    amqp_queue_declare_t fields = {
        .queue = amqp_cstring_bytes(op->name),
        .passive = op->passive || op->kind == AMQP_OP_LENGTH,
        .durable = params->durable,
        .exclusive = params->exclusive,
        .auto_delete = params->auto_delete,
        .arguments = {.entries = arguments},
    };

    add_argument(&fields.arguments, "x-expires", params->expires_ms);
    add_argument(&fields.arguments, "x-message-ttl", params->message_ttl_ms);
    return amqp_send(amqp->consume_link, AMQP_OWN_CHANNEL,
                     AMQP_QUEUE_DECLARE_METHOD, &fields, err);
}

static bool
send_bind(struct amqp *amqp, const struct amqp_op *op, struct err *err)
{
    amqp_queue_bind_t fields = {
        .queue = amqp_cstring_bytes(op->name),
        .exchange = amqp_cstring_bytes(op->exchange),
        .routing_key = amqp_cstring_bytes(op->key),
    };

    return amqp_send(amqp->consume_link, AMQP_OWN_CHANNEL,
                     AMQP_QUEUE_BIND_METHOD, &fields, err);
}

static bool
send_removal(struct amqp *amqp, const struct amqp_op *op, struct err *err)
{
    amqp_bytes_t name = amqp_cstring_bytes(op->name);
    amqp_queue_purge_t purge = {.queue = name};
    amqp_queue_delete_t queue = {.queue = name, .if_unused = op->if_unused};
    amqp_exchange_delete_t exchange = {.exchange = name, .if_unused = true};

    if (op->kind == AMQP_OP_PURGE) {
        return amqp_send(amqp->consume_link, AMQP_OWN_CHANNEL,
                         AMQP_QUEUE_PURGE_METHOD, &purge, err);
    }
    if (op->kind == AMQP_OP_DELETE) {
        return amqp_send(amqp->consume_link, AMQP_OWN_CHANNEL,
                         AMQP_QUEUE_DELETE_METHOD, &queue, err);
    }
    return amqp_send(amqp->consume_link, AMQP_OWN_CHANNEL,
                     AMQP_EXCHANGE_DELETE_METHOD, &exchange, err);
}

bool
amqp_op_send(struct amqp *amqp, const struct amqp_op *op, struct err *err)
{
    switch (op->kind) {
    case AMQP_OP_EXCHANGE:
    case AMQP_OP_LOOK:
        return send_exchange(amqp, op, err);
    case AMQP_OP_QUEUE:
    case AMQP_OP_LENGTH:
        return send_queue(amqp, op, err);
    case AMQP_OP_BIND:
        return send_bind(amqp, op, err);
    case AMQP_OP_PURGE:
    case AMQP_OP_DELETE:
    case AMQP_OP_DELETE_EXCHANGE:
        return send_removal(amqp, op, err);
    case AMQP_OP_NOTHING:
        return true;
    }
    return true;
}

bool
amqp_op_answers(const struct amqp_op *op, amqp_method_number_t id)
{
    switch (op->kind) {
    case AMQP_OP_EXCHANGE:
    case AMQP_OP_LOOK:
        return id == AMQP_EXCHANGE_DECLARE_OK_METHOD;
    case AMQP_OP_QUEUE:
    case AMQP_OP_LENGTH:
        return id == AMQP_QUEUE_DECLARE_OK_METHOD;
    case AMQP_OP_BIND:
        return id == AMQP_QUEUE_BIND_OK_METHOD;
    case AMQP_OP_PURGE:
        return id == AMQP_QUEUE_PURGE_OK_METHOD;
    case AMQP_OP_DELETE:
        return id == AMQP_QUEUE_DELETE_OK_METHOD;
    case AMQP_OP_DELETE_EXCHANGE:
        return id == AMQP_EXCHANGE_DELETE_OK_METHOD;
    case AMQP_OP_NOTHING:
        break;
    }
    return false;
}

uint64_t
amqp_op_count(amqp_method_number_t id, const void *fields)
{
    if (id == AMQP_QUEUE_DECLARE_OK_METHOD) {
        return ((const amqp_queue_declare_ok_t *)fields)->message_count;
    }
    if (id == AMQP_QUEUE_PURGE_OK_METHOD) {
        return ((const amqp_queue_purge_ok_t *)fields)->message_count;
    }
    if (id == AMQP_QUEUE_DELETE_OK_METHOD) {
        return ((const amqp_queue_delete_ok_t *)fields)->message_count;
    }
    return 0;
}
