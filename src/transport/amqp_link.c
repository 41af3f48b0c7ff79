#include "transport/amqp_link.h"

#include <assert.h>
#include <stdlib.h>

#include "loop/deadline.h"
#include "transport/amqp_greeting.h"
#include "transport/broker_socket.h"
#include "util/alloc.h"

#define HEARTBEAT_MS 60000U
#define GREETING_MS 15000
// How long the server may take to close what it said it closes.
#define FAREWELL_MS 2000
#define CHANNEL_MAX 2047U
#define POOL_PAGE 4096
// The most that comes in one piece, decoded by TLS.
#define READ_MAX (2UL << 20)

enum state {
    STATE_CONNECTING = 1,
    STATE_GREETING, // the header was sent; connection.start comes
    STATE_TUNING,
    STATE_OPENING,
    STATE_UP,
    STATE_CLOSING, // we said goodbye
    STATE_CLOSED,  // the server did, or we lost trust
    STATE_GONE,    // on_gone was called
};

struct amqp_link {
    struct loop *loop;
    const struct broker_url *url;
    const char *name;
    const struct amqp_link_events *events;
    void *ctx;
    struct broker_socket *socket;
    enum state state;
    bool busy; // in take_bytes
    bool dead; // freed meanwhile
    bool got_any;
    uint32_t frame_max;
    uint16_t channel_max;
    uint32_t heartbeat_s; // 0: none
    usec heard;           // when something came last
    usec looked;          // when on_beat was last called
    bool said;            // something was sent since then
    struct deadline beat;
    struct deadline limit; // of the greeting, or of the farewell
    struct buf in;         // the beginning of a frame
    struct buf out;        // a method being made
    amqp_pool_t pool;
    json_t *properties;
    struct err err; // why it is gone
};

static void
destroy(struct amqp_link *link)
{
    buf_release(&link->in);
    buf_release(&link->out);
    empty_amqp_pool(&link->pool);
    json_decref(link->properties);
    free(link);
}

void
amqp_link_free(struct amqp_link *link)
{
    if (link == NULL || link->dead) {
        return;
    }
    link->dead = true;
    broker_socket_close(link->socket);
    link->socket = NULL;
    deadline_release(&link->beat);
    deadline_release(&link->limit);
    if (!link->busy) {
        destroy(link);
    }
}

// The link may be freed afterwards.
static void
be_gone(struct amqp_link *link, const struct err *err)
{
    assert(link->state != STATE_GONE);
    link->state = STATE_GONE;
    broker_socket_close(link->socket);
    link->socket = NULL;
    deadline_disarm(&link->beat);
    deadline_disarm(&link->limit);
    link->events->on_gone(link->ctx, err);
}

static bool
is_over(const struct amqp_link *link)
{
    return link->dead || link->state >= STATE_CLOSED;
}

// Later: whoever noticed is still in the middle of something.
static void
fail(struct amqp_link *link, const struct err *err)
{
    if (is_over(link)) {
        return;
    }
    link->err = *err;
    err_wrap(&link->err, "%s", link->url->shown);
    link->state = STATE_CLOSED;
    deadline_disarm(&link->beat);
    deadline_arm(&link->limit, 0);
}

void
amqp_link_distrust(struct amqp_link *link, const struct err *err)
{
    fail(link, err);
}

static void
put(struct amqp_link *link, struct slice bytes)
{
    link->said = true;
    broker_socket_send(link->socket, bytes);
}

static bool
send_method(struct amqp_link *link, uint16_t channel, amqp_method_number_t id,
            const void *fields, struct err *err)
{
    buf_reset(&link->out);
    if (!amqp_method_put(&link->out, channel, id, fields, err)) {
        return false;
    }
    put(link, buf_slice(&link->out));
    return true;
}

bool
amqp_link_send(struct amqp_link *link, uint16_t channel,
               amqp_method_number_t id, const void *fields, struct err *err)
{
    return link->state != STATE_UP ||
           send_method(link, channel, id, fields, err);
}

