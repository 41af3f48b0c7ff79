// The broker within this process keeps what every transport promises, and can
// be made to misbehave.
#include "tests/broker/transport_suite.h"

#include "tests/unit/stage.h"

#include "transport/inproc.h"
#include "transport/transport.h"
#include "util/alloc.h"
#include "util/array.h"

static void
cut_all(void *ctx)
{
    inproc_cut(ctx, NULL, false);
}

// ---- faults ----

struct scene {
    struct stage stage;
    struct inproc *broker;
    struct transport *transport;
    struct consumer *consumer;
    const enum inproc_fate *fates; // one for each publish
    size_t fate_count;
    size_t published;
    size_t confirmed;
    size_t refused;
    size_t ups;
    size_t downs;
    size_t notes;
    char came[64]; // the first letter of each message
    size_t count;
};

static enum inproc_fate
choose(void *ctx, const char *client, const struct publish *publish)
{
    struct scene *scene = ctx;

    (void)publish;
    assert_string_equal(client, "client");
    return scene->published < scene->fate_count
               ? scene->fates[scene->published++]
               : INPROC_PASS;
}

static void
on_up(void *ctx)
{
    ((struct scene *)ctx)->ups++;
}

static void
on_down(void *ctx, const struct err *err)
{
    (void)err;
    ((struct scene *)ctx)->downs++;
}

static void
on_note(void *ctx, const char *text, const char *hint)
{
    (void)text;
    (void)hint;
    ((struct scene *)ctx)->notes++;
}

static const struct transport_events events = {
    .on_up = on_up,
    .on_down = on_down,
    .on_note = on_note,
};

static void
on_delivery(void *ctx, const struct delivery *delivery)
{
    struct scene *scene = ctx;

    scene->came[scene->count++] = delivery->message.body.data[0];
    transport_ack(scene->transport, delivery->tag);
}

static void
on_done(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    if (err == NULL) {
        scene->confirmed++;
    } else {
        assert_int_equal(err->kind, ERR_LIMIT);
        scene->refused++;
    }
}

static void
settle(struct scene *scene)
{
    for (int i = 0; i < 8; i++) {
        stage_turn(&scene->stage);
    }
}

static void
scene_open(struct scene *scene, const enum inproc_fate *fates, size_t count)
{
    struct err err = {0};
    struct queue_params queue = {.name = "q"};
    struct consume_params take = {
        .queue = "q", .prefetch = 1, .on_delivery = on_delivery, .ctx = scene};

    *scene = (struct scene){.fates = fates, .fate_count = count};
    stage_init(&scene->stage);
    scene->broker = inproc_hold("faults");
    struct transport_params params = {.loop = scene->stage.loop,
                                      .urls = "inproc://faults",
                                      .name = "client",
                                      .events = &events,
                                      .ctx = scene};
    scene->transport = transport_open(&params, &err);
    assert_non_null(scene->transport);
    inproc_script(scene->broker, choose, scene);
    transport_declare_queue(scene->transport, &queue, NULL, NULL);
    scene->consumer = transport_take(scene->transport, &take);
    settle(scene);
}

static void
scene_close(struct scene *scene)
{
    transport_free(scene->transport);
    inproc_release(scene->broker);
    stage_release(&scene->stage);
}

static void
publish(struct scene *scene, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        struct message message = {.body = slice_make(letters, 1)};
        struct publish one = {.exchange = "", .key = "q", .message = &message};
        transport_publish(scene->transport, &one, on_done, scene);
    }
    settle(scene);
}

static void
a_dropped_message_is_confirmed_and_lost(void **state)
{
    static const enum inproc_fate fates[] = {INPROC_PASS, INPROC_DROP};
    struct scene scene;

    (void)state;
    scene_open(&scene, fates, 2);
    publish(&scene, "abc");
    assert_string_equal(scene.came, "ac");
    assert_int_equal(scene.confirmed, 3);
    scene_close(&scene);
}

static void
a_duplicate_comes_twice(void **state)
{
    static const enum inproc_fate fates[] = {INPROC_DUPLICATE};
    struct scene scene;

    (void)state;
    scene_open(&scene, fates, 1);
    publish(&scene, "ab");
    assert_string_equal(scene.came, "aab");
    assert_int_equal(scene.confirmed, 2);
    scene_close(&scene);
}

