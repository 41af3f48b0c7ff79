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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_item_over_its_limit_is_dumped_terminated_and_killed),
    cmocka_unit_test(the_next_item_does_not_pay_for_one_that_ended_late),
    cmocka_unit_test(a_cancelled_job_ends_whatever_runs),
};

CHECK_MAIN(tests)
