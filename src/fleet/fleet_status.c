#include "fleet/fleet_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "celery/control_codec.h"
#include "celery/names.h"
#include "util/alloc.h"
#include "util/log.h"

// An answer is small; what it answers to is bounded by its sender's place.
#define ANSWER_MAX 65536

static enum fleet_mood
mood_of(const struct fleet *fleet)
{
    if (fleet->phase >= FLEET_LEAVING || fleet->cancelled) {
        return FLEET_ENDS;
    }
    return fleet->roster.states[JOIN_WORKING] > 0 ? FLEET_RUNS : FLEET_WAITS;
}

void
fleet_note_mood(struct fleet *fleet)
{
    enum fleet_mood mood = mood_of(fleet);
    if (mood != fleet->mood) {
        fleet->mood = mood;
        fleet->since = fleet->real;
    }
}

static void
count_items(const struct items *items, uint32_t *selected, uint32_t *finished)
{
    for (uint32_t i = 0; i < items_count(items); i++) {
        const struct item *item = items_peek(items, i);
        if ((item->flags & ITEM_SELECTED) != 0) {
            ++*selected;
            *finished += item->state != STATE_NONE;
        }
    }
}

static void
set_int(json_t *object, const char *name, int64_t number)
{
    json_object_set_new(object, name, json_integer(number));
}

static void
set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, json_string(text));
}

/* docs/protocol/celery.md, section 7. */
static json_t *
describe(struct fleet *fleet)
{
    static const char *const moods[] = {
        [FLEET_WAITS] = "waiting",
        [FLEET_RUNS] = "running",
        [FLEET_ENDS] = "ending",
    };
    uint32_t selected = 0;
    uint32_t finished = 0;
    char host[256] = "";
    json_t *object = json_object();
    fleet_note_mood(fleet);
    count_items(fleet->params.items, &selected, &finished);
    gethostname(host, sizeof(host) - 1);
    set_text(object, "role", "coordinator");
    set_text(object, "kind", "");
    set_text(object, "program", fleet->params.version);
    set_text(object, "host", host);
    set_int(object, "pid", getpid());
    set_text(object, "build", fleet->params.build_id);
    set_text(object, "state", moods[fleet->mood]);
    set_int(object, "slots",
            fleet->roster.working_slots + fleet->params.first_slot);
    set_text(object, "queue", fleet->params.queue);
    set_int(object, "since_ms",
            loop_now_us(fleet->params.loop) / 1000 - fleet->since);
    set_int(object, "workers", (int64_t)fleet->roster.states[JOIN_WORKING]);
    set_int(object, "wanted", (int64_t)fleet->offers.open);
    set_int(object, "selected", selected);
    set_int(object, "finished", finished);
    set_int(object, "waiting", fleet->waiting);
    return object;
}

static void
answer(struct fleet *fleet, const struct control_request *request)
{
    struct buf body = BUF_INIT(ANSWER_MAX);
    json_t *value = json_object();
    json_t *headers = json_object();
    char *exchange = slice_dup(request->reply_exchange);
    char *key = slice_dup(request->reply_key);
    json_object_set_new(value, "ok", describe(fleet));
    json_object_set_new(
        headers, "ticket",
        json_stringn(request->ticket.data, request->ticket.len));
    set_int(headers, "clock", 0);
    if (control_reply_encode(fleet->name, value, &body)) {
        struct message message = {
            .body = buf_slice(&body),
            .content_type = SLICE("application/json"),
            .content_encoding = SLICE("utf-8"),
            .headers = headers,
        };
        transport_publish(fleet->transport,
                          &(struct publish){.exchange = exchange,
                                            .key = key,
                                            .message = &message},
                          NULL, NULL);
    }
    free(exchange);
    free(key);
    json_decref(headers);
    json_decref(value);
    buf_release(&body);
}

static void
on_control(void *ctx, const struct delivery *delivery)
{
    struct fleet *fleet = ctx;
    struct control_request request = {0};
    struct err err = {0};
    if (!control_request_decode(&request, &delivery->message, &err)) {
        log_debug("fleet: remote control: %s", err.text);
    } else if (request.wants_reply && request.ticket.len > 0 &&
               slice_equals_text(request.method, FLEET_STATUS) &&
               // A publish to an exchange that is not there ends a channel.
               (request.reply_exchange.len == 0 ||
                slice_equals_text(request.reply_exchange,
                                  NAMES_REPLY_EXCHANGE)) &&
               control_request_is_for(&request, fleet->name)) {
        answer(fleet, &request);
    }
    control_request_release(&request);
    if (delivery->tag != 0) {
        transport_ack(fleet->transport, delivery->tag);
    }
}

void
fleet_answer_status(struct fleet *fleet)
{
    char host[200] = "";
    gethostname(host, sizeof(host) - 1);
    fleet->name = alloc_printf("%s@%s", fleet->names.queue, host);
    fleet->since = fleet->real;
    char *queue = names_control_queue(fleet->name);
    transport_declare_exchange(fleet->transport, &names_reply_exchange, NULL,
                               NULL);
    fleet->control = transport_subscribe(fleet->transport,
                                         &(struct subscribe_params){
                                             .exchange = names_control_exchange,
                                             .key = "",
                                             .queue =
                                                 {
                                                     .name = queue,
                                                     .exclusive = true,
                                                     .auto_delete = true,
                                                 },
                                             .on_delivery = on_control,
                                             .ctx = fleet,
                                         });
    free(queue);
}
