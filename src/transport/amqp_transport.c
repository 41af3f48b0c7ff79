#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "transport/amqp_internal.h"
#include "util/alloc.h"
#include "util/log.h"

// Between two attempts to connect.
#define PAUSE_MIN_MS 100U
#define PAUSE_MAX_MS 5000U
// For saying goodbye, at least.
#define FAREWELL_MS 200

struct amqp *
amqp_of(struct transport *transport)
{
    return (struct amqp *)transport;
}

static void
destroy(struct amqp *amqp)
{
    amqp_laters_release(amqp);
    amqp_consumers_release(amqp);
    amqp_admin_release(&amqp->admin);
    amqp_publisher_release(&amqp->publisher);
    broker_urls_release(&amqp->urls);
    free(amqp->publish_name);
    free(amqp->consume_name);
    free(amqp);
}

void
amqp_enter(struct amqp *amqp)
{
    amqp->depth++;
}

void
amqp_leave(struct amqp *amqp)
{
    assert(amqp->depth > 0);
    if (--amqp->depth == 0 && amqp->dead) {
        destroy(amqp);
    }
}

void
amqp_note(struct amqp *amqp, const char *text, const char *hint)
{
    if (!amqp->dead && amqp->events->on_note != NULL) {
        amqp->events->on_note(amqp->ctx, text, hint);
    }
}

bool
amqp_is_over(const struct amqp *amqp, struct err *err)
{
    if (amqp->phase == AMQP_CLOSING) {
        err_set(err, ERR_INTERRUPTED, "the connection is being closed");
        return true;
    }
    if (amqp->phase == AMQP_OVER) {
        *err = amqp->over;
        return true;
    }
    return false;
}

static void connect_links(struct amqp *amqp);

static void
drop_links(struct amqp *amqp)
{
    amqp_link_free(amqp->publish_link);
    amqp_link_free(amqp->consume_link);
    amqp->publish_link = amqp->consume_link = NULL;
    amqp->publish_up = amqp->consume_up = false;
}

// It is closed, at the user's wish.
static void
be_closed(struct amqp *amqp)
{
    struct err left = {0};
    bool lost = amqp->publisher.count > 0 || !amqp_admin_is_idle(amqp);

    if (lost) {
        err_set(&left, ERR_LIMIT, "%zu messages could not be sent in time",
                amqp->publisher.count);
    }
    deadline_disarm(&amqp->closing);
    deadline_disarm(&amqp->retry);
    drop_links(amqp);
    amqp->phase = AMQP_OVER;
    err_set(&amqp->over, ERR_INTERRUPTED, "the connection was closed");
    amqp_consumers_lost(amqp);
    amqp_publisher_fail(amqp, &amqp->over);
    if (!amqp->dead) {
        amqp_admin_fail(amqp, &amqp->over);
    }
    // Behind all that is owed.
    if (!amqp->dead) {
        amqp_later(amqp, amqp->on_closed, amqp->close_ctx, lost ? &left : NULL);
    }
}

static void
on_closing_limit(void *ctx)
{
    struct amqp *amqp = ctx;

    amqp_enter(amqp);
    be_closed(amqp);
    amqp_leave(amqp);
}

void
amqp_check_closing(struct amqp *amqp)
{
    if (amqp->dead || amqp->phase != AMQP_CLOSING) {
        return;
    }
    bool idle = amqp->publisher.count == 0 && amqp_admin_is_idle(amqp);
    if (!idle) {
        return;
    }
    usec left = (amqp->close_by - loop_now_us(amqp->loop)) / 1000;
    uint32_t ms = left > FAREWELL_MS ? (uint32_t)left : FAREWELL_MS;
    if (amqp->publish_link != NULL) {
        amqp_link_close(amqp->publish_link, ms);
    }
    if (amqp->consume_link != NULL) {
        amqp_link_close(amqp->consume_link, ms);
    }
    deadline_arm(&amqp->closing, ms);
}

static void
be_over(struct amqp *amqp, const struct err *err)
{
    amqp->phase = AMQP_OVER;
    amqp->over = *err;
    amqp_publisher_fail(amqp, err);
    if (!amqp->dead) {
        amqp_admin_fail(amqp, err);
    }
    if (!amqp->dead && amqp->events->on_failed != NULL) {
        amqp->events->on_failed(amqp->ctx, err);
    }
}

