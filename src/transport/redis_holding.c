#include "transport/redis_internal.h"

#include <stdlib.h>
#include <string.h>

#include "transport/kombu_codec.h"
#include "util/alloc.h"

#define COMMAND_MAX (3 * KOMBU_ENVELOPE_MAX)

static struct slice
tag_key(const struct redis_held *held)
{
    return slice_make((const char *)&held->tag, sizeof(held->tag));
}

static struct redis_holding *
find_holding(const struct redis_transport *redis, const char *queue)
{
    LIST_FOR_EACH(link, &redis->holdings)
    {
        struct redis_holding *holding =
            LIST_ENTRY(link, struct redis_holding, link);
        if (strcmp(holding->queue, queue) == 0) {
            return holding;
        }
    }
    return NULL;
}

static void
holding_free(struct redis_holding *holding)
{
    list_remove(&holding->link);
    free(holding->queue);
    free(holding);
}

void
redis_leave_takers(struct redis_transport *redis, const char *queue,
                   const char *name, enum redis_keep keep)
{
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_command_begin(&command, 3);
    redis_command_add_text(&command, "ZREM");
    redis_add_key(redis, &command, "", queue, ".takers");
    redis_command_add_text(&command, name);
    redis_request(redis, &command, keep, NULL, NULL);
}

// Nobody takes from it here any more, and nothing of it is left.
void
redis_holding_settle(struct redis_holding *holding)
{
    struct redis_transport *redis = holding->redis;

    if (holding->consumers > 0 || holding->mending ||
        !list_is_empty(&holding->held) || (holding->dirty && !redis->closing)) {
        return;
    }
    if (redis->state == STATE_UP) {
        redis_leave_takers(redis, holding->queue, redis->name, REDIS_ONCE);
    }
    holding_free(holding);
}

struct redis_holding *
redis_hold(struct redis_transport *redis, const char *queue)
{
    struct redis_holding *holding = find_holding(redis, queue);

    if (holding == NULL) {
        holding = ALLOC(struct redis_holding);
        holding->redis = redis;
        holding->queue = alloc_dup(queue);
        holding->dirty = true;
        list_init(&holding->held);
        list_add(&redis->holdings, &holding->link);
    }
    holding->consumers++;
    redis_mend(holding);
    return holding;
}

void
redis_unhold(struct redis_holding *holding)
{
    LIST_FOR_EACH(link, &holding->held)
    {
        struct redis_held *held = LIST_ENTRY(link, struct redis_held, link);
        if (held->consumer != NULL && redis_has_stopped(held->consumer)) {
            held->consumer = NULL;
        }
    }
    holding->consumers--;
    redis_holding_settle(holding);
}

struct redis_held *
redis_held_add(struct redis_holding *holding, struct redis_consumer *consumer,
               struct slice text)
{
    struct redis_held *held = alloc_bytes(sizeof(*held) + text.len);
    char *copy = (char *)(held + 1);

    *held = (struct redis_held){
        .holding = holding,
        .consumer = consumer,
        .tag = ++holding->redis->next_tag,
        .text = slice_make(copy, text.len),
    };
    memcpy(copy, text.data, text.len);
    list_add(&holding->held, &held->link);
    map_set(&holding->redis->held, tag_key(held), held);
    return held;
}

// Forgets it. Its consumer may take another one.
static void
held_forget(struct redis_held *held)
{
    struct redis_consumer *consumer = held->consumer;

    map_remove(&held->holding->redis->held, tag_key(held));
    list_remove(&held->link);
    free(held);
    if (consumer != NULL) {
        redis_consumer_lost(consumer);
    }
}

static void
held_free(struct redis_held *held)
{
    struct redis_holding *holding = held->holding;

    held_forget(held);
    redis_holding_settle(holding);
}

static struct redis_held *
find_held(const struct redis_transport *redis, uint64_t tag)
{
    return map_find(&redis->held, slice_make((const char *)&tag, sizeof(tag)));
}

size_t
redis_held_count(const struct redis_holding *holding)
{
    size_t count = 0;

    LIST_FOR_EACH(link, &holding->held)
    {
        count++;
    }
    return count;
}

