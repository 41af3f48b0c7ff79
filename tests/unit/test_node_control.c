#include "celery_golden.h"
#include "celery_scene.h"

// What a stock worker answered to the same command.
static json_t *
golden_answer(const char *name)
{
    json_t *golden = celery_golden(name);
    struct message message =
        celery_golden_message(json_object_get(golden, "reply"));
    json_t *reply = json_loadb(message.body.data, message.body.len, 0, NULL);
    json_t *value =
        json_incref(json_object_iter_value(json_object_iter(reply)));

    json_decref(reply);
    json_decref(golden);
    return value;
}

// An answer has all that a stock worker's has, of the same types.
static void
assert_shape(struct scene *scene, const char *method, json_t *arguments,
             const char *name)
{
    json_t *golden = golden_answer(name);
    const json_t *ours = scene_ask(scene, method, arguments);

    assert_non_null(ours);
    assert_int_equal(json_typeof(ours), json_typeof(golden));
    celery_golden_same_shape(golden, ours);
    json_decref(golden);
}

static void
answers_are_those_of_a_stock_worker(void **state)
{
    struct scene scene;
    json_t *golden = NULL;

    (void)state;
    scene_open(&scene, 3);
    scene.starts = true;
    scene_send_id(&scene, "1");
    assert_shape(&scene, "ping", NULL, "pidbox-ping");
    assert_shape(&scene, "stats", NULL, "pidbox-stats");
    assert_shape(&scene, "clock", NULL, "pidbox-clock");
    assert_shape(&scene, "registered", json_pack("{s:[]}", "taskinfoitems"),
                 "pidbox-registered");
    assert_shape(&scene, "revoked", NULL, "pidbox-revoked");
    golden = golden_answer("pidbox-active_queues");
    celery_golden_same_shape(
        json_array_get(golden, 0),
        json_array_get(scene_ask(&scene, "active_queues", NULL), 0));
    celery_golden_same_shape(
        json_object_get(json_array_get(golden, 0), "exchange"),
        json_object_get(json_array_get(scene.reply, 0), "exchange"));
    json_decref(golden);
    golden = golden_answer("pidbox-active-busy");
    celery_golden_same_shape(
        json_array_get(golden, 0),
        json_array_get(scene_ask(&scene, "active", NULL), 0));
    json_decref(golden);
    golden = golden_answer("pidbox-stats");
    static const char *const parts[] = {"pool", "broker", "rusage"};
    (void)scene_ask(&scene, "stats", NULL);
    for (size_t i = 0; i < 3; i++) {
        json_t *part = json_object_get(golden, parts[i]);
        json_object_del(part, "writes"); // of its own kind of pool
        celery_golden_same_shape(part, json_object_get(scene.reply, parts[i]));
    }
    json_decref(golden);
    scene_close(&scene);
}

static void
small_answers_are_exact(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene_assert_answer(&scene, "ping", NULL, "{\"ok\":\"pong\"}");
    scene_assert_answer(&scene, "registered", NULL, "[\"t.work\",\"t.rest\"]");
    scene_assert_answer(&scene, "active", NULL, "[]");
    scene_assert_answer(&scene, "reserved", NULL, "[]");
    scene_assert_answer(&scene, "scheduled", NULL, "[]");
    scene_assert_answer(&scene, "revoked", NULL, "[]");
    scene_assert_answer(&scene, "heartbeat", NULL, "null");
    scene_wait(&scene, "event worker-heartbeat");
    scene_assert_answer(&scene, "query_task", json_pack("{s:[s]}", "ids", "x"),
                        "{}");
    scene_assert_answer(&scene, "election",
                        json_pack("{s:s, s:s}", "id", "1", "topic", "t"),
                        "null");
    scene_close(&scene);
}

static void
tasks_are_shown_by_their_state(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("3");

    (void)state;
    scene_open(&scene, 3);
    scene_send_id(&scene, "1");
    scene_send_id(&scene, "2");
    params.eta = now_wall_usec() + INT64_C(3600) * 1000000;
    scene_send(&scene, &params);
    (void)node_task_started(scene.tasks.items[0], 0);
    const json_t *answer =
        scene_ask(&scene, "query_task",
                  json_pack("{s:[s,s,s,s]}", "ids", "1", "2", "3", "4"));
    static const char *const states[][2] = {
        {"1", "active"}, {"2", "reserved"}, {"3", "scheduled"}};
    assert_int_equal(json_object_size(answer), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *pair = json_object_get(answer, states[i][0]);
        assert_string_equal(json_string_value(json_array_get(pair, 0)),
                            states[i][1]);
        assert_string_equal(
            json_string_value(json_object_get(json_array_get(pair, 1), "id")),
            states[i][0]);
    }
    assert_int_equal(json_array_size(scene_ask(&scene, "active", NULL)), 1);
    assert_int_equal(json_array_size(scene_ask(&scene, "reserved", NULL)), 1);
    assert_int_equal(json_array_size(scene_ask(&scene, "scheduled", NULL)), 1);
    answer = scene_ask(&scene, "active", json_pack("{s:b}", "safe", 1));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(answer, 0), "args")),
        "()");
    scene_close(&scene);
}

