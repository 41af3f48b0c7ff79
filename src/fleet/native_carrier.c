#include "fleet/native_carrier.h"

#include <stdlib.h>

#include "fleet/fleet_names.h"
#include "fleet/native_internal.h"
#include "transport/broker_url.h"
#include "util/alloc.h"

/* The wiring: a transport, a node on it, and their ups and downs. */

enum {
    PATIENCE_MS = 60000,
    CLOSE_MS = 5000, // for the last words
};

struct native_carrier *
native_of(struct carrier *carrier)
{
    return (struct native_carrier *)(void *)carrier;
}

static void
tell_over(struct native_carrier *carrier, const struct err *err)
{
    if (!carrier->over) {
        carrier->over = true;
        deadline_disarm(&carrier->patience);
        carrier->events->on_over(carrier->ctx, err);
    }
}

// ------------------------------------------------------------------- ready

static void
on_node_ready(void *ctx)
{
    struct native_carrier *carrier = ctx;

    carrier->ready = true;
    carrier->events->on_connected(carrier->ctx,
                                  transport_address(carrier->transport));
    native_apply_offers(carrier);
    carrier->carried->on_way(carrier->their, true);
}

static void
on_node_failed(void *ctx, const struct err *err)
{
    tell_over(ctx, err);
}

static bool
start_node(struct native_carrier *carrier, struct err *err)
{
    static const char *const tasks[] = {FLEET_TASK_OFFER, FLEET_TASK_RUN, NULL};
    static const struct node_command commands[] = {
        {FLEET_WELCOME, false},  {FLEET_LEASE, false},  {FLEET_CANCEL, false},
        {FLEET_RESEND, false},   {FLEET_STATE, false},  {FLEET_LIVE, false},
        {FLEET_TEARDOWN, false}, {FLEET_STATUS, false}, {NULL, false},
    };
    static const struct node_events events = {
        .on_ready = on_node_ready,
        .on_failed = on_node_failed,
        .on_task = native_on_task,
        .on_withdrawn = native_on_withdrawn,
        .on_terminate = native_on_terminate,
        .on_command = native_on_command,
        .on_resize = native_on_resize,
        .on_shutdown = native_on_shutdown,
    };
    carrier->node = node_new(
        &(struct node_params){
            .loop = carrier->params.loop,
            .transport = carrier->transport,
            .name = carrier->params.node,
            .concurrency = carrier->params.slots,
            .software = "mule",
            .version = carrier->params.version,
            .system = "Linux",
            .urls = carrier->params.urls,
            .tasks = tasks,
            .commands = commands,
            .allow_control = carrier->params.allow_control,
            .events = &events,
            .ctx = carrier,
        },
        err);
    return carrier->node != NULL;
}

static void
on_up(void *ctx)
{
    struct native_carrier *carrier = ctx;

    deadline_disarm(&carrier->patience);
    carrier->connected = true;
    node_up(carrier->node);
    if (carrier->ready) {
        carrier->events->on_connected(carrier->ctx,
                                      transport_address(carrier->transport));
        carrier->carried->on_way(carrier->their, true);
    }
}

