#include "transport/redis_internal.h"

#include <stdlib.h>
#include <string.h>

#include "transport/kombu_codec.h"
#include "util/alloc.h"

#define NAME_MAX_LEN (64UL << 10)

struct exchange {
    struct list_link link;
    char *name;
    enum exchange_kind kind;
};

struct binding {
    struct list_link link;
    char *exchange;
    char *queue;
    char *member; // of the exchange's set
};

void
redis_add_key(struct redis_transport *redis, struct buf *command,
              const char *front, const char *name, const char *back)
{
    struct buf key = BUF_INIT(4 * NAME_MAX_LEN);

    buf_add_text(&key, redis_prefix(redis));
    buf_add_text(&key, front);
    buf_add_text(&key, name);
    buf_add_text(&key, back);
    redis_command_add(command, buf_slice(&key));
    buf_release(&key);
}

void
redis_add_list(struct redis_transport *redis, struct buf *command,
               const char *queue, int step)
{
    struct buf key = BUF_INIT(4 * NAME_MAX_LEN);

    buf_add_text(&key, redis_prefix(redis));
    kombu_add_list(&key, slice_of(queue), step);
    redis_command_add(command, buf_slice(&key));
    buf_release(&key);
}

void
redis_add_lists(struct redis_transport *redis, struct buf *command,
                const char *queue)
{
    for (int step = 0; step < KOMBU_STEPS; step++) {
        redis_add_list(redis, command, queue, step);
    }
}

void
redis_add_taken(struct redis_transport *redis, struct buf *command,
                const char *queue, const char *name)
{
    struct buf key = BUF_INIT(4 * NAME_MAX_LEN);

    buf_addf(&key, "%s%s.taken.%s", redis_prefix(redis), queue, name);
    redis_command_add(command, buf_slice(&key));
    buf_release(&key);
}

static struct exchange *
find_exchange(const struct redis_transport *redis, const char *name)
{
    LIST_FOR_EACH(link, &redis->exchanges)
    {
        struct exchange *exchange = LIST_ENTRY(link, struct exchange, link);
        if (strcmp(exchange->name, name) == 0) {
            return exchange;
        }
    }
    return NULL;
}

void
redis_exchange_note(struct redis_transport *redis, const char *name,
                    enum exchange_kind kind)
{
    struct exchange *exchange = find_exchange(redis, name);

    if (exchange == NULL) {
        exchange = ALLOC(struct exchange);
        exchange->name = alloc_dup(name);
        list_add(&redis->exchanges, &exchange->link);
    }
    exchange->kind = kind;
}

void
redis_declare_exchange(struct transport *transport,
                       const struct exchange_params *params,
                       transport_done_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct buf command = BUF_INIT(64);

    redis_exchange_note(redis, params->name, params->kind);
    // Redis keeps nothing of it; the answer only says that it is there.
    redis_command_begin(&command, 1);
    redis_command_add_text(&command, "PING");
    redis_request(redis, &command, REDIS_KEEP, redis_call_reply,
                  redis_call_done(redis, done, ctx));
}

struct redis_queue *
redis_find_queue(const struct redis_transport *redis, const char *name)
{
    LIST_FOR_EACH(link, &redis->queues)
    {
        struct redis_queue *queue = LIST_ENTRY(link, struct redis_queue, link);
        if (strcmp(queue->name, name) == 0) {
            return queue;
        }
    }
    return NULL;
}

void
redis_declare_queue(struct transport *transport,
                    const struct queue_params *params, transport_done_fn done,
                    void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct redis_queue *queue = redis_find_queue(redis, params->name);
    struct buf command = BUF_INIT(64);

    if (queue == NULL) {
        queue = ALLOC(struct redis_queue);
        queue->name = alloc_dup(params->name);
        list_add(&redis->queues, &queue->link);
    }
    queue->exclusive = params->exclusive;
    queue->auto_delete = params->auto_delete;
    queue->expires_ms = params->expires_ms;
    redis_command_begin(&command, 1);
    redis_command_add_text(&command, "PING");
    redis_request(redis, &command, REDIS_KEEP, redis_call_reply,
                  redis_call_done(redis, done, ctx));
}

static void
send_binding(struct redis_transport *redis, const struct binding *binding,
             const char *verb, redis_request_fn fn, void *ctx)
{
    struct buf command = BUF_INIT(8 * NAME_MAX_LEN);

    redis_command_begin(&command, 3);
    redis_command_add_text(&command, verb);
    redis_add_key(redis, &command, "_kombu.binding.", binding->exchange, "");
    redis_command_add_text(&command, binding->member);
    redis_request(redis, &command, REDIS_KEEP, fn, ctx);
}

