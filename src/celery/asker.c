#include "celery/asker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "celery/control_codec.h"
#include "celery/names.h"
#include "celery/wire_json.h"
#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/list.h"

// As Celery's own: an inbox that nobody reads goes after a while.
#define INBOX_EXPIRES_MS 60000
#define REQUEST_MAX (16u << 20)

struct question {
    struct list_link link;
    struct asker *asker;
    uint64_t number;
    char ticket[NAMES_UUID_SIZE];
    struct ask ask; // its borrowed parts are not used any more
    size_t limit;   // SIZE_MAX: none
    size_t replies;
    struct deadline deadline;
    bool too_long;
    bool ended; // the last call is being made, or was cancelled in a call
    int depth;
};

struct asker {
    struct loop *loop;
    struct transport *transport;
    struct lamport *clock;
    struct lamport own_clock;
    char *inbox;
    bool own_inbox;
    struct consumer *consumer;
    struct list questions;
    uint64_t last_number;
};

static void
on_delivery(void *ctx, const struct delivery *delivery)
{
    (void)asker_feed(ctx, delivery);
}

static void
open_inbox(struct asker *asker)
{
    char uuid[NAMES_UUID_SIZE];

    names_uuid(uuid);
    asker->inbox = alloc_printf("%s.%s", uuid, NAMES_REPLY_EXCHANGE);
    struct queue_params queue = {.name = asker->inbox,
                                 .exclusive = true,
                                 .auto_delete = true,
                                 .expires_ms = INBOX_EXPIRES_MS};
    struct consume_params take = {.queue = asker->inbox,
                                  .no_ack = true,
                                  .on_delivery = on_delivery,
                                  .ctx = asker};
    transport_declare_queue(asker->transport, &queue, NULL, NULL);
    asker->consumer = transport_take(asker->transport, &take);
}

struct asker *
asker_new(const struct asker_params *params)
{
    struct asker *asker = ALLOC(struct asker);

    asker->loop = params->loop;
    asker->transport = params->transport;
    asker->clock = params->clock != NULL ? params->clock : &asker->own_clock;
    list_init(&asker->questions);
    if (params->inbox != NULL) {
        asker->inbox = alloc_dup(params->inbox);
    } else {
        asker->own_inbox = true;
        open_inbox(asker);
    }
    // A publish to an exchange that is not there would be an error.
    transport_declare_exchange(asker->transport, &names_control_exchange, NULL,
                               NULL);
    return asker;
}

static void
question_free(struct question *question)
{
    deadline_release(&question->deadline);
    list_remove(&question->link);
    free(question);
}

// It may end while one of its calls is being made.
static void
question_end(struct question *question)
{
    question->ended = true;
    deadline_disarm(&question->deadline);
    list_remove(&question->link);
    if (question->depth == 0) {
        question_free(question);
    }
}

void
asker_forget(struct asker *asker)
{
    if (asker == NULL) {
        return;
    }
    while (!list_is_empty(&asker->questions)) {
        question_end(
            LIST_ENTRY(list_first(&asker->questions), struct question, link));
    }
    free(asker->inbox);
    free(asker);
}

void
asker_free(struct asker *asker)
{
    if (asker != NULL && asker->own_inbox) {
        consumer_stop(asker->consumer, NULL, NULL);
        transport_delete(asker->transport, asker->inbox, false, NULL, NULL);
    }
    asker_forget(asker);
}

const char *
asker_inbox(const struct asker *asker)
{
    return asker->inbox;
}

static void
finish(struct question *question, const struct err *err)
{
    struct ask ask = question->ask;
    size_t replies = question->replies;

    question_end(question);
    if (ask.on_done != NULL) {
        ask.on_done(ask.ctx, replies, err);
    }
}

static void
on_time(void *ctx)
{
    struct question *question = ctx;
    struct err err = {0};

    if (question->too_long) {
        err_set(&err, ERR_LIMIT, "a control command of more than %u bytes",
                REQUEST_MAX);
    }
    finish(question, question->too_long ? &err : NULL);
}

static struct question *
find_ticket(struct asker *asker, struct slice ticket)
{
    LIST_FOR_EACH(link, &asker->questions)
    {
        struct question *question = LIST_ENTRY(link, struct question, link);
        if (slice_equals_text(ticket, question->ticket)) {
            return question;
        }
    }
    return NULL;
}

