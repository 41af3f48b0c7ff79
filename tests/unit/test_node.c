#include "celery_scene.h"

// ---- its beginning and end ----

static void
a_node_comes_online_and_goes_offline(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    assert_string_equal(node_name(scene.node), "a@h");
    scene_wait(&scene, "event worker-online");
    node_stop(scene.node, NODE_WARM, scene_closed, &scene);
    scene_wait(&scene, "closed");
    scene_wait(&scene, "event worker-offline");
    // What is its own goes with it; its task queue stays.
    assert_int_equal(inproc_length(scene.broker, "a@h.celery.pidbox"), -1);
    assert_int_equal(inproc_queue_count(scene.broker), 3);
    assert_int_equal(inproc_length(scene.broker, "q"), 0);
    scene_release(&scene);
}

static void
a_node_beats(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    struct node_params params = scene_params(&scene);
    params.heartbeat_ms = 5;
    scene_open_with(&scene, &params, 1);
    scene_wait_times(&scene, "event worker-heartbeat", 3);
    scene_close(&scene);
}

static void
a_bad_name_is_an_error(void **state)
{
    struct scene scene;
    struct err err = {0};

    (void)state;
    scene_init(&scene);
    struct node_params params = scene_params(&scene);
    params.name = "nobody";
    assert_null(node_new(&params, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    scene_release(&scene);
}

static void
a_name_that_is_in_use_is_found(void **state)
{
    struct scene scene;
    struct err err = {0};

    (void)state;
    scene_open(&scene, 1);
    struct node_params params = scene_params(&scene);
    params.hello_ms = 1000;
    params.transport = scene_connect(&scene, "other", &scene_client_events);
    struct node *other = node_new(&params, &err);
    assert_non_null(other);
    while (scene.said.count == 0 ||
           strncmp(scene.said.items[scene.said.count - 1], "failed", 6) != 0) {
        stage_run(&scene.stage);
    }
    assert_non_null(strstr(scene.said.items[scene.said.count - 1], "a@h"));
    node_free(other);
    transport_free(params.transport);
    scene_assert_answer(&scene, "ping", NULL, "{\"ok\":\"pong\"}");
    scene_close(&scene);
}

// A node of another make: it answers hello, and hears it.
struct stock {
    struct scene *scene;
    struct transport *transport;
    struct consumer *consumer;
    const char *name;
    size_t hellos;
};

static void
stock_answer(void *ctx, const struct delivery *delivery)
{
    struct stock *stock = ctx;
    json_t *request = json_loadb(delivery->message.body.data,
                                 delivery->message.body.len, 0, NULL);
    const json_t *reply_to = json_object_get(request, "reply_to");
    json_t *headers =
        json_pack("{s:O, s:i}", "ticket", json_object_get(request, "ticket"),
                  "clock", 100);
    json_t *body = json_pack("{s:{s:[s], s:i}}", stock->name, "revoked",
                             "gone-1", "clock", 500);
    char *text = json_dumps(body, 0);
    struct message message = {.body = slice_of(text), .headers = headers};
    struct publish publish = {
        .exchange = "",
        .key = json_string_value(json_object_get(reply_to, "routing_key")),
        .message = &message};

    stock->hellos++;
    transport_publish(stock->transport, &publish, NULL, NULL);
    free(text);
    json_decref(body);
    json_decref(headers);
    json_decref(request);
}

static void
stock_open(struct stock *stock, struct scene *scene, const char *name)
{
    *stock = (struct stock){.scene = scene, .name = name};
    stock->transport = scene_connect(scene, "stock", &scene_client_events);
    struct subscribe_params params = {.exchange = names_control_exchange,
                                      .key = "",
                                      .queue = {.name = "stock"},
                                      .on_delivery = stock_answer,
                                      .ctx = stock};
    stock->consumer = transport_subscribe(stock->transport, &params);
    scene_settle(scene);
}

static void
what_stock_peers_know_is_taken_over(void **state)
{
    struct scene scene;
    struct stock stock;

    (void)state;
    scene_init(&scene);
    stock_open(&stock, &scene, "stock@h");
    struct node_params params = scene_params(&scene);
    params.hello_ms = 300;
    scene_open_with(&scene, &params, 1);
    assert_int_equal(stock.hellos, 1);
    transport_free(stock.transport);
    assert_true(node_clock(scene.node)->value > 500);
    scene_assert_answer(&scene, "revoked", NULL, "[\"gone-1\"]");
    scene_close(&scene);
}

static void
a_stock_peer_of_the_same_name_is_found(void **state)
{
    struct scene scene;
    struct stock stock;
    struct err err = {0};

    (void)state;
    scene_init(&scene);
    stock_open(&stock, &scene, "a@h");
    struct node_params params = scene_params(&scene);
    params.hello_ms = 1000;
    scene.node = node_new(&params, &err);
    scene_wait(&scene, "failed another worker is called a@h already");
    assert_int_equal(scene_count(&scene, "ready"), 0);
    transport_free(stock.transport);
    scene_release(&scene);
}

static void
a_node_that_failed_may_be_stopped(void **state)
{
    struct scene scene;
    struct stock stock;
    struct err err = {0};

    (void)state;
    scene_init(&scene);
    stock_open(&stock, &scene, "a@h");
    struct node_params params = scene_params(&scene);
    params.hello_ms = 1000;
    scene.node = node_new(&params, &err);
    scene_wait(&scene, "failed another worker is called a@h already");
    node_stop(scene.node, NODE_WARM, scene_closed, &scene);
    scene_wait(&scene, "closed");
    struct queue_params queue = {.name = "late"};
    node_consume(scene.node, &queue, 1, NULL, NULL);
    assert_false(node_consumes(scene.node, "late"));
    transport_free(stock.transport);
    scene_release(&scene);
}

static void
hello_is_answered_to_stock_nodes_only(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    (void)scene_ask(&scene, "revoke", json_pack("{s:s}", "task_id", "r-1"));
    const json_t *value =
        scene_ask(&scene, "hello",
                  json_pack("{s:s, s:{}}", "from_node", "s@h", "revoked"));
    assert_true(json_is_integer(json_object_get(value, "clock")));
    char *revoked = json_dumps(json_object_get(value, "revoked"), 0);
    assert_string_equal(revoked, "[\"r-1\"]");
    free(revoked);
    // Of its own name: null, as stock nodes say.
    scene_assert_answer(&scene, "hello", json_pack("{s:s}", "from_node", "a@h"),
                        "null");
    scene_assert_answer(
        &scene, "hello",
        json_pack("{s:s, s:s}", "from_node", "a@h", "token", "x"), "null");
    scene.life = 20;
    scene_assert_answer(
        &scene, "hello",
        json_pack("{s:s, s:s}", "from_node", "n@h", "token", "x"), "(nothing)");
    scene_close(&scene);
}

static void
many_nodes_that_start_do_not_answer_each_other(void **state)
{
    enum {
        COUNT = 20
    };
    struct scene scene;
    struct node *nodes[COUNT];
    struct transport *transports[COUNT];
    struct err err = {0};

    (void)state;
    scene_init(&scene);
    for (int i = 0; i < COUNT; i++) {
        char name[16];
        struct node_params params = scene_params(&scene);
        (void)snprintf(name, sizeof(name), "n%d@h", i);
        params.name = name;
        transports[i] = scene_connect(&scene, name, &scene_client_events);
        params.transport = transports[i];
        nodes[i] = node_new(&params, &err);
        assert_non_null(nodes[i]);
    }
    scene_wait_times(&scene, "ready", COUNT);
    for (int i = 0; i < COUNT; i++) {
        // A reply would have been a tick: hello, online and nothing else
        // was sent, and one hello heard of each that came later or before.
        assert_true(node_clock(nodes[i])->value <= INT64_C(3) * COUNT);
        transport_free(transports[i]);
        node_free(nodes[i]);
    }
    scene_release(&scene);
}

// ---- tasks ----

static void
a_task_is_given_started_and_done(void **state)
{
    struct scene scene;
    json_t *value = json_pack("{s:i}", "n", 3);

    (void)state;
    scene_open(&scene, 1);
    scene_send_id(&scene, "1");
    scene_wait(&scene, "task 1");
    struct node_task *task = scene.tasks.items[0];
    assert_string_equal(node_task_queue(task), "q");
    assert_false(node_task_is_redelivered(task));
    assert_false(node_task_is_started(task));
    assert_null(node_task_mine(task));
    node_task_set(task, &scene);
    assert_ptr_equal(node_task_mine(task), &scene);
    assert_true(node_task_started(task, 77));
    assert_true(node_task_is_started(task));
    scene_wait(&scene, "result STARTED");
    const json_t *started = json_object_get(scene.result, "result");
    assert_int_equal(json_integer_value(json_object_get(started, "pid")), 77);
    assert_string_equal(json_string_value(json_object_get(started, "hostname")),
                        "a@h");
    node_task_state(task, "PROGRESS", value);
    scene_wait(&scene, "result PROGRESS");
    scene_forget(&scene, task);
    node_task_done(task, value);
    scene_wait(&scene, "result SUCCESS");
    assert_true(json_equal(json_object_get(scene.result, "result"), value));
    assert_string_equal(
        json_string_value(json_object_get(scene.result, "task_id")), "1");
    assert_true(json_is_string(json_object_get(scene.result, "date_done")));
    scene_wait(&scene, "event task-received");
    scene_wait(&scene, "event task-started");
    scene_wait(&scene, "event task-succeeded");
    json_decref(value);
    scene_close(&scene);
}

static void
without_anybody_waiting_there_is_no_result(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("1");

    (void)state;
    scene_open(&scene, 1);
    scene.starts = true;
    params.ignore_result = true;
    scene_send(&scene, &params);
    node_task_done(scene.tasks.items[0], NULL);
    params.ignore_result = false;
    params.id = "2";
    params.reply_to = NULL;
    scene_send(&scene, &params);
    node_task_failed(scene.tasks.items[1], "ValueError", "bad");
    scene_send_id(&scene, "3");
    scene_wait(&scene, "result STARTED");
    assert_string_equal(
        json_string_value(json_object_get(scene.result, "task_id")), "3");
    ARRAY_CLEAR(&scene.tasks);
    node_stop(scene.node, NODE_WARM, scene_closed, &scene);
    scene_release(&scene);
}

static void
a_failure_says_what_was_wrong(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    scene_send_id(&scene, "1");
    (void)node_task_started(scene.tasks.items[0], 0);
    node_task_failed(scene.tasks.items[0], "OSError", "no \"disk\"");
    ARRAY_CLEAR(&scene.tasks);
    scene_wait(&scene, "result FAILURE");
    scene_wait(&scene, "event task-failed");
    char *text = json_dumps(json_object_get(scene.result, "result"),
                            JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"exc_message\":[\"no \\\"disk\\\"\"],"
                              "\"exc_module\":\"builtins\","
                              "\"exc_type\":\"OSError\"}");
    free(text);
    scene_close(&scene);
}

static void
a_result_that_is_too_long_becomes_a_failure(void **state)
{
    struct scene scene;
    size_t len = TRANSPORT_BODY_MAX;
    char *much = calloc(1, len + 1);

    (void)state;
    memset(much, 'x', len);
    json_t *value = json_string(much);
    free(much);
    scene_open(&scene, 1);
    scene_send_id(&scene, "1");
    (void)node_task_started(scene.tasks.items[0], 0);
    node_task_done(scene.tasks.items[0], value);
    ARRAY_CLEAR(&scene.tasks);
    json_decref(value);
    scene_wait(&scene, "result FAILURE");
    const json_t *said = json_object_get(scene.result, "result");
    assert_string_equal(json_string_value(json_object_get(said, "exc_type")),
                        "OverflowError");
    scene_close(&scene);
}

static void
an_unknown_task_is_not_registered(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("1");

    (void)state;
    scene_open(&scene, 1);
    params.name = "t.other";
    scene_send(&scene, &params);
    scene_wait(&scene, "result FAILURE");
    char *text = json_dumps(json_object_get(scene.result, "result"),
                            JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"exc_message\":[\"t.other\"],"
                              "\"exc_module\":\"celery.exceptions\","
                              "\"exc_type\":\"NotRegistered\"}");
    free(text);
    scene_wait(&scene, "event task-failed");
    scene_send_id(&scene, "2"); // and life goes on
    scene_wait(&scene, "task 2");
    assert_int_equal(scene.tasks.count, 1);
    scene_close(&scene);
}

static void
what_is_no_task_is_rejected_and_life_goes_on(void **state)
{
    static const char *const json = "application/json";
    struct scene scene;
    json_t *good = json_pack("{s:s, s:s}", "task", "t.work", "id", "x");
    json_t *no_id = json_pack("{s:s}", "task", "t.work");

    (void)state;
    scene_open(&scene, 1);
    scene_send_raw(&scene, NULL, json, "what?");
    scene_send_raw(&scene, no_id, json, "[[], {}, {}]");
    scene_send_raw(&scene, NULL, "", "");
    assert_int_equal(scene_count(&scene, "result FAILURE"), 0);
    // Where an id is known somebody may wait for it.
    scene_send_raw(&scene, good, json, "[[], {}");
    scene_wait_times(&scene, "result FAILURE", 1);
    scene_send_raw(&scene, good, "application/x-python-serialize", "x");
    scene_wait_times(&scene, "result FAILURE", 2);
    scene_send_raw(&scene, NULL, json,
                   "{\"task\": \"t.work\", \"id\": \"old\", \"args\": []}");
    scene_wait_times(&scene, "result FAILURE", 3);
    assert_string_equal(
        json_string_value(json_object_get(scene.result, "task_id")), "old");
    assert_int_equal(inproc_length(scene.broker, "q"), 0);
    scene_send_id(&scene, "2");
    scene_wait(&scene, "task 2");
    assert_int_equal(scene.tasks.count, 1);
    json_decref(good);
    json_decref(no_id);
    scene_close(&scene);
}

static void
an_expired_task_is_revoked(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("1");

    (void)state;
    scene_open(&scene, 1);
    params.expires = now_wall_usec() - 1;
    scene_send(&scene, &params);
    scene_wait(&scene, "result REVOKED");
    scene_wait(&scene, "event task-revoked");
    const json_t *said = json_object_get(scene.result, "result");
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(said, "exc_message"), 0)),
                        "expired");
    assert_int_equal(scene.tasks.count, 0);
    scene_close(&scene);
}

