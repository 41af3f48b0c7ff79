#include "check.h"

#include <string.h>

#include "model/tally.h"

// A test that ended so, with findings of these kinds.
static void
add(struct tally *tally, enum state state, const enum finding_kind *kinds,
    size_t count)
{
    struct finding findings[4] = {{0}};
    struct outcome outcome = {.state = state,
                              .findings = findings,
                              .finding_count = count,
                              .ran = state != STATE_NOT_RUN,
                              .counted = true};

    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++) {
        findings[i].kind = kinds[i];
    }
    tally->selected++;
    tally_add(tally, &outcome);
}

static void
add_plain(struct tally *tally, enum state state)
{
    add(tally, state, NULL, 0);
}

static void
expect_line(const struct tally *tally, const char *expected)
{
    struct buf buf = BUF_INIT(1024);

    tally_line(tally, &buf);
    assert_string_equal(buf_text(&buf), expected);
    buf_release(&buf);
}

static void
expect_unittest_line(const struct tally *tally, const char *expected)
{
    struct buf buf = BUF_INIT(1024);

    tally_unittest_line(tally, &buf);
    assert_string_equal(buf_text(&buf), expected);
    buf_release(&buf);
}

static void
the_line_names_what_everybody_looks_for(void **state)
{
    struct tally tally = {0};

    (void)state;
    add_plain(&tally, STATE_PASSED);
    add_plain(&tally, STATE_PASSED);
    expect_line(&tally,
                "2 selected = 2 passed + 0 failed + 0 skipped + 0 not run");
    assert_true(tally_adds_up(&tally));
    assert_true(tally_is_green(&tally));
}

static void
the_line_names_every_state_that_occurred(void **state)
{
    struct tally tally = {0};

    (void)state;
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        add_plain(&tally, (enum state)i);
    }
    add_plain(&tally, STATE_ERROR);
    add_plain(&tally, STATE_TIMEOUT);
    tally.retried = 3;
    tally.late = 1;
    tally.leaks = 2;
    expect_line(&tally,
                "12 selected = 1 passed + 1 failed + 2 errors + 2 timeouts + "
                "1 crashed + 1 lost + 1 xpassed + 1 xfailed + 1 skipped + "
                "1 not run (3 retried, 1 late duplicate, 2 leaked processes)");
}

static void
an_item_without_a_state_does_not_add_up(void **state)
{
    struct tally tally = {0};

    (void)state;
    add_plain(&tally, STATE_PASSED);
    tally.selected = 3;
    assert_false(tally_adds_up(&tally));
    expect_line(&tally, "3 selected = 1 passed + 0 failed + 0 skipped + "
                        "0 not run + 2 without a state");
    expect_unittest_line(&tally, "FAILED");
}

static void
an_item_too_many_does_not_add_up(void **state)
{
    struct tally tally = {0};

    (void)state;
    add_plain(&tally, STATE_PASSED);
    add_plain(&tally, STATE_PASSED);
    tally.selected = 1;
    assert_false(tally_adds_up(&tally));
    expect_line(&tally, "1 selected = 2 passed + 0 failed + 0 skipped + "
                        "0 not run - 1 too many");
}

static void
every_bad_state_is_red(void **state)
{
    (void)state;
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        struct tally tally = {0};

        add_plain(&tally, (enum state)i);
        assert_int_equal(tally_is_green(&tally), !state_is_bad((enum state)i));
        struct buf buf = BUF_INIT(1024);
        tally_unittest_line(&tally, &buf);
        bool failed = strncmp(buf_text(&buf), "FAILED (", 8) == 0;
        assert_int_equal(failed, state_is_bad((enum state)i));
        buf_release(&buf);
    }
}

static void
findings_are_counted_as_unittest_counts_them(void **state)
{
    static const enum finding_kind subtests[] = {
        FINDING_FAILURE, FINDING_FAILURE, FINDING_ERROR};
    static const enum finding_kind body_and_teardown[] = {FINDING_FAILURE,
                                                          FINDING_ERROR};
    struct tally tally = {0};

    (void)state;
    add(&tally, STATE_ERROR, subtests, 3);
    add(&tally, STATE_ERROR, body_and_teardown, 2);
    add_plain(&tally, STATE_SKIPPED);
    add_plain(&tally, STATE_SKIPPED);
    add_plain(&tally, STATE_SKIPPED);
    add_plain(&tally, STATE_XFAILED);
    add_plain(&tally, STATE_XPASSED);
    assert_int_equal(tally.ran, 7);
    expect_unittest_line(&tally,
                         "FAILED (failures=3, errors=2, skipped=3, "
                         "expected failures=1, unexpected successes=1)");
}

static void
a_state_without_findings_counts_once(void **state)
{
    static const enum finding_kind error[] = {FINDING_ERROR};
    struct tally tally = {0};

    (void)state;
    add_plain(&tally, STATE_FAILED);
    add_plain(&tally, STATE_CRASHED);
    add_plain(&tally, STATE_TIMEOUT);
    add_plain(&tally, STATE_LOST);
    add(&tally, STATE_CRASHED, error, 1);
    expect_unittest_line(&tally, "FAILED (failures=1, errors=4)");
}

static void
skips_that_unittest_does_not_count_are_left_out(void **state)
{
    struct outcome skipped = {.state = STATE_SKIPPED};
    struct tally tally = {0};

    (void)state;
    add_plain(&tally, STATE_SKIPPED); // the class's own
    tally.selected++;
    tally_add(&tally, &skipped);
    assert_int_equal(tally.states[STATE_SKIPPED], 2);
    assert_int_equal(tally.skips, 1);
    assert_int_equal(tally.ran, 1);
    expect_unittest_line(&tally, "OK (skipped=1)");
}

static void
what_did_not_run_is_neither_ok_nor_failed(void **state)
{
    struct tally tally = {0};

    (void)state;
    add_plain(&tally, STATE_PASSED);
    expect_unittest_line(&tally, "OK");
    add_plain(&tally, STATE_NOT_RUN);
    assert_int_equal(tally.ran, 1);
    expect_unittest_line(&tally, "INCOMPLETE");
    add_plain(&tally, STATE_SKIPPED);
    expect_unittest_line(&tally, "INCOMPLETE (skipped=1)");
    add_plain(&tally, STATE_FAILED);
    expect_unittest_line(&tally, "FAILED (failures=1, skipped=1)");
}

static void
no_tests_at_all_have_words_of_their_own(void **state)
{
    struct tally tally = {0};

    (void)state;
    expect_unittest_line(&tally, "NO TESTS RAN");
    expect_line(&tally,
                "0 selected = 0 passed + 0 failed + 0 skipped + 0 not run");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_line_names_what_everybody_looks_for),
    cmocka_unit_test(the_line_names_every_state_that_occurred),
    cmocka_unit_test(an_item_without_a_state_does_not_add_up),
    cmocka_unit_test(an_item_too_many_does_not_add_up),
    cmocka_unit_test(every_bad_state_is_red),
    cmocka_unit_test(findings_are_counted_as_unittest_counts_them),
    cmocka_unit_test(a_state_without_findings_counts_once),
    cmocka_unit_test(skips_that_unittest_does_not_count_are_left_out),
    cmocka_unit_test(what_did_not_run_is_neither_ok_nor_failed),
    cmocka_unit_test(no_tests_at_all_have_words_of_their_own),
};

CHECK_MAIN(tests)
