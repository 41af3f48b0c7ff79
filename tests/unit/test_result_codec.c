#include "celery_golden.h"

#include "celery/result_codec.h"

static void
results_of_every_state_are_read(void **state)
{
    json_t *golden = celery_golden("results");
    const json_t *bodies = json_object_get(golden, "bodies");
    size_t final = 0;

    (void)state;
    assert_true(json_array_size(bodies) > 8);
    for (size_t i = 0; i < json_array_size(bodies); i++) {
        struct result result;
        struct err err = {0};
        json_t *held = NULL;
        const char *text = json_string_value(json_array_get(bodies, i));
        if (!result_decode(&result, slice_of(text), &held, &err)) {
            fail_msg("%s", err.text);
        }
        assert_true(result.task_id.len > 0);
        assert_non_null(result.value);
        // Celery dates what is final.
        assert_int_equal(result.done > 0, result_is_final(result.status));
        final += result_is_final(result.status) ? 1 : 0;
        json_decref(held);
    }
    assert_true(final > 0 && final < json_array_size(bodies));
    json_decref(golden);
}

static void
what_we_send_has_the_keys_of_celerys(void **state)
{
    json_t *golden = celery_golden("results");
    const json_t *bodies = json_object_get(golden, "bodies");
    struct buf body = BUF_INIT(4096);
    json_t *value = json_pack("{s:i}", "n", 5);
    struct result result = {.task_id = SLICE("id-1"),
                            .status = SLICE("SUCCESS"),
                            .value = value,
                            .done = INT64_C(1795378145023816)};

    (void)state;
    assert_true(result_encode(&result, &body));
    json_t *ours = json_loads(buf_text(&body), 0, NULL);
    json_t *theirs =
        json_loads(json_string_value(json_array_get(bodies, 1)), 0, NULL);
    json_object_del(theirs, "result");
    celery_golden_same_shape(theirs, ours);
    assert_true(json_equal(json_object_get(ours, "result"), value));
    assert_string_equal(json_string_value(json_object_get(ours, "date_done")),
                        "2026-11-22T20:09:05.023816+00:00");
    struct result again;
    struct err err = {0};
    json_t *held = NULL;
    assert_true(result_decode(&again, buf_slice(&body), &held, &err));
    assert_true(again.done == result.done);
    assert_true(json_equal(again.value, value));
    json_decref(held);
    json_decref(theirs);
    json_decref(ours);
    json_decref(value);
    json_decref(golden);
    buf_release(&body);
}

static void
a_failure_is_what_celery_makes_exceptions_of(void **state)
{
    json_t *golden = celery_golden("results");
    const json_t *bodies = json_object_get(golden, "bodies");
    json_t *ours = result_failure("NotRegistered", "a.b\xff", "x.y");

    (void)state;
    for (size_t i = 0; i < json_array_size(bodies); i++) {
        json_t *body =
            json_loads(json_string_value(json_array_get(bodies, i)), 0, NULL);
        if (strcmp(json_string_value(json_object_get(body, "status")),
                   "FAILURE") == 0) {
            celery_golden_same_shape(json_object_get(body, "result"), ours);
        }
        json_decref(body);
    }
    char *text = json_dumps(ours, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, "{\"exc_message\":[\"a.b\xef\xbf\xbd\"],"
                              "\"exc_module\":\"x.y\","
                              "\"exc_type\":\"NotRegistered\"}");
    free(text);
    json_decref(ours);
    json_decref(golden);
}

static void
what_is_no_result_is_an_error(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"task_id\": \"1\"}",
        "{\"status\": \"SUCCESS\"}",
        "{\"task_id\": 1, \"status\": \"SUCCESS\"}",
        "{\"task_id\""};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct result result;
        struct err err = {0};
        json_t *held = NULL;
        assert_false(result_decode(&result, slice_of(bodies[i]), &held, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        json_decref(held);
    }
}

static void
a_result_that_does_not_fit_is_refused(void **state)
{
    struct buf body = BUF_INIT(64);
    struct result result = {.task_id = SLICE("a very long id, or a long body"),
                            .status = SLICE("SUCCESS")};

    (void)state;
    assert_false(result_encode(&result, &body));
    buf_release(&body);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(results_of_every_state_are_read),
    cmocka_unit_test(what_we_send_has_the_keys_of_celerys),
    cmocka_unit_test(a_failure_is_what_celery_makes_exceptions_of),
    cmocka_unit_test(what_is_no_result_is_an_error),
    cmocka_unit_test(a_result_that_does_not_fit_is_refused),
};

CHECK_MAIN(tests)
