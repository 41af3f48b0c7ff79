// Consumers: from their beginning, over reconnects, to their end.
#include "transport/inproc_internal.h"

#include <stddef.h>
#include <stdlib.h>

#include "util/alloc.h"

static void
use_give(struct taker *taker, struct stored *stored)
{
    struct inproc_use *use =
        (struct inproc_use *)(void *)((char *)taker -
                                      offsetof(struct inproc_use, taker));

    list_add(&use->arrived, &stored->link);
    inproc_wake(use->client);
}

static void
use_gone(struct taker *taker)
{
    struct inproc_use *use =
        (struct inproc_use *)(void *)((char *)taker -
                                      offsetof(struct inproc_use, taker));

    use->ended = true;
    inproc_free_messages(&use->arrived);
    inproc_wake(use->client);
}

static struct inproc_use *
use_new(struct inproc_client *client, const char *queue)
{
    struct inproc_use *use = ALLOC(struct inproc_use);

    use->base.transport = &client->base;
    use->client = client;
    use->queue = alloc_dup(queue);
    use->taker.owner = client;
    use->taker.give = use_give;
    use->taker.gone = use_gone;
    list_init(&use->arrived);
    list_add(&client->consumers, &use->link);
    return use;
}

static void
use_detach(struct inproc_use *use)
{
    inproc_broker_detach(&use->client->inproc->broker, &use->taker);
}

static void
use_free(struct inproc_use *use)
{
    if (use != NULL) {
        list_remove(&use->link);
        inproc_free_messages(&use->arrived);
        inproc_op_free(use->subscription);
        free(use->queue);
        free(use);
    }
}

void
inproc_uses_free(struct inproc_client *client)
{
    LIST_FOR_EACH(link, &client->consumers)
    {
        use_free(LIST_ENTRY(link, struct inproc_use, link));
    }
}

// Everything that was taken goes back, the last one first.
static void
give_back_arrived(struct inproc_use *use)
{
    while (!list_is_empty(&use->arrived)) {
        struct list_link *link = use->arrived.head.previous;
        list_remove(link);
        inproc_broker_return(&use->client->inproc->broker, use->queue,
                             LIST_ENTRY(link, struct stored, link));
    }
}

static bool
do_subscribe(struct inproc_client *client, struct inproc_use *use,
             struct err *err)
{
    struct inproc_op *op = use->subscription;
    struct inproc_broker *broker = &client->inproc->broker;

    return inproc_broker_exchange(broker, &op->exchange, err) &&
           inproc_broker_queue(broker, &op->queue, client, err) &&
           inproc_broker_bind(broker, op->name, op->other, op->key, err);
}

bool
inproc_use_attach(struct inproc_client *client, struct inproc_use *use,
                  struct err *err)
{
    return (use->subscription == NULL || do_subscribe(client, use, err)) &&
           inproc_broker_attach(&client->inproc->broker, use->queue,
                                &use->taker, err);
}

void
inproc_use_tell_attached(struct inproc_use *use, const struct err *err)
{
    use->attached = err == NULL;
    if (use->subscription != NULL) {
        use->told = true;
        if (use->on_subscribed != NULL) {
            use->on_subscribed(use->ctx, err);
        }
    } else if (err != NULL) {
        use->told = true;
        if (use->on_ended != NULL) {
            use->on_ended(use->ctx, err);
        }
    }
}

void
inproc_uses_up(struct inproc_client *client)
{
    // Those that were attached before are so again; the others' turn comes.
    LIST_FOR_EACH(link, &client->consumers)
    {
        struct inproc_use *use = LIST_ENTRY(link, struct inproc_use, link);
        struct err failed = {0};
        if (use->attached && !use->ended) {
            use->ended = !inproc_use_attach(client, use, &failed);
        }
    }
}

void
inproc_uses_down(struct inproc_client *client)
{
    // All of them first: what goes back must not come to them again.
    LIST_FOR_EACH(link, &client->consumers)
    {
        use_detach(LIST_ENTRY(link, struct inproc_use, link));
    }
    LIST_FOR_EACH(link, &client->consumers)
    {
        give_back_arrived(LIST_ENTRY(link, struct inproc_use, link));
    }
}

bool
inproc_uses_tell_end(struct inproc_client *client)
{
    LIST_FOR_EACH(link, &client->consumers)
    {
        struct inproc_use *use = LIST_ENTRY(link, struct inproc_use, link);
        if (use->ended && !use->told) {
            struct err err = {0};
            use->told = true;
            err_set(&err, ERR_CONFIG, "queue %s was deleted", use->queue);
            if (use->on_ended != NULL) {
                use->on_ended(use->ctx, &err);
            }
            return true;
        }
    }
    return false;
}

struct consumer *
inproc_take(struct transport *transport, const struct consume_params *params)
{
    struct inproc_client *client = (struct inproc_client *)transport;
    struct inproc_use *use = use_new(client, params->queue);
    struct inproc_op *op = inproc_op_new(INPROC_OP_ATTACH, NULL, NULL);

    use->taker.prefetch = params->prefetch;
    use->taker.no_ack = params->no_ack;
    use->on_delivery = params->on_delivery;
    use->on_ended = params->on_ended;
    use->ctx = params->ctx;
    op->use = use;
    inproc_ask(client, op);
    return &use->base;
}

struct consumer *
inproc_subscribe(struct transport *transport,
                 const struct subscribe_params *params)
{
    struct inproc_client *client = (struct inproc_client *)transport;
    struct inproc_use *use = use_new(client, params->queue.name);
    struct inproc_op *op = inproc_op_new(INPROC_OP_ATTACH, NULL, NULL);
    struct inproc_op *kept = inproc_op_new(INPROC_OP_BIND, NULL, NULL);

    kept->name = alloc_dup(params->queue.name);
    kept->other = alloc_dup(params->exchange.name);
    kept->key = alloc_dup(params->key);
    kept->exchange = params->exchange;
    kept->exchange.name = kept->other;
    kept->queue = params->queue;
    kept->queue.name = kept->name;
    use->subscription = kept;
    use->taker.no_ack = true;
    use->on_delivery = params->on_delivery;
    use->on_subscribed = params->on_subscribed;
    use->ctx = params->ctx;
    op->use = use;
    inproc_ask(client, op);
    return &use->base;
}

void
inproc_prefetch(struct consumer *consumer, uint32_t prefetch)
{
    struct inproc_use *use = (struct inproc_use *)consumer;

    use->taker.prefetch = prefetch;
    inproc_broker_serve(&use->client->inproc->broker, use->queue);
}

void
inproc_stop(struct consumer *consumer, transport_done_fn done, void *ctx)
{
    struct inproc_use *use = (struct inproc_use *)consumer;
    struct inproc_client *client = use->client;

    use_detach(use);
    give_back_arrived(use);
    for (size_t i = 0; i < client->held.count; i++) {
        if (client->held.items[i].use == use) {
            client->held.items[i].use = NULL;
        }
    }
    LIST_FOR_EACH(link, &client->ops)
    {
        struct inproc_op *op = LIST_ENTRY(link, struct inproc_op, link);
        if (op->use == use) {
            list_remove(link);
            inproc_op_free(op);
        }
    }
    use_free(use);
    inproc_ask(client, inproc_op_new(INPROC_OP_STOP, done, ctx));
}
