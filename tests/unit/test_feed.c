#include "fleet/feed.h"

#include "check.h"

/* Orders that may be out when so many jobs wait of which nothing is said. */
static uint32_t
depth_of(const struct feed *feed, uint32_t waiting, int slots)
{
    return feed_depth(feed, &(struct demand){.waiting = waiting}, slots);
}

static uint32_t
room_of(const struct feed *feed, uint32_t waiting, int slots,
        const struct feed_out *out)
{
    return feed_room(feed, &(struct demand){.waiting = waiting}, slots, out);
}

/* So many orders, nobody knows how long they take. */
#define OUT(count_, queued_, idle_)                                  \
    &(struct feed_out)                                               \
    {                                                                \
        .count = (count_), .unknown = (count_), .queued = (queued_), \
        .idle = (idle_)                                              \
    }

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
    assert_int_equal(depth_of(&feed, 1000, 4), 1);
    assert_int_equal(room_of(&feed, 1000, 4, OUT(0, 0, 0)), 4);
    assert_int_equal(room_of(&feed, 1000, 4, OUT(4, 0, 0)), 0);
    assert_int_equal(feed_message(&feed, 1), 1);
}

static void
no_slots_have_no_room(void **state)
{
    struct feed feed = feed_of(100);

    (void)state;
    assert_int_equal(room_of(&feed, 1000, 0, OUT(0, 0, 0)), 0);
}

static void
short_jobs_are_kept_out_by_the_dozen_but_not_without_bound(void **state)
{
    struct feed feed = feed_of(5000);

    (void)state;
    assert_int_equal(depth_of(&feed, 100000, 4), 10);
    feed = feed_of(1);
    assert_int_equal(depth_of(&feed, 100000, 4), FEED_DEPTH_MAX);
}

static void
near_the_end_no_slot_sits_on_work(void **state)
{
    struct feed feed = feed_of(1000);

    (void)state;
    assert_int_equal(depth_of(&feed, 8, 4), 2);
    assert_int_equal(depth_of(&feed, 0, 4), 1);
}

static void
long_jobs_are_given_out_one_by_one(void **state)
{
    struct feed feed = feed_of(5000000);

    (void)state;
    assert_int_equal(depth_of(&feed, 1000, 4), 1);
    assert_int_equal(room_of(&feed, 1000, 4, OUT(4, 0, 0)), 0);
    assert_int_equal(feed_message(&feed, 1), 1);
}

static void
while_a_job_of_middling_length_runs_the_next_one_lies_ready(void **state)
{
    struct feed feed = feed_of(200000);

    (void)state;
    assert_int_equal(depth_of(&feed, 1000, 4), 1);
    assert_int_equal(room_of(&feed, 1000, 4, OUT(4, 0, 0)), 2);
    assert_int_equal(room_of(&feed, 1000, 4, OUT(6, 2, 0)), 0);
}

static void
who_is_idle_gets_work_though_others_have_too_much(void **state)
{
    struct feed feed = feed_of(5000000);

    (void)state;
    assert_int_equal(room_of(&feed, 1000, 4, OUT(9, 0, 2)), 2);
    assert_int_equal(room_of(&feed, 1000, 4, OUT(9, 2, 2)), 0);
}

/* Orders of `us` each (0: not said) that one message takes. */
static uint32_t
travellers(const struct feed *feed, uint32_t most, uint64_t us)
{
    uint32_t count = 0;
    uint64_t sum_us = 0;

    while (count < most && feed_travels(feed, count, &sum_us, us)) {
        count++;
    }
    return count;
}

static void
a_message_has_more_orders_where_they_are_short(void **state)
{
    struct feed feed = feed_of(100);

    (void)state;
    assert_int_equal(travellers(&feed, feed_message(&feed, 64), 0), 40);
    assert_int_equal(feed_message(&feed, 8), 8);
    feed = feed_of(1);
    assert_int_equal(feed_message(&feed, 1000), FEED_BATCH_MAX);
    assert_int_equal(travellers(&feed, 1000, 0), 1000);
    feed.batch = 1;
    assert_int_equal(feed_message(&feed, 64), 1);
    feed.batch = 1000;
    assert_int_equal(feed_message(&feed, 1), FEED_BATCH_MAX);
}

static void
a_long_order_travels_alone(void **state)
{
    struct feed feed = feed_of(100);
    uint64_t sum_us = 0;

    (void)state;
    assert_int_equal(travellers(&feed, 64, 1000), 4);
    assert_int_equal(travellers(&feed, 64, 5000000), 1);
    assert_int_equal(travellers(&feed, 64, UINT64_MAX), 1);
    assert_true(feed_travels(&feed, 0, &sum_us, 1000));
    assert_false(feed_travels(&feed, 1, &sum_us, 5000000));
    assert_true(feed_travels(&feed, 1, &sum_us, 1000));
    struct feed unknown = {0};
    assert_int_equal(travellers(&unknown, 64, 0), 1);
    feed.batch = 8; // as the user wants it
    assert_int_equal(travellers(&feed, 8, 5000000), 8);
}

static void
what_an_order_should_take_counts_and_not_what_others_took(void **state)
{
    struct feed feed = feed_of(5000000);
    struct demand demand = {.waiting = 1000, .expect_us = 5000};
    struct feed_out out = {0};

    (void)state;
    assert_int_equal(feed_depth(&feed, &demand, 4), 10);
    assert_int_equal(feed_room(&feed, &demand, 4, &out), 42);
    feed = feed_of(10);
    demand.expect_us = 5000000;
    assert_int_equal(feed_depth(&feed, &demand, 4), 1);
    assert_int_equal(feed_room(&feed, &demand, 4, &out), 4);
}

static void
who_has_no_long_job_shares_what_is_short(void **state)
{
    struct feed feed = {0};
    struct demand demand = {.waiting = 1000, .expect_us = 5000};
    // Three of four slots have a long job.
    struct feed_out out = {.count = 3, .us = (uint64_t)3 * FEED_GOAL_US};

    (void)state;
    assert_int_equal(feed_room(&feed, &demand, 4, &out), 12);
    demand.expect_us = 60000000;
    assert_int_equal(feed_room(&feed, &demand, 4, &out), 1);
    out = (struct feed_out){.count = 4, .us = (uint64_t)4 * FEED_GOAL_US};
    assert_int_equal(feed_room(&feed, &demand, 4, &out), 0);
}

static void
what_may_lie_behind_nothing_goes_to_who_is_idle(void **state)
{
    struct feed feed = feed_of(10);
    struct demand demand = {.waiting = 9, .expect_us = 10, .idle_only = true};
    struct feed_out out = {.count = 2, .us = 20};

    (void)state;
    assert_int_equal(feed_room(&feed, &demand, 4, &out), 0);
    out.idle = 2;
    assert_int_equal(feed_room(&feed, &demand, 4, &out), 2);
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
    cmocka_unit_test(a_long_order_travels_alone),
    cmocka_unit_test(what_an_order_should_take_counts_and_not_what_others_took),
    cmocka_unit_test(who_has_no_long_job_shares_what_is_short),
    cmocka_unit_test(what_may_lie_behind_nothing_goes_to_who_is_idle),
};

CHECK_MAIN(tests)