static struct binding *
find_binding(const struct redis_transport *redis, const char *exchange,
             const char *member)
{
    LIST_FOR_EACH(link, &redis->bindings)
    {
        struct binding *binding = LIST_ENTRY(link, struct binding, link);
        if (strcmp(binding->exchange, exchange) == 0 &&
            strcmp(binding->member, member) == 0) {
            return binding;
        }
    }
    return NULL;
}

void
redis_bind(struct transport *transport, const char *queue, const char *exchange,
           const char *key, transport_done_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    const struct exchange *known = find_exchange(redis, exchange);
    bool topic = known != NULL && known->kind == EXCHANGE_TOPIC;
    struct buf member = BUF_INIT(4 * NAME_MAX_LEN);

    kombu_add_binding(&member, key, topic, queue);
    struct binding *binding = find_binding(redis, exchange, buf_text(&member));
    if (binding == NULL) {
        binding = ALLOC(struct binding);
        binding->exchange = alloc_dup(exchange);
        binding->queue = alloc_dup(queue);
        binding->member = alloc_dup(buf_text(&member));
        list_add(&redis->bindings, &binding->link);
    }
    buf_release(&member);
    send_binding(redis, binding, "SADD", redis_call_reply,
                 redis_call_done(redis, done, ctx));
}

void
redis_bindings_send(struct redis_transport *redis)
{
    struct list all;

    // They go before what waits: it may need them.
    list_init(&all);
    struct list_link *first = NULL;
    while ((first = list_take_first(&redis->requests)) != NULL) {
        list_add(&all, first);
    }
    LIST_FOR_EACH(link, &redis->bindings)
    {
        send_binding(redis, LIST_ENTRY(link, struct binding, link), "SADD",
                     NULL, NULL);
    }
    while ((first = list_take_first(&all)) != NULL) {
        list_add(&redis->requests, first);
    }
}

static void
binding_free(struct binding *binding)
{
    list_remove(&binding->link);
    free(binding->exchange);
    free(binding->queue);
    free(binding->member);
    free(binding);
}

static void
queue_free(struct redis_queue *queue)
{
    list_remove(&queue->link);
    free(queue->name);
    free(queue);
}

void
redis_forget_queue(struct redis_transport *redis, const char *name)
{
    struct redis_queue *queue = redis_find_queue(redis, name);

    LIST_FOR_EACH(link, &redis->bindings)
    {
        struct binding *binding = LIST_ENTRY(link, struct binding, link);
        if (strcmp(binding->queue, name) == 0) {
            send_binding(redis, binding, "SREM", NULL, NULL);
            binding_free(binding);
        }
    }
    if (queue != NULL) {
        queue_free(queue);
    }
}

// A list of a queue that expires is there for so long since it was last used;
// here it is its owner who uses it.
void
redis_queues_renew(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->queues)
    {
        struct redis_queue *queue = LIST_ENTRY(link, struct redis_queue, link);
        for (int step = 0; step < KOMBU_STEPS && queue->expires_ms > 0;
             step++) {
            struct buf command = BUF_INIT(8 * NAME_MAX_LEN);
            redis_command_begin(&command, 3);
            redis_command_add_text(&command, "PEXPIRE");
            redis_add_list(redis, &command, queue->name, step);
            redis_command_add_int(&command, queue->expires_ms);
            redis_request(redis, &command, REDIS_ONCE, NULL, NULL);
        }
    }
}

// Whatever goes with a connection goes with transport_close.
void
redis_queues_leave(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->queues)
    {
        struct redis_queue *queue = LIST_ENTRY(link, struct redis_queue, link);
        if (queue->exclusive) {
            char *name = alloc_dup(queue->name);
            redis_delete_now(redis, name, NULL, NULL);
            free(name);
        }
    }
}

static void
add_tag(struct redis_transport *redis, char tag[static 40])
{
    uint64_t number = ++redis->published;

    (void)snprintf(tag, 40, "%08x-%04x-4%03x-8%03x-%012llx",
                   (unsigned)(redis->random >> 32),
                   (unsigned)(redis->random >> 16 & 0xffff),
                   (unsigned)(redis->random >> 4 & 0xfff),
                   (unsigned)(number >> 48 & 0xfff),
                   (unsigned long long)(number & 0xffffffffffff));
}

// Which command a message becomes.
static void
add_publish(struct redis_transport *redis, const struct publish *publish,
            struct slice envelope, struct buf *command)
{
    const struct exchange *exchange = find_exchange(redis, publish->exchange);
    enum exchange_kind kind =
        exchange != NULL ? exchange->kind : EXCHANGE_DIRECT;
    int step = kombu_step_of(publish->message->priority);
    struct buf text = BUF_INIT(4 * NAME_MAX_LEN);

