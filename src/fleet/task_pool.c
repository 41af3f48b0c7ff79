#include "fleet/task_pool.h"

#include <stdlib.h>

#include "fleet/carrier_json.h"
#include "loop/deadline.h"
#include "loop/listener.h"
#include "util/alloc.h"
#include "util/list.h"
#include "util/log.h"

// How long a child may take to say what it has.
#define GREETING_MS 30000

struct task_pool {
    struct loop *loop;
    struct listener *listener;
    struct list links;
    uint64_t last;
    const struct task_pool_events *events;
    void *ctx;
};

// One child's connection.
struct pool_link {
    struct list_link link;
    struct task_pool *pool;
    struct connection *connection;
    struct deadline greeting;
    uint64_t task; // 0: it has said nothing yet
    char *id;
    bool ended; // nothing is told of it any more
};

static void
link_free(struct pool_link *link)
{
    list_remove(&link->link);
    deadline_release(&link->greeting);
    connection_drop(link->connection);
    free(link->id);
    free(link);
}

// The child is gone, or breaks the rules.
static void
link_end(struct pool_link *link)
{
    struct task_pool *pool = link->pool;
    uint64_t task = link->ended ? 0 : link->task;

    link_free(link);
    if (task != 0) {
        pool->events->on_gone(pool->ctx, task);
    }
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct pool_link *link = ctx;

    link->connection = NULL;
    if (err != NULL) {
        log_warn("a pool child: %s", err->text);
    }
    link_end(link);
}

static void
on_line(void *ctx, struct slice text)
{
    struct pool_link *link = ctx;
    struct task_pool *pool = link->pool;
    struct carrier_line line;
    struct err err = {0};

    if (!carrier_line_decode(&line, text, &err)) {
        log_error("a pool child: %s", err.text);
        link_end(link);
    } else if (line.kind == CARRIER_TASK && link->task == 0) {
        deadline_disarm(&link->greeting);
        link->task = ++pool->last;
        link->id = slice_dup(line.id);
        pool->events->on_task(pool->ctx, link->task, &line);
    } else if (line.kind != CARRIER_OTHER) {
        log_error("a pool child said what it must not say");
        link_end(link);
    }
    carrier_line_release(&line);
}

static const struct connection_events link_events = {
    .on_line = on_line,
    .on_closed = on_closed,
};

static void
on_silence(void *ctx)
{
    log_warn("a pool child connected and said nothing");
    link_end(ctx);
}

static void
on_connection(void *ctx, struct connection *connection)
{
    struct task_pool *pool = ctx;
    struct pool_link *link = ALLOC(struct pool_link);

    link->pool = pool;
    link->connection = connection;
    list_add(&pool->links, &link->link);
    deadline_init(&link->greeting, pool->loop, on_silence, link);
    deadline_arm(&link->greeting, GREETING_MS);
    connection_start(connection, &link_events, link);
}

struct task_pool *
task_pool_new(struct loop *loop, const char *path,
              const struct task_pool_events *events, void *ctx, struct err *err)
{
    struct task_pool *pool = ALLOC(struct task_pool);

    pool->loop = loop;
    pool->events = events;
    pool->ctx = ctx;
    list_init(&pool->links);
    pool->listener = listener_new(loop, path, on_connection, pool, err);
    if (pool->listener == NULL) {
        free(pool);
        return NULL;
    }
    return pool;
}

void
task_pool_free(struct task_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    listener_free(pool->listener);
    LIST_FOR_EACH(each, &pool->links)
    {
        link_free(LIST_ENTRY(each, struct pool_link, link));
    }
    free(pool);
}

// What is not said yet when it closes still goes out.
static void
say_end(struct pool_link *link, const char *how, const json_t *value)
{
    json_t *line = json_pack("{s:s, s:s}", "msg", "end", "how", how);

    if (value != NULL) {
        carrier_json_set(line, "value", json_deep_copy(value));
    }
    link->ended = true;
    carrier_json_send(link->connection, line);
    connection_close(link->connection);
}

static struct pool_link *
find_task(const struct task_pool *pool, uint64_t task)
{
    LIST_FOR_EACH(each, &pool->links)
    {
        struct pool_link *link = LIST_ENTRY(each, struct pool_link, link);
        if (link->task == task && !link->ended) {
            return link;
        }
    }
    return NULL;
}

void
task_pool_end(struct task_pool *pool, uint64_t task, const char *how,
              const json_t *value)
{
    struct pool_link *link = task == 0 ? NULL : find_task(pool, task);

    if (link != NULL) {
        say_end(link, how, value);
    }
}

void
task_pool_lose(struct task_pool *pool)
{
    LIST_FOR_EACH(each, &pool->links)
    {
        struct pool_link *link = LIST_ENTRY(each, struct pool_link, link);
        if (link->task != 0 && !link->ended) {
            say_end(link, "gone", NULL);
            pool->events->on_gone(pool->ctx, link->task);
        }
    }
}

uint64_t
task_pool_find(const struct task_pool *pool, struct slice id)
{
    LIST_FOR_EACH(each, &pool->links)
    {
        struct pool_link *link = LIST_ENTRY(each, struct pool_link, link);
        if (link->id != NULL && !link->ended &&
            slice_equals_text(id, link->id)) {
            return link->task;
        }
    }
    return 0;
}
