/*
 * A node of Celery in C: takes tasks from queues, answers remote control as a
 * stock worker does, and sends the events by which monitors know it. What a
 * task does is its owner's business, who is told of each and says how it
 * ended; so are the slots, the process and its signals.
 *
 *     node_new ... on_ready          its name is its own, it hears control
 *     node_consume(queue)            tasks come: on_task
 *       node_task_started(task)      false: it was revoked meanwhile, forget it
 *       node_task_done(task, value)  the result is sent, then acknowledged
 *     node_stop ... done, node_free
 *
 * The owner opens the transport and tells of its ups and downs.
 */
#ifndef CELERY_NODE_H
#define CELERY_NODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "celery/lamport.h"
#include "celery/task_codec.h"
#include "loop/loop.h"
#include "transport/transport.h"
#include "util/err.h"
#include "util/slice.h"

struct node;
struct node_task;
struct node_reply;

/* How a node is asked to end. */
enum node_shutdown {
    NODE_WARM, // what was started ends, what was not goes back
    NODE_COLD  // everything goes back
};

/* A control command of the owner's. Read-only ones are always answered. */
struct node_command {
    const char *name;
    /* Needs --allow-control. Commands that prove their origin by themselves
     * are not marked. */
    bool acting;
};

/* All but on_task, on_ready and on_failed may be NULL. */
struct node_events {
    /* The name is free, control is heard: once, at the beginning. */
    void (*on_ready)(void *ctx);
    /*
     * It cannot be a node, e.g. another one has its name (ERR_CONFIG).
     * Nothing more comes; node_free it.
     */
    void (*on_failed)(void *ctx, const struct err *err);
    /*
     * A task that is known, due, not expired and not revoked. It is the
     * owner's until it is ended with one of the calls below, from here or
     * later.
     */
    void (*on_task)(void *ctx, struct node_task *task);
    /*
     * A task that was given to the owner went back to its queue (it was not
     * started when the connection was lost or the queue was given back; or
     * everything ends) or was revoked before it started. It is gone when this
     * returns; the owner forgets it.
     */
    void (*on_withdrawn)(void *ctx, struct node_task *task);
    /*
     * Remote control wants a started task ended, by the signal of this name
     * ("SIGTERM"). The owner ends it, then calls node_task_revoked.
     */
    void (*on_terminate)(void *ctx, struct node_task *task, const char *signal);
    /*
     * A command of the table `commands`. `arguments` is borrowed; the reply
     * must be given with node_reply once, here or later; NULL: nobody waits
     * for one.
     */
    void (*on_command)(void *ctx, const char *method, const json_t *arguments,
                       struct node_reply *reply);
    /* pool_grow, pool_shrink: false with err: it is refused. The owner then
     * calls node_set_concurrency. */
    bool (*on_resize)(void *ctx, int concurrency, struct err *err);
    /* `shutdown` came. The owner calls node_stop. */
    void (*on_shutdown)(void *ctx);
    /* Remote control added or cancelled a queue; it is done already. */
    void (*on_queues)(void *ctx);
};

struct node_params {
    struct loop *loop;
    struct transport *transport; // borrowed; lives longer than the node
    const char *name;            // "worker@host", unique; copied
    int concurrency;
    const char *software; // sw_ident: "mule"; copied
    const char *version;  // sw_ver
    const char *system;   // sw_sys: "Linux"
    const char *urls;     // of the broker, for `stats` and `conf`; a password
                          // in it is never shown; copied
    /* Names of the owner's tasks and its commands, both ended by a NULL;
     * borrowed, static. */
    const char *const *tasks;
    const struct node_command *commands;
    const json_t *settings; // an object, shown by `conf` as well; copied
    bool allow_control;     // commands that change something are obeyed
    bool task_events;       // sent from the beginning (-E)
    bool track_started;     // STARTED results
    uint32_t heartbeat_ms;  // 0: 2 s
    uint32_t hello_ms;      // how long others are listened to; 0: 1 s
    const struct node_events *events; // borrowed, static
    void *ctx;
};

/*
 * Begins: subscribes to remote control, then says hello to all nodes and
 * listens whether one has this name, and what its stock peers know (clock,
 * revoked tasks); then on_ready. What can be wrong with the params is an
 * ERR_CONFIG.
 *
 * Nodes of this kind do not answer each other's hello, but for one of the
 * same name: two hundred that start together hear what stock nodes say and
 * nothing else. The price is that they do not tell each other which tasks
 * were revoked before they came.
 */
