#include "util/slice.h"

#include <math.h>

#include "check.h"

// Compares bytes and shows both where they differ.
static void
check_slice(struct slice slice, const char *expected)
{
    char *text = slice_dup(slice);

    assert_string_equal(text, expected);
    assert_int_equal(slice.len, strlen(expected));
    free(text);
}

static void
slices_are_equal_by_their_bytes(void **state)
{
    (void)state;
    assert_true(slice_equals(SLICE("a\0b"), slice_make("a\0b", 3)));
    assert_false(slice_equals(SLICE("a\0b"), SLICE("a\0c")));
    assert_false(slice_equals(SLICE("ab"), SLICE("abc")));
    assert_true(slice_equals(slice_of(NULL), SLICE("")));
    assert_true(slice_equals_text(SLICE("abc"), "abc"));
}

static void
the_shorter_of_two_beginnings_comes_first(void **state)
{
    (void)state;
    assert_true(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
    assert_true(slice_compare(SLICE("abd"), SLICE("abc")) > 0);
    assert_true(slice_compare(SLICE("\xff"), SLICE("a")) > 0);
    assert_int_equal(slice_compare(slice_of(NULL), SLICE("")), 0);
}

static void
beginnings_and_ends_are_known(void **state)
{
    (void)state;
    assert_true(slice_starts_with(SLICE("pkg.mod"), SLICE("pkg.")));
    assert_false(slice_starts_with(SLICE("pk"), SLICE("pkg.")));
    assert_true(slice_ends_with(SLICE("pkg.mod"), SLICE("mod")));
    assert_false(slice_ends_with(SLICE("od"), SLICE("mod")));
    assert_true(slice_starts_with(SLICE(""), SLICE("")));
}

static void
what_is_not_found_is_at_the_end(void **state)
{
    (void)state;
    assert_int_equal(slice_find(SLICE("abc"), 'c'), 2);
    assert_int_equal(slice_find(SLICE("abc"), 'x'), 3);
    assert_int_equal(slice_find(slice_of(NULL), 'x'), 0);
    assert_int_equal(slice_find_part(SLICE("abcd"), SLICE("cd")), 2);
    assert_int_equal(slice_find_part(SLICE("abcd"), SLICE("dc")), 4);
    assert_int_equal(slice_find_part(SLICE("abcd"), SLICE("")), 0);
    assert_true(slice_has(SLICE("a\0b"), '\0'));
}

static void
cutting_stops_at_the_end(void **state)
{
    (void)state;
    check_slice(slice_first(SLICE("abc"), 2), "ab");
    check_slice(slice_first(SLICE("abc"), 9), "abc");
    check_slice(slice_skip(SLICE("abc"), 2), "c");
    check_slice(slice_skip(SLICE("abc"), 9), "");
    check_slice(slice_skip(slice_of(NULL), 9), "");
}

static void
trimming_takes_white_space_at_the_ends_only(void **state)
{
    (void)state;
    check_slice(slice_trim(SLICE(" \t a b\r\n\f\v")), "a b");
    check_slice(slice_trim(SLICE(" \n ")), "");
    check_slice(slice_trim_end(SLICE(" a ")), " a");
}

static void
taking_changes_only_what_begins_so(void **state)
{
    (void)state;
    struct slice line = SLICE("not ok 7");

    assert_false(slice_take(&line, SLICE("ok")));
    check_slice(line, "not ok 7");
    assert_true(slice_take(&line, SLICE("not ok")));
    check_slice(line, " 7");
}

static void
separators_make_one_part_more(void **state)
{
    (void)state;
    struct slice rest = SLICE("a,,b,");
    struct slice part;

    assert_true(slice_split(&rest, ',', &part));
    check_slice(part, "a");
    assert_true(slice_split(&rest, ',', &part));
    check_slice(part, "");
    assert_true(slice_split(&rest, ',', &part));
    check_slice(part, "b");
    assert_true(slice_split(&rest, ',', &part));
    check_slice(part, "");
    assert_true(slice_is_over(rest));
    assert_int_equal(rest.len, 0); // whoever takes it for a slice may read it
    assert_false(slice_split(&rest, ',', &part));
}

static void
nothing_is_one_empty_part(void **state)
{
    (void)state;
    struct slice rest = slice_of(NULL);
    struct slice part;

    assert_true(slice_split(&rest, ',', &part));
    assert_int_equal(part.len, 0);
    assert_false(slice_split(&rest, ',', &part));
    assert_int_equal(rest.len, 0);
}

static void
words_stand_between_white_space(void **state)
{
    (void)state;
    struct slice rest = SLICE("  one\ttwo \n");
    struct slice word;

    assert_true(slice_word(&rest, &word));
    check_slice(word, "one");
    assert_true(slice_word(&rest, &word));
    check_slice(word, "two");
    assert_false(slice_word(&rest, &word));
}

static void
integers_are_read_up_to_their_bounds(void **state)
{
    (void)state;
    int64_t number = 7;

    assert_true(slice_to_int(SLICE("-9223372036854775808"), INT64_MIN,
                             INT64_MAX, &number));
    assert_true(number == INT64_MIN);
    assert_true(slice_to_int(SLICE("9223372036854775807"), INT64_MIN, INT64_MAX,
                             &number));
    assert_true(number == INT64_MAX);
    assert_true(slice_to_int(SLICE("-0"), 0, 1, &number));
    assert_int_equal(number, 0);
    assert_true(slice_to_int(SLICE("007"), 0, 7, &number));
    assert_int_equal(number, 7);
}

static void
what_is_no_integer_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1a",
        "--1",
        "0x10",
        "1.0",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999",
        "101",
        "-1",
    };
    int64_t number = 42;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(slice_to_int(slice_of(wrong[i]), 0, 100, &number));
        assert_int_equal(number, 42);
    }
    assert_false(slice_to_int(SLICE("1\0"), 0, 100, &number));
}

