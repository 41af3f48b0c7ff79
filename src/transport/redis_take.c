#include "transport/redis_consumer.h"

#include <stdlib.h>
#include <string.h>

#include "transport/kombu_codec.h"
#include "util/alloc.h"

// How many messages, and about how many bytes, are taken in one call.
#define BATCH_MAX 64U
#define BATCH_BYTES (4 << 20)
// What stands before the messages in its reply.
#define BATCH_HEAD 2

// Where one message at a time comes, looking for more is in vain: after so many
// messages, at most, it is done again.
#define SKIPS_MAX 15U

// For so long the server waits for a message before it says that there is
// none. Between two waits the lists of higher priorities are looked at.
#define WAIT_S "1"
// After a server that is full refused.
#define PAUSE_MS 1000
#define COMMAND_MAX (1UL << 20)

bool
redis_is_active(const struct redis_consumer *consumer)
{
    return !consumer->stopped && !consumer->ended && !consumer->redis->freed;
}

// What came after the consumer was stopped goes back unseen.
static void
return_message(struct redis_consumer *consumer, struct slice text)
{
    struct redis_transport *redis = consumer->redis;
    struct buf command = BUF_INIT(KOMBU_ENVELOPE_MAX + COMMAND_MAX);

    if (consumer->holding != NULL) {
        redis_put_back(consumer->holding, text);
        return;
    }
    redis_command_begin(&command, 3);
    redis_command_add_text(&command, "RPUSH");
    redis_add_list(redis, &command, consumer->queue, 0);
    redis_command_add(&command, text);
    redis_request(redis, &command, REDIS_KEEP, NULL, NULL);
}

static void
note_dropped(struct redis_consumer *consumer, const struct err *err)
{
    char *note = alloc_printf("a message in queue %s was dropped: %s",
                              consumer->queue, err->text);

    redis_note(consumer->redis, note,
               "somebody else writes to this queue; see who, with MONITOR");
    free(note);
}

static void
deliver(struct redis_consumer *consumer, struct slice text)
{
    struct kombu_message message;
    struct err err = {0};

    if (!kombu_decode(text, &message, &err)) {
        if (consumer->holding != NULL) {
            redis_drop_taken(consumer->holding, text);
        }
        note_dropped(consumer, &err);
        kombu_release(&message);
        return;
    }
    message.delivery.queue = slice_of(consumer->queue);
    if (consumer->holding != NULL) {
        consumer->out++;
        message.delivery.tag =
            redis_held_add(consumer->holding, consumer, text)->tag;
    }
    consumer->on_delivery(consumer->ctx, &message.delivery);
    kombu_release(&message);
}

// The broker refuses this consumer, but not the connection.
static void
refuse(struct redis_consumer *consumer, const struct err *err)
{
    if (err->kind == ERR_LIMIT) { // it is full
        if (!consumer->full) {
            redis_note(consumer->redis, err->text, err->hint);
        }
        consumer->full = true;
        deadline_arm(&consumer->pause, PAUSE_MS);
        return;
    }
    if (consumer->stopped || consumer->ended) {
        return;
    }
    consumer->ended = true;
    if (consumer->on_ended != NULL && !consumer->redis->freed) {
        consumer->on_ended(consumer->ctx, err);
    }
}

enum verdict {
    VERDICT_GOOD = 1,
    VERDICT_REFUSED, // dealt with; go on
    VERDICT_GONE,    // so is the connection, and maybe the consumer
};

static enum verdict
judge(struct redis_consumer *consumer, const redisReply *reply)
{
    struct redis_transport *redis = consumer->redis;
    struct err err = {0};

    if (!redis_reply_is_error(reply)) {
        consumer->full = false;
        return VERDICT_GOOD;
    }
    if (!redis->legacy && slice_starts_with(redis_reply_text(reply),
                                            SLICE("ERR unknown command"))) {
        redis->legacy = true; // a server before 6.2
        return VERDICT_REFUSED;
    }
    if (redis_take_trouble(redis, reply, &err)) {
        return VERDICT_GONE;
    }
    refuse(consumer, &err);
    return VERDICT_REFUSED;
}

// After each reply: on with it, or the end of a stop.
void
redis_go_on(struct redis_consumer *consumer)
{
    if (consumer->redis->freed) {
        return;
    }
    if (consumer->stopped) {
        redis_finish_stop(consumer);
    } else {
        redis_pump(consumer);
    }
}

static void
deliver_all(struct redis_consumer *consumer, const redisReply *reply)
{
    size_t at = BATCH_HEAD;

    consumer->busy = true;
    for (; at < reply->elements && redis_is_active(consumer); at++) {
        deliver(consumer, redis_reply_text(reply->element[at]));
    }
    // The last one first: each goes in front of the others.
    for (size_t i = reply->elements; i > at; i--) {
        return_message(consumer, redis_reply_text(reply->element[i - 1]));
    }
    consumer->busy = false;
}

// Somebody of our name, or a connection that was cut, took what nobody here
// knows of.
static bool
has_strays(const struct redis_consumer *consumer, uint64_t in_list)
{
    return consumer->holding != NULL && consumer->holding->consumers == 1 &&
           in_list > redis_held_count(consumer->holding);
}

static void
take_batch(struct redis_consumer *consumer, const redisReply *reply)
{
    bool strays =
        has_strays(consumer, (uint64_t)redis_reply_int(reply->element[0]));
    size_t count = reply->elements - BATCH_HEAD;

    consumer->more = count >= consumer->asked;
    consumer->skips = count > 0                     ? 0
                      : consumer->skips < SKIPS_MAX ? 2 * consumer->skips + 1
                                                    : SKIPS_MAX;
    consumer->skip = consumer->skips;
    if (redis_reply_int(reply->element[1]) > 0) {
        struct err err = {0};
        err_set(&err, ERR_LIMIT, "it is too long");
        note_dropped(consumer, &err);
    }
    deliver_all(consumer, reply);
    if (strays && redis_is_active(consumer)) {
        consumer->holding->dirty = true;
        redis_mend(consumer->holding);
    }
}

