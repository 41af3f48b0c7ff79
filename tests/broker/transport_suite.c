#include "tests/broker/transport_suite.h"

#include "tests/unit/stage.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "transport/transport.h"
#include "util/alloc.h"
#include "util/array.h"

// What came: everything copied.
struct got {
    uint64_t tag;
    bool redelivered;
    char *queue;
    char *exchange;
    char *key;
    char *body;
    size_t len;
    char *content_type;
    char *content_encoding;
    char *correlation_id;
    char *reply_to;
    json_t *headers;
};

// Whoever takes or subscribes.
struct ear {
    struct scene *scene;
    struct consumer *consumer;
    size_t count;      // of what came
    size_t subscribed; // 1 once it is
    size_t ended;      // 1 once on_ended came
    bool acknowledges; // at once
    bool stops;        // at the first delivery
    struct err err;    // of the end, or of subscribing
    ARRAY(struct got) got;
};

// What was answered.
struct answer {
    struct scene *scene;
    size_t count;
    uint64_t number;
    struct err err;
    char text[64];
};

struct scene {
    const struct transport_suite *suite;
    struct stage stage;
    struct transport *transport;
    size_t ups;
    size_t downs;
    size_t closed;
    bool inside; // of a call of ours into the transport
    bool wrong;  // something was called from inside of it
};

static unsigned int next_name;

static void
turn(struct scene *scene)
{
    scene->wrong = scene->wrong || scene->inside;
    loop_stop(scene->stage.loop);
}

static void
on_up(void *ctx)
{
    struct scene *scene = ctx;

    scene->ups++;
    turn(scene);
}

static void
on_down(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    (void)err;
    scene->downs++;
    turn(scene);
}

static void
on_failed(void *ctx, const struct err *err)
{
    (void)ctx;
    fprintf(stderr, "# transport failed: %s\n", err->text);
    abort();
}

static const struct transport_events events = {
    .on_up = on_up,
    .on_down = on_down,
    .on_failed = on_failed,
};

// Until `*what` is at least `wanted`; the stage's limit ends it otherwise.
static void
wait_for(struct scene *scene, const size_t *what, size_t wanted)
{
    while (*what < wanted) {
        stage_run(&scene->stage);
    }
}

static void
connect_as(struct scene *scene, const char *name)
{
    struct err err = {0};
    struct transport_params params = {.loop = scene->stage.loop,
                                      .urls = scene->suite->url,
                                      .name = name,
                                      .events = &events,
                                      .ctx = scene};

    scene->ups = scene->downs = scene->closed = 0;
    scene->transport = transport_open(&params, &err);
    if (scene->transport == NULL) {
        fail_msg("%s", err.text);
    }
}

static void
scene_open(struct scene *scene, void **state)
{
    *scene = (struct scene){.suite = *state};
    stage_init(&scene->stage);
    connect_as(scene, "first");
    wait_for(scene, &scene->ups, 1);
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    (void)err;
    scene->closed++;
    turn(scene);
}

static void
disconnect(struct scene *scene)
{
    transport_close(scene->transport, 5000, on_closed, scene);
    wait_for(scene, &scene->closed, 1);
    transport_free(scene->transport);
    scene->transport = NULL;
}

static void
scene_close(struct scene *scene)
{
    disconnect(scene);
    assert_false(scene->wrong);
    stage_release(&scene->stage);
}

// Another connection beside the first one.
struct other {
    struct scene scene;
};

static void
other_open(struct other *other, struct scene *scene, const char *name)
{
    other->scene = (struct scene){.suite = scene->suite};
    other->scene.stage = scene->stage;
    // The limit cannot be moved: the other has one of its own.
    deadline_init(&other->scene.stage.limit, scene->stage.loop, stage_is_late,
                  &other->scene.stage);
    connect_as(&other->scene, name);
    wait_for(&other->scene, &other->scene.ups, 1);
}

static void
other_close(struct other *other)
{
    disconnect(&other->scene);
    deadline_release(&other->scene.stage.limit);
}

// ---- answers ----

static void
on_done(void *ctx, const struct err *err)
{
    struct answer *answer = ctx;

    answer->count++;
    if (err != NULL) {
        answer->err = *err;
    }
    turn(answer->scene);
}

static void
on_count(void *ctx, uint64_t number, const struct err *err)
{
    struct answer *answer = ctx;

    answer->number = number;
    on_done(ctx, err);
}

static void
on_facts(void *ctx, const struct transport_facts *facts, const struct err *err)
{
    struct answer *answer = ctx;

    if (facts != NULL) {
        (void)snprintf(answer->text, sizeof(answer->text), "%s", facts->kind);
    }
    on_done(ctx, err);
}

static void
wait_answer(struct answer *answer)
{
    wait_for(answer->scene, &answer->count, 1);
}

// The answer must be a good one.
static void
wait_good(struct answer *answer)
{
    wait_answer(answer);
    assert_string_equal(answer->err.text, "");
}

// ---- queues and messages ----

static char *
new_name(const char *kind)
{
    return alloc_printf("suite-%s-%d-%u", kind, (int)getpid(), ++next_name);
}

static char *
declare(struct scene *scene)
{
    struct answer answer = {.scene = scene};
    char *queue = new_name("queue");
    struct queue_params params = {.name = queue, .durable = true};

    scene->inside = true;
    transport_declare_queue(scene->transport, &params, on_done, &answer);
    scene->inside = false;
    wait_good(&answer);
    return queue;
}

