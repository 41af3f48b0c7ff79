#include "celery_golden.h"

#include "celery/task_codec.h"

// The task of a recorded message: golden, its number, and how it was taken.
static enum task_verdict
decode_golden(struct task *task, const char *name, size_t index,
              struct err *err)
{
    json_t *golden = celery_golden(name);
    struct message message = celery_golden_message(
        json_array_get(json_object_get(golden, "messages"), index));
    enum task_verdict verdict = task_decode(task, &message, err);

    json_decref(golden); // a task owns what it shows
    return verdict;
}

static void
good_golden(struct task *task, const char *name, size_t index)
{
    struct err err = {0};

    if (decode_golden(task, name, index, &err) != TASK_GOOD) {
        fail_msg("%s: %s", name, err.text);
    }
    assert_false(err_is_set(&err));
}

static void
assert_slice(struct slice slice, const char *text)
{
    char *copy = slice_dup(slice);

    assert_string_equal(copy, text);
    free(copy);
}

static void
a_task_of_a_client_is_read(void **state)
{
    struct task task;

    (void)state;
    good_golden(&task, "task-basic", 0);
    assert_slice(task.name, "mule.add");
    assert_slice(task.id, "2520a47e-7a20-4516-9e44-1bd7d1aa7bac");
    assert_slice(task.root_id, "2520a47e-7a20-4516-9e44-1bd7d1aa7bac");
    assert_slice(task.correlation_id, "2520a47e-7a20-4516-9e44-1bd7d1aa7bac");
    assert_slice(task.reply_to, "6dbcc237-f1d6-3f07-93be-0c75493b7a40");
    assert_slice(task.parent_id, "");
    assert_slice(task.group, "");
    assert_slice(task.argsrepr, "(2, 3)");
    assert_slice(task.kwargsrepr, "{}");
    assert_slice(task.lang, "py");
    assert_slice(task.origin, "gen26970@vm");
    assert_int_equal(json_array_size(task.args), 2);
    assert_int_equal(json_object_size(task.kwargs), 0);
    assert_int_equal(json_object_size(task.embed), 4);
    assert_true(task.eta == TASK_NO_TIME);
    assert_true(task.expires == TASK_NO_TIME);
    assert_int_equal(task.retries, 0);
    assert_int_equal(task.hard_limit_ms, 0);
    assert_false(task.ignore_result);
    task_release(&task);
}

static void
options_of_a_task_are_read(void **state)
{
    struct task task;
    usec eta = 0;

    (void)state;
    good_golden(&task, "task-options", 0);
    assert_slice(task.shadow, "shadow-name");
    assert_true(task_time_parse(SLICE("2026-11-22T19:58:32.317303Z"), &eta));
    assert_true(task.eta == eta);
    assert_true(task.expires == eta + INT64_C(540) * 1000000);
    assert_int_equal(task.hard_limit_ms, 9000);
    assert_int_equal(task.soft_limit_ms, 5000);
    assert_int_equal(task.priority, 5);
    assert_true(task.ignore_result);
    assert_string_equal(
        json_string_value(json_object_get(task.headers, "mule_build")), "b1");
    task_release(&task);
}

