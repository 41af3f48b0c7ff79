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
#define TEXT_MAX 200

// A call that is owed.
struct later {
    struct list_link link;
    transport_done_fn done;
    transport_count_fn count;
    void *ctx;
    struct err err;
};

struct amqp *
amqp_of(struct transport *transport)
{
    return (struct amqp *)transport;
}

static void
destroy(struct amqp *amqp)
{
    LIST_FOR_EACH(link, &amqp->laters)
    {
        free(LIST_ENTRY(link, struct later, link));
    }
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

static void
call_laters(void *ctx)
{
    struct amqp *amqp = ctx;
    struct list laters;

    // Those that come meanwhile have their own turn.
    amqp->later_posted = false;
    list_init(&laters);
    struct list_link *link = NULL;
    while ((link = list_take_first(&amqp->laters)) != NULL) {
        list_add(&laters, link);
    }
    amqp_enter(amqp);
    while ((link = list_take_first(&laters)) != NULL) {
        struct later *later = LIST_ENTRY(link, struct later, link);
        const struct err *err = err_is_set(&later->err) ? &later->err : NULL;
        if (amqp->dead) {
            // Nobody is to be called any more.
        } else if (later->count != NULL) {
            later->count(later->ctx, 0, err);
        } else if (later->done != NULL) {
            later->done(later->ctx, err);
        }
        free(later);
    }
    amqp_leave(amqp);
}

static void
add_later(struct amqp *amqp, const struct later *later)
{
    struct later *added = ALLOC(struct later);

    *added = *later;
    list_add(&amqp->laters, &added->link);
    if (!amqp->later_posted) {
        amqp->later_posted = true;
        loop_post(amqp->loop, call_laters, amqp);
    }
}

void
amqp_later(struct amqp *amqp, transport_done_fn done, void *ctx,
           const struct err *err)
{
    struct later later = {.done = done, .ctx = ctx};

    if (err != NULL) {
        later.err = *err;
    }
    if (done != NULL) {
        add_later(amqp, &later);
    }
}

void
amqp_later_count(struct amqp *amqp, transport_count_fn count, void *ctx,
                 const struct err *err)
{
    struct later later = {.count = count, .ctx = ctx};

    if (err != NULL) {
        later.err = *err;
    }
    if (count != NULL) {
        add_later(amqp, &later);
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

bool
amqp_send(struct amqp_link *link, uint16_t channel, amqp_method_number_t id,
          const void *fields, struct err *err)
{
    return link == NULL || amqp_link_send(link, channel, id, fields, err);
}

void
amqp_say(struct amqp_link *link, uint16_t channel, amqp_method_number_t id,
         const void *fields)
{
    struct err err = {0};
    bool sent = amqp_send(link, channel, id, fields, &err);

    assert(sent);
    (void)sent;
}

void
amqp_close_ok(struct amqp_link *link, uint16_t channel)
{
    amqp_channel_close_ok_t fields = {0};

    amqp_say(link, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &fields);
}

void
amqp_open_channel(struct amqp_link *link, uint16_t channel)
{
    amqp_channel_open_t fields = {0};

    amqp_say(link, channel, AMQP_CHANNEL_OPEN_METHOD, &fields);
}

void
amqp_explain(const amqp_channel_close_t *close, struct err *err)
{
    struct slice text = slice_first(amqp_slice(close->reply_text), TEXT_MAX);
    bool ours = close->reply_code == AMQP_NOT_FOUND ||
                close->reply_code == AMQP_PRECONDITION_FAILED ||
                close->reply_code == AMQP_ACCESS_REFUSED ||
                close->reply_code == AMQP_RESOURCE_LOCKED;

    err_set(err, ours ? ERR_CONFIG : ERR_SYSTEM, "the broker refuses: %.*s",
            SLICE_ARG(text));
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

static void
op_close(struct transport *transport, uint32_t ms, transport_done_fn done,
         void *ctx)
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

static void
op_free(struct transport *transport)
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

static bool
op_is_up(const struct transport *transport)
{
    return ((const struct amqp *)transport)->phase == AMQP_UP;
}

static const char *
op_address(const struct transport *transport)
{
    const struct amqp *amqp = (const struct amqp *)transport;

    return amqp->urls.items[amqp->url].shown;
}

static void
op_ask_facts(struct transport *transport,
             void (*fn)(void *, const struct transport_facts *,
                        const struct err *),
             void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_NOTHING, "");

    op->facts = fn;
    op->ctx = ctx;
    amqp_ask(amqp_of(transport), op);
}

static void
ask_done(struct transport *transport, struct amqp_op *op,
         transport_done_fn done, void *ctx)
{
    op->done = done;
    op->ctx = ctx;
    amqp_ask(amqp_of(transport), op);
}

static void
ask_count(struct transport *transport, struct amqp_op *op,
          transport_count_fn count, void *ctx)
{
    op->count = count;
    op->ctx = ctx;
    amqp_ask(amqp_of(transport), op);
}

static void
op_declare_exchange(struct transport *transport,
                    const struct exchange_params *params,
                    transport_done_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_EXCHANGE, params->name);

    op->exchange_params = *params;
    op->exchange_params.name = NULL;
    ask_done(transport, op, done, ctx);
}

static void
op_declare_queue(struct transport *transport, const struct queue_params *params,
                 transport_done_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_QUEUE, params->name);

    op->queue_params = *params;
    op->queue_params.name = NULL;
    ask_done(transport, op, done, ctx);
}

static void
op_bind(struct transport *transport, const char *queue, const char *exchange,
        const char *key, transport_done_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_BIND, queue);

    op->exchange = alloc_dup(exchange);
    op->key = alloc_dup(key);
    ask_done(transport, op, done, ctx);
}