static void
drop(struct scene *scene, char *queue)
{
    struct answer answer = {.scene = scene};

    transport_delete(scene->transport, queue, false, on_count, &answer);
    wait_good(&answer);
    free(queue);
}

static void
send_text(struct scene *scene, const char *queue, const char *text,
          struct answer *answer)
{
    struct message message = {.body = slice_of(text),
                              .content_type = SLICE("application/json"),
                              .content_encoding = SLICE("utf-8"),
                              .persistent = true};
    struct publish publish = {
        .exchange = "", .key = queue, .message = &message};

    scene->inside = true;
    transport_publish(scene->transport, &publish,
                      answer == NULL ? NULL : on_done, answer);
    scene->inside = false;
}

// Sends "0", "1" ... and waits until the broker has them all.
static void
send_many(struct scene *scene, const char *queue, size_t count)
{
    struct answer answer = {.scene = scene};

    for (size_t i = 0; i < count; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%zu", i);
        send_text(scene, queue, text, &answer);
    }
    wait_for(scene, &answer.count, count);
    assert_string_equal(answer.err.text, "");
}

static uint64_t
length_of(struct scene *scene, const char *queue)
{
    struct answer answer = {.scene = scene};

    scene->inside = true;
    transport_length(scene->transport, queue, on_count, &answer);
    scene->inside = false;
    wait_good(&answer);
    return answer.number;
}

// ---- taking ----

static void
keep(struct ear *ear, const struct delivery *delivery)
{
    const struct message *message = &delivery->message;

    ARRAY_ADD(&ear->got,
              ((struct got){
                  .tag = delivery->tag,
                  .redelivered = delivery->redelivered,
                  .queue = slice_dup(delivery->queue),
                  .exchange = slice_dup(delivery->exchange),
                  .key = slice_dup(delivery->routing_key),
                  .body = slice_dup(message->body),
                  .len = message->body.len,
                  .content_type = slice_dup(message->content_type),
                  .content_encoding = slice_dup(message->content_encoding),
                  .correlation_id = slice_dup(message->correlation_id),
                  .reply_to = slice_dup(message->reply_to),
                  .headers = json_deep_copy(message->headers),
              }));
    ear->count++;
}

static void
on_delivery(void *ctx, const struct delivery *delivery)
{
    struct ear *ear = ctx;
    struct scene *scene = ear->scene;

    keep(ear, delivery);
    if (ear->acknowledges) {
        transport_ack(scene->transport, delivery->tag);
    }
    if (ear->stops) {
        ear->stops = false;
        consumer_stop(ear->consumer, NULL, NULL);
        ear->consumer = NULL;
    }
    turn(scene);
}

static void
on_ended(void *ctx, const struct err *err)
{
    struct ear *ear = ctx;

    ear->ended++;
    if (err != NULL) {
        ear->err = *err;
    }
    turn(ear->scene);
}

static void
on_subscribed(void *ctx, const struct err *err)
{
    struct ear *ear = ctx;

    ear->subscribed++;
    if (err != NULL) {
        ear->err = *err;
    }
    turn(ear->scene);
}

static void
take(struct ear *ear, struct scene *scene, const char *queue, uint32_t prefetch)
{
    struct consume_params params = {.queue = queue,
                                    .prefetch = prefetch,
                                    .on_delivery = on_delivery,
                                    .on_ended = on_ended,
                                    .ctx = ear};

    ear->scene = scene;
    scene->inside = true;
    ear->consumer = transport_take(scene->transport, &params);
    scene->inside = false;
}

static void
subscribe(struct ear *ear, struct scene *scene,
          const struct exchange_params *exchange, const char *key)
{
    char *queue = new_name("ear");
    struct subscribe_params params = {
        .exchange = *exchange,
        .key = key,
        .queue = {.name = queue, .exclusive = true, .auto_delete = true},
        .on_delivery = on_delivery,
        .on_subscribed = on_subscribed,
        .ctx = ear};

    ear->scene = scene;
    scene->inside = true;
    ear->consumer = transport_subscribe(scene->transport, &params);
    scene->inside = false;
    free(queue);
    wait_for(scene, &ear->subscribed, 1);
    assert_string_equal(ear->err.text, "");
}

static void
forget_all(struct ear *ear)
{
    for (size_t i = 0; i < ear->got.count; i++) {
        struct got *got = &ear->got.items[i];
        free(got->queue);
        free(got->exchange);
        free(got->key);
        free(got->body);
        free(got->content_type);
        free(got->content_encoding);
        free(got->correlation_id);
        free(got->reply_to);
        json_decref(got->headers);
    }
    ARRAY_RELEASE(&ear->got);
}

static void
stop(struct ear *ear)
{
    struct answer answer = {.scene = ear->scene};

    if (ear->consumer != NULL) {
        ear->scene->inside = true;
        consumer_stop(ear->consumer, on_done, &answer);
        ear->scene->inside = false;
        ear->consumer = NULL;
        wait_good(&answer);
    }
    forget_all(ear);
}

static const char *
body_of(const struct ear *ear, size_t index)
{
    assert_true(index < ear->got.count);
    return ear->got.items[index].body;
}

// ---- what is promised ----

