/*
 * A fleet on a scene: a run whose place for jobs is a fleet over the broker in
 * this process, and puppets that play its workers. A puppet does by itself
 * what a good worker does, but for what the test tells it to do otherwise.
 */
#ifndef TESTS_UNIT_FLEET_SCENE_H
#define TESTS_UNIT_FLEET_SCENE_H

#include "run_scene.h"

#include <stdio.h>

#include "celery/control_codec.h"
#include "celery/names.h"
#include "celery/task_codec.h"
#include "fleet/envelope.h"
#include "fleet/fleet.h"
#include "fleet/fleet_names.h"
#include "fleet/pair.h"
#include "fleet/update_codec.h"
#include "transport/inproc.h"
#include "util/json_text.h"

#define FLEET_URL "inproc://fleet"
#define FLEET_LEASE_MS 300

struct fleet_scene;
struct puppet;

/* What a puppet does with an order that it took. */
enum play {
    PLAY_PASS,   // every item passes
    PLAY_FAIL,   // every item fails
    PLAY_HANG,   // its first item begins and never ends
    PLAY_HOLD,   // it is taken and does not begin
    PLAY_IGNORE, // it is swallowed
    PLAY_DIFFER, // it says that it does not know the job
};
typedef enum play (*play_fn)(struct puppet *puppet, const char *job,
                             uint16_t attempt);

struct puppet_order {
    struct order_name name;
    uint64_t tag;
    bool began;
};

struct puppet {
    struct fleet_scene *scene;
    char *node;
    int slots;
    play_fn play;
    struct transport *transport;
    struct consumer *control;
    struct consumer *offers;
    struct consumer *orders;
    char join[ENVELOPE_JOIN_SIZE];
    char nonce[ENVELOPE_NONCE_SIZE];
    char *inbox;
    uint64_t n; // of the last update
    int base;
    bool silent;      // says nothing any more
    bool deaf;        // hears no control
    bool fails_setup; // instead of joining
    bool once;        // takes no offer after it has left
    bool joined;
    int welcomes;
    int refusals;
    int teardowns;
    int leases;
    int cancels;
    int resends;
    int took; // orders
    json_t *plan;
    uint64_t acknowledged;
    ARRAY(struct puppet_order) held;
    // Updates that were sent, by number.
    ARRAY(char *) said;
    struct deadline beat;
};

struct fleet_scene {
    struct scene *base;
    struct inproc *broker;
    struct fleet *fleet;
    struct pair *pair;
    json_t *plan;
    struct secret secret;
    struct fleet_params params;
    ARRAY(struct puppet *) puppets;
    bool left_behind; // the broker was away at the end
    bool (*until)(struct fleet_scene *scene);
    struct deadline look;
};

// ---------------------------------------------------------------- speaking

static inline void
puppet_publish(struct puppet *puppet, const char *payload)
{
    char seal[SEAL_SIZE];
    struct buf body = BUF_INIT(1 << 20);
    struct slice text = slice_of(payload);

    seal_make(&puppet->scene->secret, text, seal);
    struct sealed sealed = {text, slice_of(seal)};
    assert_true(envelope_to_body(&sealed, &body));
    struct message message = {
        .body = buf_slice(&body),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
    };
    transport_publish(puppet->transport,
                      &(struct publish){.exchange = "",
                                        .key = puppet->inbox,
                                        .message = &message},
                      NULL, NULL);
    buf_release(&body);
}

/* Takes `members`; gives the payload. */
static inline char *
puppet_write(struct puppet *puppet, const char *msg, uint64_t n,
             json_t *members)
{
    struct envelope_text text = {0};

    envelope_write(&text,
                   &(struct envelope_params){
                       .msg = msg,
                       .build = "b1",
                       .nonce = puppet->nonce,
                       .join = puppet->join,
                       .to = TO_COORDINATOR,
                       .n = n,
                   },
                   members, &puppet->scene->secret);
    json_decref(members);
    return text.payload;
}

