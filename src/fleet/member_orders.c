#include "fleet/member_internal.h"

#include <stdlib.h>

#include "fleet/feed.h"
#include "fleet/update_codec.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/json_text.h"

/* Orders that come, and what becomes of them. */

enum {
    ORDERS_MAX = 1024,    // in a message
    HELD_MAX = 16 * 1024, // in all
};

void
member_end_idle(struct member *member)
{
    struct holdings *holdings = &member->service->holdings;
    struct held_task *task = NULL;

    while ((task = holdings_idle_task(holdings)) != NULL) {
        if (!task->gone) {
            const json_t *value = task->result;
            if (json_array_size(value) == 1) {
                value = json_array_get(value, 0);
            }
            member->carrier->ops->end(member->carrier, task->number, TASK_DONE,
                                      value);
        }
        held_task_free(task);
    }
}

/*
 * Messages such as the last one that are enough for a slot: a power of two, so
 * that the broker is not told another number each time.
 */
static uint32_t
enough_messages(const struct service *service)
{
    uint32_t count = 1;

    while (count * service->message_us < FEED_GOAL_US &&
           count * service->message_orders < FEED_DEPTH_MAX) {
        count *= 2;
    }
    return count;
}

/* Messages to hold: none behind an order that keeps its slot busy for long. */
static uint32_t
messages_wanted(const struct member *member)
{
    const struct service *service = member->service;
    uint32_t slots = (uint32_t)member_slots(member);
    uint32_t each = service->message_orders > 0 ? service->message_orders : 1;
    uint32_t busy = (uint32_t)service->holdings.busying;
    uint32_t rest = busy < slots ? slots - busy : 0;

    if (service->message_us == 0) {
        return busy + (rest * service->depth + each - 1) / each;
    }
    return busy + rest * enough_messages(service);
}

void
member_set_prefetch(struct member *member)
{
    struct service *service = member->service;
    uint32_t prefetch = messages_wanted(member);

    // As long as something runs, no more than what runs.
    if (prefetch == 0 || service->draining) {
        prefetch = 1;
    }
    if (prefetch == service->prefetch) {
        return;
    }
    service->prefetch = prefetch;
    if (service->queue_joined && !service->queue_left) {
        member->carrier->ops->prefetch(member->carrier, prefetch);
    }
}

static void
say_orders(struct service *service, const char *kind, json_t *orders)
{
    if (json_array_size(orders) > 0) {
        service_update(service,
                       json_pack("{s:s, s:O}", "k", kind, "os", orders));
    }
    json_decref(orders);
}

struct sorting {
    struct held_task *task;
    json_t *fresh;   // orders, for the engine
    json_t *took;    // their names
    json_t *bounced; // names
};

static bool
sort_one(struct service *service, struct sorting *sorting, json_t *order,
         bool redelivered, struct err *err)
{
    struct order_name name;

    if (!json_is_object(order) || !order_name_decode(order, &name, err)) {
        return err_is_set(err) ||
               err_set(err, ERR_PROTOCOL, "an order that is none");
    }
    switch (holdings_offer(&service->holdings, sorting->task, name, order,
                           redelivered)) {
    case HOLDINGS_NEW:
        json_array_append(sorting->fresh, order);
        json_array_append_new(sorting->took, service_order(name));
        break;
    case HOLDINGS_FOREIGN:
        json_array_append_new(sorting->bounced, service_order(name));
        break;
    case HOLDINGS_ADOPTED:
    case HOLDINGS_OVER:
        break;
    }
    return true;
}

/* What they should take together; 0: that is not known of one of them. */
static uint64_t
sum_of(const json_t *orders)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < json_array_size(orders); i++) {
        uint64_t us = holdings_expect_us(json_array_get(orders, i));
        if (us == 0) {
            return 0;
        }
        sum += us < FEED_GOAL_US ? us : FEED_GOAL_US;
    }
    return sum;
}

static void
take_orders(struct member *member, uint64_t task, const json_t *orders,
            bool redelivered)
{
    struct service *service = member->service;
    struct sorting sorting = {
        .task = holdings_task(&service->holdings, task),
        .fresh = json_array(),
        .took = json_array(),
        .bounced = json_array(),
    };
    struct err err = {0};

    for (size_t i = 0; i < json_array_size(orders); i++) {
        if (!sort_one(service, &sorting, json_array_get(orders, i), redelivered,
                      &err)) {
            member_note_dropped(member, &err);
            err_clear(&err);
        }
    }
    if (!redelivered) {
        service->message_orders = (uint32_t)json_array_size(orders);
        service->message_us = sum_of(orders);
    }
    say_orders(service, "took", sorting.took);
    say_orders(service, "bounced", sorting.bounced);
    if (json_array_size(sorting.fresh) > 0 && service->ready) {
        member_engine_send(member, json_pack("{s:s, s:O}", "msg", "run",
                                             "orders", sorting.fresh));
    }
    json_decref(sorting.fresh);
    member_end_idle(member);
    member_set_prefetch(member);
}