static void
op_publish(struct transport *transport, const struct publish *publish,
           transport_done_fn done, void *ctx)
{
    amqp_publish(amqp_of(transport), publish, done, ctx);
}

static void
op_ack(struct transport *transport, uint64_t tag)
{
    amqp_answer(amqp_of(transport), tag, AMQP_ANSWER_ACK);
}

static void
op_requeue(struct transport *transport, uint64_t tag)
{
    amqp_answer(amqp_of(transport), tag, AMQP_ANSWER_REQUEUE);
}

static void
op_reject(struct transport *transport, uint64_t tag)
{
    amqp_answer(amqp_of(transport), tag, AMQP_ANSWER_REJECT);
}

static void
op_length(struct transport *transport, const char *queue,
          transport_count_fn done, void *ctx)
{
    ask_count(transport, amqp_op_new(AMQP_OP_LENGTH, queue), done, ctx);
}

static void
op_purge(struct transport *transport, const char *queue,
         transport_count_fn done, void *ctx)
{
    ask_count(transport, amqp_op_new(AMQP_OP_PURGE, queue), done, ctx);
}

static void
op_forget_queue(struct transport *transport, const char *queue)
{
    amqp_admin_forget(amqp_of(transport), queue);
}

static void
op_delete_queue(struct transport *transport, const char *queue, bool if_unused,
                transport_count_fn done, void *ctx)
{
    struct amqp_op *op = amqp_op_new(AMQP_OP_DELETE, queue);

    op->if_unused = if_unused;
    ask_count(transport, op, done, ctx);
}

static void
op_delete_exchange(struct transport *transport, const char *name,
                   transport_done_fn done, void *ctx)
{
    ask_done(transport, amqp_op_new(AMQP_OP_DELETE_EXCHANGE, name), done, ctx);
}

static void
op_withdraw(struct transport *transport, const char *queue, const char *header,
            const char *value, transport_count_fn done, void *ctx)
{
    (void)queue;
    (void)header;
    (void)value;
    amqp_later_count(amqp_of(transport), done, ctx, NULL);
}

static void
op_reclaim(struct transport *transport, const char *queue, const char *name,
           transport_count_fn done, void *ctx)
{
    (void)queue;
    (void)name;
    amqp_later_count(amqp_of(transport), done, ctx, NULL);
}

static const struct transport_ops ops = {
    .close = op_close,
    .free = op_free,
    .is_up = op_is_up,
    .address = op_address,
    .ask_facts = op_ask_facts,
    .declare_exchange = op_declare_exchange,
    .declare_queue = op_declare_queue,
    .bind = op_bind,
    .publish = op_publish,
    .take = amqp_take,
    .subscribe = amqp_subscribe,
    .prefetch = amqp_prefetch,
    .stop = amqp_stop,
    .ack = op_ack,
    .requeue = op_requeue,
    .reject = op_reject,
    .length = op_length,
    .purge = op_purge,
    .delete_queue = op_delete_queue,
    .forget_queue = op_forget_queue,
    .delete_exchange = op_delete_exchange,
    .withdraw = op_withdraw,
    .reclaim = op_reclaim,
};

struct transport *
amqp_open(const struct driver_params *params, struct err *err)
{
    struct amqp *amqp = ALLOC(struct amqp);
    const char *name = params->open.name != NULL ? params->open.name : "mule";

    (void)err; // what is wrong with a URL that could be read shows later
    amqp->base.ops = &ops;
    amqp->loop = params->open.loop;
    amqp->urls = params->urls;
    amqp->publish_name = alloc_printf("%.200s (publishes)", name);
    amqp->consume_name = alloc_printf("%.200s", name);
    amqp->heartbeat_ms = params->open.heartbeat_ms;
    amqp->events = params->open.events;
    amqp->ctx = params->open.ctx;
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