// Several that lost the same server do not come back in the same moment.
static uint32_t
spread(uint32_t ms)
{
    uint64_t number = (uint64_t)now_usec() ^ (uint64_t)getpid() * 7919U;

    return ms + (uint32_t)(number % (ms / 4 + 1));
}

static void
wait_to_connect(struct amqp *amqp)
{
    if (amqp->phase != AMQP_CLOSING) {
        amqp->phase = AMQP_WAITING;
    }
    deadline_arm(&amqp->retry, spread(amqp->pause_ms));
    amqp->url = (amqp->url + 1) % amqp->urls.count;
    if (amqp->url == 0) {
        amqp->pause_ms = 2 * amqp->pause_ms < PAUSE_MAX_MS ? 2 * amqp->pause_ms
                                                           : PAUSE_MAX_MS;
    }
}

// Either connection is gone: so is the other.
static void
lose(struct amqp *amqp, const struct err *err)
{
    log_debug("amqp: lost: %s", err->text);
    drop_links(amqp);
    amqp_consumers_lost(amqp);
    amqp_publisher_lost(amqp);
    amqp_admin_lost(amqp, err);
    if (amqp->dead) {
        return;
    }
    bool closing = amqp->phase == AMQP_CLOSING;
    bool idle = amqp->publisher.count == 0 && amqp_admin_is_idle(amqp);
    amqp->refusals = err->kind == ERR_CONFIG ? amqp->refusals + 1 : 0;
    bool hopeless = amqp->refusals == amqp->urls.count;
    if (closing && (idle || hopeless)) {
        be_closed(amqp);
        return;
    }
    if (hopeless) {
        be_over(amqp, err);
        return;
    }
    wait_to_connect(amqp);
    if (!closing && amqp->events->on_down != NULL) {
        amqp->events->on_down(amqp->ctx, err);
    }
}

void
amqp_restored(struct amqp *amqp)
{
    amqp->phase = AMQP_UP;
    amqp->was_up = true;
    amqp->pause_ms = PAUSE_MIN_MS;
    amqp_consumers_start(amqp);
    if (amqp->events->on_up != NULL) {
        amqp->events->on_up(amqp->ctx);
    }
}

static void
begin_work(struct amqp *amqp)
{
    if (!amqp->publish_up || !amqp->consume_up) {
        return;
    }
    amqp->refusals = 0;
    if (amqp->phase == AMQP_CONNECTING) {
        amqp->phase = AMQP_RESTORING;
    }
    amqp_publisher_start(amqp);
    amqp_admin_start(amqp);
}

static void
on_publish_up(void *ctx)
{
    struct amqp *amqp = ctx;

    amqp_enter(amqp);
    amqp->publish_up = true;
    begin_work(amqp);
    amqp_leave(amqp);
}

static void
on_consume_up(void *ctx)
{
    struct amqp *amqp = ctx;

    amqp_enter(amqp);
    amqp->consume_up = true;
    begin_work(amqp);
    amqp_leave(amqp);
}

static void
on_publish_frame(void *ctx, const struct amqp_frame *frame)
{
    struct amqp *amqp = ctx;

    amqp_enter(amqp);
    if (frame->channel == AMQP_OWN_CHANNEL) {
        amqp_publisher_frame(amqp, frame);
    }
    amqp_leave(amqp);
}

static void
on_consume_frame(void *ctx, const struct amqp_frame *frame)
{
    struct amqp *amqp = ctx;

    amqp_enter(amqp);
    if (frame->channel == AMQP_OWN_CHANNEL) {
        amqp_admin_frame(amqp, frame);
    } else {
        amqp_consumer_frame(amqp, frame);
    }
    amqp_leave(amqp);
}

static void
on_publish_blocked(void *ctx, const char *reason)
{
    struct amqp *amqp = ctx;

    amqp_enter(amqp);
    amqp->publisher.blocked = reason != NULL;
    if (reason != NULL) {
        char *text = alloc_printf("the broker takes no messages: %s", reason);
        amqp_note(amqp, text,
                  "it goes on by itself once the broker has memory or disk "
                  "again");
        free(text);
    } else {
        amqp_note(amqp, "the broker takes messages again", NULL);
    }
    if (!amqp->dead) {
        amqp_publisher_go_on(amqp);
        amqp_admin_go_on(amqp);
    }
    amqp_leave(amqp);
}

// The other connection has told it, or will as soon as it matters.
static void
on_consume_blocked(void *ctx, const char *reason)
{
    (void)ctx;
    (void)reason;
}