struct node *node_new(const struct node_params *params, struct err *err);

/*
 * After on_failed, after `done` of node_stop, or when the transport was freed
 * before; then at once and silently. NULL is allowed.
 */
void node_free(struct node *node);

/*
 * Ends taking, says goodbye. Warm: waits for the tasks that were started; the
 * others go back, with on_withdrawn. Cold: those that were started, too.
 * `done` comes once, when nothing of it is left at the broker: where there is
 * no connection, not before there is one; whoever cannot wait frees the
 * transport. Cold after warm is allowed (`done` of the first does not come).
 */
void node_stop(struct node *node, enum node_shutdown how,
               transport_done_fn done, void *ctx);

/* The transport's on_up and on_down. The first on_up may be left out. */
void node_up(struct node *node);
void node_down(struct node *node);

const char *node_name(const struct node *node);
struct lamport *node_clock(struct node *node);

/*
 * Takes from a queue, declared as said; between on_ready and node_stop. `prefetch`: how many may be out of
 * this queue at once, started or not (0: no bound); tasks that wait for their
 * time do not count. `done` (may be NULL): the queue is there. A queue that is
 * consumed already: `done` comes, nothing changes but the prefetch. When it
 * is deleted at the broker, it is no longer consumed. Before on_ready and
 * after node_stop nothing happens, and `done` does not come.
 */
void node_consume(struct node *node, const struct queue_params *params,
                  uint32_t prefetch, transport_done_fn done, void *ctx);
/*
 * Ends that. What was delivered and not started stays; `give_back` returns
 * it to the queue, with on_withdrawn. A queue that is not consumed: `done`
 * comes.
 */
void node_cancel(struct node *node, const char *name, bool give_back,
                 transport_done_fn done, void *ctx);
void node_prefetch(struct node *node, const char *name, uint32_t prefetch);
bool node_consumes(const struct node *node, const char *queue);

void node_set_concurrency(struct node *node, int concurrency);

/* For `stats`: process ids of what runs. Copied. */
void node_set_processes(struct node *node, const int *pids, size_t count);

/* A worker event of the owner's: type "mule-joined", more fields (may be
 * NULL). Lost by whoever does not listen. */
void node_event(struct node *node, const char *type, const json_t *fields);

/* What a task is. Borrowed until it is ended. */
const struct task *node_task_get(const struct node_task *task);
const char *node_task_queue(const struct node_task *task);
bool node_task_is_redelivered(const struct node_task *task);
bool node_task_is_started(const struct node_task *task);

/* A word of the owner's at a task; NULL at first. */
void node_task_set(struct node_task *task, void *mine);
void *node_task_mine(const struct node_task *task);

/*
 * It starts. `pid`: who runs it, 0: this process. False: it was revoked, or
 * expired, since it came; that was answered, and the task is gone.
 *
 * While it runs, another copy of it (redelivered after a lost connection) is
 * taken over in silence: it is acknowledged when the task ends. A copy that
 * comes back after that, because the acknowledgement was lost, is dropped.
 */
bool node_task_started(struct node_task *task, int pid);

/* Sends a state of the owner's own, "PROGRESS", as a result on the way. */
void node_task_state(struct node_task *task, const char *status,
                     const json_t *value);

/*
 * The ends; each is the last call of a task, which is gone then. The message
 * is acknowledged after the result is with the broker. A task that was not
 * started may be ended as well. `value` is borrowed; what is too long to send
 * becomes a FAILURE that says so.
 */
void node_task_done(struct node_task *task, const json_t *value);
void node_task_failed(struct node_task *task, const char *type,
                      const char *text);
/* REVOKED: "terminated", "revoked", "expired". */
void node_task_revoked(struct node_task *task, const char *why);
/* Says another state last, "BOUNCED" (NULL: nothing), and acknowledges. */
void node_task_dropped(struct node_task *task, const char *status,
                       const json_t *value);
void node_task_rejected(struct node_task *task); // dropped at the broker
void node_task_requeued(struct node_task *task); // for somebody else

/* Answers a command, once; borrows `value` (NULL: null). NULL reply: nothing.
 * After node_free nothing may be answered any more. */
void node_reply(struct node_reply *reply, const json_t *value);
/* {"error": text} */
void node_reply_error(struct node_reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
