/*
 * A member on a stage: a carrier and an engine that a test plays, and that
 * write down what the member does. Nothing here waits for a time; what needs
 * some is waited for with a deadline.
 */
#ifndef TESTS_UNIT_MEMBER_SCENE_H
#define TESTS_UNIT_MEMBER_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/envelope.h"
#include "fleet/fleet_names.h"
#include "fleet/member.h"
#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/json_text.h"

#define SCENE_NONCE "00112233445566778899aabbccddeeff"
#define SCENE_PATIENCE_MS 20000

struct scene_end {
    uint64_t task;
    enum carrier_end how;
    json_t *value;
};

struct scene_engine {
    struct engine_link link;
    struct scene *scene;
    const struct engine_link_events *events;
    void *ctx;
    bool held;
    bool killed;
    bool gone;
};

struct scene {
    struct carrier carrier;
    struct loop *loop;
    struct secret secret;
    const struct secret *sealing; // of what comes; NULL: the same
    struct member *member;
    ARRAY(json_t *) said; // payloads that went to the inbox
    ARRAY(char *) inboxes;
    ARRAY(struct scene_end) ends;
    ARRAY(json_t *) orders; // lines to the engines
    ARRAY(json_t *) replies;
    ARRAY(char *) erased;
    ARRAY(struct scene_engine *) engines; // all there ever were
    size_t read;                          // of `said`
    size_t place;                         // in the message `place_of`
    size_t place_of;
    size_t heard; // of `orders`
    char *queue;  // joined; NULL: none
    char *pieces;
    uint32_t prefetch;
    bool offers;
    bool left;
    bool stopped;
    bool sure;      // that nobody needs what is erased
    bool no_engine; // none can be started
    bool no_inbox;  // sending fails
    bool holds_leave;
    carrier_done_fn leave_done;
    void *leave_ctx;
    uint64_t n; // of control messages
    uint64_t task;
    char join[ENVELOPE_JOIN_SIZE];
};

// ------------------------------------------------------------- the carrier

static inline struct scene *
scene_of(struct carrier *carrier)
{
    return (struct scene *)(void *)carrier;
}

static inline void
scene_offers(struct carrier *carrier, bool wanted)
{
    scene_of(carrier)->offers = wanted;
}

static inline void
scene_join(struct carrier *carrier, const char *queue, uint32_t prefetch)
{
    struct scene *scene = scene_of(carrier);
    free(scene->queue);
    scene->queue = alloc_dup(queue);
    scene->prefetch = prefetch;
    scene->left = false;
}

static inline void
scene_prefetch(struct carrier *carrier, uint32_t prefetch)
{
    scene_of(carrier)->prefetch = prefetch;
}

static inline void
scene_leave(struct carrier *carrier, carrier_done_fn done, void *ctx)
{
    struct scene *scene = scene_of(carrier);
    scene->left = true;
    if (scene->holds_leave) {
        scene->leave_done = done;
        scene->leave_ctx = ctx;
    } else if (done != NULL) {
        done(ctx, NULL);
    }
}

static inline void
scene_send(struct carrier *carrier, const char *queue,
           const struct sealed *sealed, carrier_done_fn done, void *ctx)
{
    struct scene *scene = scene_of(carrier);
    struct err err = {0};
    if (scene->no_inbox) {
        err_set(&err, ERR_SYSTEM, "no such queue");
        if (done != NULL) {
            done(ctx, &err);
        }
        return;
    }
    struct envelope envelope;
    enum envelope_verdict verdict =
        envelope_read(&envelope, sealed, TO_COORDINATOR, &scene->secret, &err);
    assert_int_equal(verdict, ENVELOPE_GOOD);
    ARRAY_ADD(&scene->said, json_incref(envelope.object));
    ARRAY_ADD(&scene->inboxes, alloc_dup(queue));
    snprintf(scene->join, sizeof(scene->join), "%.*s",
             SLICE_ARG(envelope.join));
    envelope_release(&envelope);
    if (done != NULL) {
        done(ctx, NULL);
    }
}

static inline void
scene_end_task(struct carrier *carrier, uint64_t task, enum carrier_end how,
               const json_t *value)
{
    struct scene_end end = {task, how, json_deep_copy(value)};
    ARRAY_ADD(&scene_of(carrier)->ends, end);
}