static void
a_message_comes_with_all_it_has(void **state)
{
    struct scene scene;
    struct ear ear = {.acknowledges = true};
    struct answer answer = {.scene = &scene};
    json_t *headers = json_pack(
        "{s:s, s:i, s:f, s:b, s:n, s:[s, n, i], s:{s:s}, s:s}", "task", "a.b",
        "retries", 3, "timestamp", 1.5, "yes", 1, "nothing", "list", "x", -1,
        "table", "in", "side", "odd", "caf\xc3\xa9 \xe2\x82\xac");

    scene_open(&scene, state);
    char *queue = declare(&scene);
    struct message message = {.body = SLICE("[[], {}, {}]"),
                              .content_type = SLICE("application/json"),
                              .content_encoding = SLICE("utf-8"),
                              .headers = headers,
                              .correlation_id = SLICE("id-1"),
                              .reply_to = SLICE("inbox-1"),
                              .expiration = SLICE("600000"),
                              .persistent = true};
    struct publish publish = {
        .exchange = "", .key = queue, .message = &message};
    transport_publish(scene.transport, &publish, on_done, &answer);
    take(&ear, &scene, queue, 1);
    wait_good(&answer);
    wait_for(&scene, &ear.count, 1);
    const struct got *got = &ear.got.items[0];
    assert_string_equal(got->body, "[[], {}, {}]");
    assert_string_equal(got->content_type, "application/json");
    assert_string_equal(got->content_encoding, "utf-8");
    assert_string_equal(got->correlation_id, "id-1");
    assert_string_equal(got->reply_to, "inbox-1");
    assert_string_equal(got->queue, queue);
    assert_string_equal(got->exchange, "");
    assert_string_equal(got->key, queue);
    assert_false(got->redelivered);
    assert_true(got->tag != 0);
    assert_true(json_equal(got->headers, headers));
    json_decref(headers);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_body_may_be_any_bytes(void **state)
{
    struct scene scene;
    struct ear ear = {.acknowledges = true};
    size_t len = 1 << 20;
    char *bytes = alloc_bytes(len);

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i * 7 + i / 251);
    }
    scene_open(&scene, state);
    char *queue = declare(&scene);
    struct message message = {.body = slice_make(bytes, len),
                              .content_type = SLICE("application/data"),
                              .content_encoding = SLICE("binary")};
    struct message empty = {.content_type = SLICE("application/data"),
                            .content_encoding = SLICE("binary")};
    struct publish publish = {
        .exchange = "", .key = queue, .message = &message};
    transport_publish(scene.transport, &publish, NULL, NULL);
    publish.message = &empty;
    transport_publish(scene.transport, &publish, NULL, NULL);
    take(&ear, &scene, queue, 2);
    wait_for(&scene, &ear.count, 2);
    assert_int_equal(ear.got.items[0].len, len);
    assert_memory_equal(ear.got.items[0].body, bytes, len);
    assert_string_equal(ear.got.items[0].content_encoding, "binary");
    assert_int_equal(ear.got.items[1].len, 0);
    free(bytes);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
