/*
 * A node and a client beside it on a broker within the process, for unit
 * tests: what the node's owner is told is kept, results and events are heard.
 */
#ifndef TESTS_UNIT_CELERY_SCENE_H
#define TESTS_UNIT_CELERY_SCENE_H

#include "stage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "celery/asker.h"
#include "celery/celeryev_codec.h"
#include "celery/names.h"
#include "celery/node.h"
#include "celery/producer.h"
#include "celery/result_codec.h"
#include "transport/inproc.h"
#include "util/array.h"

#define SCENE_URL "inproc://scene"
#define SCENE_HELLO_MS 30

/* What happened, as short texts: "task 1", "withdrawn 1", "event task-sent". */
struct scene {
    struct stage stage;
    struct inproc *broker;
    struct transport *worker; // the node's
    struct transport *client;
    struct node *node;
    struct asker *asker;
    struct consumer *results;
    struct consumer *events;
    ARRAY(char *) said;
    ARRAY(struct node_task *) tasks; // given and not withdrawn
    json_t *result;                  // the last one
    json_t *reply;                   // the last one; NULL: none yet
    bool reply_done;
    size_t replies;
    struct node_reply *open; // of the command "own"
    size_t closed;
    bool hears_events;
    bool starts;   // a task at once
    int largest;   // concurrency that is accepted
    uint32_t life; // of a question
};

static inline void
scene_say(struct scene *scene, const char *what, struct slice of)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "%s%s%.*s", what, of.len > 0 ? " " : "",
                   SLICE_ARG(of));
    ARRAY_ADD(&scene->said, strdup(text));
    loop_stop(scene->stage.loop);
}

static inline size_t
scene_count(const struct scene *scene, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < scene->said.count; i++) {
        count += strcmp(scene->said.items[i], text) == 0 ? 1 : 0;
    }
    return count;
}

/* Waits until that was said for the `times`-th time. */
static inline void
scene_wait_times(struct scene *scene, const char *text, size_t times)
{
    while (scene_count(scene, text) < times) {
        stage_run(&scene->stage);
    }
}

static inline void
scene_wait(struct scene *scene, const char *text)
{
    scene_wait_times(scene, text, 1);
}

/* Everything that can happen without time happens. */
static inline void
scene_settle(struct scene *scene)
{
    for (int i = 0; i < 24; i++) {
        stage_turn(&scene->stage);
    }
}

// ---- the owner of the node ----

static inline void
scene_ready(void *ctx)
{
    scene_say(ctx, "ready", SLICE(""));
}

static inline void
scene_failed(void *ctx, const struct err *err)
{
    scene_say(ctx, "failed", slice_of(err->text));
}

static inline void
scene_task(void *ctx, struct node_task *task)
{
    struct scene *scene = ctx;
    struct slice id = node_task_get(task)->id;

    ARRAY_ADD(&scene->tasks, task);
    scene_say(scene, "task", id);
    if (scene->starts) {
        (void)node_task_started(task, 0);
    }
}

static inline void
scene_forget(struct scene *scene, const struct node_task *task)
{
    for (size_t i = 0; i < scene->tasks.count; i++) {
        if (scene->tasks.items[i] == task) {
            ARRAY_REMOVE(&scene->tasks, i);
            return;
        }
    }
    assert_true(false);
}

static inline void
scene_withdrawn(void *ctx, struct node_task *task)
{
    scene_say(ctx, "withdrawn", node_task_get(task)->id);
    scene_forget(ctx, task);
}

static inline void
scene_terminate(void *ctx, struct node_task *task, const char *signal)
{
    (void)task;
    scene_say(ctx, "terminate", slice_of(signal));
}

static inline void
scene_command(void *ctx, const char *method, const json_t *arguments,
              struct node_reply *reply)
{
    struct scene *scene = ctx;

    if (strcmp(method, "echo") == 0) {
        node_reply(reply, arguments);
    } else {
        scene->open = reply;
    }
    scene_say(scene, "command", slice_of(method));
}

static inline bool
scene_resize(void *ctx, int concurrency, struct err *err)
{
    struct scene *scene = ctx;

    if (concurrency > scene->largest) {
        return err_set(err, ERR_LIMIT, "too many");
    }
    node_set_concurrency(scene->node, concurrency);
    return true;
}

static inline void
scene_shutdown(void *ctx)
{
    scene_say(ctx, "shutdown", SLICE(""));
}

static inline void
scene_queues(void *ctx)
{
    scene_say(ctx, "queues", SLICE(""));
}