static void
no_answer_shows_a_password(void **state)
{
    static const char *const methods[] = {"stats", "conf", "report"};
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    for (size_t i = 0; i < 3; i++) {
        char *text = scene_ask_text(&scene, methods[i], NULL);
        assert_null(strstr(text, "secret"));
        assert_non_null(strstr(text, "redis"));
        free(text);
    }
    scene_close(&scene);
}

static void
what_is_not_supported_says_so(void **state)
{
    static const char *const methods[] = {
        "rate_limit", "time_limit", "autoscale", "pool_restart", "memsample"};
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        scene_assert_answer(&scene, methods[i], NULL,
                            "{\"error\":\"not supported\"}");
    }
    scene_assert_answer(&scene, "no_such_command", NULL,
                        "{\"error\":\"KeyError('no_such_command')\"}");
    scene_close(&scene);
}

static void
bad_arguments_get_pythons_words(void **state)
{
    struct scene scene;
    json_t *golden = golden_answer("pidbox-custom-badargs");

    (void)state;
    scene_open(&scene, 3);
    const json_t *answer =
        scene_ask(&scene, "revoke", json_pack("{s:s}", "nope", "b1"));
    assert_true(json_equal(answer, golden));
    json_decref(golden);
    scene_assert_answer(&scene, "ping", json_pack("{s:i}", "more", 1),
                        "{\"ok\":\"pong\"}");
    scene_assert_answer(
        &scene, "enable_events", json_pack("{s:i}", "x", 1),
        "{\"error\":\"TypeError(\\\"enable_events() got an unexpected keyword "
        "argument 'x'\\\")\"}");
    scene_assert_answer(
        &scene, "query_task", NULL,
        "{\"error\":\"TypeError(\\\"query_task() missing 1 required "
        "positional argument: 'ids'\\\")\"}");
    scene_assert_answer(
        &scene, "add_consumer", json_pack("{s:i}", "queue", 1),
        "{\"error\":\"TypeError(\\\"add_consumer() missing 1 required "
        "positional argument: 'queue'\\\")\"}");
    scene_assert_answer(
        &scene, "revoke",
        json_pack("{s:s, s:s}", "task_id", "1", "signal", "SIGNONE"),
        "{\"error\":\"TypeError('unknown signal')\"}");
    scene_close(&scene);
}

static void
acting_commands_need_to_be_allowed(void **state)
{
    static const char *const methods[] = {
        "revoke",       "terminate",       "revoke_by_stamped_headers",
        "add_consumer", "cancel_consumer", "pool_grow",
        "pool_shrink",  "shutdown",        "act"};
    struct scene scene;

    (void)state;
    scene_init(&scene);
    struct node_params params = scene_params(&scene);
    params.allow_control = false;
    scene_open_with(&scene, &params, 3);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        scene_assert_answer(&scene, methods[i],
                            json_pack("{s:s, s:s, s:{}, s:s}", "queue", "q",
                                      "task_id", "1", "headers", "signal",
                                      "TERM"),
                            "{\"error\":\"not allowed: start the worker with "
                            "--allow-control\"}");
    }
    assert_int_equal(scene_count(&scene, "shutdown"), 0);
    assert_int_equal(scene_count(&scene, "command act"), 0);
    assert_true(node_consumes(scene.node, "q"));
    scene_assert_answer(&scene, "ping", NULL, "{\"ok\":\"pong\"}");
    scene_assert_answer(&scene, "echo", json_pack("{s:i}", "a", 1),
                        "{\"a\":1}");
    scene_close(&scene);
}