void
amqp_link_put(struct amqp_link *link, struct slice frames)
{
    if (link->state == STATE_UP) {
        put(link, frames);
    }
}

const void *
amqp_link_method(struct amqp_link *link, const struct amqp_frame *frame)
{
    struct err err = {0};

    recycle_amqp_pool(&link->pool);
    const void *fields = amqp_method_decode(frame, &link->pool, &err);
    if (fields == NULL) {
        fail(link, &err);
    }
    return fields;
}

static bool
on_start(struct amqp_link *link, const struct amqp_frame *frame,
         struct err *err)
{
    link->properties = amqp_greeting_read(frame, err);
    if (link->properties == NULL) {
        return false;
    }
    link->state = STATE_TUNING;
    buf_reset(&link->out);
    if (!amqp_greeting_answer(&link->out, link->url, link->name, err)) {
        return false;
    }
    put(link, buf_slice(&link->out));
    return true;
}

static uint32_t
least(uint32_t ours, uint32_t theirs)
{
    return theirs != 0 && theirs < ours ? theirs : ours;
}

static bool
on_tune(struct amqp_link *link, const amqp_connection_tune_t *tune,
        struct err *err)
{
    link->frame_max = least(AMQP_FRAME_MAX, tune->frame_max);
    link->channel_max = (uint16_t)least(CHANNEL_MAX, tune->channel_max);
    link->heartbeat_s = least(link->heartbeat_s, tune->heartbeat);
    if (link->frame_max < AMQP_FRAME_MAX_LEAST) {
        return err_set(err, ERR_PROTOCOL, "the server wants frames of %u bytes",
                       link->frame_max);
    }
    amqp_connection_tune_ok_t tune_ok = {
        .channel_max = link->channel_max,
        .frame_max = link->frame_max,
        .heartbeat = (uint16_t)link->heartbeat_s,
    };
    amqp_connection_open_t open = {.virtual_host =
                                       amqp_cstring_bytes(link->url->vhost)};
    link->state = STATE_OPENING;
    link->looked = loop_now_us(link->loop);
    deadline_arm(&link->beat, link->heartbeat_s * 1000 / 2);
    if (!send_method(link, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &tune_ok, err)) {
        return false;
    }
    if (!send_method(link, 0, AMQP_CONNECTION_OPEN_METHOD, &open, err)) {
        err->kind = ERR_CONFIG;
        return false;
    }
    return true;
}

// Sends one when there was nothing else to say, and counts those that come.
static void
on_beat(void *ctx)
{
    struct amqp_link *link = ctx;
    usec now = loop_now_us(link->loop);
    usec half = (usec)link->heartbeat_s * 500000;

    // We were stopped ourselves: what came meanwhile was not read yet.
    if (now - link->looked > 2 * half) {
        link->heard = now;
    }
    link->looked = now;
    deadline_arm(&link->beat, half / 1000);
    if (now - link->heard > 4 * half) {
        struct err err = {0};
        err_set(&err, ERR_SYSTEM, "nothing was heard for %u s",
                2 * link->heartbeat_s);
        fail(link, &err);
        return;
    }
    if (!link->said) {
        struct buf out = BUF_INIT(AMQP_FRAME_EXTRA);
        amqp_frame_put(&out,
                       &(struct amqp_frame){.type = AMQP_FRAME_HEARTBEAT});
        broker_socket_send(link->socket, buf_slice(&out));
        buf_release(&out);
    }
    link->said = false;
}

static void
on_close(struct amqp_link *link, const amqp_connection_close_t *close)
{
    struct err err = {0};
    amqp_connection_close_ok_t close_ok = {0};
    struct err ignored = {0};

    amqp_greeting_explain(link->url, link->state < STATE_UP, close, &err);
    send_method(link, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &close_ok, &ignored);
    fail(link, &err);
    // It ends the connection itself, having read that.
    deadline_arm(&link->limit, FAREWELL_MS);
}