static void
every_kind_of_task_is_read(void **state)
{
    static const struct {
        const char *name;
        size_t count;
    } goldens[] = {
        {"task-basic", 1},   {"task-kwargs", 1},
        {"task-options", 1}, {"task-chain", 1},
        {"task-group", 2},   {"task-link", 1},
        {"task-chord", 2},   {"task-sendtask-minimal", 1},
        {"task-newest", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
        for (size_t j = 0; j < goldens[i].count; j++) {
            struct task task;
            good_golden(&task, goldens[i].name, j);
            assert_true(task.id.len > 0);
            assert_true(task.name.len > 0);
            task_release(&task);
        }
    }
}

static void
members_of_a_group_know_it(void **state)
{
    struct task one;
    struct task two;

    (void)state;
    good_golden(&one, "task-group", 0);
    good_golden(&two, "task-group", 1);
    assert_true(one.group.len > 0);
    assert_true(slice_equals(one.group, two.group));
    assert_false(slice_equals(one.id, two.id));
    task_release(&one);
    task_release(&two);
}

static void
the_protocol_before_is_known_and_not_served(void **state)
{
    struct task task;
    struct err err = {0};

    (void)state;
    assert_int_equal(decode_golden(&task, "task-proto1", 0, &err),
                     TASK_VERSION_1);
    assert_non_null(strstr(err.text, "protocol 1"));
    assert_non_null(err.hint);
    assert_true(task.id.len > 0);
    assert_true(task.reply_to.len > 0);
    task_release(&task);
}

static void
a_compressed_body_is_refused_by_name(void **state)
{
    struct task task;
    struct err err = {0};

    (void)state;
    assert_int_equal(decode_golden(&task, "task-compressed", 0, &err),
                     TASK_CONTENT);
    assert_non_null(strstr(err.text, "application/x-gzip"));
    assert_true(task.id.len > 0);
    task_release(&task);
}

// What becomes of a message made by hand.
static enum task_verdict
verdict_of(const char *headers, const char *type, const char *encoding,
           const char *body, char text[static 256])
{
    json_t *json =
        headers == NULL ? NULL : json_loads(headers, JSON_DECODE_ANY, NULL);
    struct message message = {.body = slice_of(body),
                              .content_type = slice_of(type),
                              .content_encoding = slice_of(encoding),
                              .headers = json};
    struct task task;
    struct err err = {0};
    enum task_verdict verdict = task_decode(&task, &message, &err);

    assert_true((verdict == TASK_GOOD) == !err_is_set(&err));
    (void)snprintf(text, 256, "%s", err.text);
    task_release(&task);
    json_decref(json);
    return verdict;
}

#define JSON "application/json"
#define GOOD "{\"task\": \"t\", \"id\": \"1\"}"

static void
what_is_no_task_says_why(void **state)
{
    static const struct {
        enum task_verdict verdict;
        const char *headers;
        const char *type;
        const char *encoding;
        const char *body;
        const char *why;
    } cases[] = {
        {TASK_GOOD, GOOD, JSON, "utf-8", "[[], {}, {}]", ""},
        {TASK_GOOD, GOOD, JSON, "", "[[], {}, null]", ""},
        {TASK_GOOD, GOOD, JSON, "binary", "[[1], {\"a\": 1}, {}]", ""},
        {TASK_CONTENT, GOOD, "", "utf-8", "[[], {}, {}]", "content type \"\""},
        {TASK_CONTENT, GOOD, "application/x-python-serialize", "binary", "x",
         "application/x-python-serialize"},
        {TASK_CONTENT, GOOD, JSON, "utf-16", "[[], {}, {}]", "utf-16"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "[[], {}]", "list of three"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "{}", "list of three"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "[{}, {}, {}]", "args"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "[[], [], {}]", "kwargs"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "[[], {}, 1]", "embed"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "", "body of a task"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "[[], {}, {}", "body"},
        {TASK_MALFORMED, GOOD, JSON, "utf-8", "\xff", "body"},
        {TASK_MALFORMED, "{\"task\": \"t\"}", JSON, "utf-8", "[[], {}, {}]",
         "\"id\""},
        {TASK_MALFORMED, "{\"task\": \"t\", \"id\": 1}", JSON, "utf-8",
         "[[], {}, {}]", "\"id\""},
        {TASK_MALFORMED, "{\"task\": 1, \"id\": \"1\"}", JSON, "utf-8",
         "[[], {}, {}]", "\"task\""},
        {TASK_MALFORMED, NULL, JSON, "utf-8", "[[], {}, {}]", "\"task\""},
        {TASK_MALFORMED, "[]", JSON, "utf-8", "[[], {}, {}]", "\"task\""},
        {TASK_MALFORMED, "{\"task\": \"t\", \"id\": \"1\", \"eta\": \"soon\"}",
         JSON, "utf-8", "[[], {}, {}]", "\"eta\" is no time"},
        {TASK_MALFORMED, "{\"task\": \"t\", \"id\": \"1\", \"expires\": [1]}",
         JSON, "utf-8", "[[], {}, {}]", "\"expires\" is no time"},
        {TASK_GOOD,
         "{\"task\": \"t\", \"id\": \"1\", \"timelimit\": \"x\", "
         "\"retries\": \"many\", \"shadow\": 4, \"ignore_result\": 1}",
         JSON, "utf-8", "[[], {}, {}]", ""},
        {TASK_VERSION_1, "{}", JSON, "utf-8",
         "{\"task\": \"t\", \"id\": \"1\", \"args\": []}", "protocol 1"},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum task_verdict verdict =
            verdict_of(cases[i].headers, cases[i].type, cases[i].encoding,
                       cases[i].body, text);
        if (verdict != cases[i].verdict || strstr(text, cases[i].why) == NULL) {
            fail_msg("case %zu: verdict %d: %s", i, (int)verdict, text);
        }
    }
}

static void
what_we_send_has_what_celery_sends(void **state)
{
    json_t *golden = celery_golden("task-newest");
    const json_t *recorded =
        json_array_get(json_object_get(golden, "messages"), 0);
    const json_t *headers = json_object_get(recorded, "headers");
    struct task_message out = {0};
    struct err err = {0};
    json_t *args = json_pack("[i,i]", 2, 3);

    (void)state;
    struct task_params params = {
        .id = json_string_value(json_object_get(headers, "id")),
        .name = json_string_value(json_object_get(headers, "task")),
        .args = args,
        .origin = json_string_value(json_object_get(headers, "origin")),
        .reply_to = "inbox"};
    assert_true(task_encode(&out, &params, &err));
    // All of it but the language is the same.
    json_t *expected = json_deep_copy(headers);
    json_object_set_new(expected, "lang", json_string("c"));
    if (!json_equal(expected, out.headers)) {
        fail_msg("%s\n%s", json_dumps(expected, JSON_SORT_KEYS),
                 json_dumps(out.headers, JSON_SORT_KEYS));
    }
    json_t *body = json_loads(buf_text(&out.body), 0, NULL);
    json_t *wanted = json_loads(
        json_string_value(json_object_get(recorded, "body")), 0, NULL);
    assert_true(json_equal(body, wanted));
    assert_slice(out.message.reply_to, "inbox");
    assert_slice(out.message.correlation_id, params.id);
    assert_slice(out.message.content_type, "application/json");
    assert_slice(out.message.content_encoding, "utf-8");
    assert_true(out.message.persistent);
    assert_int_equal(out.message.expiration.len, 0);
    json_decref(wanted);
    json_decref(body);
    json_decref(expected);
    json_decref(args);
    task_message_release(&out);
    json_decref(golden);
}

static void
what_we_send_is_read_again(void **state)
{
    struct task_message out = {0};
    struct task task;
    struct err err = {0};
    json_t *args = json_pack("[s]", "caf\xc3\xa9");
    json_t *kwargs = json_pack("{s:b}", "yes", 1);
    json_t *more = json_pack("{s:s}", "mule_build", "b 1");
    struct task_params params = {.id = "id-1",
                                 .name = "a.b",
                                 .args = args,
                                 .kwargs = kwargs,
                                 .headers = more,
                                 .root_id = "root",
                                 .parent_id = "parent",
                                 .group = "group",
                                 .shadow = "shadow",
                                 .eta = INT64_C(1795377516468438),
                                 .expires = INT64_C(1795377616000001),
                                 .expiration_ms = 30000,
                                 .soft_limit_ms = 1500,
                                 .hard_limit_ms = 2000,
                                 .retries = 2,
                                 .ignore_result = true,
                                 .transient = true};

    (void)state;
    assert_true(task_encode(&out, &params, &err));
    assert_int_equal(task_decode(&task, &out.message, &err), TASK_GOOD);
    assert_slice(out.message.expiration, "30000");
    assert_false(out.message.persistent);
    task_message_release(&out);
    assert_slice(task.id, "id-1");
    assert_slice(task.name, "a.b");
    assert_slice(task.root_id, "root");
    assert_slice(task.parent_id, "parent");
    assert_slice(task.group, "group");
    assert_slice(task.shadow, "shadow");
    assert_slice(task.argsrepr, "('caf\xc3\xa9',)");
    assert_slice(task.kwargsrepr, "{'yes': True}");
    assert_true(task.eta == params.eta);
    assert_true(task.expires == params.expires);
    assert_int_equal(task.soft_limit_ms, 1500);
    assert_int_equal(task.hard_limit_ms, 2000);
    assert_int_equal(task.retries, 2);
    assert_true(task.ignore_result);
    assert_true(json_equal(task.args, args));
    assert_true(json_equal(task.kwargs, kwargs));
    task_release(&task);
    json_decref(args);
    json_decref(kwargs);
    json_decref(more);
}

static void
too_long_a_task_is_an_error(void **state)
{
    struct task_message out = {0};
    struct err err = {0};
    size_t len = TRANSPORT_BODY_MAX;
    char *text = calloc(1, len + 1);

    (void)state;
    memset(text, 'x', len);
    json_t *args = json_pack("[s]", text);
    struct task_params params = {.id = "1", .name = "t", .args = args};
    assert_false(task_encode(&out, &params, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    task_message_release(&out);
    json_decref(args);
    free(text);
}

static void
times_are_read_in_every_form(void **state)
{
    static const struct {
        const char *text;
        usec wall; // TASK_NO_TIME: refused
    } cases[] = {
        {"1970-01-01T00:00:00+00:00", 0},
        {"1970-01-01 00:00:00", 0},
        {"1970-01-01T00:00", 0},
        {"1970-01-01T01:00:00.5+01:00", 500000},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"2000-02-29T12:34:56.000001-0330", INT64_C(951840296000001)},
        {"2026-11-22T20:09:05.023816+00:00", INT64_C(1795378145023816)},
        {"", TASK_NO_TIME},
        {"2026-11-22", TASK_NO_TIME},
        {"2026-13-01T00:00:00", TASK_NO_TIME},
        {"2026-11-22T20:09:05+", TASK_NO_TIME},
        {"2026-11-22T20:09:05.+00:00", TASK_NO_TIME},
        {"2026-11-22T20:09:05Zx", TASK_NO_TIME},
        {"-026-11-22T20:09:05", TASK_NO_TIME},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        usec wall = TASK_NO_TIME;
        bool good = task_time_parse(slice_of(cases[i].text), &wall);
        if (good != (cases[i].wall != TASK_NO_TIME) ||
            (good && wall != cases[i].wall)) {
            fail_msg("%s: %lld", cases[i].text, (long long)wall);
        }
    }
}

static void
times_are_written_as_python_writes_them(void **state)
{
    char text[TASK_TIME_SIZE];

    (void)state;
    task_time_write(INT64_C(1795378145023816), text);
    assert_string_equal(text, "2026-11-22T20:09:05.023816+00:00");
    task_time_write(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999+00:00");
    for (usec wall = -INT64_C(2000000000000000);
         wall < INT64_C(5000000000000000); wall += INT64_C(7654321987654)) {
        usec again = 0;
        task_time_write(wall, text);
        assert_true(task_time_parse(slice_of(text), &again));
        assert_true(again == wall);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_task_of_a_client_is_read),
    cmocka_unit_test(options_of_a_task_are_read),
    cmocka_unit_test(every_kind_of_task_is_read),
    cmocka_unit_test(members_of_a_group_know_it),
    cmocka_unit_test(the_protocol_before_is_known_and_not_served),
    cmocka_unit_test(a_compressed_body_is_refused_by_name),
    cmocka_unit_test(what_is_no_task_says_why),
    cmocka_unit_test(what_we_send_has_what_celery_sends),
    cmocka_unit_test(what_we_send_is_read_again),
    cmocka_unit_test(too_long_a_task_is_an_error),
    cmocka_unit_test(times_are_read_in_every_form),
    cmocka_unit_test(times_are_written_as_python_writes_them),
};

CHECK_MAIN(tests)
