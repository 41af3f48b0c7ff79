#include "tests/unit/reading.h"

static void
expect_status(const char *input, int status, const char *expected)
{
    assert_reading(&(struct reading){.format = FORMAT_TAP,
                                     .input = slice_of(input),
                                     .status = status},
                   expected);
}

static void
expect(const char *input, const char *expected)
{
    expect_status(input, 0, expected);
}

static void
points_pass_and_fail(void **state)
{
    (void)state;
    expect("TAP version 14\n1..3\nok 1 - first\nnot ok 2 - second\nok 3\n",
           "plan 3\n"
           "passed 1 - first\n"
           "failed 2 - second\n"
           "  failure not ok\n"
           "passed 3\n"
           "= failed\n");
}

static void
points_may_come_in_pieces_of_any_size(void **state)
{
    (void)state;
    const char *input = "1..2\r\nok 1 - first\r\nnot ok 2 - second\r\n";

    for (size_t piece = 1; piece < 20; piece++) {
        assert_reading(&(struct reading){.format = FORMAT_TAP,
                                         .input = slice_of(input),
                                         .status = EXITED(1),
                                         .piece = piece},
                       "plan 2\n"
                       "passed 1 - first\n"
                       "failed 2 - second\n"
                       "  failure not ok\n"
                       "= failed\n"
                       "  failure exit status 1\n");
    }
}

static void
a_plan_may_come_last(void **state)
{
    (void)state;
    expect("ok\nok - named\n1..2\n", "passed 1\n"
                                     "passed 2 - named\n"
                                     "plan 2\n"
                                     "= passed\n");
}

static void
a_plan_between_points_is_an_error(void **state)
{
    (void)state;
    expect("ok 1\n1..2\nok 2\n", "passed 1\n"
                                 "plan 2\n"
                                 "passed 2\n"
                                 "= error counts\n"
                                 "  error points came before and after the "
                                 "plan\n");
}

static void
no_plan_at_all_is_an_error(void **state)
{
    (void)state;
    expect("ok 1\n", "passed 1\n"
                     "= error counts\n"
                     "  error no plan came\n");
    expect("hello\n", "= error counts\n"
                      "  error no TAP came: no plan, no point\n");
}

static void
a_second_plan_is_an_error(void **state)
{
    (void)state;
    expect("1..1\nok 1\n1..1\n", "plan 1\n"
                                 "passed 1\n"
                                 "= error counts\n"
                                 "  error a second plan came\n");
}

static void
missing_points_are_errors_of_their_own(void **state)
{
    (void)state;
    expect_status("1..3\nok 2\n", EXITED(2),
                  "plan 3\n"
                  "passed 2\n"
                  "error 1 - missing\n"
                  "  error planned, but the program did not tell its result\n"
                  "error 3 - missing\n"
                  "  error planned, but the program did not tell its result\n"
                  "= failed\n"
                  "  failure exit status 2\n");
}

static void
a_huge_plan_does_not_make_a_huge_report(void **state)
{
    (void)state;
    struct buf log = reading_log(&(struct reading){
        .format = FORMAT_TAP,
        .input = SLICE("1..1000000\nok 1\n"),
    });
    size_t lines = 0;

    for (size_t i = 0; i < log.len; i++) {
        lines += log.data[i] == '\n' ? 1 : 0;
    }
    assert_true(lines < 2100);
    assert_non_null(
        strstr(buf_text(&log), "998999 more points of the plan 1..1000000"));
    buf_release(&log);
    expect("1..1000001\n", "= error counts\n"
                           "  error a plan of more than 1000000 points\n"
                           "  error no TAP came: no plan, no point\n");
}

static void
points_beyond_the_plan_are_an_error(void **state)
{
    (void)state;
    expect("1..1\nok 1\nok 2\nok 3\n",
           "plan 1\n"
           "passed 1\n"
           "passed 2\n"
           "passed 3\n"
           "= error counts\n"
           "  error 2 points came that the plan 1..1 does not have\n");
}

static void
a_number_that_comes_twice_is_an_error(void **state)
{
    (void)state;
    expect("1..2\nok 1\nok 1 - again\nok 2\n", "plan 2\n"
                                               "passed 1\n"
                                               "passed 1 - again\n"
                                               "passed 2\n"
                                               "= error counts\n"
                                               "  error point 1 came twice\n");
}

static void
points_may_come_in_any_order(void **state)
{
    (void)state;
    expect("1..3\nok 3\nok 1\nok\n", "plan 3\n"
                                     "passed 3\n"
                                     "passed 1\n"
                                     "passed 2\n"
                                     "= passed\n");
}