static void
a_task_that_expires_before_it_starts_does_not_start(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("1");
    usec limit = 0;

    (void)state;
    scene_open(&scene, 1);
    limit = now_wall_usec() + 300000;
    params.expires = limit;
    scene_send(&scene, &params);
    scene_wait(&scene, "task 1");
    while (now_wall_usec() < limit) {
        stage_turn(&scene.stage);
    }
    assert_false(node_task_started(scene.tasks.items[0], 0));
    ARRAY_CLEAR(&scene.tasks);
    scene_wait(&scene, "result REVOKED");
    scene_close(&scene);
}

static void
a_revoked_task_does_not_come(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    scene_assert_answer(&scene, "revoke", json_pack("{s:s}", "task_id", "1"),
                        "{\"ok\":\"tasks 1 flagged as revoked\"}");
    scene_send_id(&scene, "1");
    scene_wait(&scene, "result REVOKED");
    assert_int_equal(scene_count(&scene, "task 1"), 0);
    scene_close(&scene);
}

static void
a_task_that_waits_with_its_owner_is_revoked(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 4);
    scene_send_id(&scene, "1");
    scene_send_id(&scene, "2");
    scene_wait(&scene, "task 2");
    (void)scene_ask(&scene, "revoke",
                    json_pack("{s:[s,s]}", "task_id", "2", "9"));
    scene_wait(&scene, "withdrawn 2");
    scene_wait(&scene, "result REVOKED");
    assert_int_equal(scene.tasks.count, 1);
    assert_true(node_task_started(scene.tasks.items[0], 0));
    scene_close(&scene);
}

