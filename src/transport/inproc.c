#include "transport/inproc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "loop/deadline.h"
#include "transport/driver.h"
#include "transport/inproc_broker.h"
#include "util/alloc.h"
#include "util/array.h"

struct inproc {
    struct list_link link; // in `brokers`
    char *name;
    int holds;
    struct list clients;
    struct inproc_broker broker;
    inproc_fate_fn fate;
    void *fate_ctx;
    struct list kept; // struct stored that INPROC_DELAY held back
    size_t kept_count;
    bool alarm;
};

struct client {
    struct transport base;
    struct list_link link; // in its broker's clients
    struct inproc *inproc;
    struct loop *loop;
    const struct transport_events *events;
    void *ctx;
    char *name;
    char *address;
    bool up;
    bool away; // may not connect
    bool lost; // on_down is to be told
    bool posted;
    bool closing;
    bool closed;
    bool dead;          // freed, but for a call that is still on the way back
    int depth;          // of such calls
    struct list ops;    // struct op, in their order
    struct list silent; // published, and the confirmation was lost
    size_t pending;     // publishes
    uint64_t pending_bytes;
    struct list consumers;
    struct list topology; // struct op: what is declared again
    ARRAY(struct held) held;
    uint64_t next_tag;
    struct deadline limit; // of closing
    transport_done_fn on_closed;
    void *closed_ctx;
};

// A delivery that waits to be acknowledged.
struct held {
    uint64_t tag;
    struct stored *stored;
    struct use *use; // NULL: its consumer was stopped
    char *queue;
};

// A consumer.
struct use {
    struct consumer base;
    struct taker taker;
    struct list_link link;
    struct client *client;
    char *queue;
    struct list arrived; // struct stored: given, and not yet told
    transport_delivery_fn on_delivery;
    transport_done_fn on_ended;
    void *ctx;
    bool ended;              // on_ended is to be told
    bool told;               // it was, or on_subscribed
    bool attached;           // at least once
    struct op *subscription; // its declarations; NULL: it takes
    transport_done_fn on_subscribed;
};

enum op_kind {
    OP_EXCHANGE,
    OP_QUEUE,
    OP_BIND,
    OP_PUBLISH,
    OP_ATTACH,
    OP_STOP,
    OP_LENGTH,
    OP_PURGE,
    OP_DELETE,
    OP_DELETE_EXCHANGE,
    OP_NOTHING,
    OP_FACTS
};

// Something asked, to be done in its turn.
struct op {
    struct list_link link;
    enum op_kind kind;
    struct exchange_params exchange;
    struct queue_params queue;
    char *name; // of the queue or exchange
    char *other;
    char *key;
    bool flag; // if_unused, mandatory
    struct stored *stored;
    struct use *use;
    transport_done_fn done;
    transport_count_fn counted;
    void (*facts)(void *ctx, const struct transport_facts *facts,
                  const struct err *err);
    void *ctx;
};

// Brokers are found by name, by nobody who knows another: hence here, and
// nowhere else in the program, something at file scope that changes.
static struct list brokers = {{&brokers.head, &brokers.head}};

static void pump(void *ctx);

struct inproc *
inproc_hold(const char *name)
{
    struct inproc *inproc = NULL;

    LIST_FOR_EACH(link, &brokers)
    {
        inproc = LIST_ENTRY(link, struct inproc, link);
        if (strcmp(inproc->name, name) == 0) {
            inproc->holds++;
            return inproc;
        }
    }
    inproc = ALLOC(struct inproc);
    inproc->name = alloc_dup(name);
    inproc->holds = 1;
    list_init(&inproc->clients);
    list_init(&inproc->kept);
    inproc_broker_init(&inproc->broker);
    list_add(&brokers, &inproc->link);
    return inproc;
}

static void
free_messages(struct list *messages)
{
    struct list_link *link = NULL;

    while ((link = list_take_first(messages)) != NULL) {
        stored_free(LIST_ENTRY(link, struct stored, link));
    }
}