static const struct node_events scene_node_events = {
    .on_ready = scene_ready,
    .on_failed = scene_failed,
    .on_task = scene_task,
    .on_withdrawn = scene_withdrawn,
    .on_terminate = scene_terminate,
    .on_command = scene_command,
    .on_resize = scene_resize,
    .on_shutdown = scene_shutdown,
    .on_queues = scene_queues,
};

static const char *const scene_tasks[] = {"t.work", "t.rest", NULL};
static const struct node_command scene_commands[] = {
    {"echo", false}, {"own", false}, {"act", true}, {NULL, false}};

// ---- connections ----

static inline void
scene_up(void *ctx)
{
    struct scene *scene = ctx;

    if (scene->node != NULL) {
        node_up(scene->node);
    }
    scene_say(scene, "up", SLICE(""));
}

static inline void
scene_down(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    (void)err;
    if (scene->node != NULL) {
        node_down(scene->node);
    }
    scene_say(scene, "down", SLICE(""));
}

static inline void
scene_quiet(void *ctx)
{
    (void)ctx;
}

static inline void
scene_quiet_err(void *ctx, const struct err *err)
{
    (void)ctx;
    (void)err;
}

static const struct transport_events scene_worker_events = {
    .on_up = scene_up, .on_down = scene_down};
static const struct transport_events scene_client_events = {
    .on_up = scene_quiet, .on_down = scene_quiet_err};

static inline struct transport *
scene_connect(struct scene *scene, const char *name,
              const struct transport_events *events)
{
    struct err err = {0};
    struct transport_params params = {.loop = scene->stage.loop,
                                      .urls = SCENE_URL,
                                      .name = name,
                                      .events = events,
                                      .ctx = scene};
    struct transport *transport = transport_open(&params, &err);

    assert_non_null(transport);
    return transport;
}

// ---- what the client hears ----

static inline void
scene_result(void *ctx, const struct delivery *delivery)
{
    struct scene *scene = ctx;
    struct result result;
    struct err err = {0};
    json_t *held = NULL;

    if (asker_feed(scene->asker, delivery)) {
        return;
    }
    if (result_decode(&result, delivery->message.body, &held, &err)) {
        json_decref(scene->result);
        scene->result = json_incref(held);
        scene_say(scene, "result", result.status);
    }
    json_decref(held);
}

static inline void
scene_celeryev(void *ctx, const struct celeryev *event)
{
    scene_say(ctx, "event", event->type);
}

static inline void
scene_event(void *ctx, const struct delivery *delivery)
{
    struct err err = {0};

    (void)celeryev_decode(delivery->message.body, scene_celeryev, ctx, &err);
}

static inline void
scene_listen(struct scene *scene)
{
    struct queue_params inbox = {.name = "inbox", .durable = true};
    struct consume_params take = {.queue = "inbox",
                                  .no_ack = true,
                                  .on_delivery = scene_result,
                                  .ctx = scene};
    struct subscribe_params subscribe = {
        .exchange = names_event_exchange,
        .key = "#",
        .queue = {.name = "monitor", .exclusive = true, .auto_delete = true},
        .on_delivery = scene_event,
        .ctx = scene};
    struct asker_params asker = {.loop = scene->stage.loop,
                                 .transport = scene->client,
                                 .inbox = "inbox"};

    transport_declare_queue(scene->client, &inbox, NULL, NULL);
    scene->asker = asker_new(&asker);
    scene->results = transport_take(scene->client, &take);
    scene->events = transport_subscribe(scene->client, &subscribe);
    scene_settle(scene);
}

// ---- the scene ----

static inline struct node_params
scene_params(struct scene *scene)
{
    return (struct node_params){.loop = scene->stage.loop,
                                .transport = scene->worker,
                                .name = "a@h",
                                .concurrency = 2,
                                .software = "soft",
                                .version = "1.2",
                                .system = "Linux",
                                .urls = "redis://u:secret@h:1/2",
                                .tasks = scene_tasks,
                                .commands = scene_commands,
                                .allow_control = true,
                                .task_events = true,
                                .track_started = true,
                                .heartbeat_ms = 60000,
                                .hello_ms = SCENE_HELLO_MS,
                                .events = &scene_node_events,
                                .ctx = scene};
}

static inline void
scene_init(struct scene *scene)
{
    *scene = (struct scene){.largest = 8, .life = 10000};
    stage_init(&scene->stage);
    scene->broker = inproc_hold("scene");
    scene->worker = scene_connect(scene, "worker", &scene_worker_events);
    scene->client = scene_connect(scene, "client", &scene_client_events);
    scene_listen(scene);
}

