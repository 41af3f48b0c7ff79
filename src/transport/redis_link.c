#include "transport/redis_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "loop/deadline.h"
#include "transport/broker_socket.h"
#include "transport/redis_error.h"
#include "util/alloc.h"
#include "util/array.h"

// Elements of one array in a reply.
#define ELEMENTS_MAX 1000000
#define TICK_MIN_MS 1500

#define NOT_REDIS "this is not the answer of a Redis"

// The steps of the greeting that get a reply each, in their order.
enum step {
    STEP_LOGIN = 1,
    STEP_SELECT,
    STEP_NAME,
    STEP_ID,
    STEP_PING,
};

struct waiter {
    redis_reply_fn fn;
    void *ctx;
};

struct redis_link {
    struct redis_link_params params;
    struct broker_socket *socket;
    redisReader *reader;
    redisReplyObjectFunctions plain;     // those of hiredis
    redisReplyObjectFunctions functions; // ours
    ARRAY(enum step) steps;              // that wait for their replies
    size_t next_step;
    ARRAY(struct waiter) waiters;
    size_t next_waiter;
    uint64_t id;
    bool ready;
    bool closed; // by its owner: let nothing be called any more
    bool busy;   // within a call of ours; free it afterwards
    bool heard;  // since the last tick
    bool asked;  // at the last tick, whether it is still there
    bool never;
    struct deadline tick;
};

// The type in which hiredis counts elements.
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

// hiredis allocates what the header of an array announces.
static void *
create_array(const redisReadTask *task, element_count elements)
{
    const struct redis_link *link = task->privdata;

    return elements > ELEMENTS_MAX ? NULL
                                   : link->plain.createArray(task, elements);
}

static void
free_link(struct redis_link *link)
{
    deadline_release(&link->tick);
    redisReaderFree(link->reader);
    ARRAY_RELEASE(&link->steps);
    ARRAY_RELEASE(&link->waiters);
    free(link);
}

// The socket is gone, or goes: tell why, once.
static void
lose(struct redis_link *link, const struct err *err, bool never)
{
    if (link->closed) {
        return;
    }
    link->closed = true;
    broker_socket_close(link->socket);
    link->socket = NULL;
    deadline_disarm(&link->tick);
    link->params.events->on_closed(link->params.ctx, err, never);
}

static void
lose_with(struct redis_link *link, enum err_kind kind, const char *text)
{
    struct err err = {0};

    err_set(&err, kind, "%s: %s", link->params.url->shown, text);
    lose(link, &err, false);
}

static void
send_step(struct redis_link *link, struct buf *command, enum step step)
{
    ARRAY_ADD(&link->steps, step);
    broker_socket_send(link->socket, buf_slice(command));
    buf_reset(command);
}

// CLIENT SETNAME takes no blanks.
static void
add_name(struct buf *command, const char *name)
{
    struct buf clean = BUF_INIT(4096);

    for (; *name != '\0'; name++) {
        bool plain = *name > ' ' && *name < 0x7f;
        buf_add(&clean, plain ? name : "_", 1);
    }
    redis_command_add(command, buf_slice(&clean));
    buf_release(&clean);
}

static void
on_open(void *ctx)
{
    struct redis_link *link = ctx;
    const struct broker_url *url = link->params.url;
    struct buf command = BUF_INIT(1UL << 20);

    if (url->password[0] != '\0' || url->user[0] != '\0') {
        bool user = url->user[0] != '\0';
        redis_command_begin(&command, user ? 3 : 2);
        redis_command_add_text(&command, "AUTH");
        if (user) {
            redis_command_add_text(&command, url->user);
        }
        redis_command_add_text(&command, url->password);
        send_step(link, &command, STEP_LOGIN);
    }
    if (url->database != 0) {
        redis_command_begin(&command, 2);
        redis_command_add_text(&command, "SELECT");
        redis_command_add_int(&command, url->database);
        send_step(link, &command, STEP_SELECT);
    }
    redis_command_begin(&command, 3);
    redis_command_add_text(&command, "CLIENT");
    redis_command_add_text(&command, "SETNAME");
    add_name(&command, link->params.name);
    send_step(link, &command, STEP_NAME);
    redis_command_begin(&command, 2);
    redis_command_add_text(&command, "CLIENT");
    redis_command_add_text(&command, "ID");
    send_step(link, &command, STEP_ID);
    redis_command_begin(&command, 1);
    redis_command_add_text(&command, "PING");
    send_step(link, &command, STEP_PING);
    buf_release(&command);
}