static void
queues_come_and_go_by_command(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene_assert_answer(&scene, "add_consumer",
                        json_pack("{s:s, s:{s:i}}", "queue", "r",
                                  "queue_arguments", "x-expires", 3600000),
                        "{\"ok\":\"add consumer r\"}");
    scene_wait(&scene, "queues");
    assert_true(node_consumes(scene.node, "r"));
    const json_t *list = scene_ask(&scene, "active_queues", NULL);
    assert_int_equal(json_array_size(list), 2);
    const json_t *arguments =
        json_object_get(json_array_get(list, 1), "queue_arguments");
    assert_int_equal(
        json_integer_value(json_object_get(arguments, "x-expires")), 3600000);
    scene_assert_answer(&scene, "add_consumer",
                        json_pack("{s:s, s:s, s:s}", "queue", "s", "exchange",
                                  "e", "routing_key", "k"),
                        "{\"ok\":\"add consumer s\"}");
    struct message message = {.body = SLICE("no task")};
    struct publish publish = {.exchange = "e", .key = "k", .message = &message};
    scene_settle(&scene);
    transport_publish(scene.client, &publish, NULL, NULL);
    scene_settle(&scene);
    assert_int_equal(inproc_length(scene.broker, "s"), 0); // taken, rejected
    scene_assert_answer(&scene, "cancel_consumer",
                        json_pack("{s:s}", "queue", "r"),
                        "{\"ok\":\"no longer consuming from r\"}");
    assert_false(node_consumes(scene.node, "r"));
    scene_assert_answer(&scene, "cancel_consumer",
                        json_pack("{s:s}", "queue", "r"),
                        "{\"ok\":\"no longer consuming from r\"}");
    scene_close(&scene);
}

static void
slots_grow_and_shrink(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene_assert_answer(&scene, "pool_grow", json_pack("{s:i}", "n", 2),
                        "{\"ok\":\"pool will grow\"}");
    const json_t *stats = scene_ask(&scene, "stats", NULL);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(stats, "pool"), "max-concurrency")),
                     4);
    scene_assert_answer(&scene, "pool_shrink", NULL,
                        "{\"ok\":\"pool will shrink\"}");
    scene_assert_answer(&scene, "pool_grow", json_pack("{s:i}", "n", 100),
                        "{\"error\":\"too many\"}");
    scene_assert_answer(
        &scene, "pool_shrink", json_pack("{s:i}", "n", 100),
        "{\"error\":\"ValueError('-97 slots are not possible')\"}");
    scene_assert_answer(
        &scene, "pool_grow", json_pack("{s:s}", "n", "x"),
        "{\"error\":\"ValueError('n is no sensible number')\"}");
    scene_close(&scene);
}

static void
events_of_tasks_are_switched(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene_assert_answer(&scene, "enable_events", NULL,
                        "{\"ok\":\"task events already enabled\"}");
    scene_assert_answer(&scene, "disable_events", NULL,
                        "{\"ok\":\"task events disabled\"}");
    scene_assert_answer(&scene, "disable_events", NULL,
                        "{\"ok\":\"task events already disabled\"}");
    scene_send_id(&scene, "1");
    scene_assert_answer(&scene, "enable_events", NULL,
                        "{\"ok\":\"task events enabled\"}");
    (void)node_task_started(scene.tasks.items[0], 0);
    scene_wait(&scene, "event task-started");
    assert_int_equal(scene_count(&scene, "event task-received"), 0);
    node_event(scene.node, "mule-joined", NULL);
    scene_wait(&scene, "event mule-joined");
    scene_close(&scene);
}

static void
a_shutdown_is_told_and_not_answered(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene.life = 20;
    scene_assert_answer(&scene, "shutdown", NULL, "(nothing)");
    assert_int_equal(scene_count(&scene, "shutdown"), 1);
    scene_close(&scene);
}

static void
an_own_command_may_be_answered_later(void **state)
{
    struct scene scene;
    static const char *const destinations[] = {"a@h"};
    struct ask ask = {.method = "own",
                      .destinations = destinations,
                      .destination_count = 1,
                      .timeout_ms = 10000,
                      .on_reply = scene_on_reply,
                      .on_done = scene_on_done};

    (void)state;
    scene_open(&scene, 3);
    ask.ctx = &scene;
    (void)asker_ask(scene.asker, &ask);
    scene_wait(&scene, "command own");
    assert_non_null(scene.open);
    scene_assert_answer(&scene, "echo", NULL, "{}");
    scene.reply_done = false;
    node_reply_error(scene.open, "no %d", 7);
    while (!scene.reply_done) {
        stage_run(&scene.stage);
    }
    assert_string_equal(
        json_string_value(json_object_get(scene.reply, "error")), "no 7");
    // Told without waiting: there is no handle.
    asker_tell(scene.asker, &ask);
    scene_wait_times(&scene, "command own", 2);
    assert_null(scene.open);
    node_reply(scene.open, NULL);
    scene_close(&scene);
}

static void
a_command_for_others_is_not_heard(void **state)
{
    struct scene scene;
    static const char *const others[] = {"b@h"};
    struct ask ask = {.method = "echo",
                      .destinations = others,
                      .destination_count = 1,
                      .timeout_ms = 10};

    (void)state;
    scene_open(&scene, 3);
    asker_tell(scene.asker, &ask);
    scene_settle(&scene);
    assert_int_equal(scene_count(&scene, "command echo"), 0);
    scene_close(&scene);
}