static void
stamps_are_revoked(void **state)
{
    struct scene scene;
    json_t *stamps = json_pack("{s:{s:[s]}}", "stamps", "customer", "c-7");
    struct task_params params = scene_task_params("1");

    (void)state;
    scene_open(&scene, 4);
    params.headers = stamps;
    scene_send(&scene, &params);
    scene_wait(&scene, "task 1");
    scene_assert_answer(
        &scene, "revoke_by_stamped_headers",
        json_pack("{s:{s:[s]}}", "headers", "customer", "c-7"),
        "{\"ok\":\"headers {'customer': ['c-7']} flagged as revoked, but not "
        "terminated\"}");
    scene_wait(&scene, "withdrawn 1");
    params.id = "2";
    scene_send(&scene, &params);
    scene_wait_times(&scene, "result REVOKED", 2);
    scene_send_id(&scene, "3");
    scene_wait(&scene, "task 3");
    json_decref(stamps);
    scene_close(&scene);
}

static void
a_task_waits_for_its_time(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("1");
    usec eta = 0;

    (void)state;
    scene_open(&scene, 1);
    eta = params.eta = now_wall_usec() + 500000;
    scene_send(&scene, &params);
    assert_int_equal(scene.tasks.count, 0);
    const json_t *list = scene_ask(&scene, "scheduled", NULL);
    assert_int_equal(json_array_size(list), 1);
    const json_t *entry = json_array_get(list, 0);
    assert_int_equal(json_integer_value(json_object_get(entry, "priority")), 6);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(entry, "request"), "id")),
                        "1");
    // It does not count: another one passes it.
    scene_send_id(&scene, "2");
    scene_wait(&scene, "task 2");
    scene_wait(&scene, "task 1");
    assert_true(now_wall_usec() >= eta);
    scene_close(&scene);
}

