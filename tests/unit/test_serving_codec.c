#include "fleet/serving_codec.h"

#include "check.h"

#include <string.h>

#include "fleet/plan.h"

static void
what_a_worker_says_is_read(void **state)
{
    struct serving_message message = {0};
    struct err err = {0};

    (void)state;
    assert_true(serving_message_decode(
        &message, SLICE("{\"msg\":\"run\",\"orders\":[{},{}]}"), &err));
    assert_int_equal(message.kind, SERVING_RUN);
    assert_int_equal(json_array_size(message.orders), 2);
    assert_true(serving_message_decode(
        &message,
        SLICE("{\"msg\":\"cancel\",\"orders\":[[17,1]],\"now\":true}"), &err));
    assert_int_equal(message.kind, SERVING_CANCEL);
    assert_false(message.all);
    assert_true(message.now);
    assert_int_equal(message.names.count, 1);
    assert_true(
        order_name_equals(message.names.items[0], (struct order_name){17, 1}));
    assert_true(
        serving_message_decode(&message, SLICE("{\"msg\":\"cancel\"}"), &err));
    assert_true(message.all);
    assert_false(message.now);
    assert_true(serving_message_decode(
        &message, SLICE("{\"msg\":\"live\",\"pattern\":\"a*\",\"credit\":9}"),
        &err));
    assert_true(slice_equals_text(message.pattern, "a*"));
    assert_int_equal(message.credit, 9);
    assert_true(serving_message_decode(
        &message, SLICE("{\"msg\":\"piece\",\"at\":4096,\"data\":\"AA==\"}"),
        &err));
    assert_int_equal(message.at, 4096);
    assert_true(slice_equals_text(message.data, "AA=="));
    assert_true(serving_message_decode(
        &message, SLICE("{\"msg\":\"pool\",\"slots\":0}"), &err));
    assert_int_equal(message.kind, SERVING_POOL);
    assert_true(serving_message_decode(
        &message, SLICE("{\"msg\":\"teardown\",\"now\":true}"), &err));
    assert_true(message.now);
    assert_true(serving_message_decode(
        &message, SLICE("{\"msg\":\"of tomorrow\"}"), &err));
    assert_int_equal(message.kind, SERVING_OTHER);
    serving_message_release(&message);
}

static void
nonsense_is_refused_by_its_name(void **state)
{
    static const struct {
        const char *line;
        const char *why;
    } rows[] = {
        {"[]", "object"},
        {"{}", "\"msg\" is missing"},
        {"{\"msg\":\"run\"}", "message \"run\": field \"orders\""},
        {"{\"msg\":\"cancel\",\"orders\":[7]}", "element 0"},
        {"{\"msg\":\"pool\",\"slots\":-1}", "\"slots\""},
        {"{\"msg\":\"pool\",\"slots\":99999}", "\"slots\""},
        {"{\"msg\":\"piece\",\"at\":0}", "\"data\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct serving_message message = {0};
        struct err err = {0};
        assert_false(
            serving_message_decode(&message, slice_of(rows[i].line), &err));
        assert_int_equal(message.kind, SERVING_OTHER);
        if (strstr(err.text, rows[i].why) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].why);
        }
        serving_message_release(&message);
    }
}

static void
what_an_engine_says_is_as_the_page_has_it(void **state)
{
    struct buf buf = BUF_INIT(4096);

    (void)state;
    serving_add_hello(&buf, "0.1.0", 4711);
    serving_add_ready(&buf, 1200000);
    serving_add_failed(&buf, "no \"disk\"");
    serving_add_pool(&buf, 4, 1);
    serving_add_want(&buf, "ab", 0, 1048576, false);
    serving_add_want(&buf, "ab", 1, 2, true);
    serving_add_left(&buf, true, "", 90000);
    assert_string_equal(
        buf_text(&buf),
        "{\"msg\":\"hello\",\"protocol\":\"1.0\",\"version\":\"0.1.0\","
        "\"pid\":4711}\n"
        "{\"msg\":\"ready\",\"us\":1200000}\n"
        "{\"msg\":\"failed\",\"why\":\"no \\\"disk\\\"\"}\n"
        "{\"msg\":\"pool\",\"slots\":4,\"open\":1}\n"
        "{\"msg\":\"want\",\"hash\":\"ab\",\"at\":0,\"bytes\":1048576}\n"
        "{\"msg\":\"want\",\"hash\":\"ab\",\"at\":1,\"bytes\":2,"
        "\"again\":true}\n"
        "{\"msg\":\"left\",\"ok\":true,\"why\":\"\",\"us\":90000}\n");
    buf_release(&buf);
}

