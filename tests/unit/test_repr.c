#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "celery/repr.h"

static void
values_look_as_python_shows_them(void **state)
{
    static const struct {
        const char *json;
        const char *shown;
    } cases[] = {
        {"null", "None"},
        {"true", "True"},
        {"false", "False"},
        {"-3", "-3"},
        {"0.1", "0.1"},
        {"2.0", "2.0"},
        {"1e300", "1e+300"},
        {"1795377597.0259044", "1795377597.0259044"},
        {"\"a\"", "'a'"},
        {"\"it's\"", "\"it's\""},
        {"\"both ' and \\\"\"", "'both \\' and \"'"},
        {"\"a\\nb\\t\\u0001\\\\\"", "'a\\nb\\t\\x01\\\\'"},
        {"\"caf\xc3\xa9\"", "'caf\xc3\xa9'"},
        {"[]", "[]"},
        {"[1, [2]]", "[1, [2]]"},
        {"{}", "{}"},
        {"{\"a\": [1, null]}", "{'a': [1, None]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf buf = BUF_INIT(4096);
        json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        repr_add(&buf, value, REPR_MAX);
        assert_string_equal(buf_text(&buf), cases[i].shown);
        json_decref(value);
        buf_release(&buf);
    }
}

static void
arguments_are_a_tuple(void **state)
{
    static const char *const cases[][2] = {
        {"[]", "()"}, {"[1]", "(1,)"}, {"[1, \"a\"]", "(1, 'a')"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf buf = BUF_INIT(4096);
        json_t *value = json_loads(cases[i][0], 0, NULL);
        repr_add_tuple(&buf, value, REPR_MAX);
        assert_string_equal(buf_text(&buf), cases[i][1]);
        json_decref(value);
        buf_release(&buf);
    }
}

static void
a_long_one_is_cut(void **state)
{
    struct buf buf = BUF_INIT(4096);
    json_t *value = json_pack("[s, s]", "0123456789", "x");

    (void)state;
    repr_add(&buf, value, 10);
    assert_string_equal(buf_text(&buf), "['01234...");
    buf_release(&buf);
    json_decref(value);
}

static void
a_deep_one_is_cut(void **state)
{
    struct buf buf = BUF_INIT(4096);
    json_t *value = json_array();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    repr_add(&buf, value, REPR_MAX);
    assert_string_equal(buf_text(&buf), "[[[[[[[[...]]]]]]]]");
    buf_release(&buf);
    json_decref(value);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(values_look_as_python_shows_them),
    cmocka_unit_test(arguments_are_a_tuple),
    cmocka_unit_test(a_long_one_is_cut),
    cmocka_unit_test(a_deep_one_is_cut),
};

CHECK_MAIN(tests)