/* With a node that is ready and takes from "q". */
static inline void
scene_open_with(struct scene *scene, const struct node_params *params,
                uint32_t prefetch)
{
    struct err err = {0};
    struct queue_params queue = {
        .name = "q", .durable = true, .passive_first = true};

    scene->node = node_new(params, &err);
    if (scene->node == NULL) {
        fail_msg("%s", err.text);
    }
    scene_wait(scene, "ready");
    node_consume(scene->node, &queue, prefetch, NULL, NULL);
    scene_settle(scene);
}

static inline void
scene_open(struct scene *scene, uint32_t prefetch)
{
    scene_init(scene);
    struct node_params params = scene_params(scene);
    scene_open_with(scene, &params, prefetch);
}

static inline void
scene_closed(void *ctx, const struct err *err)
{
    (void)err;
    ((struct scene *)ctx)->closed++;
    scene_say(ctx, "closed", SLICE(""));
}

/* Ends the client and everything that is left. */
static inline void
scene_release(struct scene *scene)
{
    asker_free(scene->asker);
    transport_free(scene->client);
    transport_free(scene->worker);
    node_free(scene->node);
    for (size_t i = 0; i < scene->said.count; i++) {
        free(scene->said.items[i]);
    }
    ARRAY_RELEASE(&scene->said);
    ARRAY_RELEASE(&scene->tasks);
    json_decref(scene->result);
    json_decref(scene->reply);
    inproc_release(scene->broker);
    stage_release(&scene->stage);
}

/* Stops the node, then ends; the queue must be empty of what was taken. */
static inline void
scene_close(struct scene *scene)
{
    node_stop(scene->node, NODE_COLD, scene_closed, scene);
    scene_wait(scene, "closed");
    scene_release(scene);
}

/* A task to "q" whose results come to the inbox. */
static inline struct task_params
scene_task_params(const char *id)
{
    return (struct task_params){
        .id = id, .name = "t.work", .reply_to = "inbox", .origin = "gen1@h"};
}

static inline void
scene_send(struct scene *scene, const struct task_params *params)
{
    struct err err = {0};

    assert_true(producer_send(scene->client, "q", params, NULL, NULL, &err));
    scene_settle(scene);
}

static inline void
scene_send_id(struct scene *scene, const char *id)
{
    struct task_params params = scene_task_params(id);

    scene_send(scene, &params);
}

/* A message that is no task. */
static inline void
scene_send_raw(struct scene *scene, const json_t *headers, const char *type,
               const char *body)
{
    struct message message = {.body = slice_of(body),
                              .content_type = slice_of(type),
                              .content_encoding = SLICE("utf-8"),
                              .headers = headers,
                              .reply_to = SLICE("inbox")};
    struct publish publish = {.exchange = "", .key = "q", .message = &message};

    transport_publish(scene->client, &publish, NULL, NULL);
    scene_settle(scene);
}

static inline void
scene_on_reply(void *ctx, struct slice node, const json_t *value)
{
    struct scene *scene = ctx;

    (void)node;
    json_decref(scene->reply);
    scene->reply = json_deep_copy(value);
    scene->replies++;
}

static inline void
scene_on_done(void *ctx, size_t replies, const struct err *err)
{
    struct scene *scene = ctx;

    (void)replies;
    (void)err;
    scene->reply_done = true;
    loop_stop(scene->stage.loop);
}

/* Asks node "a@h"; takes `arguments`. Gives what it says, until the next. */
static inline const json_t *
scene_ask(struct scene *scene, const char *method, json_t *arguments)
{
    static const char *const destinations[] = {"a@h"};
    struct ask ask = {.method = method,
                      .arguments = arguments,
                      .destinations = destinations,
                      .destination_count = 1,
                      .timeout_ms = scene->life,
                      .on_reply = scene_on_reply,
                      .on_done = scene_on_done,
                      .ctx = scene};

    json_decref(scene->reply);
    scene->reply = NULL;
    scene->reply_done = false;
    (void)asker_ask(scene->asker, &ask);
    json_decref(arguments);
    while (!scene->reply_done) {
        stage_run(&scene->stage);
    }
    return scene->reply;
}

/* The same as a text of JSON; to be freed. */
static inline char *
scene_ask_text(struct scene *scene, const char *method, json_t *arguments)
{
    const json_t *value = scene_ask(scene, method, arguments);

    return value == NULL ? strdup("(nothing)")
                         : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY |
                                                 JSON_SORT_KEYS);
}

static inline void
scene_assert_answer(struct scene *scene, const char *method, json_t *arguments,
                    const char *answer)
{
    char *text = scene_ask_text(scene, method, arguments);

    assert_string_equal(text, answer);
    free(text);
}

#endif