static void
delayed_messages_come_when_they_are_let(void **state)
{
    static const enum inproc_fate fates[] = {INPROC_DELAY, INPROC_DELAY,
                                             INPROC_PASS, INPROC_DELAY};
    struct scene scene;

    (void)state;
    scene_open(&scene, fates, 4);
    publish(&scene, "abc");
    assert_string_equal(scene.came, "c");
    assert_int_equal(inproc_kept(scene.broker), 2);
    inproc_let(scene.broker, INPROC_REVERSED);
    assert_int_equal(inproc_kept(scene.broker), 0);
    settle(&scene);
    assert_string_equal(scene.came, "cba");
    publish(&scene, "d");
    inproc_let(scene.broker, INPROC_IN_ORDER);
    settle(&scene);
    assert_string_equal(scene.came, "cbad");
    scene_close(&scene);
}

static void
a_refused_message_is_an_error(void **state)
{
    static const enum inproc_fate fates[] = {INPROC_REFUSE};
    struct scene scene;

    (void)state;
    scene_open(&scene, fates, 1);
    publish(&scene, "ab");
    assert_string_equal(scene.came, "b");
    assert_int_equal(scene.refused, 1);
    assert_int_equal(scene.confirmed, 1);
    scene_close(&scene);
}

static void
a_message_whose_confirmation_was_lost_comes_again(void **state)
{
    static const enum inproc_fate fates[] = {INPROC_SILENT};
    struct scene scene;

    (void)state;
    scene_open(&scene, fates, 1);
    publish(&scene, "ab");
    assert_string_equal(scene.came, "ab");
    assert_int_equal(scene.confirmed, 1);
    inproc_cut(scene.broker, "client", false);
    settle(&scene);
    assert_string_equal(scene.came, "aba");
    assert_int_equal(scene.confirmed, 2);
    scene_close(&scene);
}

static void
a_client_that_is_away_stays_away(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, NULL, 0);
    inproc_cut(scene.broker, "nobody", true);
    publish(&scene, "a");
    inproc_cut(scene.broker, "client", true);
    settle(&scene);
    assert_false(transport_is_up(scene.transport));
    assert_int_equal(scene.downs, 1);
    publish(&scene, "b");
    assert_string_equal(scene.came, "a");
    inproc_back(scene.broker, "client");
    settle(&scene);
    assert_true(transport_is_up(scene.transport));
    assert_int_equal(scene.ups, 2);
    assert_string_equal(scene.came, "ab");
    scene_close(&scene);
}

static void
an_alarm_holds_publishes_and_nothing_else(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, NULL, 0);
    inproc_alarm(scene.broker, true);
    publish(&scene, "a");
    assert_int_equal(scene.confirmed + scene.refused, 0);
    assert_int_equal(scene.notes, 1);
    assert_int_equal(inproc_length(scene.broker, "q"), 0);
    inproc_alarm(scene.broker, false);
    settle(&scene);
    assert_string_equal(scene.came, "a");
    assert_int_equal(scene.notes, 2);
    scene_close(&scene);
}

static void
names_of_brokers_keep_them_apart(void **state)
{
    struct inproc *one = inproc_hold("one");
    struct inproc *two = inproc_hold("two");

    (void)state;
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(inproc_hold("one"), one);
    inproc_release(one);
    assert_int_equal(inproc_queue_count(one), 0);
    assert_int_equal(inproc_exchange_count(one), 0);
    assert_int_equal(inproc_length(one, "q"), -1);
    inproc_release(one);
    inproc_release(two);
}

static const struct CMUnitTest faults[] = {
    cmocka_unit_test(a_dropped_message_is_confirmed_and_lost),
    cmocka_unit_test(a_duplicate_comes_twice),
    cmocka_unit_test(delayed_messages_come_when_they_are_let),
    cmocka_unit_test(a_refused_message_is_an_error),
    cmocka_unit_test(a_message_whose_confirmation_was_lost_comes_again),
    cmocka_unit_test(a_client_that_is_away_stays_away),
    cmocka_unit_test(an_alarm_holds_publishes_and_nothing_else),
    cmocka_unit_test(names_of_brokers_keep_them_apart),
};

// One program, one TAP stream: which half is the argument.
int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "faults") == 0) {
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(faults, NULL, NULL);
    }
    struct inproc *broker = inproc_hold("suite");
    struct transport_suite suite = {.url = "inproc://suite",
                                    .cut = cut_all,
                                    .ctx = broker,
                                    .knows_queues = true};
    int failed = transport_suite_run(&suite);
    inproc_release(broker);
    return failed;
}