static void
on_blocked(struct amqp_link *link, const struct amqp_frame *frame)
{
    const amqp_connection_blocked_t *blocked = amqp_link_method(link, frame);

    if (blocked != NULL && link->state == STATE_UP) {
        char *reason = slice_dup(amqp_slice(blocked->reason));
        link->events->on_blocked(link->ctx, reason);
        free(reason);
    }
}

static void
become_up(struct amqp_link *link)
{
    link->state = STATE_UP;
    deadline_disarm(&link->limit);
    link->events->on_up(link->ctx);
}

// What is said on channel 0 while the connection is being made.
static void
take_greeting(struct amqp_link *link, const struct amqp_frame *frame)
{
    amqp_method_number_t id = amqp_method_id(frame);
    struct err err = {0};
    bool good = true;

    if (id == AMQP_CONNECTION_START_METHOD && link->state == STATE_GREETING) {
        good = on_start(link, frame, &err);
    } else if (id == AMQP_CONNECTION_TUNE_METHOD &&
               link->state == STATE_TUNING) {
        const amqp_connection_tune_t *tune = amqp_link_method(link, frame);
        good = tune == NULL || on_tune(link, tune, &err);
    } else if (id == AMQP_CONNECTION_OPEN_OK_METHOD &&
               link->state == STATE_OPENING) {
        become_up(link);
    } else {
        good =
            err_set(&err, ERR_PROTOCOL, "the method %08x is out of place", id);
    }
    if (!good) {
        fail(link, &err);
    }
}

static void
take_control(struct amqp_link *link, const struct amqp_frame *frame)
{
    amqp_method_number_t id = amqp_method_id(frame);

    switch (id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
        const amqp_connection_close_t *close = amqp_link_method(link, frame);
        if (close != NULL) {
            on_close(link, close);
        }
        break;
    }
    case AMQP_CONNECTION_CLOSE_OK_METHOD:
        be_gone(link, NULL);
        break;
    case AMQP_CONNECTION_BLOCKED_METHOD:
        on_blocked(link, frame);
        break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        if (link->state == STATE_UP) {
            link->events->on_blocked(link->ctx, NULL);
        }
        break;
    default:
        take_greeting(link, frame);
        break;
    }
}

static void
take_frame(struct amqp_link *link, const struct amqp_frame *frame)
{
    if (frame->type == AMQP_FRAME_HEARTBEAT) {
        return;
    }
    if (frame->channel == 0) {
        take_control(link, frame);
    } else if (link->state == STATE_UP) {
        link->events->on_frame(link->ctx, frame);
    }
}

static void
say_no_amqp(struct amqp_link *link, struct slice bytes)
{
    struct err err = {0};

    if (link->state > STATE_GREETING) {
        err_set(&err, ERR_PROTOCOL, "what the server says is not AMQP");
    } else if (slice_starts_with(bytes, SLICE("AMQP"))) {
        err_set(&err, ERR_CONFIG, "the server does not speak AMQP 0-9-1");
    } else {
        err_set(&err, ERR_CONFIG, "that server does not speak AMQP");
        err_hint(&err, "check the port in the broker's URL; with TLS it "
                       "begins with amqps://");
    }
    fail(link, &err);
}

// Takes whole frames off the front.
static void
take_frames(struct amqp_link *link, struct slice *rest)
{
    struct amqp_frame frame = {0};

    while (!is_over(link)) {
        switch (amqp_frame_take(rest, link->frame_max, &frame)) {
        case AMQP_FRAME_WHOLE:
            take_frame(link, &frame);
            break;
        case AMQP_FRAME_PARTIAL:
            return;
        case AMQP_FRAME_BROKEN:
            say_no_amqp(link, *rest);
            return;
        }
    }
}