static void
a_task_that_waits_for_its_time_is_revoked_at_once(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("1");

    (void)state;
    scene_open(&scene, 1);
    params.eta = now_wall_usec() + INT64_C(3600) * 1000000;
    scene_send(&scene, &params);
    (void)scene_ask(&scene, "revoke", json_pack("{s:s}", "task_id", "1"));
    scene_wait(&scene, "result REVOKED");
    assert_int_equal(json_array_size(scene_ask(&scene, "scheduled", NULL)), 0);
    scene_close(&scene);
}

static void
a_running_task_is_terminated(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    scene.starts = true;
    scene_send_id(&scene, "1");
    scene_assert_answer(&scene, "revoke", json_pack("{s:s}", "task_id", "1"),
                        "{\"ok\":\"tasks 1 flagged as revoked\"}");
    assert_int_equal(scene_count(&scene, "withdrawn 1"), 0); // it runs on
    scene_assert_answer(
        &scene, "terminate",
        json_pack("{s:s, s:s}", "task_id", "1", "signal", "kill"),
        "{\"ok\":\"terminate: 1\"}");
    scene_wait(&scene, "terminate SIGKILL");
    node_task_revoked(scene.tasks.items[0], "terminated");
    ARRAY_CLEAR(&scene.tasks);
    scene_wait(&scene, "result REVOKED");
    scene_assert_answer(&scene, "revoke",
                        json_pack("{s:s, s:b}", "task_id", "1", "terminate", 1),
                        "{\"ok\":\"terminate: tasks unknown\"}");
    scene_close(&scene);
}