static struct question *
find_number(struct asker *asker, uint64_t number)
{
    LIST_FOR_EACH(link, &asker->questions)
    {
        struct question *question = LIST_ENTRY(link, struct question, link);
        if (question->number == number) {
            return question;
        }
    }
    return NULL;
}

static void
tell(struct question *question, struct slice node, const json_t *value)
{
    question->replies++;
    question->depth++;
    if (question->ask.on_reply != NULL) {
        question->ask.on_reply(question->ask.ctx, node, value);
    }
    question->depth--;
    if (question->ended) {
        question_free(question);
    } else if (question->replies >= question->limit) {
        finish(question, NULL);
    }
}

bool
asker_feed(struct asker *asker, const struct delivery *delivery)
{
    const json_t *headers = delivery->message.headers;
    struct slice ticket = wire_json_get(headers, "ticket");
    struct slice node = {0};
    const json_t *value = NULL;
    json_t *held = NULL;
    struct err err = {0};

    if (ticket.len == 0) {
        return false;
    }
    struct question *question = find_ticket(asker, ticket);
    const json_t *clock = json_object_get(headers, "clock");
    if (json_is_integer(clock)) {
        lamport_adjust(asker->clock, json_integer_value(clock));
    }
    if (question != NULL && control_reply_decode(delivery->message.body, &node,
                                                 &value, &held, &err)) {
        tell(question, node, value);
    }
    json_decref(held);
    return true;
}

static json_t *
names_of(const struct ask *ask)
{
    json_t *list = NULL;

    if (ask->destinations != NULL) {
        list = json_array();
        for (size_t i = 0; i < ask->destination_count; i++) {
            json_array_append_new(
                list, wire_json_text(slice_of(ask->destinations[i])));
        }
    }
    return list;
}

// False: it is too long.
static bool
publish(struct asker *asker, const struct ask *ask, const char *ticket)
{
    struct buf body = BUF_INIT(REQUEST_MAX);
    json_t *destination = names_of(ask);
    json_t *headers = json_object();
    struct control_request request = {.method = slice_of(ask->method),
                                      .arguments = ask->arguments,
                                      .destination = destination,
                                      .wants_reply = ticket != NULL,
                                      .ticket = slice_of(ticket),
                                      .reply_key = slice_of(asker->inbox)};

    wire_json_set(headers, "clock", json_integer(lamport_tick(asker->clock)));
    if (ticket != NULL) {
        wire_json_set(
            headers, "expires",
            json_real((double)(now_wall_usec() + (usec)ask->timeout_ms * 1000) /
                      1e6));
    }
    bool good = control_request_encode(&request, &body);
    if (good) {
        struct message message = {.body = buf_slice(&body),
                                  .content_type = SLICE("application/json"),
                                  .content_encoding = SLICE("utf-8"),
                                  .headers = headers};
        struct publish one = {
            .exchange = NAMES_CONTROL_EXCHANGE, .key = "", .message = &message};
        transport_publish(asker->transport, &one, NULL, NULL);
    }
    json_decref(destination);
    json_decref(headers);
    buf_release(&body);
    return good;
}

uint64_t
asker_ask(struct asker *asker, const struct ask *ask)
{
    struct question *question = ALLOC(struct question);

    assert(ask->timeout_ms > 0);
    question->asker = asker;
    question->number = ++asker->last_number;
    question->ask = *ask;
    question->limit = ask->limit > 0              ? ask->limit
                      : ask->destinations != NULL ? ask->destination_count
                                                  : SIZE_MAX;
    names_uuid(question->ticket);
    deadline_init(&question->deadline, asker->loop, on_time, question);
    list_add(&asker->questions, &question->link);
    question->too_long = !publish(asker, ask, question->ticket);
    deadline_arm(&question->deadline, question->too_long ? 0 : ask->timeout_ms);
    return question->number;
}

void
asker_cancel(struct asker *asker, uint64_t number)
{
    struct question *question = find_number(asker, number);

    if (question != NULL) {
        question_end(question);
    }
}

void
asker_tell(struct asker *asker, const struct ask *ask)
{
    (void)publish(asker, ask, NULL);
}