static void
on_batch(void *ctx, const redisReply *reply)
{
    struct redis_consumer *consumer = ctx;
    enum verdict verdict = judge(consumer, reply);

    if (verdict == VERDICT_GONE) {
        return;
    }
    consumer->batching = false;
    if (verdict == VERDICT_GOOD && reply->type == REDIS_REPLY_ARRAY &&
        reply->elements >= BATCH_HEAD) {
        take_batch(consumer, reply);
    }
    redis_go_on(consumer);
}

// BLMOVE gives the message, BRPOP its list and the message.
static struct slice
message_of(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        return redis_reply_text(reply->element[1]);
    }
    return redis_reply_text(reply);
}

static void
on_waited(void *ctx, const redisReply *reply)
{
    struct redis_consumer *consumer = ctx;
    enum verdict verdict = judge(consumer, reply);

    if (verdict == VERDICT_GONE) {
        return;
    }
    consumer->waiting = false;
    if (verdict == VERDICT_GOOD) {
        struct slice text = message_of(reply);
        consumer->idle = text.len == 0;
        consumer->more = consumer->idle || consumer->skip == 0;
        consumer->skip -= consumer->skip > 0 ? 1 : 0;
        consumer->busy = true;
        if (text.len > 0 && redis_is_active(consumer)) {
            deliver(consumer, text);
        } else if (text.len > 0) {
            return_message(consumer, text);
        }
        consumer->busy = false;
    }
    redis_go_on(consumer);
}

static void
send_wait(struct redis_consumer *consumer)
{
    struct redis_transport *redis = consumer->redis;
    struct buf command = BUF_INIT(COMMAND_MAX);

    if (consumer->holding == NULL) {
        redis_command_begin(&command, 2 + KOMBU_STEPS);
        redis_command_add_text(&command, "BRPOP");
        redis_add_lists(redis, &command, consumer->queue);
    } else {
        redis_command_begin(&command, redis->legacy ? 4 : 6);
        redis_command_add_text(&command,
                               redis->legacy ? "BRPOPLPUSH" : "BLMOVE");
        redis_add_list(redis, &command, consumer->queue, 0);
        redis_add_taken(redis, &command, consumer->queue, redis->name);
        if (!redis->legacy) {
            redis_command_add_text(&command, "RIGHT");
            redis_command_add_text(&command, "LEFT");
        }
    }
    redis_command_add_text(&command, WAIT_S);
    consumer->waiting = true;
    redis_link_send(consumer->connection, buf_slice(&command), on_waited,
                    consumer);
    buf_release(&command);
}

static void
send_batch(struct redis_consumer *consumer, uint32_t count)
{
    struct redis_transport *redis = consumer->redis;
    struct buf command = BUF_INIT(COMMAND_MAX);
    bool keep = consumer->holding != NULL;

    redis_script_begin(&command, &redis->scripts, SCRIPT_TAKE, 6, 5);
    redis_add_lists(redis, &command, consumer->queue);
    redis_add_taken(redis, &command, consumer->queue, redis->name);
    redis_add_key(redis, &command, "", consumer->queue, ".takers");
    redis_command_add_int(&command, count);
    redis_command_add_int(&command, BATCH_BYTES);
    redis_command_add_text(&command, keep ? "keep" : "drop");
    redis_command_add_text(&command, keep && consumer->idle ? redis->name : "");
    redis_command_add_int(&command, (int64_t)KOMBU_ENVELOPE_MAX);
    consumer->asked = count;
    consumer->batching = true;
    redis_link_send(consumer->connection, buf_slice(&command), on_batch,
                    consumer);
    buf_release(&command);
}

/*
 * Never more on its way than there is room for, and never two commands that
 * could overtake each other. A wait takes one message; where there may be more
 * and there is room, what is there is taken before it, in the same write.
 */
void
redis_pump(struct redis_consumer *consumer)
{
    uint32_t limit = consumer->prefetch == 0 ? UINT32_MAX : consumer->prefetch;
    uint32_t room = consumer->out < limit ? limit - consumer->out : 0;

    if (!redis_is_active(consumer) || consumer->busy || consumer->waiting ||
        consumer->batching || room == 0 || consumer->connection == NULL ||
        !redis_link_is_ready(consumer->connection) ||
        deadline_is_armed(&consumer->pause) ||
        (consumer->holding != NULL &&
         (consumer->holding->dirty || consumer->holding->mending))) {
        return;
    }
    if (consumer->more && (room > 1 || consumer->idle)) {
        uint32_t count = room > 1 ? room - 1 : 1;
        send_batch(consumer, count < BATCH_MAX ? count : BATCH_MAX);
    }
    consumer->more = consumer->idle = false;
    if (!consumer->batching || room > 1) {
        send_wait(consumer);
    }
}

void
redis_consumers_pump(struct redis_holding *holding)
{
    LIST_FOR_EACH(link, &holding->redis->consumers)
    {
        struct redis_consumer *consumer =
            LIST_ENTRY(link, struct redis_consumer, link);
        if (consumer->holding == holding) {
            redis_pump(consumer);
        }
    }
}

void
redis_consumer_lost(struct redis_consumer *consumer)
{
    consumer->out--;
    redis_pump(consumer);
}
