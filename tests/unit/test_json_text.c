#include "util/json_text.h"

#include "check.h"

// Parses a JSON string and compares its bytes.
static void
check_string(struct slice text, struct slice expected)
{
    struct err err = {0};
    json_t *value = json_text_parse(text, &err);

    assert_string_equal(err.text, "");
    assert_non_null(value);
    assert_int_equal(json_string_length(value), expected.len);
    assert_memory_equal(json_string_value(value), expected.data, expected.len);
    json_decref(value);
}

static void
a_lone_surrogate_becomes_the_replacement_character(void **state)
{
    (void)state;
    check_string(SLICE("\"a\\ud800b\""), SLICE("a\xef\xbf\xbd"
                                               "b"));
    check_string(SLICE("\"\\udcff\""), SLICE("\xef\xbf\xbd"));
    check_string(SLICE("\"\\uD83D\""), SLICE("\xef\xbf\xbd"));
    check_string(SLICE("\"\\ud800\\ud83d\\ude00\""),
                 SLICE("\xef\xbf\xbd\xf0\x9f\x98\x80"));
    check_string(SLICE("\"\\ude00\\ud83d\""),
                 SLICE("\xef\xbf\xbd\xef\xbf\xbd"));
}

static void
a_pair_of_surrogates_stays_a_character(void **state)
{
    (void)state;
    check_string(SLICE("\"\\ud83d\\ude00\""), SLICE("\xf0\x9f\x98\x80"));
}

static void
an_escaped_backslash_begins_no_escape(void **state)
{
    (void)state;
    check_string(SLICE("\"\\\\ud800\""), SLICE("\\ud800"));
    check_string(SLICE("\"\\\\\\ud800\""), SLICE("\\\xef\xbf\xbd"));
}

static void
nul_may_stand_in_a_string(void **state)
{
    (void)state;
    check_string(SLICE("\"a\\u0000b\""), SLICE("a\0b"));
}

static void
the_text_that_was_given_is_not_changed(void **state)
{
    (void)state;
    char text[] = "\"\\ud800\"";
    struct err err = {0};
    json_t *value = json_text_parse(slice_of(text), &err);

    assert_string_equal(text, "\"\\ud800\"");
    json_decref(value);
}

static void
what_is_not_json_is_an_error(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "{",     "{\"a\":}",    "NaN",     "[1,]",  "\"\\u12\"",
        "\"\xff\"", "{} {}", "\"\\udxyz\"", "1e99999", "'one'", "\\",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        assert_null(json_text_parse(slice_of(wrong[i]), &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_non_null(strstr(err.text, "not JSON"));
    }
}

static void
brackets_without_end_are_an_error_and_not_a_crash(void **state)
{
    (void)state;
    static char deep[1000000];
    struct err err = {0};

    memset(deep, '[', sizeof(deep));
    assert_null(json_text_parse(slice_make(deep, sizeof(deep)), &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
}

static void
only_an_object_is_an_object(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *value = json_text_parse_object(SLICE("{\"a\": 1}"), &err);

    assert_non_null(value);
    json_decref(value);
    assert_null(json_text_parse_object(SLICE("[1]"), &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_lone_surrogate_becomes_the_replacement_character),
    cmocka_unit_test(a_pair_of_surrogates_stays_a_character),
    cmocka_unit_test(an_escaped_backslash_begins_no_escape),
    cmocka_unit_test(nul_may_stand_in_a_string),
    cmocka_unit_test(the_text_that_was_given_is_not_changed),
    cmocka_unit_test(what_is_not_json_is_an_error),
    cmocka_unit_test(brackets_without_end_are_an_error_and_not_a_crash),
    cmocka_unit_test(only_an_object_is_an_object),
};

CHECK_MAIN(tests)
