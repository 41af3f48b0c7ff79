#include "transport/transport.h"

#include <stddef.h>

#include "transport/driver.h"

typedef struct transport *(*open_fn)(const struct driver_params *params,
                                     struct err *err);

static const struct {
    enum broker_kind kind;
    open_fn open;
} drivers[] = {
    {BROKER_AMQP, amqp_open},
    {BROKER_REDIS, redis_open},
    {BROKER_INPROC, inproc_open},
};

static open_fn
find_driver(enum broker_kind kind)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (drivers[i].kind == kind) {
            return drivers[i].open;
        }
    }
    return NULL;
}

struct transport *
transport_open(const struct transport_params *params, struct err *err)
{
    struct driver_params driver = {.open = *params};

    if (!broker_urls_parse(&driver.urls, params->urls, err)) {
        return NULL;
    }
    open_fn open = find_driver(driver.urls.items[0].kind);
    if (open == NULL) {
        err_set(err, ERR_CONFIG, "%s: this program was made without it",
                driver.urls.items[0].shown);
        broker_urls_release(&driver.urls);
        return NULL;
    }
    return open(&driver, err);
}

void
transport_close(struct transport *transport, uint32_t ms,
                transport_done_fn done, void *ctx)
{
    transport->ops->close(transport, ms, done, ctx);
}

void
transport_free(struct transport *transport)
{
    if (transport != NULL) {
        transport->ops->free(transport);
    }
}

bool
transport_is_up(const struct transport *transport)
{
    return transport->ops->is_up(transport);
}

const char *
transport_address(const struct transport *transport)
{
    return transport->ops->address(transport);
}

void
transport_ask_facts(struct transport *transport,
                    void (*fn)(void *ctx, const struct transport_facts *facts,
                               const struct err *err),
                    void *ctx)
{
    transport->ops->ask_facts(transport, fn, ctx);
}

void
transport_declare_exchange(struct transport *transport,
                           const struct exchange_params *params,
                           transport_done_fn done, void *ctx)
{
    transport->ops->declare_exchange(transport, params, done, ctx);
}

void
transport_declare_queue(struct transport *transport,
                        const struct queue_params *params,
                        transport_done_fn done, void *ctx)
{
    transport->ops->declare_queue(transport, params, done, ctx);
}

void
transport_bind(struct transport *transport, const char *queue,
               const char *exchange, const char *key, transport_done_fn done,
               void *ctx)
{
    transport->ops->bind(transport, queue, exchange, key, done, ctx);
}

void
transport_publish(struct transport *transport, const struct publish *publish,
                  transport_done_fn done, void *ctx)
{
    transport->ops->publish(transport, publish, done, ctx);
}

struct consumer *
transport_take(struct transport *transport, const struct consume_params *params)
{
    return transport->ops->take(transport, params);
}

void
consumer_prefetch(struct consumer *consumer, uint32_t prefetch)
{
    consumer->transport->ops->prefetch(consumer, prefetch);
}

void
consumer_stop(struct consumer *consumer, transport_done_fn done, void *ctx)
{
    consumer->transport->ops->stop(consumer, done, ctx);
}

void
transport_ack(struct transport *transport, uint64_t tag)
{
    transport->ops->ack(transport, tag);
}

void
transport_requeue(struct transport *transport, uint64_t tag)
{
    transport->ops->requeue(transport, tag);
}

void
transport_reject(struct transport *transport, uint64_t tag)
{
    transport->ops->reject(transport, tag);
}

struct consumer *
transport_subscribe(struct transport *transport,
                    const struct subscribe_params *params)
{
    return transport->ops->subscribe(transport, params);
}

void
transport_length(struct transport *transport, const char *queue,
                 transport_count_fn done, void *ctx)
{
    transport->ops->length(transport, queue, done, ctx);
}

void
transport_purge(struct transport *transport, const char *queue,
                transport_count_fn done, void *ctx)
{
    transport->ops->purge(transport, queue, done, ctx);
}

void
transport_delete(struct transport *transport, const char *queue, bool if_unused,
                 transport_count_fn done, void *ctx)
{
    transport->ops->delete_queue(transport, queue, if_unused, done, ctx);
}

void
transport_forget_queue(struct transport *transport, const char *queue)
{
    if (transport->ops->forget_queue != NULL) {
        transport->ops->forget_queue(transport, queue);
    }
}

void
transport_delete_exchange(struct transport *transport, const char *name,
                          transport_done_fn done, void *ctx)
{
    transport->ops->delete_exchange(transport, name, done, ctx);
}

void
transport_withdraw(struct transport *transport, const char *queue,
                   const char *header, const char *value,
                   transport_count_fn done, void *ctx)
{
    transport->ops->withdraw(transport, queue, header, value, done, ctx);
}

void
transport_reclaim(struct transport *transport, const char *queue,
                  const char *name, transport_count_fn done, void *ctx)
{
    transport->ops->reclaim(transport, queue, name, done, ctx);
}