static void
on_down(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    carrier->last = *err;
    carrier->events->on_note(carrier->ctx, err->text, err->hint);
    node_down(carrier->node);
    if (carrier->ready) {
        carrier->carried->on_way(carrier->their, false);
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    tell_over(ctx, err);
}

static void
on_note(void *ctx, const char *text, const char *hint)
{
    struct native_carrier *carrier = ctx;

    carrier->events->on_note(carrier->ctx, text, hint);
}

static void
on_late(void *ctx)
{
    struct native_carrier *carrier = ctx;
    struct err err = carrier->last;

    if (!err_is_set(&err)) {
        err_set(&err, ERR_SYSTEM, "%s does not answer",
                transport_address(carrier->transport));
    }
    err_hint(&err, "is the broker up, and is this its address?");
    tell_over(carrier, &err);
}

// --------------------------------------------------------------------- end

static void
on_closed(void *ctx, const struct err *err)
{
    (void)err;
    tell_over(ctx, NULL);
}

static void
close_transport(void *ctx)
{
    struct native_carrier *carrier = ctx;

    bool up = transport_is_up(carrier->transport);
    deadline_disarm(&carrier->patience);
    transport_close(carrier->transport, up ? CLOSE_MS : 1, on_closed, carrier);
}

static void
on_node_stopped(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    (void)err;
    loop_post(carrier->params.loop, close_transport, carrier);
}

static void
on_stop_late(void *ctx)
{
    close_transport(ctx);
}

static void
do_stopped(struct carrier *base)
{
    struct native_carrier *carrier = native_of(base);

    if (carrier->stopping) {
        return;
    }
    carrier->stopping = true;
    deadline_disarm(&carrier->look);
    deadline_release(&carrier->patience);
    // Where there is no way to say goodbye, nobody waits for one.
    deadline_init(&carrier->patience, carrier->params.loop, on_stop_late,
                  carrier);
    if (carrier->connected && transport_is_up(carrier->transport)) {
        deadline_arm(&carrier->patience, CLOSE_MS);
        node_stop(carrier->node, NODE_COLD, on_node_stopped, carrier);
    } else {
        loop_post(carrier->params.loop, close_transport, carrier);
    }
}

static bool
is_redis(const char *urls)
{
    struct broker_urls parsed;
    struct err err = {0};
    bool redis = broker_urls_parse(&parsed, urls, &err) &&
                 parsed.items[0].kind == BROKER_REDIS;

    broker_urls_release(&parsed);
    return redis;
}

static bool
open_all(struct native_carrier *carrier, struct err *err)
{
    static const struct transport_events events = {
        .on_up = on_up,
        .on_down = on_down,
        .on_failed = on_failed,
        .on_note = on_note,
    };
    carrier->transport = transport_open(
        &(struct transport_params){
            .loop = carrier->params.loop,
            .urls = carrier->params.urls,
            .name = carrier->params.node,
            .events = &events,
            .ctx = carrier,
        },
        err);
    return carrier->transport != NULL && start_node(carrier, err);
}

struct native_carrier *
native_carrier_new(const struct native_carrier_params *params,
                   const struct carrier_events *carried, void *their,
                   const struct native_carrier_events *events, void *ctx,
                   struct err *err)
{
    static const struct carrier_ops ops = {
        .offers = native_offers,
        .join = native_join,
        .prefetch = native_prefetch,
        .leave = native_leave,
        .send = native_send,
        .end = native_end,
        .reply = native_reply,
        .listen = native_listen,
        .erase = native_erase,
        .stopped = do_stopped,
    };
    struct native_carrier *carrier = ALLOC(struct native_carrier);

    carrier->base.ops = &ops;
    carrier->params = *params;
    carrier->params.urls = carrier->texts[0] = alloc_dup(params->urls);
    carrier->params.node = carrier->texts[1] = alloc_dup(params->node);
    carrier->params.queues = carrier->texts[2] = alloc_dup(params->queues);
    carrier->params.version = carrier->texts[3] = alloc_dup(params->version);
    carrier->carried = carried;
    carrier->their = their;
    carrier->events = events;
    carrier->ctx = ctx;
    carrier->redis = is_redis(params->urls);
    list_init(&carrier->tasks);
    list_init(&carrier->replies);
    deadline_init(&carrier->patience, params->loop, on_late, carrier);
    deadline_init(&carrier->look, params->loop, native_look_again, carrier);
    if (!open_all(carrier, err)) {
        native_carrier_free(carrier);
        return NULL;
    }
    deadline_arm(&carrier->patience,
                 params->patience_ms > 0 ? params->patience_ms : PATIENCE_MS);
    return carrier;
}

struct carrier *
native_carrier_base(struct native_carrier *carrier)
{
    return &carrier->base;
}

void
native_carrier_free(struct native_carrier *carrier)
{
    if (carrier == NULL) {
        return;
    }
    loop_cancel(carrier->params.loop, carrier);
    deadline_release(&carrier->patience);
    deadline_release(&carrier->look);
    node_free(carrier->node);
    transport_free(carrier->transport);
    native_forget_all(carrier);
    free(carrier->declared);
    free(carrier->suspect);
    free(carrier->joined);
    free(carrier->pieces_name);
    for (size_t i = 0; i < sizeof(carrier->texts) / sizeof(char *); i++) {
        free(carrier->texts[i]);
    }
    free(carrier);
}
