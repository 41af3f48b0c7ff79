#include "run/watch.h"

#include "check.h"

static const struct watch_limits limits = {.item_ms = 2000, .grace_ms = 1000};

// A watch over a job that began at 1 s, as its first item did.
static struct watch
begin(void)
{
    struct watch watch;

    watch_begin(&watch, &limits, 1000000);
    watch_item(&watch, 1000000);
    return watch;
}

static void
an_item_over_its_limit_is_dumped_terminated_and_killed(void **state)
{
    struct watch watch = begin();

    (void)state;
    assert_int_equal(watch_step(&watch, 2999999), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 3000000), WATCH_DUMP);
    assert_int_equal(watch_step(&watch, 3000000), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 3300000), WATCH_TERMINATE);
    assert_int_equal(watch_step(&watch, 4299999), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 4300000), WATCH_KILL);
    assert_int_equal(watch_step(&watch, 14300000), WATCH_GIVE_UP);
    assert_int_equal(watch_step(&watch, 99000000), WATCH_NOTHING);
    assert_int_equal(watch.cause, WATCH_ITEM_LIMIT);
}

static void
the_next_item_does_not_pay_for_one_that_ended_late(void **state)
{
    struct watch watch = begin();

    (void)state;
    assert_int_equal(watch_step(&watch, 3000000), WATCH_DUMP);
    watch_item(&watch, 0);
    watch_item(&watch, 3100000);
    assert_int_equal(watch.cause, WATCH_NO_CAUSE);
    assert_int_equal(watch_step(&watch, 5099999), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 5100000), WATCH_DUMP);
}

static void
a_cancelled_job_ends_whatever_runs(void **state)
{
    struct watch watch = begin();

    (void)state;
    watch_cancel(&watch, false);
    assert_int_equal(watch_step(&watch, 1000000), WATCH_TERMINATE);
    watch_item(&watch, 0);
    watch_item(&watch, 1100000);
    assert_int_equal(watch_step(&watch, 1999999), WATCH_NOTHING);
    watch_cancel(&watch, true);
    assert_int_equal(watch_step(&watch, 1999999), WATCH_KILL);
    assert_int_equal(watch.cause, WATCH_CANCEL);
}

static void
a_cancel_is_not_forgotten_when_a_late_item_ends(void **state)
{
    struct watch watch = begin();

    (void)state;
    assert_int_equal(watch_step(&watch, 3000000), WATCH_DUMP);
    watch_cancel(&watch, false);
    assert_int_equal(watch.cause, WATCH_ITEM_LIMIT);
    watch_item(&watch, 0);
    assert_int_equal(watch.cause, WATCH_CANCEL);
    assert_int_equal(watch_step(&watch, 3100000), WATCH_TERMINATE);
}

static void
a_job_over_its_limit_is_ended_whatever_item_runs(void **state)
{
    const struct watch_limits of_job = {.job_ms = 1000, .grace_ms = 10};
    struct watch watch;

    (void)state;
    watch_begin(&watch, &of_job, 1000000);
    assert_int_equal(watch_step(&watch, 1999999), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 2000000), WATCH_DUMP);
    assert_int_equal(watch.cause, WATCH_JOB_LIMIT);
    watch_item(&watch, 2100000);
    watch_item(&watch, 0);
    assert_int_equal(watch.cause, WATCH_JOB_LIMIT);
    assert_int_equal(watch_step(&watch, 2300000), WATCH_TERMINATE);
    assert_int_equal(watch_step(&watch, 2310000), WATCH_KILL);
}

static void
the_limit_of_the_item_is_named_where_both_are_reached(void **state)
{
    const struct watch_limits both = {.job_ms = 1000, .item_ms = 1000};
    struct watch watch;

    (void)state;
    watch_begin(&watch, &both, 1000000);
    watch_item(&watch, 1000000);
    assert_int_equal(watch_step(&watch, 5000000), WATCH_DUMP);
    assert_int_equal(watch.cause, WATCH_ITEM_LIMIT);
}