static void
rubbish_is_survived(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "{\"method\": []}",
        "{\"method\": \"ping\", "
        "\"reply_to\": {\"routing_key\": \"inbox\", \"exchange\": \"other\"}}",
        "{\"method\": \"ping\", \"reply_to\": {\"routing_key\": \"\"}}",
        "{\"method\": \"revoke\", \"arguments\": {\"task_id\": [1, null, {}, "
        "\"\"]}}",
        "{\"method\": \"revoke_by_stamped_headers\", \"arguments\": "
        "{\"headers\": [\"a=b\", \"c\", 4]}}",
        "{\"method\": \"hello\", \"arguments\": {\"from_node\": 1, "
        "\"revoked\": 7}}"};
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct message message = {.body = slice_of(bodies[i])};
        struct publish publish = {
            .exchange = NAMES_CONTROL_EXCHANGE, .key = "", .message = &message};
        transport_publish(scene.client, &publish, NULL, NULL);
    }
    scene_assert_answer(&scene, "ping", NULL, "{\"ok\":\"pong\"}");
    scene_close(&scene);
}

// ---- the asker ----

static void
an_asker_waits_for_all_until_the_time_is_up(void **state)
{
    struct scene scene;
    struct ask ask = {.method = "ping",
                      .timeout_ms = 30,
                      .on_reply = scene_on_reply,
                      .on_done = scene_on_done};

    (void)state;
    scene_open(&scene, 3);
    ask.ctx = &scene;
    (void)asker_ask(scene.asker, &ask);
    while (!scene.reply_done) {
        stage_run(&scene.stage);
    }
    assert_int_equal(scene.replies, 1);
    scene_close(&scene);
}

static void
an_asker_may_have_an_inbox_of_its_own(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    asker_free(scene.asker);
    size_t before = inproc_queue_count(scene.broker);
    struct asker_params params = {.loop = scene.stage.loop,
                                  .transport = scene.client};
    scene.asker = asker_new(&params);
    scene_assert_answer(&scene, "ping", NULL, "{\"ok\":\"pong\"}");
    assert_int_equal(inproc_queue_count(scene.broker), before + 1);
    asker_free(scene.asker);
    scene.asker = NULL;
    scene_settle(&scene);
    assert_int_equal(inproc_queue_count(scene.broker), before);
    scene_close(&scene);
}

static void
a_cancelled_question_is_not_answered(void **state)
{
    struct scene scene;
    struct ask ask = {.method = "ping",
                      .timeout_ms = 5000,
                      .on_reply = scene_on_reply,
                      .on_done = scene_on_done};

    (void)state;
    scene_open(&scene, 3);
    ask.ctx = &scene;
    uint64_t number = asker_ask(scene.asker, &ask);
    asker_cancel(scene.asker, number);
    asker_cancel(scene.asker, number);
    scene_settle(&scene);
    assert_int_equal(scene.replies, 0);
    assert_false(scene.reply_done);
    scene_close(&scene);
}

static void
too_long_a_question_is_an_error(void **state)
{
    struct scene scene;
    size_t len = 17u << 20;
    char *much = calloc(1, len + 1);

    (void)state;
    memset(much, 'x', len);
    scene_open(&scene, 3);
    json_t *arguments = json_pack("{s:s}", "a", much);
    free(much);
    scene_assert_answer(&scene, "echo", arguments, "(nothing)");
    scene_close(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers_are_those_of_a_stock_worker),
    cmocka_unit_test(small_answers_are_exact),
    cmocka_unit_test(tasks_are_shown_by_their_state),
    cmocka_unit_test(no_answer_shows_a_password),
    cmocka_unit_test(what_is_not_supported_says_so),
    cmocka_unit_test(bad_arguments_get_pythons_words),
    cmocka_unit_test(acting_commands_need_to_be_allowed),
    cmocka_unit_test(queues_come_and_go_by_command),
    cmocka_unit_test(slots_grow_and_shrink),
    cmocka_unit_test(events_of_tasks_are_switched),
    cmocka_unit_test(a_shutdown_is_told_and_not_answered),
    cmocka_unit_test(an_own_command_may_be_answered_later),
    cmocka_unit_test(a_command_for_others_is_not_heard),
    cmocka_unit_test(rubbish_is_survived),
    cmocka_unit_test(an_asker_waits_for_all_until_the_time_is_up),
    cmocka_unit_test(an_asker_may_have_an_inbox_of_its_own),
    cmocka_unit_test(a_cancelled_question_is_not_answered),
    cmocka_unit_test(too_long_a_question_is_an_error),
};

CHECK_MAIN(tests)