static inline void
scene_reply(struct carrier *carrier, uint64_t reply, const json_t *value)
{
    assert_int_not_equal(reply, 0);
    ARRAY_ADD(&scene_of(carrier)->replies, json_deep_copy(value));
}

static inline void
scene_listen(struct carrier *carrier, const char *queue)
{
    struct scene *scene = scene_of(carrier);
    free(scene->pieces);
    scene->pieces = alloc_dup_or_null(queue);
}

static inline void
scene_erase(struct carrier *carrier, const char *queue, bool sure)
{
    scene_of(carrier)->sure = sure;
    ARRAY_ADD(&scene_of(carrier)->erased, alloc_dup(queue));
}

static inline void
scene_stopped(struct carrier *carrier)
{
    assert_false(scene_of(carrier)->stopped);
    scene_of(carrier)->stopped = true;
}

// -------------------------------------------------------------- the engine

static inline struct scene_engine *
scene_engine_of(struct engine_link *link)
{
    return (struct scene_engine *)(void *)link;
}

static inline void
scene_engine_send(struct engine_link *link, struct slice line)
{
    struct err err = {0};
    json_t *object = json_text_parse_object(line, &err);
    assert_non_null(object);
    ARRAY_ADD(&scene_engine_of(link)->scene->orders, object);
}

static inline void
scene_engine_hold(struct engine_link *link, bool held)
{
    scene_engine_of(link)->held = held;
}

static inline void
scene_engine_kill(struct engine_link *link)
{
    scene_engine_of(link)->killed = true;
}

static inline void
scene_engine_drop(struct engine_link *link)
{
    scene_engine_of(link)->gone = true;
}

static inline struct engine_link *
scene_start_engine(void *params, const struct engine_link_events *events,
                   void *ctx, struct err *err)
{
    static const struct engine_link_ops ops = {
        .send = scene_engine_send,
        .hold = scene_engine_hold,
        .kill = scene_engine_kill,
        .drop = scene_engine_drop,
    };
    struct scene *scene = params;
    if (scene->no_engine) {
        err_set(err, ERR_SPAWN, "there are too many processes");
        return NULL;
    }
    struct scene_engine *engine = ALLOC(struct scene_engine);
    engine->link.ops = &ops;
    engine->scene = scene;
    engine->events = events;
    engine->ctx = ctx;
    ARRAY_ADD(&scene->engines, engine);
    return &engine->link;
}

/* The engine of now. */
static inline struct scene_engine *
scene_engine(struct scene *scene)
{
    assert_true(scene->engines.count > 0);
    struct scene_engine *engine = ARRAY_LAST(&scene->engines);
    assert_false(engine->gone);
    return engine;
}

/* It says a line. */
static inline void
scene_engine_says(struct scene *scene, const char *line)
{
    struct scene_engine *engine = scene_engine(scene);
    struct err err = {0};
    assert_true(
        engine_link_tell(slice_of(line), engine->events, engine->ctx, &err));
}

static inline void
scene_engine_dies(struct scene *scene)
{
    struct scene_engine *engine = scene_engine(scene);
    engine->gone = true;
    engine->events->on_gone(engine->ctx, "it was killed by signal 9");
}

/* It has torn down, and ends. */
static inline void
scene_engine_leaves(struct scene *scene)
{
    scene_engine_says(scene, "{\"msg\":\"left\",\"ok\":true,\"why\":\"\","
                             "\"us\":70}");
    scene_engine_dies(scene);
}

/* The next line that an engine was sent must be of this name. Borrowed. */
static inline json_t *
scene_ordered(struct scene *scene, const char *msg)
{
    assert_true(scene->heard < scene->orders.count);
    json_t *order = scene->orders.items[scene->heard++];
    assert_string_equal(json_string_value(json_object_get(order, "msg")), msg);
    return order;
}

static inline void
scene_ordered_nothing(const struct scene *scene)
{
    assert_int_equal(scene->heard, scene->orders.count);
}

// ------------------------------------------------------------ coordinator