messages_come_in_the_order_they_were_published(void **state)
{
    struct scene scene;
    struct ear ear = {.acknowledges = true};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    take(&ear, &scene, queue, 10);
    send_many(&scene, queue, 1000);
    wait_for(&scene, &ear.count, 1000);
    for (size_t i = 0; i < 1000; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%zu", i);
        assert_string_equal(body_of(&ear, i), text);
    }
    stop(&ear);
    assert_int_equal(length_of(&scene, queue), 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
what_is_asked_before_it_is_up_waits_for_that(void **state)
{
    struct scene scene = {.suite = *state};
    struct ear ear = {.acknowledges = true};
    struct answer answer = {.scene = &scene};
    char *queue = new_name("early");
    struct queue_params params = {.name = queue, .durable = true};

    stage_init(&scene.stage);
    connect_as(&scene, "first");
    assert_false(transport_is_up(scene.transport));
    transport_declare_queue(scene.transport, &params, on_done, &answer);
    take(&ear, &scene, queue, 1);
    send_text(&scene, queue, "early", &answer);
    wait_for(&scene, &ear.count, 1);
    wait_for(&scene, &answer.count, 2);
    assert_string_equal(answer.err.text, "");
    assert_true(transport_is_up(scene.transport));
    assert_int_equal(scene.ups, 1);
    assert_string_equal(body_of(&ear, 0), "early");
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
no_more_are_out_than_the_prefetch_allows(void **state)
{
    struct scene scene;
    struct ear ear = {0};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 10);
    take(&ear, &scene, queue, 3);
    wait_for(&scene, &ear.count, 3);
    assert_int_equal(length_of(&scene, queue), 7);
    assert_int_equal(ear.count, 3);
    transport_ack(scene.transport, ear.got.items[1].tag);
    wait_for(&scene, &ear.count, 4);
    assert_string_equal(body_of(&ear, 3), "3");
    assert_int_equal(length_of(&scene, queue), 6);
    assert_int_equal(ear.count, 4);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_prefetch_may_be_changed(void **state)
{
    struct scene scene;
    struct ear ear = {0};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 10);
    take(&ear, &scene, queue, 1);
    wait_for(&scene, &ear.count, 1);
    consumer_prefetch(ear.consumer, 5);
    wait_for(&scene, &ear.count, 5);
    assert_int_equal(length_of(&scene, queue), 5);
    assert_int_equal(ear.count, 5);
    consumer_prefetch(ear.consumer, 0);
    wait_for(&scene, &ear.count, 10);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

// Before the server has said that the consumer is there.
static void
a_prefetch_may_be_changed_and_stopped_at_once(void **state)
{
    struct scene scene;

    scene_open(&scene, state);
    char *queue = declare(&scene);
    for (int i = 0; i < 100; i++) {
        struct ear ear = {0};
        take(&ear, &scene, queue, 1);
        if (i % 2 == 0) {
            assert_int_equal(length_of(&scene, queue), 0);
        }
        consumer_prefetch(ear.consumer, 2);
        consumer_prefetch(ear.consumer, 3);
        stop(&ear);
    }
    struct ear ear = {0};
    take(&ear, &scene, queue, 1);
    consumer_prefetch(ear.consumer, 2);
    consumer_prefetch(ear.consumer, 3);
    send_many(&scene, queue, 5);
    wait_for(&scene, &ear.count, 3);
    assert_int_equal(length_of(&scene, queue), 2);
    assert_int_equal(ear.count, 3);
    assert_int_equal(scene.downs, 0);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_lowered_prefetch_holds_what_comes_next(void **state)
{
    struct scene scene;
    struct ear ear = {0};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 4);
    take(&ear, &scene, queue, 4);
    wait_for(&scene, &ear.count, 4);
    consumer_prefetch(ear.consumer, 1);
    send_many(&scene, queue, 2);
    for (size_t i = 0; i < 3; i++) {
        transport_ack(scene.transport, ear.got.items[i].tag);
    }
    assert_int_equal(length_of(&scene, queue), 2);
    assert_int_equal(ear.count, 4);
    transport_ack(scene.transport, ear.got.items[3].tag);
    wait_for(&scene, &ear.count, 5);
    assert_int_equal(length_of(&scene, queue), 1);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
what_is_requeued_comes_again(void **state)
{
    struct scene scene;
    struct ear ear = {0};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 1);
    take(&ear, &scene, queue, 1);
    wait_for(&scene, &ear.count, 1);
    assert_false(ear.got.items[0].redelivered);
    transport_requeue(scene.transport, ear.got.items[0].tag);
    wait_for(&scene, &ear.count, 2);
    assert_string_equal(body_of(&ear, 1), "0");
    assert_true(ear.got.items[1].redelivered);
    assert_true(ear.got.items[1].tag != ear.got.items[0].tag);
    transport_ack(scene.transport, ear.got.items[1].tag);
    assert_int_equal(length_of(&scene, queue), 0);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
what_is_rejected_is_dropped(void **state)
{
    struct scene scene;
    struct ear ear = {0};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 2);
    take(&ear, &scene, queue, 1);
    wait_for(&scene, &ear.count, 1);
    transport_reject(scene.transport, ear.got.items[0].tag);
    wait_for(&scene, &ear.count, 2);
    assert_string_equal(body_of(&ear, 1), "1");
    transport_reject(scene.transport, ear.got.items[1].tag);
    assert_int_equal(length_of(&scene, queue), 0);
    stop(&ear);
    assert_int_equal(length_of(&scene, queue), 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
what_was_acknowledged_does_not_come_back(void **state)
{
    struct scene scene;
    struct ear ear = {.acknowledges = true};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 3);
    take(&ear, &scene, queue, 3);
    wait_for(&scene, &ear.count, 3);
    disconnect(&scene);
    forget_all(&ear);
    connect_as(&scene, "first");
    wait_for(&scene, &scene.ups, 1);
    assert_int_equal(length_of(&scene, queue), 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
what_was_not_acknowledged_goes_back_at_the_close(void **state)
{
    struct scene scene;
    struct ear ear = {0};
    struct ear next = {.acknowledges = true};
    size_t marked = 0;

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 3);
    take(&ear, &scene, queue, 2);
    wait_for(&scene, &ear.count, 2);
    disconnect(&scene);
    forget_all(&ear);
    connect_as(&scene, "second");
    wait_for(&scene, &scene.ups, 1);
    assert_int_equal(length_of(&scene, queue), 3);
    take(&next, &scene, queue, 3);
    wait_for(&scene, &next.count, 3);
    for (size_t i = 0; i < 3; i++) {
        marked += next.got.items[i].redelivered ? 1 : 0;
    }
    assert_int_equal(marked, 2);
    stop(&next);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
without_acknowledgement_taken_is_done(void **state)
{
    struct scene scene;
    struct ear ear = {.scene = &scene};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 20);
    struct consume_params params = {.queue = queue,
                                    .no_ack = true,
                                    .on_delivery = on_delivery,
                                    .ctx = &ear};
    ear.consumer = transport_take(scene.transport, &params);
    wait_for(&scene, &ear.count, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(ear.got.items[i].tag, 0);
    }
    stop(&ear);
    assert_int_equal(length_of(&scene, queue), 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_tag_that_is_stale_is_ignored(void **state)
{
    struct scene scene;
    struct ear ear = {0};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 3);
    take(&ear, &scene, queue, 1);
    wait_for(&scene, &ear.count, 1);
    transport_ack(scene.transport, ear.got.items[0].tag + 1000000);
    transport_ack(scene.transport, 0);
    transport_ack(scene.transport, ear.got.items[0].tag);
    transport_ack(scene.transport, ear.got.items[0].tag);
    transport_requeue(scene.transport, ear.got.items[0].tag);
    transport_reject(scene.transport, ear.got.items[0].tag);
    wait_for(&scene, &ear.count, 2);
    assert_int_equal(length_of(&scene, queue), 1);
    assert_int_equal(ear.count, 2);
    assert_string_equal(body_of(&ear, 1), "1");
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
nothing_comes_after_stopping(void **state)
{
    struct scene scene;
    struct ear ear = {.stops = true};
    struct ear next = {.acknowledges = true};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 20);
    take(&ear, &scene, queue, 10);
    wait_for(&scene, &ear.count, 1);
    take(&next, &scene, queue, 10);
    wait_for(&scene, &next.count, 19);
    assert_int_equal(ear.count, 1);
    // What it had been given before may still be acknowledged.
    transport_ack(scene.transport, ear.got.items[0].tag);
    assert_int_equal(length_of(&scene, queue), 0);
    stop(&next);
    stop(&ear);
    disconnect(&scene);
    connect_as(&scene, "first");
    assert_int_equal(length_of(&scene, queue), 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
consumers_of_one_connection_share_it(void **state)
{
    struct scene scene;
    struct ear one = {.acknowledges = true};
    struct ear two = {.acknowledges = true};

    scene_open(&scene, state);
    char *first = declare(&scene);
    char *second = declare(&scene);
    send_many(&scene, first, 30);
    send_many(&scene, second, 30);
    take(&one, &scene, first, 2);
    take(&two, &scene, second, 2);
    wait_for(&scene, &one.count, 30);
    wait_for(&scene, &two.count, 30);
    assert_string_equal(one.got.items[29].queue, first);
    assert_string_equal(two.got.items[29].queue, second);
    stop(&one);
    stop(&two);
    drop(&scene, first);
    drop(&scene, second);
    scene_close(&scene);
}

static void
takers_of_one_queue_get_each_message_once(void **state)
{
    struct scene scene;
    struct other other;
    struct ear one = {.acknowledges = true};
    struct ear two = {.acknowledges = true};
    bool seen[100] = {false};

    scene_open(&scene, state);
    other_open(&other, &scene, "second");
    char *queue = declare(&scene);
    take(&one, &scene, queue, 1);
    take(&two, &other.scene, queue, 1);
    send_many(&scene, queue, 100);
    while (one.count + two.count < 100) {
        stage_run(&scene.stage);
    }
    for (size_t i = 0; i < 100; i++) {
        const struct got *got =
            i < one.count ? &one.got.items[i] : &two.got.items[i - one.count];
        int64_t number = -1;
        assert_true(slice_to_int(slice_of(got->body), 0, 99, &number));
        assert_false(seen[number]);
        seen[number] = true;
    }
    stop(&two);
    other_close(&other);
    stop(&one);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_length_is_what_waits_and_purging_drops_it(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    assert_int_equal(length_of(&scene, queue), 0);
    send_many(&scene, queue, 7);
    assert_int_equal(length_of(&scene, queue), 7);
    transport_purge(scene.transport, queue, on_count, &answer);
    wait_good(&answer);
    assert_int_equal(answer.number, 7);
    assert_int_equal(length_of(&scene, queue), 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_deleted_queue_is_empty_or_gone(void **state)
{
    struct scene scene;
    struct answer deleted = {.scene = &scene};
    struct answer again = {.scene = &scene};
    struct answer length = {.scene = &scene};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 3);
    transport_delete(scene.transport, queue, true, on_count, &deleted);
    transport_length(scene.transport, queue, on_count, &length);
    transport_delete(scene.transport, queue, false, on_count, &again);
    wait_good(&deleted);
    assert_int_equal(deleted.number, 3);
    wait_answer(&length);
    if (scene.suite->knows_queues) {
        assert_int_equal(length.err.kind, ERR_CONFIG);
    } else {
        assert_string_equal(length.err.text, "");
        assert_int_equal(length.number, 0);
    }
    wait_good(&again); // none is no error
    free(queue);
    scene_close(&scene);
}

static void
what_takers_held_goes_with_a_deleted_queue(void **state)
{
    struct scene scene;
    struct ear ear = {0};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 3);
    take(&ear, &scene, queue, 2);
    wait_for(&scene, &ear.count, 2);
    struct answer answer = {.scene = &scene};
    if (!scene.suite->knows_queues) {
        stop(&ear);
    }
    transport_delete(scene.transport, queue, false, on_count, &answer);
    wait_good(&answer);
    if (scene.suite->knows_queues) {
        wait_for(&scene, &ear.ended, 1);
        assert_true(err_is_set(&ear.err));
    }
    stop(&ear);
    free(queue);
    scene_close(&scene);
}

static void
a_queue_in_use_is_not_deleted_if_unused(void **state)
{
    struct scene scene;
    struct ear ear = {.acknowledges = true};
    struct answer answer = {.scene = &scene};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    take(&ear, &scene, queue, 1);
    send_many(&scene, queue, 1);
    wait_for(&scene, &ear.count, 1);
    transport_delete(scene.transport, queue, true, on_count, &answer);
    wait_answer(&answer);
    assert_int_equal(answer.err.kind, ERR_LIMIT);
    send_many(&scene, queue, 1); // and all goes on
    wait_for(&scene, &ear.count, 2);
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_message_that_must_arrive_and_cannot_is_an_error(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};
    struct answer silent = {.scene = &scene};
    struct message message = {.body = SLICE("lost")};

    scene_open(&scene, state);
    char *nowhere = new_name("nowhere");
    struct publish publish = {
        .exchange = "", .key = nowhere, .message = &message, .mandatory = true};
    transport_publish(scene.transport, &publish, on_done, &answer);
    wait_answer(&answer);
    assert_int_equal(answer.err.kind, ERR_SYSTEM);
    publish.mandatory = false;
    transport_publish(scene.transport, &publish, on_done, &silent);
    wait_good(&silent);
    free(nowhere);
    scene_close(&scene);
}

static void
a_queue_that_is_not_there_ends_its_taker(void **state)
{
    struct scene scene;
    struct ear ear = {0};
    char *nowhere = new_name("nowhere");

    scene_open(&scene, state);
    take(&ear, &scene, nowhere, 1);
    wait_for(&scene, &ear.ended, 1);
    assert_int_equal(ear.err.kind, ERR_CONFIG);
    stop(&ear);
    char *queue = declare(&scene); // and all goes on
    drop(&scene, queue);
    free(nowhere);
    scene_close(&scene);
}

static void
a_queue_that_exists_otherwise_is_an_error(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};
    struct answer passive = {.scene = &scene};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    struct queue_params params = {
        .name = queue, .durable = true, .expires_ms = 3600000};
    struct other other;
    other_open(&other, &scene, "second");
    answer.scene = &other.scene;
    transport_declare_queue(other.scene.transport, &params, on_done, &answer);
    wait_answer(&answer);
    assert_int_equal(answer.err.kind, ERR_CONFIG);
    other_close(&other);
    params.passive_first = true;
    transport_declare_queue(scene.transport, &params, on_done, &passive);
    wait_good(&passive);
    send_many(&scene, queue, 1);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
publish_to(struct scene *scene, const char *exchange, const char *key,
           const char *text)
{
    struct answer answer = {.scene = scene};
    struct message message = {.body = slice_of(text),
                              .content_type = SLICE("application/json"),
                              .content_encoding = SLICE("utf-8")};
    struct publish publish = {
        .exchange = exchange, .key = key, .message = &message};

    transport_publish(scene->transport, &publish, on_done, &answer);
    wait_good(&answer);
}

static void
drop_exchange(struct scene *scene, char *exchange)
{
    struct answer answer = {.scene = scene};

    transport_delete_exchange(scene->transport, exchange, on_done, &answer);
    wait_good(&answer);
    free(exchange);
}

static void
every_subscriber_hears_a_fanout(void **state)
{
    struct scene scene;
    struct other other;
    struct ear one = {0};
    struct ear two = {0};
    char *name = new_name("fanout");
    struct exchange_params exchange = {.name = name, .kind = EXCHANGE_FANOUT};

    scene_open(&scene, state);
    other_open(&other, &scene, "second");
    subscribe(&one, &scene, &exchange, "");
    publish_to(&scene, name, "", "first");
    wait_for(&scene, &one.count, 1);
    subscribe(&two, &other.scene, &exchange, "");
    publish_to(&scene, name, "", "second");
    wait_for(&scene, &one.count, 2);
    wait_for(&other.scene, &two.count, 1);
    assert_string_equal(body_of(&one, 0), "first");
    assert_string_equal(body_of(&one, 1), "second");
    assert_string_equal(body_of(&two, 0), "second");
    assert_string_equal(one.got.items[0].exchange, name);
    assert_int_equal(one.got.items[0].tag, 0);
    stop(&two);
    publish_to(&scene, name, "", "third");
    wait_for(&scene, &one.count, 3);
    assert_int_equal(two.count, 1);
    other_close(&other);
    stop(&one);
    drop_exchange(&scene, name);
    scene_close(&scene);
}

static void
a_topic_is_heard_by_its_pattern(void **state)
{
    struct scene scene;
    struct ear workers = {0};
    struct ear all = {0};
    char *name = new_name("topic");
    struct exchange_params exchange = {
        .name = name, .kind = EXCHANGE_TOPIC, .durable = true};

    scene_open(&scene, state);
    subscribe(&workers, &scene, &exchange, "worker.#");
    subscribe(&all, &scene, &exchange, "#");
    publish_to(&scene, name, "task.multi", "1");
    publish_to(&scene, name, "worker.heartbeat", "2");
    publish_to(&scene, name, "worker.a.b", "3");
    wait_for(&scene, &all.count, 3);
    wait_for(&scene, &workers.count, 2);
    assert_string_equal(body_of(&workers, 0), "2");
    assert_string_equal(body_of(&workers, 1), "3");
    assert_string_equal(workers.got.items[0].key, "worker.heartbeat");
    assert_string_equal(body_of(&all, 0), "1");
    stop(&all);
    stop(&workers);
    drop_exchange(&scene, name);
    scene_close(&scene);
}

static void
a_direct_exchange_gives_to_the_bound_queue(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};
    char *name = new_name("direct");
    struct exchange_params exchange = {
        .name = name, .kind = EXCHANGE_DIRECT, .durable = true};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    transport_declare_exchange(scene.transport, &exchange, on_done, &answer);
    transport_bind(scene.transport, queue, name, "key", on_done, &answer);
    wait_for(&scene, &answer.count, 2);
    assert_string_equal(answer.err.text, "");
    publish_to(&scene, name, "other", "nobody");
    publish_to(&scene, name, "key", "it");
    assert_int_equal(length_of(&scene, queue), 1);
    drop(&scene, queue);
    drop_exchange(&scene, name);
    scene_close(&scene);
}

static void
a_body_that_is_too_long_is_refused(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};
    size_t len = (size_t)TRANSPORT_BODY_MAX + 1;
    char *bytes = alloc_zero(len, 1);

    scene_open(&scene, state);
    char *queue = declare(&scene);
    struct message message = {.body = slice_make(bytes, len)};
    struct publish publish = {
        .exchange = "", .key = queue, .message = &message};
    scene.inside = true;
    transport_publish(scene.transport, &publish, on_done, &answer);
    scene.inside = false;
    wait_answer(&answer);
    assert_int_equal(answer.err.kind, ERR_LIMIT);
    free(bytes);
    send_many(&scene, queue, 1); // and all goes on
    assert_int_equal(length_of(&scene, queue), 1);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
closing_sends_what_waits(void **state)
{
    struct scene scene;

    scene_open(&scene, state);
    char *queue = declare(&scene);
    for (int i = 0; i < 100; i++) {
        send_text(&scene, queue, "late", NULL);
    }
    disconnect(&scene);
    connect_as(&scene, "second");
    assert_int_equal(length_of(&scene, queue), 100);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
it_may_be_freed_at_any_time(void **state)
{
    struct scene scene = {.suite = *state};
    struct ear ear = {0};

    stage_init(&scene.stage);
    connect_as(&scene, "first");
    transport_free(scene.transport); // before it was up
    connect_as(&scene, "first");
    wait_for(&scene, &scene.ups, 1);
    char *queue = declare(&scene);
    take(&ear, &scene, queue, 1);
    send_text(&scene, queue, "nobody waits", NULL);
    transport_free(scene.transport); // with things open
    connect_as(&scene, "second");
    drop(&scene, queue);
    forget_all(&ear);
    scene_close(&scene);
}

static void
the_broker_says_what_it_is(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};

    scene_open(&scene, state);
    scene.inside = true;
    transport_ask_facts(scene.transport, on_facts, &answer);
    scene.inside = false;
    wait_good(&answer);
    assert_true(slice_starts_with(slice_of(transport_address(scene.transport)),
                                  slice_of(answer.text)));
    scene_close(&scene);
}

static void
messages_are_withdrawn_by_a_header(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};
    json_t *wanted = json_pack("{s:s}", "mark", "a");
    json_t *other = json_pack("{s:s}", "mark", "b");

    scene_open(&scene, state);
    char *queue = declare(&scene);
    for (int i = 0; i < 6; i++) {
        struct message message = {.body = SLICE("x"),
                                  .content_type = SLICE("application/json"),
                                  .headers = i % 2 == 0 ? wanted : other};
        struct publish publish = {
            .exchange = "", .key = queue, .message = &message};
        transport_publish(scene.transport, &publish, NULL, NULL);
    }
    transport_withdraw(scene.transport, queue, "mark", "a", on_count, &answer);
    wait_good(&answer);
    assert_int_equal(answer.number, scene.suite->withdraws ? 3 : 0);
    assert_int_equal(length_of(&scene, queue), scene.suite->withdraws ? 3 : 6);
    json_decref(wanted);
    json_decref(other);
    drop(&scene, queue);
    scene_close(&scene);
}

// ---- lost connections ----

static void
cut(struct scene *scene)
{
    size_t ups = scene->ups;

    scene->suite->cut(scene->suite->ctx);
    wait_for(scene, &scene->ups, ups + 1);
    assert_true(scene->downs > 0);
}

static void
what_was_taken_comes_again_after_a_cut(void **state)
{
    struct scene scene;
    struct ear ear = {0};
    bool seen[3] = {false};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 3);
    take(&ear, &scene, queue, 2);
    wait_for(&scene, &ear.count, 2);
    cut(&scene);
    // Tags of before mean nothing now.
    transport_ack(scene.transport, ear.got.items[0].tag);
    transport_ack(scene.transport, ear.got.items[1].tag);
    wait_for(&scene, &ear.count, 4);
    transport_ack(scene.transport, ear.got.items[2].tag);
    transport_ack(scene.transport, ear.got.items[3].tag);
    wait_for(&scene, &ear.count, 5);
    for (size_t i = 2; i < 5; i++) {
        int64_t number = -1;
        assert_true(slice_to_int(slice_of(body_of(&ear, i)), 0, 2, &number));
        assert_false(seen[number]);
        seen[number] = true;
        assert_int_equal(ear.got.items[i].redelivered, number < 2);
    }
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
what_is_published_while_it_is_down_arrives(void **state)
{
    struct scene scene;
    struct answer answer = {.scene = &scene};

    scene_open(&scene, state);
    char *queue = declare(&scene);
    send_many(&scene, queue, 5);
    scene.suite->cut(scene.suite->ctx);
    for (int i = 0; i < 50; i++) {
        send_text(&scene, queue, "during", &answer);
    }
    wait_for(&scene, &answer.count, 50);
    assert_string_equal(answer.err.text, "");
    // Twice is allowed, lost is not.
    assert_true(length_of(&scene, queue) >= 55);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_subscriber_hears_again_after_a_cut(void **state)
{
    struct scene scene;
    struct ear ear = {0};
    char *name = new_name("fanout");
    struct exchange_params exchange = {.name = name, .kind = EXCHANGE_FANOUT};

    scene_open(&scene, state);
    subscribe(&ear, &scene, &exchange, "");
    cut(&scene);
    // On the same connection: behind whatever makes it hear again, or
    // repeated until it does.
    while (ear.count == 0) {
        publish_to(&scene, name, "", "again");
    }
    assert_string_equal(body_of(&ear, 0), "again");
    assert_int_equal(ear.subscribed, 1);
    stop(&ear);
    drop_exchange(&scene, name);
    scene_close(&scene);
}

static void
many_cuts_lose_nothing(void **state)
{
    struct scene scene;
    struct ear ear = {.acknowledges = true};
    bool seen[60] = {false};
    size_t different = 0;

    scene_open(&scene, state);
    char *queue = declare(&scene);
    take(&ear, &scene, queue, 4);
    for (size_t round = 0; round < 3; round++) {
        struct answer answer = {.scene = &scene};
        for (size_t i = 0; i < 20; i++) {
            char text[32];
            (void)snprintf(text, sizeof(text), "%zu", round * 20 + i);
            send_text(&scene, queue, text, &answer);
        }
        cut(&scene);
        wait_for(&scene, &answer.count, 20);
        assert_string_equal(answer.err.text, "");
    }
    for (size_t i = 0; different < 60; i++) {
        int64_t number = -1;
        wait_for(&scene, &ear.count, i + 1);
        assert_true(slice_to_int(slice_of(body_of(&ear, i)), 0, 59, &number));
        different += seen[number] ? 0 : 1;
        seen[number] = true;
    }
    stop(&ear);
    drop(&scene, queue);
    scene_close(&scene);
}

static const struct CMUnitTest for_all[] = {
    cmocka_unit_test(a_message_comes_with_all_it_has),
    cmocka_unit_test(a_body_may_be_any_bytes),
    cmocka_unit_test(messages_come_in_the_order_they_were_published),
    cmocka_unit_test(what_is_asked_before_it_is_up_waits_for_that),
    cmocka_unit_test(no_more_are_out_than_the_prefetch_allows),
    cmocka_unit_test(a_prefetch_may_be_changed),
    cmocka_unit_test(a_prefetch_may_be_changed_and_stopped_at_once),
    cmocka_unit_test(a_lowered_prefetch_holds_what_comes_next),
    cmocka_unit_test(what_is_requeued_comes_again),
    cmocka_unit_test(what_is_rejected_is_dropped),
    cmocka_unit_test(what_was_acknowledged_does_not_come_back),
    cmocka_unit_test(what_was_not_acknowledged_goes_back_at_the_close),
    cmocka_unit_test(without_acknowledgement_taken_is_done),
    cmocka_unit_test(a_tag_that_is_stale_is_ignored),
    cmocka_unit_test(nothing_comes_after_stopping),
    cmocka_unit_test(consumers_of_one_connection_share_it),
    cmocka_unit_test(takers_of_one_queue_get_each_message_once),
    cmocka_unit_test(a_length_is_what_waits_and_purging_drops_it),
    cmocka_unit_test(a_deleted_queue_is_empty_or_gone),
    cmocka_unit_test(what_takers_held_goes_with_a_deleted_queue),
    cmocka_unit_test(every_subscriber_hears_a_fanout),
    cmocka_unit_test(a_topic_is_heard_by_its_pattern),
    cmocka_unit_test(a_direct_exchange_gives_to_the_bound_queue),
    cmocka_unit_test(a_body_that_is_too_long_is_refused),
    cmocka_unit_test(closing_sends_what_waits),
    cmocka_unit_test(it_may_be_freed_at_any_time),
    cmocka_unit_test(the_broker_says_what_it_is),
    cmocka_unit_test(messages_are_withdrawn_by_a_header),
};

static const struct CMUnitTest for_known_queues[] = {
    cmocka_unit_test(a_queue_in_use_is_not_deleted_if_unused),
    cmocka_unit_test(a_message_that_must_arrive_and_cannot_is_an_error),
    cmocka_unit_test(a_queue_that_is_not_there_ends_its_taker),
    cmocka_unit_test(a_queue_that_exists_otherwise_is_an_error),
};

static const struct CMUnitTest for_cuts[] = {
    cmocka_unit_test(what_was_taken_comes_again_after_a_cut),
    cmocka_unit_test(what_is_published_while_it_is_down_arrives),
    cmocka_unit_test(a_subscriber_hears_again_after_a_cut),
    cmocka_unit_test(many_cuts_lose_nothing),
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ALL_COUNT \
    (COUNT_OF(for_all) + COUNT_OF(for_known_queues) + COUNT_OF(for_cuts))

static void
add(struct CMUnitTest *tests, size_t *count, const struct CMUnitTest *more,
    size_t more_count)
{
    memcpy(tests + *count, more, more_count * sizeof(*more));
    *count += more_count;
}

int
transport_suite_run(const struct transport_suite *suite)
{
    struct CMUnitTest tests[ALL_COUNT];
    struct transport_suite copy = *suite;
    size_t count = 0;

    add(tests, &count, for_all, COUNT_OF(for_all));
    if (suite->knows_queues) {
        add(tests, &count, for_known_queues, COUNT_OF(for_known_queues));
    }
    if (suite->cut != NULL) {
        add(tests, &count, for_cuts, COUNT_OF(for_cuts));
    }
    for (size_t i = 0; i < count; i++) {
        tests[i].initial_state = &copy;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return _cmocka_run_group_tests("transport", tests, count, NULL, NULL);
}
