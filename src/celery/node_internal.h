/*
 * What the files of a node share. node.c: its life; node_hello.c: its name, and
 * what others know; node_queue.c: what it takes from; node_task.c: what a task
 * is; node_task_start.c: tasks from delivery to start; node_task_end.c: their
 * ends; node_control.c: remote control and who may; node_builtin.h: its
 * commands; node_answer.c: what they answer; node_event.c: events.
 */
#ifndef CELERY_NODE_INTERNAL_H
#define CELERY_NODE_INTERNAL_H

#include "celery/asker.h"
#include "celery/idset.h"
#include "celery/names.h"
#include "celery/node.h"
#include "loop/deadline.h"
#include "util/array.h"
#include "util/list.h"
#include "util/map.h"

enum node_state {
    NODE_SUBSCRIBING = 1, // to remote control
    NODE_GREETING,        // listens whether the name is free
    NODE_READY,
    NODE_ENDING,  // waits for tasks
    NODE_LEAVING, // says goodbye
    NODE_GONE     // stopped or failed: the transport is not touched any more
};

struct node_queue {
    struct list_link link;
    struct node *node;
    char *name;
    struct queue_params params;
    struct consumer *consumer;
    uint32_t prefetch;
    uint32_t waiting; // tasks that wait for their time
};

enum node_task_state {
    NODE_TASK_WAITING = 1, // for its time
    NODE_TASK_GIVEN,       // to the owner
    NODE_TASK_STARTED,
    NODE_TASK_ENDED // its result is on its way
};

struct node_task {
    struct list_link link;
    struct node *node;
    enum node_task_state state;
    struct task task;
    char *queue;
    char *exchange;
    char *routing_key;
    bool redelivered;
    bool reject;          // at its end, instead of acknowledging
    uint64_t epoch;       // of the connection its tags are of
    ARRAY(uint64_t) tags; // of all copies
    usec started_wall;
    usec started;
    int pid;
    void *mine;
    struct deadline due;
};

struct node_reply {
    struct list_link link;
    struct node *node;
    char *exchange;
    char *key;
    char *ticket;
};

struct node {
    struct loop *loop;
    struct transport *transport;
    const struct node_events *events;
    void *ctx;
    enum node_state state;
    char *name;
    char *software;
    char *version;
    char *system;
    char *urls;
    int concurrency;
    const char *const *tasks_known;
    const struct node_command *commands;
    json_t *settings;
    bool allow_control;
    bool task_events;
    bool track_started;
    uint32_t heartbeat_ms;
    uint32_t hello_ms;
    char token[NAMES_UUID_SIZE]; // of its hello
    struct lamport clock;
    struct asker *asker; // while greeting
    struct err failure;  // told in a turn of its own
    struct consumer *control;
    struct deadline heartbeat;
    struct list queues;
    struct list tasks;
    struct map by_id; // of the tasks; keys are theirs
    size_t active;    // started
    size_t ending;    // their results are on their way
    struct list replies;
    struct idset revoked;
    struct idset finished; // acknowledged in vain: their copies will come
    json_t *revoked_stamps;
    json_t *total; // {task name: how many}
    uint64_t processed;
    uint64_t epoch; // counts connections
    usec born;
    ARRAY(int) processes;
    size_t stopping; // calls that are waited for at the end
    transport_done_fn on_stopped;
    void *stopped_ctx;
};

// node.c
/* It cannot be a node, because of `failure`; the owner is told later. */
void node_fail(struct node *node);
/* Goes on with the end, when nothing holds it up any more. */
void node_check_end(struct node *node);

// node_hello.c
/* Says hello to all nodes; ready when none of them has its name. */
void node_greet(struct node *node);
/* A hello of another node; the answer, or NULL: it gets none. */
json_t *node_hello(struct node *node, const json_t *arguments);

// node_queue.c
struct node_queue *node_find_queue(const struct node *node, const char *name);
/* After its prefetch, or how many wait for their time, changed. */
void node_queue_adjust(struct node_queue *queue);
/* Stops nothing: its consumer is the caller's. */
void node_queue_free(struct node_queue *queue);
/* All tasks of a queue (NULL: of all) that were not started go back;
 * `started`: the others, too. */
void node_return_tasks(struct node *node, const char *queue, bool started);

// node_task.c
struct node_task *node_task_find(const struct node *node, struct slice id);
/* For a task that is in no list yet, too. */
void node_task_free(struct node_task *task);
/* Nobody else changes it: the node counts those that run and that end. */
void node_task_set_state(struct node_task *task, enum node_task_state state);
/* Its arguments as texts for people: what the sender says, else ours. */
json_t *node_task_args(const struct node_task *task);
json_t *node_task_kwargs(const struct node_task *task);
/* Whether a stamp of the task is among those that were revoked. */
bool node_task_has_revoked_stamp(const struct node_task *task);

// node_task_start.c
void node_task_deliver(struct node_queue *queue,
                       const struct delivery *delivery);
/* Remote control ended it: what was not started is revoked, what runs is
 * terminated if that is wanted. True: it was told to terminate. */
bool node_task_strike(struct node_task *task, bool terminate,
                      const char *signal);

// node_task_end.c: ends, as those in node.h are; the task is gone
/* The last step: to the broker, and away with it. Nothing is said. */
void node_task_settle(struct node_task *task);
/* `module` is that of the exception `type`; NULL: builtin. */
void node_task_fail(struct node_task *task, const char *type, const char *text,
                    const char *module);
void node_task_revoke(struct node_task *task, const char *why);
/* Back to its queue; nobody is told. */
void node_task_requeue(struct node_task *task);
/* Gives it back to its queue; the owner is told if it has it. */
void node_task_return(struct node_task *task);
/* No end: whether anybody waits for its result. */
bool node_task_wants_result(const struct task *task);

// node_control.c
void node_control(void *ctx, const struct delivery *delivery);
void node_reply_free(struct node_reply *reply);

// node_answer.c: new references
json_t *node_answer_tasks(struct node *node, bool active, bool safe);
json_t *node_answer_scheduled(struct node *node);
json_t *node_answer_task(const struct node_task *task, bool safe);
json_t *node_answer_queues(struct node *node);
json_t *node_answer_registered(struct node *node);
json_t *node_answer_stats(struct node *node);
json_t *node_answer_conf(struct node *node);
json_t *node_answer_report(struct node *node);

// node_event.c: `fields` is taken, and may be NULL
void node_event_worker(struct node *node, const char *type,
                       transport_done_fn done, void *ctx);
void node_event_task(struct node_task *task, const char *type, json_t *fields);
void node_event_beat(void *ctx);

#endif