static inline void
puppet_say_text(struct puppet *puppet, const char *list)
{
    struct err err = {0};
    json_t *updates = json_text_parse(slice_of(list), &err);

    assert_non_null(updates);
    char *payload = puppet_write(puppet, "updates", ++puppet->n,
                                 json_pack("{s:o}", "u", updates));
    ARRAY_ADD(&puppet->said, payload);
    if (!puppet->silent) {
        puppet_publish(puppet, payload);
    }
}

static inline void
puppet_say(struct puppet *puppet, const struct update *update)
{
    struct buf list = BUF_INIT(1 << 20);

    buf_add_char(&list, '[');
    update_add(&list, update);
    buf_add_char(&list, ']');
    puppet_say_text(puppet, buf_text(&list));
    buf_release(&list);
}

static inline void
puppet_hello(struct puppet *puppet)
{
    char *payload = puppet_write(
        puppet, "hello", 0,
        json_pack("{s:s,s:s,s:i,s:s,s:i,s:s,s:s}", "node", puppet->node, "kind",
                  "native", "slots", puppet->slots, "host", "here", "pid", 7,
                  "program", "0", "python", ""));
    puppet_publish(puppet, payload);
    free(payload);
}

// ------------------------------------------------------------------ orders

static inline void
puppet_result(struct puppet *puppet, struct order_name name, uint32_t place,
              enum state state)
{
    struct finding finding = {
        .kind = FINDING_FAILURE,
        .message = SLICE("it is wrong"),
    };
    struct outcome outcome = {
        .state = state,
        .us = 10,
        .findings = &finding,
        .finding_count = state_is_bad(state),
        .ran = true,
        .counted = true,
    };
    puppet_say(puppet, &(struct update){
                           .kind = UPDATE_RESULT,
                           .o = name,
                           .place = place,
                           .slot = puppet->base,
                           .outcome = &outcome,
                       });
}

static inline void
puppet_end(struct puppet *puppet, struct order_name name, enum order_end end,
           uint32_t place)
{
    puppet_say(puppet, &(struct update){
                           .kind = UPDATE_END,
                           .o = name,
                           .place = place,
                           .slot = puppet->base,
                           .us = 100,
                           .end = {.end = end},
                       });
}

static inline void
puppet_forget(struct puppet *puppet, struct order_name name)
{
    for (size_t i = 0; i < puppet->held.count; i++) {
        if (order_name_equals(puppet->held.items[i].name, name)) {
            transport_ack(puppet->transport, puppet->held.items[i].tag);
            ARRAY_REMOVE(&puppet->held, i);
            return;
        }
    }
}

static inline void
puppet_begin(struct puppet *puppet, struct order_name name)
{
    puppet_say(puppet, &(struct update){
                           .kind = UPDATE_JOB,
                           .o = name,
                           .slot = puppet->base,
                       });
}

/* All items end so, and the order with them. */
static inline void
puppet_finish(struct puppet *puppet, struct order_name name, enum state state)
{
    const struct items *items = puppet->scene->base->items;
    uint32_t count = items_peek_job(items, name.job)->count;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(items, name.job, i);
        puppet_result(puppet, name, order_place_of(items, name.job, item),
                      state);
    }
    puppet_end(puppet, name, ORDER_DONE, ITEM_NONE);
    puppet_forget(puppet, name);
}

static inline void
puppet_play(struct puppet *puppet, const char *job, struct order_name name)
{
    enum play play = puppet->play != NULL
                         ? puppet->play(puppet, job, name.attempt)
                         : PLAY_PASS;
    if (play == PLAY_IGNORE) {
        return;
    }
    puppet_say(puppet, &(struct update){
                           .kind = UPDATE_TOOK,
                           .os = &name,
                           .os_count = 1,
                       });
    if (play == PLAY_HOLD) {
        return;
    }
    if (play == PLAY_DIFFER) {
        puppet_say(puppet, &(struct update){
                               .kind = UPDATE_DIFFERS,
                               .o = name,
                               .text = SLICE("another revision"),
                           });
        puppet_forget(puppet, name);
        return;
    }
    puppet_begin(puppet, name);
    if (play == PLAY_HANG) {
        puppet_say(puppet, &(struct update){
                               .kind = UPDATE_BEGIN,
                               .o = name,
                               .slot = puppet->base,
                           });
    } else {
        puppet_finish(puppet, name,
                      play == PLAY_FAIL ? STATE_FAILED : STATE_PASSED);
    }
}