static bool
read_plan(struct plan *plan, const char *text, struct err *err)
{
    json_t *object = json_loads(text, 0, NULL);

    assert_non_null(object);
    bool fine = plan_decode(plan, object, err);
    json_decref(object);
    return fine;
}

static void
a_plan_has_all_that_an_engine_needs(void **state)
{
    struct plan plan = {0};
    struct err err = {0};

    (void)state;
    assert_true(read_plan(
        &plan,
        "{\"build\":\"b\",\"revision\":\"r\",\"hash_seed\":\"7\","
        "\"options\":[\"--tap\",\"a\"],\"base\":4,\"slots\":2,\"total\":9,"
        "\"tree\":{\"git\":\"u\"},\"home\":\"/h\",\"node\":\"n\","
        "\"workspace\":{\"name\":\"ci\",\"setup\":\"s\",\"teardown\":null,"
        "\"setup_timeout_ms\":5},\"prepared\":true,\"noop\":true}",
        &err));
    assert_string_equal(plan.build, "b");
    assert_int_equal(plan.options.count, 2);
    assert_int_equal(plan.base, 4);
    assert_int_equal(plan.slots, 2);
    assert_int_equal(plan.total, 9);
    assert_int_equal(json_object_size(plan.tree), 1);
    assert_true(plan.has_workspace);
    assert_string_equal(plan.workspace.setup, "s");
    assert_null(plan.workspace.teardown);
    assert_int_equal(plan.workspace.setup_timeout_ms, 5);
    assert_true(plan.prepared && plan.noop);
    plan_release(&plan);
}

static void
a_plan_may_leave_out_nearly_all(void **state)
{
    struct plan plan = {0};
    struct err err = {0};

    (void)state;
    assert_true(read_plan(&plan, "{\"build\":\"b\",\"workspace\":null}", &err));
    assert_int_equal(plan.slots, 1);
    assert_string_equal(plan.revision, "");
    assert_false(plan.has_workspace);
    assert_int_equal(json_object_size(plan.tree), 0);
    plan_release(&plan);
}

static void
a_plan_that_makes_no_sense_is_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"build\":\"\"}",
        "{\"build\":\"a\\u0000b\"}",
        "{\"build\":\"b\",\"slots\":0}",
        "{\"build\":\"b\",\"base\":-1}",
        "{\"build\":\"b\",\"options\":[1]}",
        "{\"build\":\"b\",\"options\":[\"\\u0000\"]}",
        "{\"build\":\"b\",\"tree\":7}",
        "{\"build\":\"b\",\"workspace\":{}}",
        "{\"build\":\"b\",\"workspace\":{\"name\":\"a\",\"setup\":1}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct plan plan = {0};
        struct err err = {0};
        json_t *object = json_loads(texts[i], JSON_ALLOW_NUL, NULL);
        assert_non_null(object);
        assert_false(plan_decode(&plan, object, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        json_decref(object);
        plan_release(&plan);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_a_worker_says_is_read),
    cmocka_unit_test(nonsense_is_refused_by_its_name),
    cmocka_unit_test(what_an_engine_says_is_as_the_page_has_it),
    cmocka_unit_test(a_plan_has_all_that_an_engine_needs),
    cmocka_unit_test(a_plan_may_leave_out_nearly_all),
    cmocka_unit_test(a_plan_that_makes_no_sense_is_refused),
};

CHECK_MAIN(tests)