static void
numbers_without_a_sign_use_all_their_bits(void **state)
{
    (void)state;
    uint64_t number = 0;

    assert_true(
        slice_to_uint(SLICE("18446744073709551615"), UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
    assert_false(
        slice_to_uint(SLICE("18446744073709551616"), UINT64_MAX, &number));
    assert_false(slice_to_uint(SLICE("-1"), UINT64_MAX, &number));
    assert_false(slice_to_uint(SLICE("11"), 10, &number));
}

static void
doubles_are_decimal_and_finite(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",   ".",   "-",   "1e", "e5", "inf",    "nan",
        "+1", "0x1", "1,5", " 1", "1 ", "1e9999", "1.2.3",
    };
    double number = 0;

    assert_true(slice_to_double(SLICE("-1.5e2"), -1000, 1000, &number));
    assert_true(fabs(number + 150.0) < 1e-9);
    assert_true(slice_to_double(SLICE(".5"), 0, 1, &number));
    assert_true(slice_to_double(SLICE("5."), 0, 10, &number));
    assert_true(slice_to_double(SLICE("2E+1"), 0, 20, &number));
    assert_false(slice_to_double(SLICE("20.1"), 0, 20, &number));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(
            slice_to_double(slice_of(wrong[i]), -HUGE_VAL, HUGE_VAL, &number));
    }
    assert_true(fabs(number - 20.0) < 1e-9);
}

static void
a_number_of_a_thousand_digits_is_refused(void **state)
{
    (void)state;
    char digits[1000];
    double number = 0;

    memset(digits, '0', sizeof(digits));
    assert_false(
        slice_to_double(slice_make(digits, sizeof(digits)), 0, 1, &number));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(slices_are_equal_by_their_bytes),
    cmocka_unit_test(the_shorter_of_two_beginnings_comes_first),
    cmocka_unit_test(beginnings_and_ends_are_known),
    cmocka_unit_test(what_is_not_found_is_at_the_end),
    cmocka_unit_test(cutting_stops_at_the_end),
    cmocka_unit_test(trimming_takes_white_space_at_the_ends_only),
    cmocka_unit_test(taking_changes_only_what_begins_so),
    cmocka_unit_test(separators_make_one_part_more),
    cmocka_unit_test(nothing_is_one_empty_part),
    cmocka_unit_test(words_stand_between_white_space),
    cmocka_unit_test(integers_are_read_up_to_their_bounds),
    cmocka_unit_test(what_is_no_integer_changes_nothing),
    cmocka_unit_test(numbers_without_a_sign_use_all_their_bits),
    cmocka_unit_test(doubles_are_decimal_and_finite),
    cmocka_unit_test(a_number_of_a_thousand_digits_is_refused),
};

CHECK_MAIN(tests)