static bool
is_ours(const struct service *service, const struct envelope *envelope)
{
    return slice_equals_text(envelope->build, service->build) &&
           slice_equals_text(envelope->nonce, service->nonce);
}

static bool
has_room(const struct member *member)
{
    const struct service *service = member->service;

    return member->state == MEMBER_SERVING && service != NULL &&
           !service->draining && service->holdings.count < HELD_MAX;
}

void
member_take_run(struct member *member, uint64_t task,
                const struct sealed *sealed, bool redelivered)
{
    struct carrier *carrier = member->carrier;
    struct service *service = member->service;
    struct envelope envelope;
    struct err err = {0};
    const json_t *orders = NULL;

    bool good = envelope_read(&envelope, sealed, TO_WORKER,
                              member->params.secret, &err) == ENVELOPE_GOOD;
    if (good) {
        orders = json_object_get(envelope.object, "orders");
        good =
            (slice_equals_text(envelope.msg, "run") && json_is_array(orders) &&
             json_array_size(orders) <= ORDERS_MAX) ||
            err_set(&err, ERR_PROTOCOL, "orders that are none");
    }
    if (good && (service == NULL || !is_ours(service, &envelope))) {
        // Given back it would come again, to this one above all.
        good = err_set(&err, ERR_PROTOCOL, "orders of another build");
    }
    if (!good) {
        member_note_dropped(member, &err);
        json_t *text = json_string(err.text);
        carrier->ops->end(carrier, task, TASK_FAILED, text);
        json_decref(text);
    } else if (!has_room(member)) {
        carrier->ops->end(carrier, task, TASK_RETURNED, NULL);
    } else {
        take_orders(member, task, orders, redelivered);
    }
    envelope_release(&envelope);
}

// What a task's result says of an order, in the words people know.
static json_t *
result_of(struct member *member, const struct holding *holding,
          struct slice text)
{
    struct err err = {0};
    json_t *end = json_text_parse_object(text, &err);
    const json_t *order = holding->order;
    char started[NOW_ISO8601_SIZE];
    char finished[NOW_ISO8601_SIZE];

    usec now = now_wall_usec();
    now_iso8601(holding->begun ? holding->began : now, started);
    now_iso8601(now, finished);
    json_t *result = json_pack(
        "{s:s, s:s, s:s, s:O?, s:O?, s:O?, s:O?, s:i, s:s, s:i, s:i, s:O?}",
        "timeStarted", started, "timeFinished", finished, "build_id",
        member->service->build, "job", json_object_get(order, "name"), "stdout",
        json_object_get(end, "out"), "stderr", json_object_get(end, "err"),
        "retcode", json_object_get(end, "status"), "items",
        (int)holding->results, "worker", member->params.node, "slot",
        holding->slot, "attempt", (int)holding->name.attempt, "usage",
        json_object_get(end, "usage"));
    json_decref(end);
    return result;
}

static void
end_order(struct member *member, struct holding *holding, struct slice text)
{
    json_t *result =
        member->params.results ? result_of(member, holding, text) : NULL;
    struct held_task *task = holdings_end(&member->service->holdings, holding);

    if (result != NULL) {
        if (task->result == NULL) {
            task->result = json_array();
        }
        json_array_append_new(task->result, result);
    }
}

// What update_add wrote; -1 where it is not to be found.
static int
slot_in(struct slice text)
{
    const struct slice name = SLICE("\"slot\":");
    struct slice rest = slice_skip(text, slice_find_part(text, name));
    int64_t slot = -1;
    size_t len = 0;

    slice_take(&rest, name);
    while (len < rest.len && rest.data[len] >= '0' && rest.data[len] <= '9') {
        len++;
    }
    slice_to_int(slice_first(rest, len), 0, INT32_MAX, &slot);
    return (int)slot;
}