static inline void
scene_seal(struct scene *scene, struct envelope_text *text, const char *msg,
           const char *join, json_t *members)
{
    struct envelope_params params = {
        .msg = msg,
        .build = "b 1",
        .nonce = SCENE_NONCE,
        .join = join,
        .to = TO_WORKER,
        .n = ++scene->n,
    };
    envelope_write(text, &params, members,
                   scene->sealing != NULL ? scene->sealing : &scene->secret);
    json_decref(members);
}

static inline uint64_t
scene_task(struct scene *scene, enum carrier_task_kind kind, json_t *members,
           bool redelivered)
{
    struct envelope_text text = {0};
    scene_seal(scene, &text, kind == TASK_OFFER ? "offer" : "run", NULL,
               members);
    struct sealed sealed = envelope_sealed(&text);
    member_carrier_events.on_task(scene->member, ++scene->task, kind, &sealed,
                                  redelivered);
    envelope_text_release(&text);
    return scene->task;
}

static inline uint64_t
scene_offer(struct scene *scene, int lease_ms)
{
    return scene_task(scene, TASK_OFFER,
                      json_pack("{s:s, s:i, s:s}", "inbox", "mule-in-b=201",
                                "lease_ms", lease_ms, "program", "0.1.0"),
                      false);
}

/* A control command; `to` NULL: to all. Takes `members`. */
static inline void
scene_control(struct scene *scene, const char *method, const char *to,
              json_t *members)
{
    struct envelope_text text = {0};
    scene_seal(scene, &text, method + strlen("mule_"), to, members);
    struct sealed sealed = envelope_sealed(&text);
    member_carrier_events.on_control(scene->member, method, &sealed, 0);
    envelope_text_release(&text);
}

static inline json_t *
scene_welcome_members(int lease_ms)
{
    return json_pack("{s:b, s:s, s:i, s:i, s:i, s:i, s:{s:[], s:n}}", "accept",
                     1, "queue", "mule-b=201", "base", 4, "slots", 2,
                     "lease_ms", lease_ms, "depth", 3, "plan", "options",
                     "workspace");
}

static inline void
scene_welcome(struct scene *scene, int lease_ms)
{
    scene_control(scene, FLEET_WELCOME, scene->join,
                  scene_welcome_members(lease_ms));
}

static inline json_t *
scene_order(int job, int attempt)
{
    return json_pack("{s:[i,i], s:s}", "o", job, attempt, "name", "some.Job");
}

static inline uint64_t
scene_run(struct scene *scene, int job, int attempt, bool redelivered)
{
    return scene_task(scene, TASK_RUN,
                      json_pack("{s:[o]}", "orders", scene_order(job, attempt)),
                      redelivered);
}

static inline void
scene_lease(struct scene *scene, int ttl_ms, const char *join, int ack)
{
    scene_control(scene, FLEET_LEASE, NULL,
                  json_pack("{s:i, s:{s:i}, s:i}", "ttl_ms", ttl_ms, "acks",
                            join, ack, "depth", 3));
}

// ------------------------------------------------------------- what is said

static inline bool
scene_is(const json_t *object, const char *member, const char *json)
{
    json_t *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
    bool same = json_equal(json_object_get(object, member), wanted) != 0;
    json_decref(wanted);
    return same;
}

static inline void
scene_on_late(void *ctx)
{
    (void)ctx;
    fail_msg("it did not come in time");
}

static inline void
scene_on_turn(void *ctx)
{
    struct scene *scene = ctx;
    loop_stop(scene->loop);
}

/* Turns the loop until `holds`. */
static inline void
scene_wait(struct scene *scene, bool (*holds)(struct scene *scene))
{
    struct deadline patience;
    struct deadline turn;
    deadline_init(&patience, scene->loop, scene_on_late, scene);
    deadline_init(&turn, scene->loop, scene_on_turn, scene);
    deadline_arm(&patience, SCENE_PATIENCE_MS);
    while (!holds(scene)) {
        deadline_arm(&turn, 1);
        loop_run(scene->loop);
    }
    deadline_release(&turn);
    deadline_release(&patience);
}

/*
 * The next update that is said, from the message `read` on, must be of this
 * kind. Borrowed.
 */