static void
become_ready(struct redis_link *link)
{
    link->ready = true;
    link->params.events->on_ready(link->params.ctx);
}

// Whether the greeting may go on after this error.
static bool
is_harmless(enum step step, enum redis_trouble trouble, struct slice text)
{
    switch (step) {
    case STEP_LOGIN:
    case STEP_SELECT:
        return false;
    case STEP_NAME:
    case STEP_ID:
        // Names and numbers are a convenience.
        return trouble == REDIS_REFUSED ||
               slice_starts_with(text, SLICE("NOPERM"));
    case STEP_PING:
        return slice_starts_with(text, SLICE("NOPERM"));
    }
    return false;
}

static void
take_greeting(struct redis_link *link, const redisReply *reply)
{
    enum step step = link->steps.items[link->next_step++];

    if (redis_reply_is_error(reply)) {
        struct err err = {0};
        struct slice text = slice_make(reply->str, reply->len);
        enum redis_trouble trouble = step == STEP_LOGIN
                                         ? redis_error_set_login(&err, text)
                                         : redis_error_set(&err, text);
        if (!is_harmless(step, trouble, text)) {
            err_wrap(&err, "%s", link->params.url->shown);
            lose(link, &err, trouble != REDIS_LATER);
            return;
        }
    } else if (step == STEP_ID) {
        link->id = (uint64_t)redis_reply_int(reply);
    }
    if (step == STEP_PING) {
        if (redis_reply_is_error(reply) ||
            slice_equals_text(redis_reply_text(reply), "PONG")) {
            become_ready(link);
        } else {
            lose_with(link, ERR_PROTOCOL, NOT_REDIS);
        }
    }
}

static void
take_reply(struct redis_link *link, const redisReply *reply)
{
    if (!link->ready) {
        if (link->next_step < link->steps.count) {
            take_greeting(link, reply);
        } else { // a server with too many clients speaks first
            struct err err = {0};
            enum redis_trouble trouble =
                redis_error_set(&err, redis_reply_text(reply));
            err_wrap(&err, "%s", link->params.url->shown);
            lose(link, &err, trouble == REDIS_NEVER);
        }
        return;
    }
    if (link->params.pushes) {
        link->params.events->on_push(link->params.ctx, reply);
        return;
    }
    if (link->next_waiter == link->waiters.count) {
        lose_with(link, ERR_PROTOCOL, "a reply that nobody asked for");
        return;
    }
    struct waiter waiter = link->waiters.items[link->next_waiter++];
    if (link->next_waiter == link->waiters.count) {
        ARRAY_CLEAR(&link->waiters);
        link->next_waiter = 0;
    }
    if (waiter.fn != NULL) {
        waiter.fn(waiter.ctx, reply);
    }
}

static void
take_replies(struct redis_link *link)
{
    void *reply = NULL;

    while (!link->closed) {
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            lose_with(link, ERR_PROTOCOL, NOT_REDIS);
            return;
        }
        if (reply == NULL) {
            break;
        }
        take_reply(link, reply);
        freeReplyObject(reply);
    }
    if (!link->closed &&
        link->reader->len - link->reader->pos > REDIS_REPLY_MAX) {
        lose_with(link, ERR_LIMIT, "a reply that is too long");
    }
}