void
inproc_release(struct inproc *broker)
{
    if (broker == NULL || --broker->holds > 0) {
        return;
    }
    assert(list_is_empty(&broker->clients));
    list_remove(&broker->link);
    free_messages(&broker->kept);
    inproc_broker_release(&broker->broker);
    free(broker->name);
    free(broker);
}

void
inproc_script(struct inproc *broker, inproc_fate_fn fate, void *ctx)
{
    broker->fate = fate;
    broker->fate_ctx = ctx;
}

size_t
inproc_kept(const struct inproc *broker)
{
    return broker->kept_count;
}

size_t
inproc_queue_count(const struct inproc *broker)
{
    return broker->broker.places.count;
}

size_t
inproc_exchange_count(const struct inproc *broker)
{
    return broker->broker.exchanges.count;
}

long
inproc_length(const struct inproc *broker, const char *queue)
{
    uint64_t count = 0;

    return inproc_broker_length(&broker->broker, queue, &count) ? (long)count
                                                                : -1;
}

void
inproc_let(struct inproc *broker, enum inproc_order order)
{
    struct list_link *link = NULL;
    struct err err = {0};
    size_t count = 0;

    while (!list_is_empty(&broker->kept)) {
        link = order == INPROC_IN_ORDER ? broker->kept.head.next
                                        : broker->kept.head.previous;
        list_remove(link);
        (void)inproc_broker_route(&broker->broker,
                                  LIST_ENTRY(link, struct stored, link), &count,
                                  &err);
        err_clear(&err);
    }
    broker->kept_count = 0;
}

static void
wake(struct client *client)
{
    if (!client->posted && !client->dead) {
        client->posted = true;
        loop_post(client->loop, pump, client);
    }
}

static void
op_free(struct op *op)
{
    if (op != NULL) {
        stored_free(op->stored);
        free(op->name);
        free(op->other);
        free(op->key);
        free(op);
    }
}

static struct op *
op_new(enum op_kind kind, transport_done_fn done, void *ctx)
{
    struct op *op = ALLOC(struct op);

    op->kind = kind;
    op->done = done;
    op->ctx = ctx;
    return op;
}

static void
ask(struct client *client, struct op *op)
{
    list_add(&client->ops, &op->link);
    wake(client);
}

static void
note(const struct client *client, const char *text)
{
    if (client->events->on_note != NULL) {
        client->events->on_note(client->ctx, text, NULL);
    }
}

static void
tell_alarm(void *ctx, const struct err *err)
{
    (void)err;
    note(ctx, "the broker is in alarm and takes no messages");
}

static void
tell_calm(void *ctx, const struct err *err)
{
    (void)err;
    note(ctx, "the broker takes messages again");
}

void
inproc_alarm(struct inproc *broker, bool alarm)
{
    broker->alarm = alarm;
    LIST_FOR_EACH(link, &broker->clients)
    {
        struct client *client = LIST_ENTRY(link, struct client, link);
        ask(client, op_new(OP_NOTHING, alarm ? tell_alarm : tell_calm, client));
    }
}

// ---- what is held ----