static void
no_more_tasks_are_out_than_allowed(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 2);
    scene_send_id(&scene, "1");
    scene_send_id(&scene, "2");
    scene_send_id(&scene, "3");
    scene_send_id(&scene, "4");
    assert_int_equal(scene.tasks.count, 2);
    node_prefetch(scene.node, "q", 3);
    scene_settle(&scene);
    assert_int_equal(scene.tasks.count, 3);
    node_task_done(scene.tasks.items[0], NULL);
    ARRAY_REMOVE(&scene.tasks, 0);
    scene_wait(&scene, "task 4");
    scene_close(&scene);
}

static void
a_task_is_rejected_requeued_or_dropped(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    scene_send_id(&scene, "1");
    node_task_requeued(scene.tasks.items[0]);
    scene_wait_times(&scene, "task 1", 2);
    assert_true(node_task_is_redelivered(scene.tasks.items[1]));
    node_task_rejected(scene.tasks.items[1]);
    scene_settle(&scene);
    assert_int_equal(inproc_length(scene.broker, "q"), 0);
    scene_send_id(&scene, "2");
    node_task_dropped(scene.tasks.items[2], "BOUNCED", NULL);
    scene_wait(&scene, "result BOUNCED");
    ARRAY_CLEAR(&scene.tasks);
    assert_int_equal(scene_count(&scene, "event task-rejected"), 2);
    scene_close(&scene);
}