static void
without_limits_nothing_is_ever_over(void **state)
{
    const struct watch_limits none = {0};
    struct watch watch;

    (void)state;
    watch_begin(&watch, &none, 1000000);
    watch_item(&watch, 1000000);
    assert_int_equal(watch_step(&watch, UINT64_MAX), WATCH_NOTHING);
    assert_int_equal(watch.cause, WATCH_NO_CAUSE);
}

static void
a_slow_item_is_told_once_and_the_next_one_anew(void **state)
{
    const struct watch_limits slow = {.slow_ms = 1000};
    struct watch watch;

    (void)state;
    watch_begin(&watch, &slow, 1000000);
    assert_int_equal(watch_step(&watch, 9000000), WATCH_NOTHING);
    watch_item(&watch, 9000000);
    assert_int_equal(watch_step(&watch, 9999999), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 10000000), WATCH_SAY_SLOW);
    assert_int_equal(watch_step(&watch, 12000000), WATCH_NOTHING);
    watch_item(&watch, 9000000); // the same one
    assert_int_equal(watch_step(&watch, 12000000), WATCH_NOTHING);
    watch_item(&watch, 12000000);
    assert_int_equal(watch_step(&watch, 13000000), WATCH_SAY_SLOW);
}

static void
a_clock_that_goes_back_ends_nothing(void **state)
{
    struct watch watch = begin();

    (void)state;
    assert_int_equal(watch_step(&watch, 0), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 500000), WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, 3000000), WATCH_DUMP);
    assert_int_equal(watch_step(&watch, 1000000), WATCH_NOTHING);
}

static void
a_limit_of_seven_weeks_does_not_overflow(void **state)
{
    const struct watch_limits longest = {.job_ms = UINT32_MAX};
    struct watch watch;

    (void)state;
    watch_begin(&watch, &longest, 1);
    assert_int_equal(watch_step(&watch, UINT64_C(1000) * UINT32_MAX),
                     WATCH_NOTHING);
    assert_int_equal(watch_step(&watch, UINT64_C(1000) * UINT32_MAX + 1),
                     WATCH_DUMP);
}

/* From every stage, for every cause: being patient buries the process. */
static void
every_stage_leads_to_the_last_one(void **state)
{
    (void)state;
    for (int cause = WATCH_JOB_LIMIT; cause <= WATCH_CANCEL; cause++) {
        for (int stage = WATCH_RUNNING; stage <= WATCH_GIVEN_UP; stage++) {
            struct watch watch = {
                .limits = {.job_ms = 1, .item_ms = 1, .grace_ms = 1},
                .stage = (enum watch_stage)stage,
                .cause = (enum watch_cause)cause,
                .job_began_us = 1,
                .item_began_us = cause == WATCH_ITEM_LIMIT,
                .cancelled = cause == WATCH_CANCEL,
            };
            uint64_t now = 1;
            int steps = 0;
            while (watch.stage != WATCH_GIVEN_UP) {
                now += 20000000;
                assert_int_not_equal(watch_step(&watch, now), WATCH_NOTHING);
                assert_in_range(++steps, 1, 4);
            }
            assert_int_equal(watch_step(&watch, now + 1), WATCH_NOTHING);
            assert_int_equal(watch.cause, cause);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_item_over_its_limit_is_dumped_terminated_and_killed),
    cmocka_unit_test(the_next_item_does_not_pay_for_one_that_ended_late),
    cmocka_unit_test(a_cancelled_job_ends_whatever_runs),
    cmocka_unit_test(a_cancel_is_not_forgotten_when_a_late_item_ends),
    cmocka_unit_test(a_job_over_its_limit_is_ended_whatever_item_runs),
    cmocka_unit_test(the_limit_of_the_item_is_named_where_both_are_reached),
    cmocka_unit_test(without_limits_nothing_is_ever_over),
    cmocka_unit_test(a_slow_item_is_told_once_and_the_next_one_anew),
    cmocka_unit_test(a_clock_that_goes_back_ends_nothing),
    cmocka_unit_test(a_limit_of_seven_weeks_does_not_overflow),
    cmocka_unit_test(every_stage_leads_to_the_last_one),
};

CHECK_MAIN(tests)
