#include "celery_golden.h"

#include "celery/celeryev_codec.h"

struct heard {
    size_t count;
    char type[64];
    char hostname[64];
    usec wall;
    int64_t clock;
};

static void
hear(void *ctx, const struct celeryev *event)
{
    struct heard *heard = ctx;

    heard->count++;
    (void)snprintf(heard->type, sizeof(heard->type), "%.*s",
                   SLICE_ARG(event->type));
    (void)snprintf(heard->hostname, sizeof(heard->hostname), "%.*s",
                   SLICE_ARG(event->hostname));
    heard->wall = event->wall;
    heard->clock = event->clock;
}

static void
events_of_every_type_are_read(void **state)
{
    static const char *const types[] = {
        "task-received",    "task-started",  "task-succeeded",
        "task-failed",      "task-revoked",  "task-sent",
        "worker-heartbeat", "worker-online", "worker-offline"};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char name[64];
        struct heard heard = {0};
        struct err err = {0};
        (void)snprintf(name, sizeof(name), "event-%s", types[i]);
        json_t *golden = celery_golden(name);
        struct message message = celery_golden_message(
            json_array_get(json_object_get(golden, "messages"), 0));
        assert_true(celeryev_decode(message.body, hear, &heard, &err));
        assert_int_equal(heard.count, 1);
        assert_string_equal(heard.type, types[i]);
        assert_non_null(strchr(heard.hostname, '@'));
        assert_true(heard.wall > INT64_C(1795377000000000));
        assert_true(heard.clock > 0);
        json_decref(golden);
    }
}

static void
what_we_send_is_read_again(void **state)
{
    json_t *golden = celery_golden("event-worker-heartbeat");
    json_t *theirs = json_loads(
        json_string_value(json_object_get(
            json_array_get(json_object_get(golden, "messages"), 0), "body")),
        0, NULL);
    json_t *fields =
        json_pack("{s:f, s:i, s:i, s:[f,f,f], s:s, s:s, s:s}", "freq", 2.0,
                  "active", 1, "processed", 2, "loadavg", 0.1, 0.2, 0.3,
                  "sw_ident", "x", "sw_ver", "1", "sw_sys", "Linux");
    struct celeryev event = {.type = SLICE("worker-heartbeat"),
                             .hostname = SLICE("a@h"),
                             .wall = INT64_C(1795377516468438),
                             .clock = 7,
                             .pid = 12,
                             .fields = fields};
    struct buf body = BUF_INIT(4096);
    struct heard heard = {0};
    struct err err = {0};

    (void)state;
    assert_true(celeryev_encode(&event, &body));
    json_t *ours = json_loads(buf_text(&body), 0, NULL);
    json_object_del(theirs, "utcoffset"); // without it times are as they are
    celery_golden_same_shape(theirs, ours);
    assert_int_equal(json_object_size(ours), json_object_size(theirs));
    assert_true(json_is_real(json_object_get(ours, "timestamp")));
    assert_true(celeryev_decode(buf_slice(&body), hear, &heard, &err));
    assert_string_equal(heard.type, "worker-heartbeat");
    assert_string_equal(heard.hostname, "a@h");
    assert_true(heard.wall >= event.wall - 1 && heard.wall <= event.wall + 1);
    assert_int_equal(heard.clock, 7);
    json_decref(ours);
    json_decref(theirs);
    json_decref(fields);
    json_decref(golden);
    buf_release(&body);
}

static void
a_type_is_a_routing_key(void **state)
{
    struct buf key = BUF_INIT(32);

    (void)state;
    assert_true(celeryev_key(SLICE("task-received"), &key));
    assert_string_equal(buf_text(&key), "task.received");
    assert_false(
        celeryev_key(SLICE("a-type-that-is-longer-than-its-room"), &key));
    buf_release(&key);
}

static void
what_is_no_event_is_left_out_or_an_error(void **state)
{
    struct heard heard = {0};
    struct err err = {0};

    (void)state;
    assert_true(celeryev_decode(
        SLICE("[1, {\"type\": \"a-b\"}, {\"type\": \"a-b\", \"hostname\": "
              "\"h\", \"timestamp\": 1e300, \"clock\": \"x\"}]"),
        hear, &heard, &err));
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.wall, 0);
    assert_false(celeryev_decode(SLICE("{}"), hear, &heard, &err));
    err_clear(&err);
    assert_false(celeryev_decode(SLICE("7"), hear, &heard, &err));
    err_clear(&err);
    assert_false(celeryev_decode(SLICE("["), hear, &heard, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    assert_int_equal(heard.count, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(events_of_every_type_are_read),
    cmocka_unit_test(what_we_send_is_read_again),
    cmocka_unit_test(a_type_is_a_routing_key),
    cmocka_unit_test(what_is_no_event_is_left_out_or_an_error),
};

CHECK_MAIN(tests)
