/*
 * The pool children of a Python worker that wait with a task: one connection
 * each, as in docs/protocol/carrier.md section 2. Numbers the tasks; does not
 * know what they mean.
 */
#ifndef FLEET_TASK_POOL_H
#define FLEET_TASK_POOL_H

#include <jansson.h>
#include <stdint.h>

#include "fleet/carrier_codec.h"
#include "loop/loop.h"
#include "util/err.h"
#include "util/slice.h"

struct task_pool_events {
    /* A child has brought a task. `line` is borrowed for the call. */
    void (*on_task)(void *ctx, uint64_t task, const struct carrier_line *line);
    /* Its child is gone before task_pool_end; not told after that. */
    void (*on_gone)(void *ctx, uint64_t task);
};

struct task_pool;

/* Listens at `path`. Borrows `events`. NULL with err. */
struct task_pool *task_pool_new(struct loop *loop, const char *path,
                                const struct task_pool_events *events,
                                void *ctx, struct err *err);

/* Connections close at once; nothing is told. NULL is allowed. */
void task_pool_free(struct task_pool *pool);

/*
 * Says how the task ended ("done", "failed", "returned", "gone") with a value,
 * borrowed, or NULL. An unknown task, or one that has ended, is ignored.
 */
void task_pool_end(struct task_pool *pool, uint64_t task, const char *how,
                   const json_t *value);

/*
 * The messages of all tasks are no longer ours: on_gone for each, and the
 * children are told "gone".
 */
void task_pool_lose(struct task_pool *pool);

/* The number of the task with this id, or 0: there is none. */
uint64_t task_pool_find(const struct task_pool *pool, struct slice id);

#endif
