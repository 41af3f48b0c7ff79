#include "run/run_request.h"

#include "check.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "adapter/adapter_codec.h"

/* A job of these tests; the texts end with NULL. */
static struct items *
items_of(const char *first, ...)
{
    struct items *items = items_new();
    uint32_t job = items_add_job(items, &(struct job_params){
                                            .name = SLICE("m.A"),
                                            .load = SLICE("m@top"),
                                        });
    va_list ids;

    va_start(ids, first);
    for (const char *id = first; id != NULL; id = va_arg(ids, const char *)) {
        items_add(items, job, slice_of(id), 0);
    }
    va_end(ids);
    return items;
}

static json_t *
request_of(const struct items *items, bool by_id)
{
    struct buf line = BUF_INIT(ADAPTER_LINE_MAX);
    struct run_request request = {
        .items = items,
        .build_id = "k3v9x2",
        .job = 0,
        .attempt = 3,
        .tmp = "/tmp/t0",
        .by_id = by_id,
    };

    assert_true(run_request_add(&line, &request));
    assert_int_equal(line.data[line.len - 1], '\n');
    json_t *json = json_loadb(line.data, line.len, 0, NULL);
    assert_non_null(json);
    buf_release(&line);
    return json;
}

static const char *
text_of(const json_t *json, const char *object, const char *name)
{
    const json_t *from = object != NULL ? json_object_get(json, object) : json;

    return json_string_value(json_object_get(from, name));
}

static void
a_whole_job_is_a_range(void **state)
{
    struct items *items = items_of(".a", ".b", ".c", NULL);
    json_t *json = request_of(items, false);

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(json, "first")), 0);
    assert_int_equal(json_integer_value(json_object_get(json, "count")), 3);
    assert_null(json_object_get(json, "items"));
    assert_null(json_object_get(json, "ids"));
    assert_int_equal(json_integer_value(json_object_get(json, "attempt")), 3);
    assert_string_equal(text_of(json, NULL, "name"), "m.A");
    assert_string_equal(text_of(json, NULL, "load"), "m@top");
    json_decref(json);
    items_free(items);
}

static void
a_job_with_holes_names_its_items(void **state)
{
    struct items *items = items_of(".a", ".b", ".c", ".d", NULL);

    (void)state;
    items_get(items, 1)->flags &= (uint8_t)~ITEM_SELECTED;
    items_get(items, 3)->flags |= ITEM_APPEARED;
    json_t *json = request_of(items, false);
    const json_t *list = json_object_get(json, "items");
    assert_int_equal(json_array_size(list), 2);
    assert_int_equal(json_integer_value(json_array_get(list, 0)), 0);
    assert_int_equal(json_integer_value(json_array_get(list, 1)), 2);
    json_decref(json);
    items_free(items);
}

static void
what_has_a_state_is_not_asked_for_again(void **state)
{
    struct items *items = items_of(".a", ".b", ".c", NULL);

    (void)state;
    items_get(items, 0)->state = STATE_PASSED;
    json_t *json = request_of(items, false);
    assert_int_equal(json_integer_value(json_object_get(json, "first")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "count")), 2);
    json_decref(json);
    items_free(items);
}

static void
a_worker_that_did_not_collect_gets_ids(void **state)
{
    struct items *items = items_of(".a", ".a", "doc \"x\" \xc3\xa4", NULL);
    json_t *json = request_of(items, true);
    const json_t *ids = json_object_get(json, "ids");

    (void)state;
    assert_int_equal(json_array_size(ids), 3);
    assert_string_equal(json_string_value(json_array_get(ids, 0)), "m.A.a");
    assert_string_equal(json_string_value(json_array_get(ids, 1)), "m.A.a#2");
    assert_string_equal(json_string_value(json_array_get(ids, 2)),
                        "doc \"x\" \xc3\xa4");
    json_decref(json);
    items_free(items);
}

static void
the_environment_says_which_job_and_attempt_it_is(void **state)
{
    struct items *items = items_of(".a", NULL);

    (void)state;
    items_get(items, 0)->tries = 1;
    json_t *json = request_of(items, false);
    assert_string_equal(text_of(json, "env", "MULE_JOB"), "k3v9x2.0.3");
    assert_string_equal(text_of(json, "env", "MULE_ATTEMPT"), "2");
    assert_string_equal(text_of(json, "env", "TMPDIR"), "/tmp/t0");
    json_decref(json);
    items_free(items);
}

static void
a_request_that_does_not_fit_a_line_is_none(void **state)
{
    struct items *items = items_new();
    uint32_t job =
        items_add_job(items, &(struct job_params){.name = SLICE("m.A")});
    struct buf line = BUF_INIT(ADAPTER_LINE_MAX);
    struct run_request request = {
        .items = items, .build_id = "b", .tmp = "", .by_id = true};

    (void)state;
    char id[2001];
    memset(id, 'x', sizeof(id));
    size_t tests = ADAPTER_LINE_MAX / sizeof(id) + 1;
    for (size_t i = 0; i < tests; i++) {
        snprintf(id, sizeof(id), ".%06zu", i);
        id[7] = 'x';
        items_add(items, job, slice_make(id, sizeof(id) - 1), 0);
    }
    assert_false(run_request_add(&line, &request));
    buf_release(&line);
    items_free(items);
}

static void
items_keep_an_order_that_looks_like_a_range(void **state)
{
    struct items *items = items_of(".a", ".b", ".c", ".d", NULL);
    const uint32_t order[] = {0, 2, 1, 3};
    uint32_t part = items_split_job(items, 0, order, 4);
    struct buf line = BUF_INIT(ADAPTER_LINE_MAX);

    (void)state;
    assert_true(run_request_add(&line, &(struct run_request){
                                           .items = items,
                                           .build_id = "k3v9x2",
                                           .job = part,
                                           .attempt = 1,
                                           .tmp = "/tmp/t0",
                                       }));
    json_t *run = json_loadb(line.data, line.len, 0, NULL);
    const json_t *list = json_object_get(run, "items");
    assert_int_equal(json_array_size(list), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(json_integer_value(json_array_get(list, i)), order[i]);
    }
    json_decref(run);
    buf_release(&line);
    items_free(items);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_whole_job_is_a_range),
    cmocka_unit_test(a_job_with_holes_names_its_items),
    cmocka_unit_test(items_keep_an_order_that_looks_like_a_range),
    cmocka_unit_test(what_has_a_state_is_not_asked_for_again),
    cmocka_unit_test(a_worker_that_did_not_collect_gets_ids),
    cmocka_unit_test(the_environment_says_which_job_and_attempt_it_is),
    cmocka_unit_test(a_request_that_does_not_fit_a_line_is_none),
};

CHECK_MAIN(tests)