static void
on_bytes(void *ctx, struct slice bytes)
{
    struct amqp_link *link = ctx;

    link->heard = loop_now_us(link->loop);
    if (is_over(link)) {
        return;
    }
    link->busy = true;
    if (link->in.len == 0) {
        take_frames(link, &bytes);
        if (!is_over(link)) {
            buf_add_slice(&link->in, bytes);
        }
    } else {
        buf_add_slice(&link->in, bytes);
        struct slice rest = buf_slice(&link->in);
        take_frames(link, &rest);
        if (!is_over(link)) {
            buf_drop(&link->in, link->in.len - rest.len);
        }
    }
    link->busy = false;
    if (link->dead) {
        destroy(link);
    }
}

static void
on_open(void *ctx)
{
    struct amqp_link *link = ctx;

    link->state = STATE_GREETING;
    put(link, slice_make("AMQP\0\0\x09\x01", 8));
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct amqp_link *link = ctx;

    link->socket = NULL;
    if (link->state == STATE_CLOSING) {
        be_gone(link, NULL);
    } else if (link->state == STATE_CLOSED) {
        be_gone(link, &link->err);
    } else {
        be_gone(link, err);
    }
}

static void
on_limit(void *ctx)
{
    struct amqp_link *link = ctx;

    if (link->state == STATE_CLOSED) {
        be_gone(link, &link->err);
    } else if (link->state == STATE_CLOSING) {
        be_gone(link, NULL);
    } else {
        struct err err = {0};
        err_set(&err, ERR_LIMIT, "the server does not greet within %d s",
                GREETING_MS / 1000);
        err_wrap(&err, "%s", link->url->shown);
        be_gone(link, &err);
    }
}

static const struct broker_socket_events socket_events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_closed = on_closed};

struct amqp_link *
amqp_link_open(const struct amqp_link_params *params)
{
    struct amqp_link *link = ALLOC(struct amqp_link);
    uint32_t wish = params->heartbeat_ms;

    if (params->url->heartbeat_ms != 0) {
        wish = params->url->heartbeat_ms;
    }
    wish = wish != 0 ? wish : HEARTBEAT_MS;
    link->loop = params->loop;
    link->url = params->url;
    link->name = params->name;
    link->events = params->events;
    link->ctx = params->ctx;
    link->state = STATE_CONNECTING;
    link->frame_max = AMQP_FRAME_MAX;
    link->heartbeat_s = least(UINT16_MAX, (wish + 999) / 1000);
    link->heard = loop_now_us(link->loop);
    // A frame is the longest that is not read at once, with a read behind it.
    buf_init(&link->in, AMQP_FRAME_MAX + READ_MAX);
    buf_init(&link->out, AMQP_FRAME_MAX);
    init_amqp_pool(&link->pool, POOL_PAGE);
    deadline_init(&link->beat, link->loop, on_beat, link);
    deadline_init(&link->limit, link->loop, on_limit, link);
    deadline_arm(&link->limit, GREETING_MS);
    link->socket =
        broker_socket_open(link->loop, link->url, &socket_events, link);
    return link;
}

void
amqp_link_close(struct amqp_link *link, uint32_t ms)
{
    amqp_connection_close_t close = {
        .reply_code = AMQP_REPLY_SUCCESS,
        .reply_text = amqp_cstring_bytes("goodbye"),
    };
    struct err ignored = {0};

    if (link->state == STATE_UP) {
        amqp_link_send(link, 0, AMQP_CONNECTION_CLOSE_METHOD, &close, &ignored);
    }
    if (link->state < STATE_CLOSING) {
        bool up = link->state == STATE_UP;
        link->state = STATE_CLOSING;
        deadline_disarm(&link->beat);
        deadline_arm(&link->limit, up ? ms : 0);
    }
}

size_t
amqp_link_queued(const struct amqp_link *link)
{
    return link->socket != NULL ? broker_socket_queued(link->socket) : 0;
}

uint32_t
amqp_link_frame_max(const struct amqp_link *link)
{
    return link->frame_max;
}

uint16_t
amqp_link_channel_max(const struct amqp_link *link)
{
    return link->channel_max;
}

const json_t *
amqp_link_properties(const struct amqp_link *link)
{
    return link->properties;
}