static void
on_gone(struct amqp *amqp, struct amqp_link **link, const struct err *err)
{
    struct err why = {0};

    // It goes with the link.
    if (err != NULL) {
        why = *err;
    }
    amqp_enter(amqp);
    amqp_link_free(*link);
    *link = NULL;
    if (err_is_set(&why)) {
        lose(amqp, &why);
    } else if (amqp->publish_link == NULL && amqp->consume_link == NULL) {
        be_closed(amqp);
    }
    amqp_leave(amqp);
}

static void
on_publish_gone(void *ctx, const struct err *err)
{
    struct amqp *amqp = ctx;

    on_gone(amqp, &amqp->publish_link, err);
}

static void
on_consume_gone(void *ctx, const struct err *err)
{
    struct amqp *amqp = ctx;

    on_gone(amqp, &amqp->consume_link, err);
}

static const struct amqp_link_events publish_events = {
    .on_up = on_publish_up,
    .on_frame = on_publish_frame,
    .on_blocked = on_publish_blocked,
    .on_gone = on_publish_gone,
};
static const struct amqp_link_events consume_events = {
    .on_up = on_consume_up,
    .on_frame = on_consume_frame,
    .on_blocked = on_consume_blocked,
    .on_gone = on_consume_gone,
};

static void
connect_links(struct amqp *amqp)
{
    struct amqp_link_params params = {
        .loop = amqp->loop,
        .url = &amqp->urls.items[amqp->url],
        .name = amqp->publish_name,
        .heartbeat_ms = amqp->heartbeat_ms,
        .events = &publish_events,
        .ctx = amqp,
    };

    if (amqp->phase != AMQP_CLOSING) {
        amqp->phase = AMQP_CONNECTING;
    }
    amqp->publish_link = amqp_link_open(&params);
    params.name = amqp->consume_name;
    params.events = &consume_events;
    amqp->consume_link = amqp_link_open(&params);
}

static void
on_retry(void *ctx)
{
    connect_links(ctx);
}

void
amqp_transport_close(struct transport *transport, uint32_t ms,
                     transport_done_fn done, void *ctx)
{
    struct amqp *amqp = amqp_of(transport);

    amqp->on_closed = done;
    amqp->close_ctx = ctx;
    if (amqp->phase == AMQP_OVER) {
        amqp_later(amqp, done, ctx, NULL);
        return;
    }
    bool connected = amqp->phase == AMQP_UP || amqp->phase == AMQP_RESTORING;
    bool idle = amqp->publisher.count == 0 && amqp_admin_is_idle(amqp);
    amqp->phase = AMQP_CLOSING;
    amqp->close_by = loop_now_us(amqp->loop) + (usec)ms * 1000;
    deadline_arm(&amqp->closing, idle && !connected ? 0 : ms);
    if (connected) {
        amqp_check_closing(amqp);
    }
}

void
amqp_transport_free(struct transport *transport)
{
    struct amqp *amqp = amqp_of(transport);

    amqp->dead = true;
    loop_cancel(amqp->loop, amqp);
    deadline_release(&amqp->retry);
    deadline_release(&amqp->closing);
    drop_links(amqp);
    if (amqp->depth == 0) {
        destroy(amqp);
    }
}

struct transport *
amqp_open(const struct driver_params *params, struct err *err)
{
    struct amqp *amqp = ALLOC(struct amqp);
    const char *name = params->open.name != NULL ? params->open.name : "mule";

    (void)err; // what is wrong with a URL that could be read shows later
    amqp->base.ops = &amqp_ops;
    amqp->loop = params->open.loop;
    amqp->urls = params->urls;
    amqp->publish_name = alloc_printf("%.200s (publishes)", name);
    amqp->consume_name = alloc_printf("%.200s", name);
    amqp->heartbeat_ms = params->open.heartbeat_ms;
    amqp->events = params->open.events;
    amqp->ctx = params->open.ctx;
    amqp->last_channel = AMQP_OWN_CHANNEL;
    amqp->pause_ms = PAUSE_MIN_MS;
    amqp_admin_init(&amqp->admin);
    amqp_publisher_init(&amqp->publisher);
    list_init(&amqp->consumers);
    list_init(&amqp->laters);
    deadline_init(&amqp->retry, amqp->loop, on_retry, amqp);
    deadline_init(&amqp->closing, amqp->loop, on_closing_limit, amqp);
    connect_links(amqp);
    return &amqp->base;
}
