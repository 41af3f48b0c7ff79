#include "util/glob.h"

#include "check.h"

static bool
matches(const char *pattern, const char *text)
{
    return glob_match(slice_of(pattern), slice_of(text));
}

static void
a_star_is_any_run_of_characters_and_dots_too(void **state)
{
    (void)state;
    assert_true(matches("*", ""));
    assert_true(matches("*Login*", "pkg.test_web.LoginTest.test_ok"));
    assert_true(matches("pkg.*.api", "pkg.a.b.api"));
    assert_false(matches("pkg.*.api", "pkg.api"));
    assert_true(matches("a*b*c", "a-b-b-c"));
    assert_false(matches("a*b*c", "a-b-b-"));
    assert_true(matches("**a", "bba"));
}

static void
without_signs_a_pattern_is_the_text(void **state)
{
    (void)state;
    assert_true(matches("", ""));
    assert_true(matches("abc", "abc"));
    assert_false(matches("abc", "abcd"));
    assert_false(matches("abcd", "abc"));
    assert_false(matches("abc", "ABC"));
    assert_false(matches("", "a"));
}

static void
a_question_mark_is_one_character_of_any_length(void **state)
{
    (void)state;
    assert_true(matches("te?t", "test"));
    assert_true(matches("t?t", "t\xc3\xa4t"));
    assert_true(matches("?", "\xf0\x9f\x98\x80"));
    assert_false(matches("??", "\xc3\xa4"));
    assert_false(matches("?", ""));
}

static void
brackets_hold_characters_and_ranges(void **state)
{
    (void)state;
    assert_true(matches("test_[0-9]", "test_7"));
    assert_false(matches("test_[0-9]", "test_x"));
    assert_true(matches("test_[!0-9]", "test_x"));
    assert_false(matches("test_[^0-9]", "test_7"));
    assert_true(matches("[abc-]", "-"));
    assert_true(matches("[]x]", "]"));
    assert_false(matches("[!]x]", "]"));
    assert_true(matches("[\xc3\xa0-\xc3\xb0]", "\xc3\xa4"));
    assert_true(matches("[*]", "*"));
    assert_false(matches("[a]", ""));
}

static void
a_bracket_that_is_never_closed_is_itself(void **state)
{
    (void)state;
    assert_true(matches("[abc", "[abc"));
    assert_true(matches("[", "["));
    assert_true(matches("[]", "[]"));
    assert_true(matches("[!]", "[!]"));
}

static void
many_stars_do_not_take_for_ever(void **state)
{
    (void)state;
    char text[5000];

    memset(text, 'a', sizeof(text));
    assert_false(glob_match(SLICE("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"),
                            slice_make(text, sizeof(text))));
}

static void
patterns_are_told_from_names(void **state)
{
    (void)state;
    assert_true(glob_is_pattern(SLICE("pkg.*")));
    assert_true(glob_is_pattern(SLICE("te?t")));
    assert_true(glob_is_pattern(SLICE("[ab]")));
    assert_false(glob_is_pattern(SLICE("pkg.mod.Class.test")));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_star_is_any_run_of_characters_and_dots_too),
    cmocka_unit_test(without_signs_a_pattern_is_the_text),
    cmocka_unit_test(a_question_mark_is_one_character_of_any_length),
    cmocka_unit_test(brackets_hold_characters_and_ranges),
    cmocka_unit_test(a_bracket_that_is_never_closed_is_itself),
    cmocka_unit_test(many_stars_do_not_take_for_ever),
    cmocka_unit_test(patterns_are_told_from_names),
};

CHECK_MAIN(tests)