static void
a_queue_that_is_cancelled_gives_nothing_more(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 2);
    scene_send_id(&scene, "1");
    assert_true(node_consumes(scene.node, "q"));
    node_cancel(scene.node, "q", false, scene_closed, &scene);
    scene_wait(&scene, "closed");
    scene_send_id(&scene, "2");
    assert_false(node_consumes(scene.node, "q"));
    assert_int_equal(scene.tasks.count, 1);
    node_cancel(scene.node, "q", true, scene_closed, &scene); // it is not
    scene_wait_times(&scene, "closed", 2);
    node_task_done(scene.tasks.items[0], NULL);
    ARRAY_CLEAR(&scene.tasks);
    node_stop(scene.node, NODE_WARM, scene_closed, &scene);
    scene_wait_times(&scene, "closed", 3);
    scene_release(&scene);
}

static void
a_cancelled_queue_gets_back_what_was_not_started(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene_send_id(&scene, "1");
    scene_send_id(&scene, "2");
    (void)node_task_started(scene.tasks.items[0], 0);
    node_cancel(scene.node, "q", true, NULL, NULL);
    scene_wait(&scene, "withdrawn 2");
    scene_settle(&scene);
    assert_int_equal(scene.tasks.count, 1);
    assert_int_equal(inproc_length(scene.broker, "q"), 1);
    scene_close(&scene);
}

static void
a_deleted_queue_is_no_longer_consumed(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    transport_delete(scene.client, "q", false, NULL, NULL);
    scene_wait(&scene, "queues");
    assert_false(node_consumes(scene.node, "q"));
    scene_close(&scene);
}

// ---- results before acknowledgements ----

static void
a_task_is_acknowledged_after_its_result(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    scene_send_id(&scene, "1");
    (void)node_task_started(scene.tasks.items[0], 0);
    inproc_alarm(scene.broker, true); // the result is not taken
    node_task_done(scene.tasks.items[0], NULL);
    ARRAY_CLEAR(&scene.tasks);
    scene_settle(&scene);
    inproc_cut(scene.broker, "worker", true);
    scene_settle(&scene);
    assert_int_equal(inproc_length(scene.broker, "q"), 1);
    inproc_alarm(scene.broker, false);
    inproc_back(scene.broker, "worker");
    scene_wait(&scene, "result SUCCESS");
    scene_settle(&scene);
    // The copy that came back is the same task: it did not run twice.
    assert_int_equal(scene_count(&scene, "task 1"), 1);
    assert_int_equal(inproc_length(scene.broker, "q"), 0);
    scene_close(&scene);
}

// ---- lost connections ----

static void
cut(struct scene *scene)
{
    size_t ups = scene_count(scene, "up");

    inproc_cut(scene->broker, "worker", false);
    scene_wait_times(scene, "up", ups + 1);
    scene_settle(scene);
}

