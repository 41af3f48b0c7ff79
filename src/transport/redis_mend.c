#include "transport/redis_internal.h"

#include <stdlib.h>
#include <string.h>

#include "transport/kombu_codec.h"
#include "util/alloc.h"

#define COMMAND_MAX (3 * KOMBU_ENVELOPE_MAX)

// Entries of dead takers that are put back one after the other; a list that is
// longer is somebody else's.
#define MOVES_MAX 100000

// Puts back what is in the list of a taker.
struct mover {
    struct redis_transport *redis;
    struct redis_holding *holding; // our own: what is held stays; or NULL
    char *queue;
    char *name;
    enum redis_keep keep;
    uint64_t passed; // of those that stay
    uint64_t steps;
    uint64_t moved;
    struct redis_call *call; // of who asked, or NULL
    char **tags;             // of `unacked`, overdue
    size_t tag_count;
    size_t tag_at;
};

static void mover_look(struct mover *mover);
static void next_unacked(struct mover *mover);

static void
mover_free(struct mover *mover)
{
    for (size_t i = 0; i < mover->tag_count; i++) {
        free(mover->tags[i]);
    }
    free(mover->tags);
    free(mover->queue);
    free(mover->name);
    free(mover);
}

// `err` and `freed` as a request has them.
static void
mover_end(struct mover *mover, const struct err *err, bool freed)
{
    struct redis_holding *holding = mover->holding;

    if (holding != NULL) {
        holding->mending = false;
        holding->dirty = err != NULL;
        if (!freed && err == NULL) {
            redis_consumers_pump(holding);
            redis_holding_settle(holding);
        }
    } else if (!freed && err == NULL) {
        redis_leave_takers(mover->redis, mover->queue, mover->name, REDIS_ONCE);
    }
    if (mover->call != NULL && freed) {
        redis_call_reply(mover->call, NULL, NULL);
    } else if (mover->call != NULL) {
        redis_call_end(mover->call, mover->moved, err);
    }
    mover_free(mover);
}

// Whether a request ended without an answer: then so does the mover.
static bool
is_cut(struct mover *mover, const redisReply *reply, const struct err *err)
{
    if (reply == NULL) {
        mover_end(mover, err, err == NULL);
    }
    return reply == NULL;
}

static void
on_tag_restored(void *ctx, const redisReply *reply, const struct err *err)
{
    struct mover *mover = ctx;

    if (!is_cut(mover, reply, err)) {
        mover->moved += (uint64_t)redis_reply_int(reply);
        next_unacked(mover);
    }
}

static void
on_tag_read(void *ctx, const redisReply *reply, const struct err *err)
{
    struct mover *mover = ctx;
    struct redis_transport *redis = mover->redis;
    struct buf envelope = BUF_INIT(KOMBU_ENVELOPE_MAX);
    struct buf command = BUF_INIT(COMMAND_MAX);
    struct err bad = {0};
    int priority = 0;

    if (is_cut(mover, reply, err)) {
        return;
    }
    if (!kombu_take_unacked(redis_reply_text(reply), &envelope, &priority,
                            &bad)) {
        next_unacked(mover); // gone meanwhile, or nothing to be made of it
    } else {
        redis_script_begin(&command, &redis->scripts, SCRIPT_RESTORE, 3, 2);
        redis_add_key(redis, &command, "unacked", "", "");
        redis_add_key(redis, &command, "unacked_index", "", "");
        redis_add_list(redis, &command, mover->queue, kombu_step_of(priority));
        redis_command_add_text(&command, mover->tags[mover->tag_at - 1]);
        redis_command_add(&command, buf_slice(&envelope));
        redis_request(redis, &command, mover->keep, on_tag_restored, mover);
    }
    buf_release(&envelope);
}

static void
next_unacked(struct mover *mover)
{
    struct redis_transport *redis = mover->redis;
    struct buf command = BUF_INIT(COMMAND_MAX);

    if (mover->tag_at == mover->tag_count) {
        mover_end(mover, NULL, false);
        return;
    }
    redis_command_begin(&command, 3);
    redis_command_add_text(&command, "HGET");
    redis_add_key(redis, &command, "unacked", "", "");
    redis_command_add_text(&command, mover->tags[mover->tag_at++]);
    redis_request(redis, &command, mover->keep, on_tag_read, mover);
}

static void
on_overdue(void *ctx, const redisReply *reply, const struct err *err)
{
    struct mover *mover = ctx;

    if (is_cut(mover, reply, err)) {
        return;
    }
    size_t count = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    mover->tags = alloc_zero(count, sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        mover->tags[i] = slice_dup(redis_reply_text(reply->element[i]));
    }
    mover->tag_count = count;
    next_unacked(mover);
}

static void
add_visibility(struct redis_transport *redis, struct buf *command)
{
    char text[32];
    uint32_t ms = redis_visibility_ms(redis);

    (void)snprintf(text, sizeof(text), "%u.%03u", ms / 1000, ms % 1000);
    redis_command_add_text(command, text);
}