    if (publish->exchange[0] == '\0') {
        redis_command_begin(command, 3);
        redis_command_add_text(command, "LPUSH");
        redis_add_list(redis, command, publish->key, step);
        redis_command_add(command, envelope);
    } else if (kind == EXCHANGE_FANOUT) {
        redis_command_begin(command, 3);
        redis_command_add_text(command, "PUBLISH");
        redis_add_channel(redis, &text, publish->exchange, publish->key);
        redis_command_add(command, buf_slice(&text));
        redis_command_add(command, envelope);
    } else {
        bool topic = kind == EXCHANGE_TOPIC;
        redis_script_begin(command, &redis->scripts, SCRIPT_ROUTE, 1, 6);
        redis_add_key(redis, command, "_kombu.binding.", publish->exchange, "");
        redis_command_add_text(command, redis_prefix(redis));
        redis_command_add_text(command, publish->key);
        redis_command_add(command, envelope);
        kombu_add_list(&text, (struct slice){0}, step);
        redis_command_add(command, buf_slice(&text));
        redis_command_add_text(command, topic ? "topic" : "direct");
        buf_reset(&text);
        redis_add_channel(redis, &text, publish->exchange, publish->key);
        redis_command_add(command, buf_slice(&text));
    }
    buf_release(&text);
}

static bool
check_room(const struct redis_transport *redis, size_t len, struct err *err)
{
    return (redis->publishes < TRANSPORT_PENDING_MAX &&
            redis->publish_bytes + len <= TRANSPORT_PENDING_BYTES_MAX) ||
           err_set(err, ERR_LIMIT, "%s: too many messages wait to be sent",
                   redis_url(redis)->shown);
}

void
redis_publish(struct transport *transport, const struct publish *publish,
              transport_done_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct buf envelope = BUF_INIT(KOMBU_ENVELOPE_MAX);
    struct buf command = BUF_INIT(KOMBU_ENVELOPE_MAX + 32 * NAME_MAX_LEN);
    char tag[40];
    struct err err = {0};

    add_tag(redis, tag);
    struct kombu_envelope parts = {
        .message = publish->message,
        .exchange = publish->exchange,
        .key = publish->key,
        .tag = tag,
    };
    if (!check_room(redis, publish->message->body.len, &err) ||
        !kombu_encode(&parts, &envelope, &err)) {
        redis_later_done(redis, done, ctx, &err);
    } else {
        add_publish(redis, publish, buf_slice(&envelope), &command);
        redis_request_publish(
            redis, &command, done != NULL ? REDIS_KEEP : REDIS_ONCE,
            done != NULL ? redis_call_reply : NULL,
            done != NULL ? redis_call_done(redis, done, ctx) : NULL);
    }
    buf_release(&envelope);
    buf_release(&command);
}

void
redis_delete_exchange(struct transport *transport, const char *name,
                      transport_done_fn done, void *ctx)
{
    struct redis_transport *redis = redis_of(transport);
    struct exchange *exchange = find_exchange(redis, name);
    struct buf command = BUF_INIT(8 * NAME_MAX_LEN);

    LIST_FOR_EACH(link, &redis->bindings)
    {
        struct binding *binding = LIST_ENTRY(link, struct binding, link);
        if (strcmp(binding->exchange, name) == 0) {
            binding_free(binding);
        }
    }
    if (exchange != NULL) {
        list_remove(&exchange->link);
        free(exchange->name);
        free(exchange);
    }
    redis_command_begin(&command, 3);
    redis_command_add_text(&command, "DEL");
    redis_add_key(redis, &command, "_kombu.binding.", name, "");
    redis_add_key(redis, &command, "_kombu.binding_permanent.", name, "");
    redis_request(redis, &command, REDIS_KEEP, redis_call_reply,
                  redis_call_done(redis, done, ctx));
}

void
redis_publish_free(struct redis_transport *redis)
{
    LIST_FOR_EACH(link, &redis->exchanges)
    {
        struct exchange *exchange = LIST_ENTRY(link, struct exchange, link);
        list_remove(link);
        free(exchange->name);
        free(exchange);
    }
    LIST_FOR_EACH(link, &redis->bindings)
    {
        binding_free(LIST_ENTRY(link, struct binding, link));
    }
    LIST_FOR_EACH(link, &redis->queues)
    {
        queue_free(LIST_ENTRY(link, struct redis_queue, link));
    }
}