static inline void
puppet_take(struct puppet *puppet, const json_t *object, uint64_t tag,
            bool redelivered)
{
    struct err err = {0};
    struct order_text text = {0};
    struct order_places places = {0};

    if (!order_decode(object, &text, &places, &err)) {
        fail_msg("order: %s", err.text);
    }
    struct order_name name = {text.order.job, text.order.attempt};
    char *job = slice_dup(text.name);
    if (redelivered) {
        transport_ack(puppet->transport, tag);
        puppet_say(puppet, &(struct update){
                               .kind = UPDATE_BOUNCED,
                               .os = &name,
                               .os_count = 1,
                           });
    } else {
        struct puppet_order held = {.name = name, .tag = tag};
        ARRAY_ADD(&puppet->held, held);
        puppet->took++;
        puppet_play(puppet, job, name);
    }
    free(job);
    ARRAY_RELEASE(&places);
}

/* The payload of a task, as an object; a new reference. */
static inline json_t *
puppet_open(struct puppet *puppet, const struct delivery *delivery,
            struct task *task)
{
    struct err err = {0};
    struct sealed sealed = {0};
    struct envelope envelope = {0};

    assert_int_equal(task_decode(task, &delivery->message, &err), TASK_GOOD);
    assert_true(envelope_from_args(task->args, &sealed, &err));
    if (envelope_read(&envelope, &sealed, TO_WORKER, &puppet->scene->secret,
                      &err) != ENVELOPE_GOOD) {
        fail_msg("task: %s", err.text);
    }
    snprintf(puppet->nonce, sizeof(puppet->nonce), "%.*s",
             SLICE_ARG(envelope.nonce));
    json_t *object = json_incref(envelope.object);
    envelope_release(&envelope);
    return object;
}

static inline void
puppet_on_order(void *ctx, const struct delivery *delivery)
{
    struct puppet *puppet = ctx;
    struct task task = {0};
    json_t *object = puppet_open(puppet, delivery, &task);
    const json_t *orders = json_object_get(object, "orders");

    assert_true(slice_equals_text(task.name, FLEET_TASK_RUN));
    assert_true(task.ignore_result);
    for (size_t i = 0; i < json_array_size(orders); i++) {
        puppet_take(puppet, json_array_get(orders, i), delivery->tag,
                    delivery->redelivered);
    }
    json_decref(object);
    task_release(&task);
}

static inline void
puppet_on_offer(void *ctx, const struct delivery *delivery)
{
    struct puppet *puppet = ctx;
    struct task task = {0};
    json_t *object = puppet_open(puppet, delivery, &task);

    assert_true(slice_equals_text(task.name, FLEET_TASK_OFFER));
    assert_int_equal(json_integer_value(json_object_get(object, "lease_ms")),
                     puppet->scene->params.lease_ms);
    free(puppet->inbox);
    puppet->inbox =
        alloc_dup(json_string_value(json_object_get(object, "inbox")));
    transport_ack(puppet->transport, delivery->tag);
    consumer_stop(puppet->offers, NULL, NULL);
    puppet->offers = NULL;
    envelope_draw(puppet->join, sizeof(puppet->join));
    puppet->n = 0;
    puppet->joined = false;
    while (puppet->said.count > 0) {
        free(ARRAY_POP(&puppet->said));
    }
    puppet_hello(puppet);
    json_decref(object);
    task_release(&task);
}

