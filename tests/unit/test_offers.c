#include "fleet/offers.h"

#include "check.h"

static void
as_many_go_out_as_workers_are_wanted(void **state)
{
    struct offers offers = {0};

    (void)state;
    assert_int_equal(offers_due(&offers, 3, 0), 3);
    offers_sent(&offers, 3, 0);
    assert_int_equal(offers_due(&offers, 3, 10), 0);
    assert_int_equal(offers_due(&offers, 5, 10), 2);
}

static void
one_that_is_taken_is_not_missed(void **state)
{
    struct offers offers = {0};

    (void)state;
    offers_sent(&offers, 2, 0);
    offers_taken(&offers);
    assert_int_equal(offers_due(&offers, 1, 10), 0);
    assert_int_equal(offers_due(&offers, 2, 10), 1);
    offers_taken(&offers);
    offers_taken(&offers); // by somebody whose offer had expired here
    assert_int_equal(offers_due(&offers, 1, 10), 1);
}

static void
never_many_lie_there(void **state)
{
    struct offers offers = {0};

    (void)state;
    assert_int_equal(offers_due(&offers, 100000, 0), OFFERS_MAX);
    offers_sent(&offers, OFFERS_MAX, 0);
    assert_int_equal(offers_due(&offers, 100000, 0), 0);
    offers_taken(&offers);
    assert_int_equal(offers_due(&offers, 100000, 0), 1);
}

static void
what_expired_is_sent_again(void **state)
{
    struct offers offers = {0};

    (void)state;
    offers_sent(&offers, 1, 0);
    offers_sent(&offers, 1, 1000);
    assert_int_equal(offers_due(&offers, 2, OFFERS_EXPIRE_MS - 1), 0);
    assert_int_equal(offers_due(&offers, 2, OFFERS_EXPIRE_MS), 1);
    assert_int_equal(offers_due(&offers, 2, OFFERS_EXPIRE_MS + 1000), 2);
}

static void
one_that_vanished_is_sent_again_sooner(void **state)
{
    struct offers offers = {0};

    (void)state;
    offers_sent(&offers, 2, 0);
    offers_missing(&offers, OFFERS_STALE_MS - 1);
    assert_int_equal(offers_due(&offers, 2, OFFERS_STALE_MS), 0);
    offers_missing(&offers, OFFERS_STALE_MS);
    // More than were wanted, as somebody takes them in vain.
    assert_int_equal(offers_due(&offers, 2, OFFERS_STALE_MS), 3);
    assert_int_equal(offers_due(&offers, 0, OFFERS_STALE_MS), 0);
    offers_sent(&offers, 3, OFFERS_STALE_MS);
    offers_missing(&offers, (msec)2 * OFFERS_STALE_MS);
    assert_int_equal(offers_due(&offers, 2, (msec)2 * OFFERS_STALE_MS), 5);
    offers_sent(&offers, 5, (msec)2 * OFFERS_STALE_MS);
    offers_taken(&offers); // by one who serves
    offers_withdrawn(&offers);
    assert_int_equal(offers_due(&offers, 1, (msec)2 * OFFERS_STALE_MS), 1);
}

static void
no_more_workers_are_wanted_than_jobs_or_than_the_user_wants(void **state)
{
    (void)state;
    assert_int_equal(offers_wanted(0, 0, 0), 0);
    assert_int_equal(offers_wanted(7, 3, 0), 7);
    assert_int_equal(offers_wanted(7, 3, 5), 2);
    assert_int_equal(offers_wanted(7, 5, 5), 0);
    assert_int_equal(offers_wanted(7, 6, 5), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(as_many_go_out_as_workers_are_wanted),
    cmocka_unit_test(one_that_is_taken_is_not_missed),
    cmocka_unit_test(never_many_lie_there),
    cmocka_unit_test(what_expired_is_sent_again),
    cmocka_unit_test(one_that_vanished_is_sent_again_sooner),
    cmocka_unit_test(
        no_more_workers_are_wanted_than_jobs_or_than_the_user_wants),
};

CHECK_MAIN(tests)
