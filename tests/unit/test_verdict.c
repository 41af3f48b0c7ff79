#include "run/verdict.h"

#include "check.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static char *
words_of(int status)
{
    char text[256];

    verdict_describe_status(status, text, sizeof(text));
    return alloc_dup(text);
}

static void
described_as(int status, const char *words)
{
    char *text = words_of(status);

    assert_string_equal(text, words);
    free(text);
}

static void
statuses_have_words(void **state)
{
    (void)state;
    described_as(0, "exited with status 0");
    described_as(3 << 8, "exited with status 3");
    described_as(SIGSEGV, "killed by signal 11 (Segmentation fault)");
    described_as(SIGKILL, "killed by signal 9 (Killed)");
    described_as(SIGABRT | 0x80, "killed by signal 6 (Aborted), core dumped");
    described_as(SIGRTMIN + 20, "killed by signal 54 (unknown)");
}

static void
words_that_are_too_long_are_cut(void **state)
{
    char text[8];

    (void)state;
    verdict_describe_status(SIGSEGV, text, sizeof(text));
    assert_string_equal(text, "killed ");
}

struct row {
    enum order_end end;
    int status;
    const char *problem;
    enum state state;
    const char *type;
    const char *message;
};

static void
every_end_has_a_state_a_type_and_a_message(void **state)
{
    static const struct row rows[] = {
        {ORDER_TIMEOUT, 0, "took long", STATE_TIMEOUT, "timeout", "took long"},
        {ORDER_CRASHED, SIGSEGV, "", STATE_CRASHED, "signal",
         "killed by signal 11 (Segmentation fault) in the middle of the test"},
        {ORDER_CRASHED, 3 << 8, "", STATE_CRASHED, "exit",
         "exited with status 3 in the middle of the test"},
        {ORDER_CRASHED, 3 << 8, "it said why", STATE_CRASHED, "exit",
         "it said why"},
        {ORDER_BREACH, 0, "garbage", STATE_ERROR, "protocol", "garbage"},
        {ORDER_LOST, 0, "gone", STATE_LOST, "lost", "gone"},
        {ORDER_DONE, 0, "odd", STATE_ERROR, "missing", "odd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct order_report report = {
            .end = rows[i].end,
            .status = rows[i].status,
            .problem = rows[i].problem,
            .running_us = 77,
            .out.head = SLICE("out"),
            .err.head = SLICE("err"),
        };
        struct verdict verdict;
        verdict_of_report(&verdict, &report);
        const struct outcome *outcome = &verdict.outcome;
        assert_int_equal(outcome->state, rows[i].state);
        assert_int_equal(outcome->finding_count, 1);
        assert_true(slice_equals_text(outcome->findings[0].type, rows[i].type));
        assert_true(
            slice_equals_text(outcome->findings[0].message, rows[i].message));
        assert_int_equal(outcome->findings[0].kind, FINDING_ERROR);
        assert_int_equal(outcome->us, 77);
        assert_true(slice_equals_text(outcome->out.head, "out"));
        assert_true(slice_equals_text(outcome->err.head, "err"));
        assert_true(state_is_bad(outcome->state));
    }
}

static void
what_was_cancelled_did_not_run(void **state)
{
    struct order_report report = {.end = ORDER_CANCELLED, .problem = "stopped"};
    struct verdict verdict;

    (void)state;
    verdict_of_report(&verdict, &report);
    assert_int_equal(verdict.outcome.state, STATE_NOT_RUN);
    assert_int_equal(verdict.outcome.finding_count, 0);
    assert_true(slice_equals_text(verdict.outcome.reason, "stopped"));
    assert_false(verdict.outcome.ran);
}

static void
a_very_long_problem_is_cut_and_stays_a_text(void **state)
{
    char *problem = alloc_zero(1, 5000);
    struct verdict verdict;

    (void)state;
    memset(problem, 'x', 4999);
    struct order_report report = {.end = ORDER_LOST, .problem = problem};
    verdict_of_report(&verdict, &report);
    assert_in_range(verdict.finding.message.len, 100, sizeof(verdict.text) - 1);
    assert_int_equal(verdict.finding.message.data[0], 'x');
    free(problem);
}

static void
a_watch_that_ended_nothing_has_no_words(void **state)
{
    struct watch watch = {.limits = {.job_ms = 1000, .item_ms = 1000}};
    enum order_end end = ORDER_DONE;
    char text[100] = "as before";

    (void)state;
    assert_false(verdict_of_watch(&watch, false, &end, text, sizeof(text)));
    assert_int_equal(end, ORDER_DONE);
    assert_string_equal(text, "as before");
}

static void
a_limit_is_named_with_its_option(void **state)
{
    struct watch watch = {
        .limits = {.job_ms = 90000, .item_ms = 1500},
        .cause = WATCH_ITEM_LIMIT,
    };
    enum order_end end = ORDER_DONE;
    char text[100];

    (void)state;
    assert_true(verdict_of_watch(&watch, false, &end, text, sizeof(text)));
    assert_int_equal(end, ORDER_TIMEOUT);
    assert_string_equal(text, "took longer than 1.5 s (--test-timeout)");
    watch.cause = WATCH_JOB_LIMIT;
    assert_true(verdict_of_watch(&watch, false, &end, text, sizeof(text)));
    assert_int_equal(end, ORDER_TIMEOUT);
    assert_string_equal(text,
                        "was running when its job had taken 90 s (--timeout)");
    assert_true(verdict_of_watch(&watch, true, &end, text, sizeof(text)));
    assert_string_equal(text, "took longer than 90 s (--timeout)");
}

static void
a_cancel_is_named_too(void **state)
{
    struct watch watch = {.cause = WATCH_CANCEL};
    enum order_end end = ORDER_DONE;
    char text[100];

    (void)state;
    assert_true(verdict_of_watch(&watch, true, &end, text, sizeof(text)));
    assert_int_equal(end, ORDER_CANCELLED);
    assert_string_equal(text, VERDICT_STOPPED);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(statuses_have_words),
    cmocka_unit_test(words_that_are_too_long_are_cut),
    cmocka_unit_test(every_end_has_a_state_a_type_and_a_message),
    cmocka_unit_test(what_was_cancelled_did_not_run),
    cmocka_unit_test(a_very_long_problem_is_cut_and_stays_a_text),
    cmocka_unit_test(a_watch_that_ended_nothing_has_no_words),
    cmocka_unit_test(a_limit_is_named_with_its_option),
    cmocka_unit_test(a_cancel_is_named_too),
};

CHECK_MAIN(tests)