static void
skips_have_reasons(void **state)
{
    (void)state;
    expect("1..4\n"
           "ok 1 - a # SKIP no network\n"
           "ok 2 # skipped: later\n"
           "not ok 3 - c # Skip\n"
           "ok 4 - about #skipping\n",
           "plan 4\n"
           "skipped 1 - a \"no network\"\n"
           "skipped 2 \"later\"\n"
           "skipped 3 - c\n"
           "skipped 4 - about\n"
           "= passed\n");
}

static void
a_failing_todo_is_expected_and_a_passing_one_is_noted(void **state)
{
    (void)state;
    expect("1..2\n"
           "not ok 1 - a # TODO not written\n"
           "ok 2 - b # todo not written\n",
           "plan 2\n"
           "xfailed 1 - a \"not written\"\n"
           "  xfail not ok\n"
           "passed 2 - b \"TODO, but it passes: not written\"\n"
           "= passed\n");
}

static void
a_plan_of_nothing_skips_everything(void **state)
{
    (void)state;
    expect("1..0 # SKIP no perl here\n", "= skipped counts \"no perl here\"\n");
    expect("1..0 # no perl here\n", "= skipped counts \"no perl here\"\n");
    expect("1..0\n", "= skipped counts\n");
}

static void
bailing_out_stops_everything(void **state)
{
    (void)state;
    expect_status("1..3\nok 1\nBail out! No database.\n", EXITED(255),
                  "plan 3\n"
                  "passed 1\n"
                  "bail No database.\n"
                  "not run 2 - missing \"the program bailed out before\"\n"
                  "not run 3 - missing \"the program bailed out before\"\n"
                  "= error counts\n"
                  "  failure exit status 255\n"
                  "  error Bail out! No database.\n");
}

static void
comments_belong_to_the_point_before_them(void **state)
{
    (void)state;
    expect("1..2\n"
           "# a greeting\n"
           "not ok 1 - a\n"
           "#   Failed test 'a'\n"
           "#   at t/a.t line 7.\n"
           "ok 2 - b\n",
           "plan 2\n"
           "failed 1 - a at t/a.t:7 <# a greeting\n>\n"
           "  failure not ok |   Failed test 'a'\n"
           "passed 2 - b\n"
           "= failed\n");
}

static void
what_is_printed_belongs_to_the_point_behind_it(void **state)
{
    (void)state;
    expect("1..2\nok 1\nworking\n  hard\nok 2\n",
           "plan 2\n"
           "passed 1\n"
           "passed 2 <working\n  hard\n>\n"
           "= passed\n");
}

static void
a_yaml_block_is_read(void **state)
{
    (void)state;
    expect("TAP version 14\n"
           "1..2\n"
           "not ok 1 - a\n"
           "  ---\n"
           "  message: 'expected 1, got 2'\n"
           "  duration_ms: 1.5\n"
           "  at:\n"
           "    file: t/a.js\n"
           "    line: 12\n"
           "  ...\n"
           "ok 2 - b\n"
           "  ---\n"
           "  duration_ms: 2\n"
           "  ...\n",
           "plan 2\n"
           "failed 1 - a at t/a.js:12 (1500 us)\n"
           "  failure expected 1, got 2 | message: 'expected 1, got 2'\n"
           "passed 2 - b (2000 us) <duration_ms: 2\n>\n"
           "= failed\n");
}

static void
a_yaml_block_without_an_end_ends_where_the_indentation_does(void **state)
{
    (void)state;
    expect("1..2\nnot ok 1\n  ---\n  message: broken\nok 2\n",
           "plan 2\n"
           "failed 1\n"
           "  failure broken | message: broken\n"
           "passed 2\n"
           "= failed\n");
}

static void
failures_of_a_subtest_are_findings_of_its_point(void **state)
{
    (void)state;
    expect("TAP version 14\n"
           "1..2\n"
           "# Subtest: outer\n"
           "    1..3\n"
           "    ok 1 - fine\n"
           "    not ok 2 - wrong\n"
           "    # because\n"
           "        # Subtest: inner\n"
           "        not ok 1 - deep\n"
           "          ---\n"
           "          message: deeper\n"
           "          ...\n"
           "        1..1\n"
           "    not ok 3 - inner\n"
           "not ok 1 - outer\n"
           "ok 2 - other\n",
           "plan 2\n"
           "failed 1 - outer\n"
           "  failure [2 - wrong] not ok | because\n"
           "  failure [3 - inner > 1 - deep] deeper | message: deeper\n"
           "passed 2 - other\n"
           "= failed\n");
}