/* True: it is to be passed on. */
static bool
judge(struct member *member, const struct update *update, struct slice text,
      bool *ended)
{
    struct service *service = member->service;
    struct holding *holding = NULL;

    switch (update->kind) {
    case UPDATE_JOB:
    case UPDATE_BEGIN:
    case UPDATE_SLOW:
    case UPDATE_RESULT:
    case UPDATE_APPEARED:
    case UPDATE_BAIL:
    case UPDATE_END:
    case UPDATE_DIFFERS:
        holding = holdings_find(&service->holdings, update->o);
        break;
    case UPDATE_OTHER:
    case UPDATE_SAID:
    case UPDATE_LEAK:
    case UPDATE_NOTE:
        return true;
    case UPDATE_JOINED:
    case UPDATE_TOOK:
    case UPDATE_BOUNCED:
    case UPDATE_HOLDS:
    case UPDATE_FAILED:
    case UPDATE_LEFT:
    case UPDATE_KIND_COUNT:
        return false; // ours to say
    }
    if (holding == NULL) {
        return false; // nothing we have: its last word has been said
    }
    if (update->kind == UPDATE_JOB) {
        holdings_begin(&service->holdings, holding, slot_in(text),
                       now_wall_usec(), now_boot_msec());
    } else if (update->kind == UPDATE_RESULT ||
               update->kind == UPDATE_APPEARED) {
        holding->results++;
    } else if (update->kind == UPDATE_END || update->kind == UPDATE_DIFFERS) {
        end_order(member, holding, text);
        service->open -= service->drained;
        *ended = true;
    }
    return true;
}

void
member_updates(struct member *member, struct slice list)
{
    struct service *service = member->service;
    struct update update;
    struct slice text;
    bool ended = false;

    while (update_skim(&list, &text, &update)) {
        if (judge(member, &update, text, &ended)) {
            outbox_add(service->outbox, text);
        }
    }
    if (list.len > 0) {
        member_say(member, "the engine said what nobody understands");
    }
    if (ended) {
        member_end_idle(member);
        member_set_prefetch(member);
    }
    if (ended && service->holdings.count == 0) {
        // Somebody waits for it: nothing more comes until they send some.
        outbox_flush(service->outbox, false);
    }
    if (outbox_is_full(service->outbox) && !service->held &&
        service->engine != NULL) {
        service->held = true;
        service->engine->ops->hold(service->engine, true);
    }
}

// The last word on an order that no engine will say.
static void
say_end(struct member *member, struct holding *holding, const char *end,
        const char *problem)
{
    json_t *update =
        json_pack("{s:s, s:o, s:i, s:s, s:s, s:i, s:i}", "k", "end", "o",
                  service_order(holding->name), "slot", holding->slot, "end",
                  end, "problem", problem, "running_us", 0, "status", 0);
    char *text = json_dumps(update, JSON_COMPACT);

    json_decref(update);
    outbox_add(member->service->outbox, slice_of(text));
    end_order(member, holding, slice_of(text));
    free(text);
}

void
member_lose_begun(struct member *member)
{
    LIST_FOR_EACH(link, &member->service->holdings.orders)
    {
        struct holding *holding = LIST_ENTRY(link, struct holding, link);
        if (holding->begun) {
            say_end(member, holding, "lost", "its engine died");
        }
    }
    member_end_idle(member);
}

void
member_cancel_here(struct member *member, const json_t *names)
{
    struct service *service = member->service;
    struct err err = {0};

    for (size_t i = 0; i < json_array_size(names); i++) {
        struct order_name name;
        struct holding *holding = NULL;
        if (order_name_read(json_array_get(names, i), &name, &err)) {
            holding = holdings_find(&service->holdings, name);
        }
        if (holding != NULL) {
            say_end(member, holding, "cancelled", "");
        }
    }
    member_end_idle(member);
}

void
member_drop_orders(struct member *member)
{
    struct service *service = member->service;

    LIST_FOR_EACH(link, &service->holdings.orders)
    {
        holdings_drop(&service->holdings,
                      LIST_ENTRY(link, struct holding, link));
    }
    // Acknowledged: the build knows what we took and did not end.
    member_end_idle(member);
}

void
member_give_all(struct member *member)
{
    struct service *service = member->service;
    json_t *orders = json_array();

    LIST_FOR_EACH(link, &service->holdings.orders)
    {
        json_array_append(orders,
                          LIST_ENTRY(link, struct holding, link)->order);
    }
    if (json_array_size(orders) > 0) {
        member_engine_send(
            member, json_pack("{s:s, s:O}", "msg", "run", "orders", orders));
    }
    json_decref(orders);
}

void
member_cancel_task(struct member *member, uint64_t task, bool now)
{
    struct service *service = member->service;
    json_t *names = json_array();

    LIST_FOR_EACH(link, &service->holdings.orders)
    {
        const struct holding *holding = LIST_ENTRY(link, struct holding, link);
        if (holding->task->number == task) {
            json_array_append_new(names, service_order(holding->name));
        }
    }
    if (json_array_size(names) > 0) {
        member_engine_send(member, json_pack("{s:s, s:O, s:b}", "msg", "cancel",
                                             "orders", names, "now", (int)now));
    }
    json_decref(names);
}
