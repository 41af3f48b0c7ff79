#include "adapter/tap_line.h"

#include <string.h>

#include "tests/unit/check.h"

static void
assert_slice(struct slice slice, const char *text)
{
    char *copy = slice_dup(slice);

    assert_string_equal(copy, text);
    free(copy);
}

static const struct sample {
    const char *line;
    enum tap_kind kind;
} samples[] = {
    {"", TAP_BLANK},
    {"   ", TAP_BLANK},
    {"ok", TAP_POINT},
    {"not ok", TAP_POINT},
    {"not  ok 7", TAP_POINT},
    {"ok 1", TAP_POINT},
    {"ok\t1", TAP_POINT},
    {"ok - said", TAP_POINT},
    {"ok-ish", TAP_POINT},
    {"okay", TAP_TEXT},
    {"OK 1", TAP_TEXT},
    {"notok 1", TAP_TEXT},
    {" ok 1", TAP_TEXT},
    {"1..4", TAP_PLAN},
    {"1..0 # SKIP x", TAP_PLAN},
    {"1..x", TAP_TEXT},
    {"2..4", TAP_TEXT},
    {"TAP version 13", TAP_VERSION},
    {"TAP version x", TAP_TEXT},
    {"# text", TAP_COMMENT},
    {"#text", TAP_COMMENT},
    {"Bail out!", TAP_BAIL},
    {"bail OUT! now", TAP_BAIL},
    {"Bail out", TAP_TEXT},
    {"pragma +strict", TAP_PRAGMA},
    {"  ---", TAP_YAML},
    {" ---", TAP_TEXT},
};

static void
lines_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct tap_line line = tap_line_parse(slice_of(samples[i].line));

        if (line.kind != samples[i].kind) {
            fail_msg("\"%s\" is %d", samples[i].line, line.kind);
        }
    }
}

static void
a_point_has_number_description_and_directive(void **state)
{
    (void)state;
    struct tap_line line =
        tap_line_parse(SLICE("not ok 12 - a \\# b # c # TODO later"));

    assert_false(line.ok);
    assert_true(line.numbered);
    assert_int_equal(line.number, 12);
    assert_slice(line.text, "a \\# b # c");
    assert_int_equal(line.directive, TAP_TODO);
    assert_slice(line.reason, "later");

    line = tap_line_parse(SLICE("ok 12abc"));
    assert_true(line.ok);
    assert_false(line.numbered);
    assert_slice(line.text, "12abc");

    line = tap_line_parse(SLICE("ok 99999999999999999999 x"));
    assert_true(line.too_big);

    line = tap_line_parse(SLICE("ok 1 - todos # todos are no directive"));
    assert_int_equal(line.directive, TAP_NO_DIRECTIVE);
    assert_slice(line.text, "todos # todos are no directive");

    line = tap_line_parse(SLICE("ok 1 --strict"));
    assert_slice(line.text, "--strict");
}

static void
a_plan_can_skip(void **state)
{
    (void)state;
    struct tap_line line = tap_line_parse(SLICE("1..0 # Skipped: no perl"));

    assert_int_equal(line.number, 0);
    assert_int_equal(line.directive, TAP_SKIP);
    assert_slice(line.reason, "no perl");
    line = tap_line_parse(SLICE("1..7"));
    assert_int_equal(line.number, 7);
    assert_int_equal(line.directive, TAP_NO_DIRECTIVE);
}

static void
subtests_are_four_blanks_deep(void **state)
{
    (void)state;
    assert_int_equal(tap_line_depth(SLICE("ok")), 0);
    assert_int_equal(tap_line_depth(SLICE("   ok")), 0);
    assert_int_equal(tap_line_depth(SLICE("    ok")), 1);
    assert_int_equal(tap_line_depth(SLICE("          ok")), 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_are_told_apart),
    cmocka_unit_test(a_point_has_number_description_and_directive),
    cmocka_unit_test(a_plan_can_skip),
    cmocka_unit_test(subtests_are_four_blanks_deep),
};

CHECK_MAIN(tests)