static void
on_bytes(void *ctx, struct slice bytes)
{
    struct redis_link *link = ctx;

    link->heard = true;
    link->busy = true;
    redisReaderFeed(link->reader, bytes.data, bytes.len);
    take_replies(link);
    link->busy = false;
    if (link->closed) {
        free_link(link);
    }
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct redis_link *link = ctx;

    link->socket = NULL;
    lose(link, err, err->kind == ERR_CONFIG);
    free_link(link);
}

static const struct broker_socket_events events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_closed = on_closed,
};

static msec
tick_ms(const struct redis_link *link)
{
    msec half = link->params.silence_ms / 2;

    return half > TICK_MIN_MS ? half : TICK_MIN_MS;
}

// Nothing was heard for a while: ask, and after another while give up.
static void
on_tick(void *ctx)
{
    struct redis_link *link = ctx;

    if (!link->heard && link->asked) {
        lose_with(link, ERR_LIMIT, "the server does not answer any more");
        free_link(link);
        return;
    }
    link->asked = !link->heard;
    link->heard = false;
    if (link->asked && link->ready) {
        struct buf command = BUF_INIT(64);
        redis_command_begin(&command, 1);
        redis_command_add_text(&command, "PING");
        redis_link_send(link, buf_slice(&command), NULL, NULL);
        buf_release(&command);
    }
    deadline_arm(&link->tick, tick_ms(link));
}

struct redis_link *
redis_link_open(const struct redis_link_params *params)
{
    struct redis_link *link = ALLOC(struct redis_link);

    link->params = *params;
    link->reader = redisReaderCreate();
    if (link->reader == NULL) {
        alloc_failed(sizeof(redisReader));
    }
    link->plain = link->functions = *link->reader->fn;
    link->functions.createArray = create_array;
    link->reader->fn = &link->functions;
    link->reader->privdata = link;
    deadline_init(&link->tick, params->loop, on_tick, link);
    deadline_arm(&link->tick, tick_ms(link));
    link->socket =
        broker_socket_open(params->loop, link->params.url, &events, link);
    return link;
}

void
redis_link_close(struct redis_link *link)
{
    if (link == NULL || link->closed) {
        return;
    }
    link->closed = true;
    broker_socket_close(link->socket);
    link->socket = NULL;
    deadline_disarm(&link->tick);
    if (!link->busy) {
        free_link(link);
    }
}

void
redis_link_send(struct redis_link *link, struct slice command,
                redis_reply_fn fn, void *ctx)
{
    assert(link->ready);
    if (link->closed) {
        return;
    }
    if (!link->params.pushes) {
        ARRAY_ADD(&link->waiters, ((struct waiter){.fn = fn, .ctx = ctx}));
    }
    broker_socket_send(link->socket, command);
}

uint64_t
redis_link_id(const struct redis_link *link)
{
    return link->id;
}

bool
redis_link_is_ready(const struct redis_link *link)
{
    return link->ready && !link->closed;
}

void
redis_command_begin(struct buf *buf, size_t parts)
{
    buf_addf(buf, "*%zu\r\n", parts);
}

void
redis_command_add(struct buf *buf, struct slice part)
{
    buf_addf(buf, "$%zu\r\n", part.len);
    buf_add_slice(buf, part);
    buf_add(buf, "\r\n", 2);
}

void
redis_command_add_text(struct buf *buf, const char *part)
{
    redis_command_add(buf, slice_of(part));
}

void
redis_command_add_int(struct buf *buf, int64_t number)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%lld", (long long)number);

    redis_command_add(buf, slice_make(text, (size_t)len));
}

struct slice
redis_reply_text(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STRING ||
        reply->type == REDIS_REPLY_STATUS || reply->type == REDIS_REPLY_ERROR) {
        return slice_make(reply->str, reply->len);
    }
    return (struct slice){0};
}

int64_t
redis_reply_int(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

bool
redis_reply_is_error(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR;
}
