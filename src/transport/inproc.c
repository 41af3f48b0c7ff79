#include "transport/inproc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "transport/inproc_internal.h"
#include "util/alloc.h"

// Brokers are found by name, by nobody who knows another: hence here, and
// nowhere else in the program, something at file scope that changes.
static struct list brokers = {{&brokers.head, &brokers.head}};

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

void
inproc_free_messages(struct list *messages)
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
    inproc_free_messages(&broker->kept);
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
note(const struct inproc_client *client, const char *text)
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
        struct inproc_client *client =
            LIST_ENTRY(link, struct inproc_client, link);
        inproc_ask(client,
                   inproc_op_new(INPROC_OP_NOTHING,
                                 alarm ? tell_alarm : tell_calm, client));
    }
}

void
inproc_cut(struct inproc *broker, const char *client, bool away)
{
    LIST_FOR_EACH(link, &broker->clients)
    {
        struct inproc_client *one =
            LIST_ENTRY(link, struct inproc_client, link);
        if (client != NULL && strcmp(one->name, client) != 0) {
            continue;
        }
        one->away = away;
        if (one->up && !one->closed) {
            inproc_disconnect(one);
            one->lost = true;
        }
        inproc_wake(one);
    }
}

void
inproc_back(struct inproc *broker, const char *client)
{
    LIST_FOR_EACH(link, &broker->clients)
    {
        struct inproc_client *one =
            LIST_ENTRY(link, struct inproc_client, link);
        if (client == NULL || strcmp(one->name, client) == 0) {
            one->away = false;
            inproc_wake(one);
        }
    }
}