static inline void
puppet_wait_for_offers(struct puppet *puppet)
{
    puppet->offers =
        transport_take(puppet->transport, &(struct consume_params){
                                              .queue = "default",
                                              .prefetch = 1,
                                              .on_delivery = puppet_on_offer,
                                              .ctx = puppet,
                                          });
}

// ----------------------------------------------------------------- control

static inline void
puppet_join(struct puppet *puppet, const json_t *object)
{
    const char *queue = json_string_value(json_object_get(object, "queue"));

    puppet->welcomes++;
    puppet->base = (int)json_integer_value(json_object_get(object, "base"));
    json_decref(puppet->plan);
    puppet->plan = json_incref(json_object_get(object, "plan"));
    if (puppet->joined) {
        return;
    }
    puppet->joined = true;
    if (puppet->fails_setup) {
        puppet_say(puppet, &(struct update){
                               .kind = UPDATE_SAID,
                               .text = SLICE("no such database\n"),
                           });
        puppet_say(puppet, &(struct update){
                               .kind = UPDATE_FAILED,
                               .text = SLICE("setup exited with status 1"),
                           });
        puppet_say(puppet, &(struct update){.kind = UPDATE_LEFT, .ok = true});
        return;
    }
    puppet_say(puppet, &(struct update){.kind = UPDATE_JOINED, .us = 5000});
    puppet->orders = transport_take(puppet->transport,
                                    &(struct consume_params){
                                        .queue = queue,
                                        .prefetch = (uint32_t)puppet->slots,
                                        .on_delivery = puppet_on_order,
                                        .ctx = puppet,
                                    });
}

static inline void
puppet_leave(struct puppet *puppet)
{
    puppet->teardowns++;
    if (puppet->orders != NULL) {
        consumer_stop(puppet->orders, NULL, NULL);
        puppet->orders = NULL;
    }
    puppet_say(puppet, &(struct update){.kind = UPDATE_LEFT, .ok = true});
    if (puppet->offers == NULL && !puppet->once) {
        puppet_wait_for_offers(puppet);
    }
}

static inline void
puppet_cancel(struct puppet *puppet, const json_t *object)
{
    puppet->cancels++;
    if (json_object_get(object, "orders") != NULL) {
        return; // the tests look at these themselves
    }
    while (puppet->held.count > 0) {
        struct order_name name = puppet->held.items[0].name;
        puppet_end(puppet, name, ORDER_CANCELLED, ITEM_NONE);
        puppet_forget(puppet, name);
    }
}

static inline void
puppet_resend(struct puppet *puppet, const json_t *object)
{
    json_int_t from = json_integer_value(json_object_get(object, "from"));

    puppet->resends++;
    for (json_int_t n = from; n <= (json_int_t)puppet->n; n++) {
        puppet_publish(puppet, puppet->said.items[n - 1]);
    }
}

static inline void
puppet_inventory(struct puppet *puppet, const json_t *object)
{
    json_int_t ask = json_integer_value(json_object_get(object, "ask"));
    struct order_names names = {0};

    for (size_t i = 0; i < puppet->held.count; i++) {
        ARRAY_ADD(&names, puppet->held.items[i].name);
    }
    puppet_say(puppet, &(struct update){
                           .kind = UPDATE_HOLDS,
                           .ask = (uint64_t)ask,
                           .os = names.items,
                           .os_count = names.count,
                       });
    ARRAY_RELEASE(&names);
}

