/* For the files of the native carrier only. */
#ifndef FLEET_NATIVE_INTERNAL_H
#define FLEET_NATIVE_INTERNAL_H

#include "celery/node.h"
#include "fleet/native_carrier.h"
#include "loop/deadline.h"
#include "util/list.h"

// A task between on_task and its end.
struct native_task {
    struct list_link link;
    uint64_t number;
    struct node_task *task;
    bool terminated;
};

struct native_reply {
    struct list_link link;
    uint64_t number;
    struct node_reply *reply;
};

struct native_carrier {
    struct carrier base;
    struct native_carrier_params params;
    char *texts[4];
    const struct carrier_events *carried;
    void *their;
    const struct native_carrier_events *events;
    void *ctx;
    struct transport *transport;
    struct node *node;
    struct consumer *pieces;
    char *pieces_name;
    struct list tasks;
    struct list replies;
    uint64_t next;
    struct deadline patience;
    struct deadline look;
    char *suspect; // an inbox that nobody may take from, or NULL
    uint64_t suspect_count;
    struct err last; // why it cannot connect, so far
    char *declared;  // the inbox that the transport knows
    char *joined;    // a build's queue
    bool redis;
    bool wants_offers;
    bool ready;
    bool connected; // once
    bool stopping;
    bool over;
};

struct native_carrier *native_of(struct carrier *carrier);

/* --- native_queues.c */

void native_apply_offers(struct native_carrier *carrier);
void native_offers(struct carrier *base, bool wanted);
void native_join(struct carrier *base, const char *name, uint32_t prefetch);
void native_prefetch(struct carrier *base, uint32_t prefetch);
void native_leave(struct carrier *base, carrier_done_fn done, void *ctx);
void native_send(struct carrier *base, const char *queue,
                 const struct sealed *sealed, carrier_done_fn done, void *ctx);
void native_erase(struct carrier *base, const char *queue, bool sure);
/* `look` of the carrier calls it. */
void native_look_again(void *ctx);
void native_listen(struct carrier *base, const char *name);

/* --- native_tasks.c */

void native_end(struct carrier *base, uint64_t number, enum carrier_end how,
                const json_t *value);
void native_reply(struct carrier *base, uint64_t number, const json_t *value);
void native_forget_all(struct native_carrier *carrier);

/* Events of the node. */
void native_on_task(void *ctx, struct node_task *there);
void native_on_withdrawn(void *ctx, struct node_task *there);
void native_on_terminate(void *ctx, struct node_task *there,
                         const char *signal_name);
void native_on_command(void *ctx, const char *method, const json_t *arguments,
                       struct node_reply *there);
bool native_on_resize(void *ctx, int concurrency, struct err *err);
void native_on_shutdown(void *ctx);

#endif