static void
what_was_not_started_is_withdrawn_and_comes_again(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 2);
    scene_send_id(&scene, "1");
    cut(&scene);
    assert_int_equal(scene_count(&scene, "withdrawn 1"), 1);
    scene_wait_times(&scene, "task 1", 2);
    assert_int_equal(scene.tasks.count, 1);
    assert_true(node_task_is_redelivered(scene.tasks.items[0]));
    scene_wait_times(&scene, "event worker-online", 2);
    scene_close(&scene);
}

static void
a_running_task_takes_over_its_copy(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    scene.starts = true;
    scene_send_id(&scene, "1");
    cut(&scene);
    assert_int_equal(scene_count(&scene, "task 1"), 1);
    assert_int_equal(scene_count(&scene, "withdrawn 1"), 0);
    assert_int_equal(inproc_length(scene.broker, "q"), 0); // it has it
    node_task_done(scene.tasks.items[0], NULL);
    ARRAY_CLEAR(&scene.tasks);
    scene_wait(&scene, "result SUCCESS");
    scene_settle(&scene);
    cut(&scene); // acknowledged: nothing comes back
    assert_int_equal(scene_count(&scene, "task 1"), 1);
    scene_close(&scene);
}

static void
a_copy_of_a_task_that_ended_meanwhile_is_dropped(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 1);
    scene.starts = true;
    scene_send_id(&scene, "1");
    inproc_cut(scene.broker, "worker", true);
    scene_wait(&scene, "down");
    node_task_done(scene.tasks.items[0], NULL);
    ARRAY_CLEAR(&scene.tasks);
    inproc_back(scene.broker, "worker");
    scene_wait(&scene, "result SUCCESS");
    scene_settle(&scene);
    assert_int_equal(scene_count(&scene, "task 1"), 1);
    assert_int_equal(inproc_length(scene.broker, "q"), 0);
    cut(&scene);
    assert_int_equal(scene_count(&scene, "task 1"), 1);
    scene_close(&scene);
}

static void
a_doubled_message_runs_once(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 4);
    scene.starts = true;
    scene_send_id(&scene, "1");
    scene_send_id(&scene, "1");
    assert_int_equal(scene.tasks.count, 1);
    node_task_done(scene.tasks.items[0], NULL);
    ARRAY_CLEAR(&scene.tasks);
    scene_wait(&scene, "result SUCCESS");
    cut(&scene);
    assert_int_equal(inproc_length(scene.broker, "q"), 0);
    assert_int_equal(scene_count(&scene, "task 1"), 1);
    scene_close(&scene);
}

static void
another_try_of_a_task_is_no_copy(void **state)
{
    struct scene scene;
    struct task_params params = scene_task_params("1");

    (void)state;
    scene_open(&scene, 4);
    scene.starts = true;
    scene_send_id(&scene, "1");
    params.retries = 1;
    scene_send(&scene, &params);
    assert_int_equal(scene.tasks.count, 2);
    node_task_done(scene.tasks.items[0], NULL);
    node_task_done(scene.tasks.items[1], NULL);
    ARRAY_CLEAR(&scene.tasks);
    scene_wait_times(&scene, "result SUCCESS", 2);
    scene_close(&scene);
}

// ---- the end ----

static void
a_warm_end_waits_for_what_runs(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene_send_id(&scene, "1");
    scene_send_id(&scene, "2");
    (void)node_task_started(scene.tasks.items[0], 0);
    node_stop(scene.node, NODE_WARM, scene_closed, &scene);
    scene_wait(&scene, "withdrawn 2");
    scene_settle(&scene);
    assert_int_equal(scene.closed, 0);
    assert_int_equal(inproc_length(scene.broker, "q"), 1);
    scene_assert_answer(&scene, "ping", NULL, "{\"ok\":\"pong\"}");
    node_task_done(scene.tasks.items[0], NULL);
    ARRAY_CLEAR(&scene.tasks);
    scene_wait(&scene, "closed");
    scene_wait(&scene, "result SUCCESS");
    scene_release(&scene);
}

