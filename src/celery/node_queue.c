// The queues that a node takes from.
#include "celery/node_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/log.h"

void
node_queue_free(struct node_queue *queue)
{
    list_remove(&queue->link);
    free(queue->name);
    free(queue);
}

struct node_queue *
node_find_queue(const struct node *node, const char *name)
{
    LIST_FOR_EACH(link, &node->queues)
    {
        struct node_queue *queue = LIST_ENTRY(link, struct node_queue, link);
        if (strcmp(queue->name, name) == 0) {
            return queue;
        }
    }
    return NULL;
}

bool
node_consumes(const struct node *node, const char *queue)
{
    return node_find_queue(node, queue) != NULL;
}

void
node_queue_adjust(struct node_queue *queue)
{
    consumer_prefetch(queue->consumer, queue->prefetch == 0
                                           ? 0
                                           : queue->prefetch + queue->waiting);
}

static void
on_delivery(void *ctx, const struct delivery *delivery)
{
    node_task_deliver(ctx, delivery);
}

static void
on_ended(void *ctx, const struct err *err)
{
    struct node_queue *queue = ctx;
    struct node *node = queue->node;

    log_warn("node %s: queue %s is no longer consumed: %s", node->name,
             queue->name, err != NULL ? err->text : "it ended");
    consumer_stop(queue->consumer, NULL, NULL);
    node_queue_free(queue);
    if (node->events->on_queues != NULL) {
        node->events->on_queues(node->ctx);
    }
}

void
node_consume(struct node *node, const struct queue_params *params,
             uint32_t prefetch, transport_done_fn done, void *ctx)
{
    struct node_queue *queue = node_find_queue(node, params->name);

    if (node->state != NODE_READY) {
        return;
    }
    transport_declare_queue(node->transport, params, done, ctx);
    if (queue != NULL) {
        queue->prefetch = prefetch;
        node_queue_adjust(queue);
        return;
    }
    queue = ALLOC(struct node_queue);
    queue->node = node;
    queue->name = alloc_dup(params->name);
    queue->params = *params;
    queue->params.name = queue->name;
    queue->prefetch = prefetch;
    list_add(&node->queues, &queue->link);
    struct consume_params take = {.queue = queue->name,
                                  .prefetch = prefetch,
                                  .on_delivery = on_delivery,
                                  .on_ended = on_ended,
                                  .ctx = queue};
    queue->consumer = transport_take(node->transport, &take);
}

void
node_return_tasks(struct node *node, const char *queue, bool started)
{
    bool found = true;

    while (found) {
        found = false;
        LIST_FOR_EACH(link, &node->tasks)
        {
            struct node_task *task = LIST_ENTRY(link, struct node_task, link);
            bool here = queue == NULL || strcmp(task->queue, queue) == 0;
            bool idle = task->state == NODE_TASK_WAITING ||
                        task->state == NODE_TASK_GIVEN;
            bool runs = started && task->state == NODE_TASK_STARTED;
            if (here && (idle || runs)) {
                node_task_return(task);
                found = true;
                break;
            }
        }
    }
}

void
node_cancel(struct node *node, const char *name, bool give_back,
            transport_done_fn done, void *ctx)
{
    struct node_queue *queue = node_find_queue(node, name);

    if (queue == NULL) {
        // Answered in its turn, behind what was asked before.
        transport_declare_exchange(node->transport, &names_event_exchange, done,
                                   ctx);
        return;
    }
    consumer_stop(queue->consumer, done, ctx);
    transport_forget_queue(node->transport, queue->name);
    list_remove(&queue->link);
    if (give_back) {
        node_return_tasks(node, queue->name, false);
    }
    node_queue_free(queue);
}

void
node_prefetch(struct node *node, const char *name, uint32_t prefetch)
{
    struct node_queue *queue = node_find_queue(node, name);

    if (queue != NULL && queue->prefetch != prefetch) {
        queue->prefetch = prefetch;
        node_queue_adjust(queue);
    }
}
