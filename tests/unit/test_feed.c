#include "fleet/feed.h"

#include "check.h"

static struct feed
feed_of(uint64_t us)
{
    struct feed feed = {0};

    for (int i = 0; i < 100; i++) {
        feed_learn(&feed, us);
    }
    return feed;
}

static void
one_order_a_slot_while_nothing_is_known(void **state)
{
    struct feed feed = {0};

    (void)state;
    assert_int_equal(feed_depth(&feed, 1000, 4), 1);
    assert_int_equal(feed_room(&feed, 1000, 4, 0, 0, 0), 4);
    assert_int_equal(feed_room(&feed, 1000, 4, 4, 0, 0), 0);
    assert_int_equal(feed_message(&feed, 1), 1);
}

static void
no_slots_have_no_room(void **state)
{
    struct feed feed = feed_of(100);

    (void)state;
    assert_int_equal(feed_room(&feed, 1000, 0, 0, 0, 0), 0);
}

static void
short_jobs_are_kept_out_by_the_dozen_but_not_without_bound(void **state)
{
    struct feed feed = feed_of(5000);

    (void)state;
    assert_int_equal(feed_depth(&feed, 100000, 4), 10);
    feed = feed_of(1);
    assert_int_equal(feed_depth(&feed, 100000, 4), FEED_DEPTH_MAX);
}

static void
near_the_end_no_slot_sits_on_work(void **state)
{
    struct feed feed = feed_of(1000);

    (void)state;
    assert_int_equal(feed_depth(&feed, 8, 4), 2);
    assert_int_equal(feed_depth(&feed, 0, 4), 1);
}

static void
long_jobs_are_given_out_one_by_one(void **state)
{
    struct feed feed = feed_of(5000000);

    (void)state;
    assert_int_equal(feed_depth(&feed, 1000, 4), 1);
    assert_int_equal(feed_room(&feed, 1000, 4, 4, 0, 0), 0);
    assert_int_equal(feed_message(&feed, 1), 1);
}

static void
while_a_job_of_middling_length_runs_the_next_one_lies_ready(void **state)
{
    struct feed feed = feed_of(200000);

    (void)state;
    assert_int_equal(feed_depth(&feed, 1000, 4), 1);
    assert_int_equal(feed_room(&feed, 1000, 4, 4, 0, 0), 2);
    assert_int_equal(feed_room(&feed, 1000, 4, 6, 2, 0), 0);
}

static void
who_is_idle_gets_work_though_others_have_too_much(void **state)
{
    struct feed feed = feed_of(5000000);

    (void)state;
    assert_int_equal(feed_room(&feed, 1000, 4, 9, 0, 2), 2);
    assert_int_equal(feed_room(&feed, 1000, 4, 9, 2, 2), 0);
}

static void
a_message_has_more_orders_where_they_are_short(void **state)
{
    struct feed feed = feed_of(100);

    (void)state;
    assert_int_equal(feed_message(&feed, 64), 40);
    assert_int_equal(feed_message(&feed, 8), 8);
    feed = feed_of(1);
    assert_int_equal(feed_message(&feed, 64), FEED_BATCH_MAX);
    feed.batch = 1;
    assert_int_equal(feed_message(&feed, 64), 1);
    feed.batch = 1000;
    assert_int_equal(feed_message(&feed, 1), FEED_BATCH_MAX);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_order_a_slot_while_nothing_is_known),
    cmocka_unit_test(no_slots_have_no_room),
    cmocka_unit_test(
        short_jobs_are_kept_out_by_the_dozen_but_not_without_bound),
    cmocka_unit_test(near_the_end_no_slot_sits_on_work),
    cmocka_unit_test(long_jobs_are_given_out_one_by_one),
    cmocka_unit_test(
        while_a_job_of_middling_length_runs_the_next_one_lies_ready),
    cmocka_unit_test(who_is_idle_gets_work_though_others_have_too_much),
    cmocka_unit_test(a_message_has_more_orders_where_they_are_short),
};

CHECK_MAIN(tests)
