// Messages that came: told to who takes them, held until acknowledged.
#include "transport/inproc_internal.h"

#include <stdlib.h>

#include "util/alloc.h"

static size_t
find_held(const struct inproc_client *client, uint64_t tag)
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

static struct inproc_held
take_held(struct inproc_client *client, size_t index)
{
    struct inproc_held held = client->held.items[index];

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
    struct inproc_client *client = (struct inproc_client *)transport;
    size_t index = find_held(client, tag);

    if (index == client->held.count) {
        return;
    }
    struct inproc_held held = take_held(client, index);
    if (ending == ENDING_BACK) {
        inproc_broker_return(&client->inproc->broker, held.queue, held.stored);
    } else {
        stored_free(held.stored);
        inproc_broker_serve(&client->inproc->broker, held.queue);
    }
    free(held.queue);
}

void
inproc_ack(struct transport *transport, uint64_t tag)
{
    end_delivery(transport, tag, ENDING_GONE);
}

void
inproc_requeue(struct transport *transport, uint64_t tag)
{
    end_delivery(transport, tag, ENDING_BACK);
}

void
inproc_give_back_held(struct inproc_client *client)
{
    while (client->held.count > 0) {
        struct inproc_held held = take_held(client, client->held.count - 1);
        inproc_broker_return(&client->inproc->broker, held.queue, held.stored);
        free(held.queue);
    }
}

static void
deliver(struct inproc_use *use, struct stored *stored)
{
    struct inproc_client *client = use->client;
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
        ARRAY_ADD(&client->held,
                  ((struct inproc_held){.tag = delivery.tag,
                                        .stored = stored,
                                        .use = use,
                                        .queue = alloc_dup(queue)}));
    }
    use->on_delivery(use->ctx, &delivery);
    stored_free(shown);
    free(queue);
}

bool
inproc_deliver_one(struct inproc_client *client)
{
    LIST_FOR_EACH(link, &client->consumers)
    {
        struct inproc_use *use = LIST_ENTRY(link, struct inproc_use, link);
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