// What stock workers took and never acknowledged.
static void
ask_overdue(struct mover *mover)
{
    struct redis_transport *redis = mover->redis;
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_script_begin(&command, &redis->scripts, SCRIPT_OVERDUE, 2, 3);
    redis_add_key(redis, &command, "unacked", "", "");
    redis_add_key(redis, &command, "unacked_index", "", "");
    redis_command_add_text(&command, mover->queue);
    add_visibility(redis, &command);
    redis_command_add_int(&command, (int64_t)KOMBU_ENVELOPE_MAX);
    redis_request(redis, &command, mover->keep, on_overdue, mover);
}

static void
on_moved(void *ctx, const redisReply *reply, const struct err *err)
{
    struct mover *mover = ctx;

    if (!is_cut(mover, reply, err)) {
        mover->moved += (uint64_t)redis_reply_int(reply);
        mover_look(mover);
    }
}

static bool
is_held(const struct redis_holding *holding, struct slice text)
{
    LIST_FOR_EACH(link, &holding->held)
    {
        if (slice_equals(LIST_ENTRY(link, struct redis_held, link)->text,
                         text)) {
            return true;
        }
    }
    return false;
}

static void
on_looked(void *ctx, const redisReply *reply, const struct err *err)
{
    struct mover *mover = ctx;

    if (is_cut(mover, reply, err)) {
        return;
    }
    mover->steps++;
    if (reply->type == REDIS_REPLY_INTEGER) {
        char *note = alloc_printf("a message of %lld MiB in queue %s was "
                                  "dropped: it is too long",
                                  reply->integer >> 20, mover->queue);
        redis_note(mover->redis, note, NULL);
        free(note);
        mover_look(mover);
        return;
    }
    if (reply->type != REDIS_REPLY_STRING || mover->steps > MOVES_MAX) {
        if (mover->holding == NULL) {
            ask_overdue(mover);
        } else {
            mover_end(mover, NULL, false);
        }
        return;
    }
    struct slice text = redis_reply_text(reply);
    if (mover->holding != NULL && is_held(mover->holding, text)) {
        mover->passed++;
        mover_look(mover);
    } else {
        struct redis_move move = {
            .queue = mover->queue,
            .name = mover->name,
            .keep = mover->keep,
            .text = text,
        };
        redis_move_marked(mover->redis, &move, on_moved, mover);
    }
}

// The newest is at index 0; what is put back later goes in front.
static void
mover_look(struct mover *mover)
{
    struct redis_transport *redis = mover->redis;
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_script_begin(&command, &redis->scripts, SCRIPT_LOOK, 1, 2);
    redis_add_taken(redis, &command, mover->queue, mover->name);
    redis_command_add_int(&command, (int64_t)mover->passed);
    redis_command_add_int(&command, (int64_t)KOMBU_ENVELOPE_MAX);
    redis_request(redis, &command, mover->keep, on_looked, mover);
}

static struct mover *
mover_new(struct redis_transport *redis, const char *queue, const char *name)
{
    struct mover *mover = ALLOC(struct mover);

    mover->redis = redis;
    mover->queue = alloc_dup(queue);
    mover->name = alloc_dup(name);
    mover->keep = REDIS_ONCE;
    return mover;
}

static void
on_renewed(void *ctx, const redisReply *reply, const struct err *err)
{
    struct mover *found = ctx; // for its queue
    struct redis_transport *redis = found->redis;

    (void)err;
    if (reply != NULL && reply->type == REDIS_REPLY_ARRAY) {
        for (size_t i = 0; i < reply->elements; i++) {
            char *name = slice_dup(redis_reply_text(reply->element[i]));
            if (strcmp(name, redis->name) != 0) {
                mover_look(mover_new(redis, found->queue, name));
            }
            free(name);
        }
    }
    mover_free(found);
}

// Says that we live, and looks for others who do not.
static void
renew(struct redis_holding *holding)
{
    struct redis_transport *redis = holding->redis;
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_script_begin(&command, &redis->scripts, SCRIPT_RENEW, 1, 2);
    redis_add_key(redis, &command, "", holding->queue, ".takers");
    redis_command_add_text(&command, redis->name);
    add_visibility(redis, &command);
    redis_request(redis, &command, REDIS_ONCE, on_renewed,
                  mover_new(redis, holding->queue, ""));
}

void
redis_holdings_renew(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->holdings)
    {
        renew(LIST_ENTRY(link, struct redis_holding, link));
    }
}

void
redis_mend(struct redis_holding *holding)
{
    struct redis_transport *redis = holding->redis;

    if (!holding->dirty || holding->mending || redis->state != STATE_UP) {
        return;
    }
    holding->mending = true;
    renew(holding);
    struct mover *mover = mover_new(redis, holding->queue, redis->name);
    mover->holding = holding;
    mover_look(mover);
}

void
redis_holdings_up(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->holdings)
    {
        redis_mend(LIST_ENTRY(link, struct redis_holding, link));
    }
}

void
redis_reclaim(struct transport *transport, const char *queue, const char *name,
              transport_count_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct mover *mover = mover_new(redis, queue, name);

    mover->keep = REDIS_KEEP;
    mover->call = redis_call_count(redis, done, ctx);
    mover_look(mover);
}
