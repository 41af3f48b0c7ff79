#include "transport/redis_internal.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/now.h"

#define COMMAND_MAX (1UL << 20)

static void
call_on_lists(struct transport *transport, enum redis_script script,
              const char *queue, transport_count_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_script_begin(&command, &redis->scripts, script, KOMBU_STEPS, 0);
    redis_add_lists(redis, &command, queue);
    redis_request(redis, &command, REDIS_KEEP, redis_call_reply,
                  redis_call_count(redis, done, ctx));
}

void
redis_length(struct transport *transport, const char *queue,
             transport_count_fn done, void *ctx)
{
    call_on_lists(transport, SCRIPT_LENGTH, queue, done, ctx);
}

void
redis_purge(struct transport *transport, const char *queue,
            transport_count_fn done, void *ctx)
{
    call_on_lists(transport, SCRIPT_PURGE, queue, done, ctx);
}

// What the names of lists of takers begin with.
static void
add_taken_prefix(struct redis_transport *redis, struct buf *command,
                 const char *queue)
{
    redis_add_taken(redis, command, queue, "");
}

void
redis_delete_now(struct redis_transport *redis, const char *queue,
                 transport_count_fn done, void *ctx)
{
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_script_begin(&command, &redis->scripts, SCRIPT_DELETE, 9, 2);
    redis_add_lists(redis, &command, queue);
    redis_add_key(redis, &command, "", queue, ".takers");
    redis_add_key(redis, &command, "unacked", "", "");
    redis_add_key(redis, &command, "unacked_index", "", "");
    redis_add_key(redis, &command, "_kombu.binding.", queue, "");
    redis_add_key(redis, &command, "_kombu.binding_permanent.", queue, "");
    redis_command_add_text(&command, queue);
    add_taken_prefix(redis, &command, queue);
    redis_forget_queue(redis, queue);
    redis_request(redis, &command, REDIS_KEEP, redis_call_reply,
                  redis_call_count(redis, done, ctx));
}

void
redis_delete_queue(struct transport *transport, const char *queue,
                   bool if_unused, transport_count_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);

    if (if_unused && redis_takes_from(redis, queue)) {
        struct err err = {0};
        err_set(&err, ERR_LIMIT, "queue %s is in use", queue);
        redis_later_count(redis, done, ctx, &err);
        return;
    }
    char *name = alloc_dup(queue); // it may be that of what is forgotten
    redis_delete_now(redis, name, done, ctx);
    free(name);
}

void
redis_withdraw(struct transport *transport, const char *queue,
               const char *header, const char *value, transport_count_fn done,
               void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct buf command = BUF_INIT(COMMAND_MAX);

    redis_script_begin(&command, &redis->scripts, SCRIPT_WITHDRAW, 7, 4);
    redis_add_lists(redis, &command, queue);
    redis_add_key(redis, &command, "", queue, ".takers");
    redis_add_key(redis, &command, "unacked", "", "");
    redis_add_key(redis, &command, "unacked_index", "", "");
    redis_command_add_text(&command, queue);
    add_taken_prefix(redis, &command, queue);
    redis_command_add_text(&command, header);
    redis_command_add_text(&command, value);
    redis_request(redis, &command, REDIS_KEEP, redis_call_reply,
                  redis_call_count(redis, done, ctx));
}

// Asked for the facts of the server: INFO, then TIME.
struct facts {
    struct redis_transport *redis;
    void (*fn)(void *ctx, const struct transport_facts *facts,
               const struct err *err);
    void *ctx;
    char *product;
    char *version;
    char *policy;
    uint64_t memory_max;
    usec asked;
};

static void
facts_end(struct facts *facts, int64_t skew_ms, const struct err *err)
{
    struct transport_facts said = {
        .kind = "redis",
        .product = facts->product,
        .version = facts->version,
        .policy = facts->policy,
        .memory_max = facts->memory_max,
        .skew_ms = skew_ms,
        .tls = redis_url(facts->redis)->tls,
    };

    if (!facts->redis->freed && facts->fn != NULL) {
        facts->fn(facts->ctx, err == NULL ? &said : NULL, err);
    }
    free(facts->product);
    free(facts->version);
    free(facts->policy);
    free(facts);
}

static void
facts_drop(struct facts *facts)
{
    facts->fn = NULL;
    facts_end(facts, 0, NULL);
}

static void
set(char **text, struct slice value)
{
    free(*text);
    *text = slice_dup(slice_first(value, 200));
}

static void
read_info(struct facts *facts, struct slice info)
{
    struct slice line;

    while (slice_split(&info, '\n', &line)) {
        line = slice_trim_end(line);
        if (slice_take(&line, SLICE("redis_version:"))) {
            set(&facts->version, line);
        } else if (slice_take(&line, SLICE("server_name:"))) {
            set(&facts->product, line);
        } else if (slice_take(&line, SLICE("maxmemory_policy:"))) {
            set(&facts->policy, line);
        } else if (slice_take(&line, SLICE("maxmemory:"))) {
            slice_to_uint(line, UINT64_MAX, &facts->memory_max);
        }
    }
}

static void
on_time(void *ctx, const redisReply *reply, const struct err *err)
{
    struct facts *facts = ctx;
    uint64_t seconds = 0;
    uint64_t micros = 0;

    if (reply == NULL && err == NULL) {
        facts_drop(facts);
        return;
    }
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY ||
        reply->elements != 2 ||
        !slice_to_uint(redis_reply_text(reply->element[0]), INT64_MAX / 2000000,
                       &seconds) ||
        !slice_to_uint(redis_reply_text(reply->element[1]), 999999, &micros)) {
        facts_end(facts, INT64_MIN, NULL); // the server would not say
        return;
    }
    // It looked at its clock somewhere between our question and now.
    usec now = now_wall_usec();
    usec ours = facts->asked + (now - facts->asked) / 2;
    usec theirs = (usec)(seconds * 1000000 + micros);
    facts_end(facts, (theirs - ours) / 1000, NULL);
}

static void
on_info(void *ctx, const redisReply *reply, const struct err *err)
{
    struct facts *facts = ctx;
    struct redis_transport *redis = facts->redis;
    struct buf command = BUF_INIT(64);

    if (reply == NULL && err == NULL) {
        facts_drop(facts);
        return;
    }
    if (reply == NULL) {
        facts_end(facts, INT64_MIN, err);
        return;
    }
    read_info(facts, redis_reply_text(reply));
    facts->asked = now_wall_usec();
    redis_command_begin(&command, 1);
    redis_command_add_text(&command, "TIME");
    redis_request(redis, &command, REDIS_ONCE, on_time, facts);
}

void
redis_ask_facts(struct transport *transport,
                void (*fn)(void *ctx, const struct transport_facts *facts,
                           const struct err *err),
                void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct facts *facts = ALLOC(struct facts);
    struct buf command = BUF_INIT(64);

    facts->redis = redis;
    facts->fn = fn;
    facts->ctx = ctx;
    facts->product = alloc_dup("Redis");
    facts->version = alloc_dup("");
    facts->policy = alloc_dup("");
    redis_command_begin(&command, 1);
    redis_command_add_text(&command, "INFO");
    redis_request(redis, &command, REDIS_KEEP, on_info, facts);
}