void
redis_drop_taken(struct redis_holding *holding, struct slice text)
{
    struct buf command = BUF_INIT(COMMAND_MAX);
    struct redis_transport *redis = holding->redis;

    redis_command_begin(&command, 4);
    redis_command_add_text(&command, "LREM");
    redis_add_taken(redis, &command, holding->queue, redis->name);
    redis_command_add_text(&command, "-1");
    redis_command_add(&command, text);
    redis_request(redis, &command, REDIS_ONCE, NULL, NULL);
}

void
redis_ack(struct transport *transport, uint64_t tag)
{
    struct redis_transport *redis = redis_of(transport);
    struct redis_held *held = find_held(redis, tag);

    if (held != NULL) {
        redis_drop_taken(held->holding, held->text);
        held_free(held);
    }
}

void
redis_move_send(struct redis_transport *redis, const struct redis_move *move,
                redis_request_fn fn, void *ctx)
{
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_script_begin(&command, &redis->scripts, SCRIPT_MOVE, 2, 2);
    redis_add_taken(redis, &command, move->queue, move->name);
    redis_add_list(redis, &command, move->queue, kombu_step_of(move->priority));
    redis_command_add(&command, move->text);
    redis_command_add(&command, move->again);
    redis_request(redis, &command, move->keep, fn, ctx);
}

void
redis_move_marked(struct redis_transport *redis, struct redis_move *move,
                  redis_request_fn fn, void *ctx)
{
    struct buf again = BUF_INIT(KOMBU_ENVELOPE_MAX + 256);

    move->priority = kombu_mark_redelivered(move->text, &again);
    move->again = again.overflowed ? move->text : buf_slice(&again);
    redis_move_send(redis, move, fn, ctx);
    buf_release(&again);
}

static void
send_again(const struct redis_held *held)
{
    struct redis_transport *redis = held->holding->redis;
    struct redis_move move = {
        .queue = held->holding->queue,
        .name = redis->name,
        .keep = REDIS_ONCE,
        .text = held->text,
    };

    redis_move_marked(redis, &move, NULL, NULL);
}

void
redis_requeue(struct transport *transport, uint64_t tag)
{
    struct redis_held *held = find_held(redis_of(transport), tag);

    if (held != NULL) {
        send_again(held);
        held_free(held);
    }
}

// The last one first: each goes in front of the others.
static void
requeue_held(struct redis_holding *holding)
{
    struct list reversed;

    list_init(&reversed);
    LIST_FOR_EACH(link, &holding->held)
    {
        list_remove(link);
        list_add_first(&reversed, link);
    }
    LIST_FOR_EACH(link, &reversed)
    {
        struct redis_held *held = LIST_ENTRY(link, struct redis_held, link);
        send_again(held);
        held_forget(held);
    }
    redis_holding_settle(holding);
}

void
redis_requeue_all(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->holdings)
    {
        requeue_held(LIST_ENTRY(link, struct redis_holding, link));
    }
}

void
redis_put_back(struct redis_holding *holding, struct slice text)
{
    struct redis_transport *redis = holding->redis;
    struct redis_move move = {
        .queue = holding->queue,
        .name = redis->name,
        .keep = REDIS_ONCE,
        .text = text,
        .again = text,
    };
    struct kombu_message message;
    struct err err = {0};

    kombu_decode(text, &message, &err);
    move.priority = message.delivery.message.priority;
    redis_move_send(redis, &move, NULL, NULL);
    kombu_release(&message);
}

// What was held comes again, to whoever takes it.
static void
forget_held(struct redis_holding *holding)
{
    LIST_FOR_EACH(link, &holding->held)
    {
        struct redis_held *held = LIST_ENTRY(link, struct redis_held, link);
        map_remove(&holding->redis->held, tag_key(held));
        list_remove(link);
        free(held);
    }
}

void
redis_holdings_down(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->holdings)
    {
        struct redis_holding *holding =
            LIST_ENTRY(link, struct redis_holding, link);
        forget_held(holding);
        holding->dirty = true;
    }
}

void
redis_holdings_free(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->holdings)
    {
        struct redis_holding *holding =
            LIST_ENTRY(link, struct redis_holding, link);
        forget_held(holding);
        holding_free(holding);
    }
    map_release(&redis->held);
}
