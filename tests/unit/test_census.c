#include "check.h"

#include <string.h>

#include "fleet/census.h"
#include "util/json_text.h"

static void
answer(struct census *census, const char *node, const char *text)
{
    struct err err = {0};
    json_t *value = json_text_parse(slice_of(text), &err);
    assert_non_null(value);
    census_add(census, slice_of(node), value);
    json_decref(value);
}

static struct census *
a_small_fleet(void)
{
    struct census *census = census_new();
    answer(census, "mule@two",
           "{\"ok\":{\"role\":\"worker\",\"kind\":\"native\",\"program\":"
           "\"0.1.0\",\"state\":\"free\",\"queue\":\"default\",\"slots\":4,"
           "\"since_ms\":500}}");
    answer(census, "mule@one",
           "{\"ok\":{\"role\":\"worker\",\"kind\":\"native\",\"program\":"
           "\"0.1.0\",\"state\":\"serving\",\"build\":\"b1\",\"slots\":2,"
           "\"since_ms\":61500,\"held\":3,\"running\":[{\"job\":"
           "\"shop.Login\",\"slot\":5,\"attempt\":2,\"ms\":1500}]}}");
    answer(census, "celery@old", "{\"error\":\"KeyError('mule_status')\"}");
    answer(census, "mule-b1@desk",
           "{\"ok\":{\"role\":\"coordinator\",\"build\":\"b1\",\"host\":"
           "\"desk\",\"state\":\"running\",\"queue\":\"default\",\"slots\":2,"
           "\"since_ms\":60000,\"workers\":1,\"wanted\":3,\"selected\":10,"
           "\"finished\":4,\"waiting\":2}}");
    return census;
}

static void
each_answer_is_counted_by_what_it_is(void **state)
{
    (void)state;
    struct census *census = a_small_fleet();
    assert_int_equal(census_workers(census), 2);
    assert_int_equal(census_coordinators(census), 1);
    assert_int_equal(census_strangers(census), 1);
    census_free(census);
}

static void
people_see_builds_then_workers_by_name(void **state)
{
    (void)state;
    struct census *census = a_small_fleet();
    struct buf buf = BUF_INIT(4096);
    census_write_text(census, &buf);
    assert_string_equal(
        buf_text(&buf),
        "build b1: running for 1 min 0 s, at desk\n"
        "  4 of 10 items finished, 2 jobs wait; 1 workers with 2 slots, "
        "3 more wanted from queue default\n"
        "2 workers\n"
        "  mule@one  serving build b1 for 1 min 1 s, 2 slots, native, mule "
        "0.1.0, 3 jobs held\n"
        "    slot 5  1.5 s  shop.Login (attempt 2)\n"
        "  mule@two  free for 0.5 s, 4 slots, queue default, native, mule "
        "0.1.0\n"
        "1 Celery node without mule: celery@old\n");
    buf_release(&buf);
    census_free(census);
}

static void
a_second_answer_replaces_the_first(void **state)
{
    (void)state;
    struct census *census = a_small_fleet();
    answer(census, "mule@one", "{\"error\":\"what?\"}");
    assert_int_equal(census_workers(census), 1);
    assert_int_equal(census_strangers(census), 2);
    census_free(census);
}

static void
nonsense_is_a_stranger_and_control_bytes_are_shown(void **state)
{
    (void)state;
    struct census *census = census_new();
    answer(census, "x\x1b[2J", "{\"ok\":{\"role\":7}}");
    answer(census, "y", "[1,2]");
    answer(census, "z",
           "{\"ok\":{\"role\":\"worker\",\"slots\":\"many\","
           "\"running\":{\"a\":1},\"state\":\"a\\u0007b\"}}");
    assert_int_equal(census_strangers(census), 2);
    struct buf buf = BUF_INIT(4096);
    census_write_text(census, &buf);
    assert_null(strchr(buf_text(&buf), '\x1b'));
    assert_null(strchr(buf_text(&buf), '\a'));
    assert_non_null(strstr(buf_text(&buf), "a\\x07b"));
    buf_release(&buf);
    census_free(census);
}

static void
programs_get_the_answers_with_the_names_of_the_nodes(void **state)
{
    (void)state;
    struct census *census = a_small_fleet();
    struct buf buf = BUF_INIT(8192);
    census_write_json(census, &buf);
    struct err err = {0};
    json_t *all = json_text_parse_object(buf_slice(&buf), &err);
    assert_non_null(all);
    json_t *worker = json_array_get(json_object_get(all, "workers"), 0);
    assert_string_equal(json_string_value(json_object_get(worker, "node")),
                        "mule@one");
    assert_int_equal(json_integer_value(json_object_get(worker, "held")), 3);
    assert_int_equal(json_array_size(json_object_get(all, "builds")), 1);
    assert_int_equal(json_array_size(json_object_get(all, "others")), 1);
    json_decref(all);
    buf_release(&buf);
    census_free(census);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_answer_is_counted_by_what_it_is),
    cmocka_unit_test(people_see_builds_then_workers_by_name),
    cmocka_unit_test(a_second_answer_replaces_the_first),
    cmocka_unit_test(nonsense_is_a_stranger_and_control_bytes_are_shown),
    cmocka_unit_test(programs_get_the_answers_with_the_names_of_the_nodes),
};

CHECK_MAIN(tests)