static inline void
puppet_obey(struct puppet *puppet, struct slice method, const json_t *object)
{
    if (slice_equals_text(method, FLEET_WELCOME)) {
        if (json_is_true(json_object_get(object, "accept"))) {
            puppet_join(puppet, object);
        } else {
            puppet->refusals++;
            puppet_wait_for_offers(puppet);
        }
    } else if (slice_equals_text(method, FLEET_LEASE)) {
        puppet->leases++;
        const json_t *acks = json_object_get(object, "acks");
        puppet->acknowledged =
            (uint64_t)json_integer_value(json_object_get(acks, puppet->join));
    } else if (slice_equals_text(method, FLEET_TEARDOWN)) {
        puppet_leave(puppet);
    } else if (slice_equals_text(method, FLEET_CANCEL)) {
        puppet_cancel(puppet, object);
    } else if (slice_equals_text(method, FLEET_RESEND)) {
        puppet_resend(puppet, object);
    } else if (slice_equals_text(method, FLEET_STATE)) {
        puppet_inventory(puppet, object);
    }
}

static inline void
puppet_on_control(void *ctx, const struct delivery *delivery)
{
    struct puppet *puppet = ctx;
    struct err err = {0};
    struct control_request request = {0};
    struct sealed sealed = {0};
    struct envelope envelope = {0};

    assert_true(control_request_decode(&request, &delivery->message, &err));
    bool ours = slice_starts_with(request.method, SLICE("mule_"));
    if (ours && !puppet->deaf && !puppet->silent &&
        control_request_is_for(&request, puppet->node)) {
        assert_true(envelope_from_arguments(request.arguments, &sealed, &err));
        assert_int_equal(envelope_read(&envelope, &sealed, TO_WORKER,
                                       &puppet->scene->secret, &err),
                         ENVELOPE_GOOD);
        puppet_obey(puppet, request.method, envelope.object);
        envelope_release(&envelope);
    }
    control_request_release(&request);
}

// ----------------------------------------------------------------- puppets

static inline void
puppet_on_beat(void *ctx)
{
    struct puppet *puppet = ctx;

    if (!puppet->silent && puppet->orders != NULL) {
        puppet_say_text(puppet, "[]");
    }
    deadline_arm(&puppet->beat, FLEET_LEASE_MS / 6);
}

/* A worker that waits for offers, or one that comes later. */
static inline struct puppet *
puppet_new(struct fleet_scene *scene, const char *node, int slots, play_fn play)
{
    static const struct transport_events none = {0};
    struct err err = {0};
    struct puppet *puppet = ALLOC(struct puppet);
    char *queue = names_control_queue(node);

    puppet->scene = scene;
    puppet->node = alloc_dup(node);
    puppet->slots = slots;
    puppet->play = play;
    puppet->transport = transport_open(
        &(struct transport_params){
            .loop = scene->base->stage.loop,
            .urls = FLEET_URL,
            .name = node,
            .events = &none,
            .ctx = puppet,
        },
        &err);
    assert_non_null(puppet->transport);
    puppet->control = transport_subscribe(
        puppet->transport, &(struct subscribe_params){
                               .exchange = names_control_exchange,
                               .key = "",
                               .queue = {.name = queue, .auto_delete = true},
                               .on_delivery = puppet_on_control,
                               .ctx = puppet,
                           });
    free(queue);
    transport_declare_queue(puppet->transport,
                            &(struct queue_params){
                                .name = "default",
                                .durable = true,
                                .passive_first = true,
                            },
                            NULL, NULL);
    deadline_init(&puppet->beat, scene->base->stage.loop, puppet_on_beat,
                  puppet);
    deadline_arm(&puppet->beat, FLEET_LEASE_MS / 6);
    ARRAY_ADD(&scene->puppets, puppet);
    return puppet;
}

/* Its process is gone: the broker gives back what it held. */
static inline void
puppet_kill(struct puppet *puppet)
{
    puppet->silent = true;
    deadline_disarm(&puppet->beat);
    transport_free(puppet->transport);
    puppet->transport = NULL;
}

static inline void
puppet_free(struct puppet *puppet)
{
    deadline_release(&puppet->beat);
    transport_free(puppet->transport);
    for (size_t i = 0; i < puppet->said.count; i++) {
        free(puppet->said.items[i]);
    }
    ARRAY_RELEASE(&puppet->said);
    ARRAY_RELEASE(&puppet->held);
    json_decref(puppet->plan);
    free(puppet->inbox);
    free(puppet->node);
    free(puppet);
}