static void
the_point_decides_and_not_its_subtest(void **state)
{
    (void)state;
    expect("    not ok 1 - inside\n    1..1\nok 1 - outer\n1..1\n",
           "passed 1 - outer \"ok, though its subtest failed: 1 - inside\"\n"
           "plan 1\n"
           "= passed\n");
}

static void
a_subtest_can_bail_out(void **state)
{
    (void)state;
    expect_status("1..1\n    ok 1\n    Bail out! inside\n", EXITED(1),
                  "plan 1\n"
                  "bail inside\n"
                  "not run 1 - missing \"the program bailed out before\"\n"
                  "= error counts\n"
                  "  failure exit status 1\n"
                  "  error Bail out! inside\n");
}

static void
many_failures_in_subtests_are_counted_but_not_all_shown(void **state)
{
    (void)state;
    struct buf input = BUF_INIT(1 << 20);
    struct buf log = {0};

    buf_add_text(&input, "1..1\n");
    for (int i = 1; i <= 150; i++) {
        buf_addf(&input, "    not ok %d\n", i);
    }
    buf_add_text(&input, "not ok 1 - all\n");
    log = reading_log(
        &(struct reading){.format = FORMAT_TAP, .input = buf_slice(&input)});
    assert_non_null(strstr(buf_text(&log), "failure [100] not ok"));
    assert_null(strstr(buf_text(&log), "failure [101]"));
    buf_release(&log);
    buf_release(&input);
}

static void
escapes_are_undone(void **state)
{
    (void)state;
    expect("1..2\n"
           "ok 1 - no \\# SKIP here\n"
           "ok 2 - a \\\\ backslash # SKIP there\n",
           "plan 2\n"
           "passed 1 - no # SKIP here\n"
           "skipped 2 - a \\ backslash \"there\"\n"
           "= passed\n");
}

static void
the_exit_status_counts_beside_the_points(void **state)
{
    (void)state;
    expect_status("1..1\nok 1\n", EXITED(3),
                  "plan 1\npassed 1\n= failed counts\n"
                  "  failure exit status 3\n");
    expect_status("1..1\nnot ok 1\n", EXITED(1),
                  "plan 1\nfailed 1\n  failure not ok\n= failed\n"
                  "  failure exit status 1\n");
    expect_status("1..1\nok 1\n", EXITED(77),
                  "plan 1\npassed 1\n= skipped counts \"exit status 77\"\n");
    expect_status("1..1\nok 1\n", EXITED(99),
                  "plan 1\npassed 1\n= error counts\n"
                  "  error exit status 99: a hard error\n");
    expect_status("1..1\nnot ok 1\n", KILLED(11),
                  "plan 1\nfailed 1\n  failure not ok\n= crashed counts\n"
                  "  error ended by signal 11\n");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(points_pass_and_fail),
    cmocka_unit_test(points_may_come_in_pieces_of_any_size),
    cmocka_unit_test(a_plan_may_come_last),
    cmocka_unit_test(a_plan_between_points_is_an_error),
    cmocka_unit_test(no_plan_at_all_is_an_error),
    cmocka_unit_test(a_second_plan_is_an_error),
    cmocka_unit_test(missing_points_are_errors_of_their_own),
    cmocka_unit_test(a_huge_plan_does_not_make_a_huge_report),
    cmocka_unit_test(points_beyond_the_plan_are_an_error),
    cmocka_unit_test(a_number_that_comes_twice_is_an_error),
    cmocka_unit_test(points_may_come_in_any_order),
    cmocka_unit_test(skips_have_reasons),
    cmocka_unit_test(a_failing_todo_is_expected_and_a_passing_one_is_noted),
    cmocka_unit_test(a_plan_of_nothing_skips_everything),
    cmocka_unit_test(bailing_out_stops_everything),
    cmocka_unit_test(comments_belong_to_the_point_before_them),
    cmocka_unit_test(what_is_printed_belongs_to_the_point_behind_it),
    cmocka_unit_test(a_yaml_block_is_read),
    cmocka_unit_test(
        a_yaml_block_without_an_end_ends_where_the_indentation_does),
    cmocka_unit_test(failures_of_a_subtest_are_findings_of_its_point),
    cmocka_unit_test(the_point_decides_and_not_its_subtest),
    cmocka_unit_test(a_subtest_can_bail_out),
    cmocka_unit_test(many_failures_in_subtests_are_counted_but_not_all_shown),
    cmocka_unit_test(escapes_are_undone),
    cmocka_unit_test(the_exit_status_counts_beside_the_points),
};

CHECK_MAIN(tests)
