/*
 * What each kind of broker implements: the functions of transport.h as a
 * table. transport.c opens the right one and forwards; the rules of
 * transport.h hold for all of them, and one suite of tests runs over all.
 */
#ifndef TRANSPORT_DRIVER_H
#define TRANSPORT_DRIVER_H

#include "transport/broker_url.h"
#include "transport/transport.h"

/* All urls are of one kind. Takes `urls`. */
struct driver_params {
    struct transport_params open;
    struct broker_urls urls;
};

struct transport_ops {
    void (*close)(struct transport *, uint32_t ms, transport_done_fn, void *);
    void (*free)(struct transport *);
    bool (*is_up)(const struct transport *);
    const char *(*address)(const struct transport *);
    void (*ask_facts)(struct transport *,
                      void (*fn)(void *, const struct transport_facts *,
                                 const struct err *),
                      void *);
    void (*declare_exchange)(struct transport *, const struct exchange_params *,
                             transport_done_fn, void *);
    void (*declare_queue)(struct transport *, const struct queue_params *,
                          transport_done_fn, void *);
    void (*bind)(struct transport *, const char *queue, const char *exchange,
                 const char *key, transport_done_fn, void *);
    void (*publish)(struct transport *, const struct publish *,
                    transport_done_fn, void *);
    struct consumer *(*take)(struct transport *, const struct consume_params *);
    struct consumer *(*subscribe)(struct transport *,
                                  const struct subscribe_params *);
    void (*prefetch)(struct consumer *, uint32_t prefetch);
    void (*stop)(struct consumer *, transport_done_fn, void *);
    void (*ack)(struct transport *, uint64_t tag);
    void (*requeue)(struct transport *, uint64_t tag);
    void (*reject)(struct transport *, uint64_t tag);
    void (*length)(struct transport *, const char *queue, transport_count_fn,
                   void *);
    void (*purge)(struct transport *, const char *queue, transport_count_fn,
                  void *);
    void (*delete_queue)(struct transport *, const char *queue, bool if_unused,
                         transport_count_fn, void *);
    /* NULL: nothing is declared again here. */
    void (*forget_queue)(struct transport *, const char *queue);
    void (*delete_exchange)(struct transport *, const char *name,
                            transport_done_fn, void *);
    void (*withdraw)(struct transport *, const char *queue, const char *header,
                     const char *value, transport_count_fn, void *);
    void (*reclaim)(struct transport *, const char *queue, const char *name,
                    transport_count_fn, void *);
};

/* The first member of each driver's own structs. */
struct transport {
    const struct transport_ops *ops;
};
struct consumer {
    struct transport *transport;
};

/* Each in the file of its name. NULL with err: these URLs cannot be used. */
struct transport *amqp_open(const struct driver_params *params,
                            struct err *err);
struct transport *redis_open(const struct driver_params *params,
                             struct err *err);
struct transport *inproc_open(const struct driver_params *params,
                              struct err *err);

#endif