static size_t
find_held(const struct client *client, uint64_t tag)
{
    // Tags grow, and the array is in their order.
    size_t low = 0;
    size_t high = client->held.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (client->held.items[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < client->held.count && client->held.items[low].tag == tag
               ? low
               : client->held.count;
}

static struct held
take_held(struct client *client, size_t index)
{
    struct held held = client->held.items[index];

    ARRAY_REMOVE(&client->held, index);
    if (held.use != NULL && held.use->taker.out > 0) {
        held.use->taker.out--;
    }
    return held;
}

enum ending {
    ENDING_GONE,
    ENDING_BACK
};

static void
end_delivery(struct transport *transport, uint64_t tag, enum ending ending)
{
    struct client *client = (struct client *)transport;
    size_t index = find_held(client, tag);

    if (index == client->held.count) {
        return;
    }
    struct held held = take_held(client, index);
    if (ending == ENDING_BACK) {
        inproc_broker_return(&client->inproc->broker, held.queue, held.stored);
    } else {
        stored_free(held.stored);
        inproc_broker_serve(&client->inproc->broker, held.queue);
    }
    free(held.queue);
}

static void
inproc_ack(struct transport *transport, uint64_t tag)
{
    end_delivery(transport, tag, ENDING_GONE);
}

static void
inproc_requeue(struct transport *transport, uint64_t tag)
{
    end_delivery(transport, tag, ENDING_BACK);
}

// Everything that was taken goes back, the last one first.
static void
give_back_arrived(struct use *use)
{
    while (!list_is_empty(&use->arrived)) {
        struct list_link *link = use->arrived.head.previous;
        list_remove(link);
        inproc_broker_return(&use->client->inproc->broker, use->queue,
                             LIST_ENTRY(link, struct stored, link));
    }
}

static void
give_back_held(struct client *client)
{
    while (client->held.count > 0) {
        struct held held = take_held(client, client->held.count - 1);
        inproc_broker_return(&client->inproc->broker, held.queue, held.stored);
        free(held.queue);
    }
}

// ---- consumers ----

static void
use_give(struct taker *taker, struct stored *stored)
{
    struct use *use =
        (struct use *)(void *)((char *)taker - offsetof(struct use, taker));

    list_add(&use->arrived, &stored->link);
    wake(use->client);
}

static void
use_gone(struct taker *taker)
{
    struct use *use =
        (struct use *)(void *)((char *)taker - offsetof(struct use, taker));

    use->ended = true;
    free_messages(&use->arrived);
    wake(use->client);
}

static struct use *
use_new(struct client *client, const char *queue)
{
    struct use *use = ALLOC(struct use);

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
use_detach(struct use *use)
{
    inproc_broker_detach(&use->client->inproc->broker, &use->taker);
}

static void
use_free(struct use *use)
{
    if (use != NULL) {
        list_remove(&use->link);
        free_messages(&use->arrived);
        op_free(use->subscription);
        free(use->queue);
        free(use);
    }
}

// ---- doing what was asked ----

static bool
do_subscribe(struct client *client, struct use *use, struct err *err)
{
    struct op *op = use->subscription;
    struct inproc_broker *broker = &client->inproc->broker;

    return inproc_broker_exchange(broker, &op->exchange, err) &&
           inproc_broker_queue(broker, &op->queue, client, err) &&
           inproc_broker_bind(broker, op->name, op->other, op->key, err);
}

static bool
attach(struct client *client, struct use *use, struct err *err)
{
    return (use->subscription == NULL || do_subscribe(client, use, err)) &&
           inproc_broker_attach(&client->inproc->broker, use->queue,
                                &use->taker, err);
}

// Gives false while the op must wait where it is.
static bool
do_publish(struct client *client, struct op *op, struct err *err)
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
        op->kind = OP_NOTHING;
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

static bool
do_op(struct client *client, struct op *op, uint64_t *count, struct err *err)
{
    struct inproc_broker *broker = &client->inproc->broker;

    switch (op->kind) {
    case OP_EXCHANGE:
        return inproc_broker_exchange(broker, &op->exchange, err);
    case OP_QUEUE:
        return inproc_broker_queue(broker, &op->queue, client, err);
    case OP_BIND:
        return inproc_broker_bind(broker, op->name, op->other, op->key, err);
    case OP_PUBLISH:
        return do_publish(client, op, err);
    case OP_ATTACH:
        return attach(client, op->use, err);
    case OP_LENGTH:
        return inproc_broker_length(broker, op->name, count) ||
               err_set(err, ERR_CONFIG, "no queue %s", op->name);
    case OP_PURGE:
        return inproc_broker_purge(broker, op->name, count) ||
               err_set(err, ERR_CONFIG, "no queue %s", op->name);
    case OP_DELETE:
        return inproc_broker_delete(broker, op->name, op->flag, count, err);
    case OP_DELETE_EXCHANGE:
        inproc_broker_delete_exchange(broker, op->name);
        return true;
    case OP_STOP:
    case OP_NOTHING:
    case OP_FACTS:
        break;
    }
    return true;
}

static const struct transport_facts facts = {
    .kind = "inproc", .product = "inproc", .version = "1", .policy = ""};

static void
tell_attached(struct use *use, const struct err *err)
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

// Tells who asked; frees the op.
static void
answer(struct op *op, uint64_t count, const struct err *err)
{
    if (err != NULL && !err_is_set(err)) {
        err = NULL;
    }
    if (op->kind == OP_ATTACH) {
        tell_attached(op->use, err);
    } else if (op->kind == OP_FACTS) {
        op->facts(op->ctx, err == NULL ? &facts : NULL, err);
    } else if (op->counted != NULL) {
        op->counted(op->ctx, count, err);
    } else if (op->done != NULL) {
        op->done(op->ctx, err);
    }
    op_free(op);
}

// A publish leaves what is pending.
static void
settle(struct client *client, const struct op *op)
{
    if (op->stored != NULL) {
        client->pending--;
        client->pending_bytes -= op->stored->message.body.len;
    }
}

static void
perform(struct client *client, struct op *op)
{
    bool publish = op->kind == OP_PUBLISH;
    struct err err = {0};
    uint64_t count = 0;

    (void)do_op(client, op, &count, &err);
    if (publish && op->kind == OP_NOTHING) {
        op->kind = OP_PUBLISH;
        list_add(&client->silent, &op->link);
        return;
    }
    settle(client, op);
    answer(op, count, &err);
}

// The first op that can be done now (or any one), or NULL.
static struct op *
next_op(struct client *client, bool any)
{
    // The analyzer fears that an op which was freed is still in the list.
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    LIST_FOR_EACH(link, &client->ops)
    {
        struct op *op = LIST_ENTRY(link, struct op, link);
        if (any || op->kind != OP_PUBLISH || !client->inproc->alarm) {
            list_remove(link);
            assert(list_first(&client->ops) != link);
            return op;
        }
    }
    return NULL;
}

// ---- telling what came ----

static void
deliver(struct use *use, struct stored *stored)
{
    struct client *client = use->client;
    // It may be acknowledged, and its consumer stopped, in the call.
    char *queue = alloc_dup(use->queue);
    struct stored *shown = use->taker.no_ack ? stored : stored_copy(stored);
    struct delivery delivery = {.queue = slice_of(queue),
                                .exchange = slice_of(shown->exchange),
                                .routing_key = slice_of(shown->key),
                                .redelivered = stored->redelivered,
                                .message = shown->message};

    if (!use->taker.no_ack) {
        delivery.tag = ++client->next_tag;
        ARRAY_ADD(&client->held, ((struct held){.tag = delivery.tag,
                                                .stored = stored,
                                                .use = use,
                                                .queue = alloc_dup(queue)}));
    }
    use->on_delivery(use->ctx, &delivery);
    stored_free(shown);
    free(queue);
}

// One delivery, of the consumers in turn; false: there is none.
static bool
deliver_one(struct client *client)
{
    LIST_FOR_EACH(link, &client->consumers)
    {
        struct use *use = LIST_ENTRY(link, struct use, link);
        struct list_link *first = list_take_first(&use->arrived);
        if (first != NULL) {
            list_remove(link);
            list_add(&client->consumers, link);
            deliver(use, LIST_ENTRY(first, struct stored, link));
            return true;
        }
    }
    return false;
}

static bool
tell_one_end(struct client *client)
{
    LIST_FOR_EACH(link, &client->consumers)
    {
        struct use *use = LIST_ENTRY(link, struct use, link);
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

// ---- connections ----

static void
free_ops(struct list *ops)
{
    LIST_FOR_EACH(link, ops)
    {
        op_free(LIST_ENTRY(link, struct op, link));
    }
    list_init(ops);
}

// Leaves the broker; nobody is told.
static void
disconnect(struct client *client)
{
    client->up = false;
    // All of them first: what goes back must not come to them again.
    LIST_FOR_EACH(link, &client->consumers)
    {
        use_detach(LIST_ENTRY(link, struct use, link));
    }
    LIST_FOR_EACH(link, &client->consumers)
    {
        give_back_arrived(LIST_ENTRY(link, struct use, link));
    }
    give_back_held(client);
    inproc_broker_leave(&client->inproc->broker, client);
}

static void
redo(struct client *client)
{
    struct err err = {0};
    uint64_t count = 0;

    LIST_FOR_EACH(link, &client->topology)
    {
        (void)do_op(client, LIST_ENTRY(link, struct op, link), &count, &err);
        err_clear(&err);
    }
    while (!list_is_empty(&client->silent)) {
        struct list_link *last = client->silent.head.previous;
        list_remove(last);
        list_add_first(&client->ops, last);
    }
    // Those that were attached before are so again; the others' turn comes.
    LIST_FOR_EACH(link, &client->consumers)
    {
        struct use *use = LIST_ENTRY(link, struct use, link);
        struct err failed = {0};
        if (use->attached && !use->ended) {
            use->ended = !attach(client, use, &failed);
        }
    }
}

static void
connect_now(struct client *client)
{
    client->up = true;
    redo(client);
    if (client->events->on_up != NULL) {
        client->events->on_up(client->ctx);
    }
}

// One step; false: there is nothing to do.
static bool
step(struct client *client)
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
    struct op *op = next_op(client, false);
    if (op != NULL) {
        perform(client, op);
        return true;
    }
    return deliver_one(client) || tell_one_end(client);
}

static void
client_destroy(struct client *client)
{
    ARRAY_RELEASE(&client->held);
    free(client->name);
    free(client->address);
    free(client);
}

static void
finish_closing(struct client *client)
{
    struct list_link *link = NULL;
    struct op *op = NULL;
    struct err err = {0};

    deadline_disarm(&client->limit);
    client->closed = true;
    disconnect(client);
    err_set(&err, ERR_INTERRUPTED, "the connection was closed");
    while ((link = list_take_first(&client->silent)) != NULL) {
        list_add(&client->ops, link);
    }
    while (!client->dead && (op = next_op(client, true)) != NULL) {
        settle(client, op);
        answer(op, 0, &err);
    }
    if (!client->dead) {
        client->on_closed(client->closed_ctx, NULL);
    }
}

static void
on_limit(void *ctx)
{
    struct client *client = ctx;

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
    struct client *client = ctx;
    int steps = 0;

    client->posted = false;
    client->depth++;
    while (!client->dead && !client->closed && steps < STEPS_A_TURN &&
           step(client)) {
        steps++;
    }
    if (!client->dead && !client->closed) {
        if (steps == STEPS_A_TURN) {
            wake(client);
        } else if (client->closing && client->up &&
                   list_is_empty(&client->ops)) {
            finish_closing(client);
        }
    }
    if (--client->depth == 0 && client->dead) {
        client_destroy(client);
    }
}

void
inproc_cut(struct inproc *broker, const char *client, bool away)
{
    LIST_FOR_EACH(link, &broker->clients)
    {
        struct client *one = LIST_ENTRY(link, struct client, link);
        if (client != NULL && strcmp(one->name, client) != 0) {
            continue;
        }
        one->away = away;
        if (one->up && !one->closed) {
            disconnect(one);
            one->lost = true;
        }
        wake(one);
    }
}

void
inproc_back(struct inproc *broker, const char *client)
{
    LIST_FOR_EACH(link, &broker->clients)
    {
        struct client *one = LIST_ENTRY(link, struct client, link);
        if (client == NULL || strcmp(one->name, client) == 0) {
            one->away = false;
            wake(one);
        }
    }
}

// ---- the functions of a transport ----

static void
inproc_close(struct transport *transport, uint32_t ms, transport_done_fn done,
             void *ctx)
{
    struct client *client = (struct client *)transport;

    client->closing = true;
    client->on_closed = done;
    client->closed_ctx = ctx;
    deadline_arm(&client->limit, ms);
    wake(client);
}

static void
inproc_free(struct transport *transport)
{
    struct client *client = (struct client *)transport;

    disconnect(client);
    LIST_FOR_EACH(link, &client->consumers)
    {
        use_free(LIST_ENTRY(link, struct use, link));
    }
    free_ops(&client->ops);
    free_ops(&client->silent);
    free_ops(&client->topology);
    deadline_release(&client->limit);
    loop_cancel(client->loop, client);
    list_remove(&client->link);
    inproc_release(client->inproc);
    client->dead = true;
    if (client->depth == 0) {
        client_destroy(client);
    }
}

static bool
inproc_is_up(const struct transport *transport)
{
    return ((const struct client *)transport)->up;
}

static const char *
inproc_address(const struct transport *transport)
{
    return ((const struct client *)transport)->address;
}

static void
inproc_ask_facts(struct transport *transport,
                 void (*fn)(void *ctx, const struct transport_facts *facts,
                            const struct err *err),
                 void *ctx)
{
    struct op *op = op_new(OP_FACTS, NULL, ctx);

    op->facts = fn;
    ask((struct client *)transport, op);
}

// The same op once more, to be done again after each reconnect.
static void
remember(struct client *client, const struct op *op)
{
    struct op *copy = op_new(op->kind, NULL, NULL);

    copy->exchange = op->exchange;
    copy->queue = op->queue;
    copy->name = alloc_dup_or_null(op->name);
    copy->other = alloc_dup_or_null(op->other);
    copy->key = alloc_dup_or_null(op->key);
    copy->exchange.name = copy->queue.name = copy->name;
    list_add(&client->topology, &copy->link);
}

static void
forget(struct client *client, enum op_kind kind, const char *name)
{
    LIST_FOR_EACH(link, &client->topology)
    {
        struct op *op = LIST_ENTRY(link, struct op, link);
        bool same = strcmp(op->name, name) == 0 &&
                    (op->kind == kind || op->kind == OP_BIND);
        bool bound = kind == OP_EXCHANGE && op->kind == OP_BIND &&
                     strcmp(op->other, name) == 0;
        if (same || bound) {
            list_remove(link);
            op_free(op);
        }
    }
}

static void
inproc_declare_exchange(struct transport *transport,
                        const struct exchange_params *params,
                        transport_done_fn done, void *ctx)
{
    struct client *client = (struct client *)transport;
    struct op *op = op_new(OP_EXCHANGE, done, ctx);

    op->name = alloc_dup(params->name);
    op->exchange = *params;
    op->exchange.name = op->name;
    remember(client, op);
    ask(client, op);
}

static void
inproc_declare_queue(struct transport *transport,
                     const struct queue_params *params, transport_done_fn done,
                     void *ctx)
{
    struct client *client = (struct client *)transport;
    struct op *op = op_new(OP_QUEUE, done, ctx);

    op->name = alloc_dup(params->name);
    op->queue = *params;
    op->queue.name = op->name;
    remember(client, op);
    ask(client, op);
}

static void
inproc_bind(struct transport *transport, const char *queue,
            const char *exchange, const char *key, transport_done_fn done,
            void *ctx)
{
    struct client *client = (struct client *)transport;
    struct op *op = op_new(OP_BIND, done, ctx);

    op->name = alloc_dup(queue);
    op->other = alloc_dup(exchange);
    op->key = alloc_dup(key);
    remember(client, op);
    ask(client, op);
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
refuse(struct client *client, transport_done_fn done, void *ctx,
       const struct err *err)
{
    if (done != NULL) {
        struct refusal *refusal = ALLOC(struct refusal);
        *refusal = (struct refusal){.done = done, .ctx = ctx, .err = *err};
        ask(client, op_new(OP_NOTHING, tell_refused, refusal));
    }
}

static void
inproc_publish(struct transport *transport, const struct publish *publish,
               transport_done_fn done, void *ctx)
{
    struct client *client = (struct client *)transport;
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
    struct op *op = op_new(OP_PUBLISH, done, ctx);
    op->stored = stored_new(publish);
    op->flag = publish->mandatory;
    client->pending++;
    client->pending_bytes += len;
    ask(client, op);
}

static struct consumer *
inproc_take(struct transport *transport, const struct consume_params *params)
{
    struct client *client = (struct client *)transport;
    struct use *use = use_new(client, params->queue);
    struct op *op = op_new(OP_ATTACH, NULL, NULL);

    use->taker.prefetch = params->prefetch;
    use->taker.no_ack = params->no_ack;
    use->on_delivery = params->on_delivery;
    use->on_ended = params->on_ended;
    use->ctx = params->ctx;
    op->use = use;
    ask(client, op);
    return &use->base;
}

static struct consumer *
inproc_subscribe(struct transport *transport,
                 const struct subscribe_params *params)
{
    struct client *client = (struct client *)transport;
    struct use *use = use_new(client, params->queue.name);
    struct op *op = op_new(OP_ATTACH, NULL, NULL);
    struct op *kept = op_new(OP_BIND, NULL, NULL);

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
    ask(client, op);
    return &use->base;
}

static void
inproc_prefetch(struct consumer *consumer, uint32_t prefetch)
{
    struct use *use = (struct use *)consumer;

    use->taker.prefetch = prefetch;
    inproc_broker_serve(&use->client->inproc->broker, use->queue);
}

static void
inproc_stop(struct consumer *consumer, transport_done_fn done, void *ctx)
{
    struct use *use = (struct use *)consumer;
    struct client *client = use->client;

    use_detach(use);
    give_back_arrived(use);
    for (size_t i = 0; i < client->held.count; i++) {
        if (client->held.items[i].use == use) {
            client->held.items[i].use = NULL;
        }
    }
    LIST_FOR_EACH(link, &client->ops)
    {
        struct op *op = LIST_ENTRY(link, struct op, link);
        if (op->use == use) {
            list_remove(link);
            op_free(op);
        }
    }
    use_free(use);
    ask(client, op_new(OP_STOP, done, ctx));
}

static void
ask_count(struct transport *transport, struct op *op, const char *name,
          transport_count_fn counted)
{
    op->name = alloc_dup(name);
    op->counted = counted;
    ask((struct client *)transport, op);
}

static void
inproc_ask_length(struct transport *transport, const char *queue,
                  transport_count_fn done, void *ctx)
{
    ask_count(transport, op_new(OP_LENGTH, NULL, ctx), queue, done);
}

static void
inproc_purge(struct transport *transport, const char *queue,
             transport_count_fn done, void *ctx)
{
    ask_count(transport, op_new(OP_PURGE, NULL, ctx), queue, done);
}

static void
inproc_delete_queue(struct transport *transport, const char *queue,
                    bool if_unused, transport_count_fn done, void *ctx)
{
    struct op *op = op_new(OP_DELETE, NULL, ctx);

    op->flag = if_unused;
    forget((struct client *)transport, OP_QUEUE, queue);
    ask_count(transport, op, queue, done);
}

static void
inproc_delete_exchange(struct transport *transport, const char *name,
                       transport_done_fn done, void *ctx)
{
    struct client *client = (struct client *)transport;
    struct op *op = op_new(OP_DELETE_EXCHANGE, done, ctx);

    op->name = alloc_dup(name);
    forget(client, OP_EXCHANGE, name);
    ask(client, op);
}

static void
inproc_withdraw(struct transport *transport, const char *queue,
                const char *header, const char *value, transport_count_fn done,
                void *ctx)
{
    (void)header;
    (void)value;
    ask_count(transport, op_new(OP_NOTHING, NULL, ctx), queue, done);
}

static void
inproc_reclaim(struct transport *transport, const char *queue, const char *name,
               transport_count_fn done, void *ctx)
{
    (void)name;
    ask_count(transport, op_new(OP_NOTHING, NULL, ctx), queue, done);
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
    struct client *client = ALLOC(struct client);
    struct broker_urls urls = params->urls;
    const struct transport_params *open = &params->open;

    (void)err;
    client->base.ops = &ops;
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
    wake(client);
    return &client->base;
}