// ------------------------------------------------------------------- scene

static inline struct fleet_scene *
fleet_scene_new(void)
{
    struct fleet_scene *scene = ALLOC(struct fleet_scene);

    scene->base = scene_new(0);
    scene->broker = inproc_hold("fleet");
    scene->plan = json_pack("{s:s}", "build", "b1");
    scene->params = (struct fleet_params){
        .loop = scene->base->stage.loop,
        .items = scene->base->items,
        .urls = FLEET_URL,
        .queue = "default",
        .build_id = "b1",
        .version = "0",
        .secret = &scene->secret,
        .plan = scene->plan,
        .lease_ms = FLEET_LEASE_MS,
        .wait_ms = 10000,
        .grace_ms = 1000,
        .events = run_executor_events(),
    };
    return scene;
}

/* Jobs j0, j1, ... of `items` items each. */
static inline void
fleet_scene_jobs(struct fleet_scene *scene, int jobs, int items)
{
    for (int i = 0; i < jobs; i++) {
        char name[16];
        snprintf(name, sizeof(name), "j%d", i);
        struct job_params params = {.name = slice_of(name)};
        uint32_t job = items_add_job(scene->base->items, &params);
        for (int k = 0; k < items; k++) {
            char id[16];
            snprintf(id, sizeof(id), ".t%d", k);
            items_add(scene->base->items, job, slice_of(id), 1);
        }
    }
}

/* The run begins, and has collected what was added. */
static inline void
fleet_scene_start(struct fleet_scene *scene, int jobs, int items)
{
    struct err err = {0};
    struct run_params params = scene_params(scene->base);

    scene->fleet = fleet_new(&scene->params, &err);
    assert_non_null(scene->fleet);
    params.executor = fleet_executor(scene->fleet);
    scene_open(scene->base, &params);
    fleet_listen(scene->fleet, scene->base->run);
    fleet_scene_jobs(scene, jobs, items);
    scene->base->collecting->on_collected(scene->base->collecting_ctx, NULL);
}

static inline void
fleet_scene_on_look(void *ctx)
{
    struct fleet_scene *scene = ctx;

    if (scene->until(scene)) {
        loop_stop(scene->base->stage.loop);
    } else {
        deadline_arm(&scene->look, 2);
    }
}

/* Lets things happen until that holds. */
static inline void
fleet_scene_until(struct fleet_scene *scene,
                  bool (*holds)(struct fleet_scene *))
{
    scene->until = holds;
    deadline_init(&scene->look, scene->base->stage.loop, fleet_scene_on_look,
                  scene);
    deadline_arm(&scene->look, 1);
    stage_run(&scene->base->stage);
    deadline_release(&scene->look);
}

static inline bool
fleet_scene_is_over(struct fleet_scene *scene)
{
    return scene->base->status >= 0;
}

/*
 * Lets it come to its end, which must have that exit status, with one state
 * for each item, and with nothing left at the broker but what is not ours.
 */
static inline void
fleet_scene_end(struct fleet_scene *scene, int status)
{
    struct scene *base = scene->base;

    if (base->status < 0) {
        fleet_scene_until(scene, fleet_scene_is_over);
    }
    fleet_free(scene->fleet);
    if (!scene->left_behind) {
        assert_int_equal(inproc_length(scene->broker, "mule-b1"), -1);
        assert_int_equal(inproc_length(scene->broker, "mule-in-b1"), -1);
    }
    for (size_t i = 0; i < scene->puppets.count; i++) {
        puppet_free(scene->puppets.items[i]);
    }
    ARRAY_RELEASE(&scene->puppets);
    json_decref(scene->plan);
    secret_release(&scene->secret);
    inproc_release(scene->broker);
    base->given = (uint32_t)scene_count(base, EVENT_JOB_FINISHED);
    free(scene);
    scene_end(base, status);
}

#endif
