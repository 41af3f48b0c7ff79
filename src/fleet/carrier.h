/*
 * What brings a member its tasks and control commands, and takes away what it
 * has to say: the node of this very process (native_carrier), or a Python
 * Celery worker behind a socket (python_carrier). Knows queues, payloads and
 * seals, not what they mean.
 */
#ifndef FLEET_CARRIER_H
#define FLEET_CARRIER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/slice.h"

enum carrier_task_kind {
    TASK_OFFER, // mule.provision
    TASK_RUN,   // mule.run_test
};

/* How a taken task ends. */
enum carrier_end {
    TASK_DONE,    // acknowledged; its result is `value`
    TASK_FAILED,  // acknowledged; FAILURE with the text `value`
    TASK_RETURNED // back to its queue
};

/* What was printed by a worker's operators, or by the system. */
enum carrier_stop {
    STOP_WARM, // what runs may end
    STOP_SOFT, // it has a while, then as cold
    STOP_COLD  // now
};

/* A payload with its seal; borrowed for the call. */
struct sealed {
    struct slice payload;
    struct slice seal;
};

struct carrier_events {
    /*
     * A task was taken. `task` is its number here; the listener ends it with
     * `end`, unless on_task_gone comes first.
     */
    void (*on_task)(void *ctx, uint64_t task, enum carrier_task_kind kind,
                    const struct sealed *sealed, bool redelivered);
    /* Its message is no longer ours: the broker will deliver it again. */
    void (*on_task_gone)(void *ctx, uint64_t task);
    /* Somebody revoked it with terminate. */
    void (*on_terminate)(void *ctx, uint64_t task, int signo);
    /* `reply` is 0, or to be answered with `reply`. method: "mule_lease". */
    void (*on_control)(void *ctx, const char *method,
                       const struct sealed *sealed, uint64_t reply);
    /* A message of a queue that is listened to. */
    void (*on_piece)(void *ctx, struct slice body);
    /* The way to the broker is there (again), or not. */
    void (*on_way)(void *ctx, bool up);
    /* pool_grow, pool_shrink: the number of slots wanted. */
    void (*on_slots)(void *ctx, int slots);
    void (*on_stop)(void *ctx, enum carrier_stop how);
};

typedef void (*carrier_done_fn)(void *ctx, const struct err *err);

struct carrier;
struct carrier_ops {
    /* Takes offers from the common queue, or leaves it. Repeatable. */
    void (*offers)(struct carrier *, bool wanted);
    /* Takes from the build's queue, `prefetch` messages at most. */
    void (*join)(struct carrier *, const char *queue, uint32_t prefetch);
    void (*prefetch)(struct carrier *, uint32_t prefetch);
    /* No more from it; `done` once the broker knows. */
    void (*leave)(struct carrier *, carrier_done_fn done, void *ctx);
    /* To a queue by the default exchange; `done` (or NULL) once confirmed. */
    void (*send)(struct carrier *, const char *queue, const struct sealed *,
                 carrier_done_fn done, void *ctx);
    /* Borrows `value` (or NULL). */
    void (*end)(struct carrier *, uint64_t task, enum carrier_end how,
                const json_t *value);
    void (*reply)(struct carrier *, uint64_t reply, const json_t *value);
    /* on_piece for each message of this queue; NULL: no more. */
    void (*listen)(struct carrier *, const char *queue);
    /*
     * Deletes a queue, if it is unused. Not `sure`: somebody may need it, so
     * only where the broker knows that nobody takes from it, or what lies in
     * it shows it.
     */
    void (*erase)(struct carrier *, const char *queue, bool sure);
    /* Everything is over: it may end its process. */
    void (*stopped)(struct carrier *);
};
struct carrier {
    const struct carrier_ops *ops;
};

#endif