static inline json_t *
scene_next_update(struct scene *scene)
{
    while (scene->read < scene->said.count) {
        json_t *u = json_object_get(scene->said.items[scene->read], "u");
        if (scene->place_of != scene->read) {
            scene->place_of = scene->read;
            scene->place = 0;
        }
        if (u != NULL && scene->place < json_array_size(u)) {
            return json_array_get(u, scene->place);
        }
        if (scene->read + 1 == scene->said.count) {
            return NULL;
        }
        scene->read++;
    }
    return NULL;
}

static inline bool
scene_has_update(struct scene *scene)
{
    return scene_next_update(scene) != NULL;
}

static inline json_t *
scene_update(struct scene *scene, const char *kind)
{
    scene_wait(scene, scene_has_update);
    json_t *update = scene_next_update(scene);
    assert_string_equal(json_string_value(json_object_get(update, "k")), kind);
    scene->place++;
    return update;
}

// -------------------------------------------------------- begin and end

static inline struct member_params
scene_params(struct scene *scene)
{
    return (struct member_params){
        .loop = scene->loop,
        .secret = &scene->secret,
        .node = "one@host",
        .kind = "native",
        .python = "",
        .program = "0.1.0",
        .queue = "default",
        .slots = 2,
        .state = "state/joins",
        .home = "state",
        .start_engine = scene_start_engine,
        .engine = scene,
    };
}

/* `params` NULL: those of scene_params. Needs a folder of its own. */
static inline void
scene_begin(struct scene *scene, const struct member_params *params)
{
    static const struct carrier_ops ops = {
        .offers = scene_offers,
        .join = scene_join,
        .prefetch = scene_prefetch,
        .leave = scene_leave,
        .send = scene_send,
        .end = scene_end_task,
        .reply = scene_reply,
        .listen = scene_listen,
        .erase = scene_erase,
        .stopped = scene_stopped,
    };
    struct err err = {0};
    scene->carrier.ops = &ops;
    if (scene->loop == NULL) {
        scene->loop = loop_new();
    }
    struct member_params usual = scene_params(scene);
    scene->member = member_new(params != NULL ? params : &usual);
    assert_true(member_start(scene->member, &scene->carrier, &err));
    member_carrier_events.on_way(scene->member, true);
}

static inline void
scene_finish(struct scene *scene)
{
    member_free(scene->member);
    for (size_t i = 0; i < scene->said.count; i++) {
        json_decref(scene->said.items[i]);
        free(scene->inboxes.items[i]);
    }
    for (size_t i = 0; i < scene->ends.count; i++) {
        json_decref(scene->ends.items[i].value);
    }
    for (size_t i = 0; i < scene->orders.count; i++) {
        json_decref(scene->orders.items[i]);
    }
    for (size_t i = 0; i < scene->replies.count; i++) {
        json_decref(scene->replies.items[i]);
    }
    for (size_t i = 0; i < scene->erased.count; i++) {
        free(scene->erased.items[i]);
    }
    for (size_t i = 0; i < scene->engines.count; i++) {
        free(scene->engines.items[i]);
    }
    ARRAY_RELEASE(&scene->said);
    ARRAY_RELEASE(&scene->inboxes);
    ARRAY_RELEASE(&scene->ends);
    ARRAY_RELEASE(&scene->orders);
    ARRAY_RELEASE(&scene->replies);
    ARRAY_RELEASE(&scene->erased);
    ARRAY_RELEASE(&scene->engines);
    free(scene->queue);
    free(scene->pieces);
    secret_release(&scene->secret);
    loop_free(scene->loop);
}

/* Up to serving: the engine has its plan and is ready. */
static inline void
scene_serve(struct scene *scene)
{
    scene_offer(scene, 60000);
    scene_welcome(scene, 60000);
    scene_engine_says(scene, "{\"msg\":\"hello\",\"protocol\":\"1.0\","
                             "\"version\":\"0.1.0\",\"pid\":7}");
    scene_ordered(scene, "plan");
    scene_engine_says(scene, "{\"msg\":\"ready\",\"us\":5}");
    scene->read = scene->said.count - 1; // behind hello
    scene_update(scene, "joined");
}

#endif