static void
a_cold_end_gives_everything_back(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene_send_id(&scene, "1");
    scene_send_id(&scene, "2");
    (void)node_task_started(scene.tasks.items[0], 0);
    node_stop(scene.node, NODE_WARM, scene_closed, &scene);
    node_stop(scene.node, NODE_COLD, scene_closed, &scene);
    scene_wait(&scene, "closed");
    assert_int_equal(scene.closed, 1);
    assert_int_equal(scene.tasks.count, 0);
    assert_int_equal(inproc_length(scene.broker, "q"), 2);
    scene_release(&scene);
}

static void
a_node_may_be_stopped_while_it_greets(void **state)
{
    struct scene scene;
    struct err err = {0};

    (void)state;
    scene_init(&scene);
    struct node_params params = scene_params(&scene);
    scene.node = node_new(&params, &err);
    scene_settle(&scene);
    node_stop(scene.node, NODE_WARM, scene_closed, &scene);
    scene_wait(&scene, "closed");
    assert_int_equal(scene_count(&scene, "ready"), 0);
    scene_release(&scene);
}

static void
a_node_may_be_freed_with_its_transport_gone(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, 3);
    scene.starts = true;
    scene_send_id(&scene, "1");
    transport_free(scene.worker);
    scene.worker = NULL;
    scene_release(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_node_comes_online_and_goes_offline),
    cmocka_unit_test(a_node_beats),
    cmocka_unit_test(a_bad_name_is_an_error),
    cmocka_unit_test(a_name_that_is_in_use_is_found),
    cmocka_unit_test(what_stock_peers_know_is_taken_over),
    cmocka_unit_test(a_stock_peer_of_the_same_name_is_found),
    cmocka_unit_test(a_node_that_failed_may_be_stopped),
    cmocka_unit_test(hello_is_answered_to_stock_nodes_only),
    cmocka_unit_test(many_nodes_that_start_do_not_answer_each_other),
    cmocka_unit_test(a_task_is_given_started_and_done),
    cmocka_unit_test(without_anybody_waiting_there_is_no_result),
    cmocka_unit_test(a_failure_says_what_was_wrong),
    cmocka_unit_test(a_result_that_is_too_long_becomes_a_failure),
    cmocka_unit_test(an_unknown_task_is_not_registered),
    cmocka_unit_test(what_is_no_task_is_rejected_and_life_goes_on),
    cmocka_unit_test(an_expired_task_is_revoked),
    cmocka_unit_test(a_task_that_expires_before_it_starts_does_not_start),
    cmocka_unit_test(a_revoked_task_does_not_come),
    cmocka_unit_test(a_task_that_waits_with_its_owner_is_revoked),
    cmocka_unit_test(stamps_are_revoked),
    cmocka_unit_test(a_task_waits_for_its_time),
    cmocka_unit_test(a_task_that_waits_for_its_time_is_revoked_at_once),
    cmocka_unit_test(a_running_task_is_terminated),
    cmocka_unit_test(no_more_tasks_are_out_than_allowed),
    cmocka_unit_test(a_task_is_rejected_requeued_or_dropped),
    cmocka_unit_test(a_queue_that_is_cancelled_gives_nothing_more),
    cmocka_unit_test(a_cancelled_queue_gets_back_what_was_not_started),
    cmocka_unit_test(a_deleted_queue_is_no_longer_consumed),
    cmocka_unit_test(a_task_is_acknowledged_after_its_result),
    cmocka_unit_test(what_was_not_started_is_withdrawn_and_comes_again),
    cmocka_unit_test(a_running_task_takes_over_its_copy),
    cmocka_unit_test(a_copy_of_a_task_that_ended_meanwhile_is_dropped),
    cmocka_unit_test(a_doubled_message_runs_once),
    cmocka_unit_test(another_try_of_a_task_is_no_copy),
    cmocka_unit_test(a_warm_end_waits_for_what_runs),
    cmocka_unit_test(a_cold_end_gives_everything_back),
    cmocka_unit_test(a_node_may_be_stopped_while_it_greets),
    cmocka_unit_test(a_node_may_be_freed_with_its_transport_gone),
};

CHECK_MAIN(tests)
