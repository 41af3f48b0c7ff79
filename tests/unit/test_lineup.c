#include "schedule/lineup.h"

#include "check.h"

#include <string.h>

#include "util/alloc.h"

static void
expect_order(const struct lineup_job *jobs, const char *names)
{
    for (size_t i = 0; names[i] != '\0'; i++) {
        assert_int_equal(jobs[i].job, names[i]);
    }
}

static void
what_failed_goes_first_then_what_takes_longest(void **state)
{
    struct lineup_job jobs[] = {
        {.job = 'a', .expect_us = 10},
        {.job = 'b', .expect_us = 30},
        {.job = 'c', .expect_us = 20, .failed = true},
        {.job = 'd', .expect_us = 30},
        {.job = 'e', .expect_us = 25, .failed = true},
        {.job = 'f'},
    };

    (void)state;
    lineup_sort(jobs, 6, ORDER_HISTORY, 0);
    expect_order(jobs, "ecbdaf");
}

static void
what_is_given_stays_as_it_is(void **state)
{
    struct lineup_job jobs[] = {
        {.job = 'a', .rank = 3},
        {.job = 'b', .expect_us = 30, .rank = 2},
        {.job = 'c', .failed = true, .rank = 1},
    };

    (void)state;
    lineup_sort(jobs, 3, ORDER_GIVEN, 0);
    expect_order(jobs, "abc");
}

static void
a_rank_counts_more_than_the_past(void **state)
{
    struct lineup_job jobs[] = {
        {.job = 'a', .rank = 1, .expect_us = 50, .failed = true},
        {.job = 'b', .expect_us = 1},
        {.job = 'c', .expect_us = 2},
        {.job = 'd', .rank = 1, .expect_us = 60},
    };

    (void)state;
    lineup_sort(jobs, 4, ORDER_HISTORY, 1);
    expect_order(jobs, "cbad");
}

static void
what_differs_by_less_than_a_step_stays_together(void **state)
{
    struct lineup_job jobs[] = {
        {.job = 'a', .expect_us = 105},
        {.job = 'b', .expect_us = 2000},
        {.job = 'c', .expect_us = 199},
        {.job = 'd', .expect_us = 99},
        {.job = 'e', .expect_us = 150},
        {.job = 'f', .expect_us = 2099},
        {.job = 'g', .expect_us = 110, .failed = true},
        {.job = 'h', .expect_us = 190, .failed = true},
    };

    (void)state;
    lineup_sort(jobs, 8, ORDER_HISTORY, 100);
    expect_order(jobs, "ghbfaced");
}

static void
a_step_is_no_part_of_a_run_that_anybody_notices(void **state)
{
    struct lineup_job jobs[1000] = {0};

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        jobs[i].expect_us = 6000;
    }
    assert_int_equal(lineup_step(jobs, 1000, 2), 3000000 / 128);
    assert_int_equal(lineup_step(jobs, 1000, 8), 750000 / 128);
    jobs[7].expect_us = 15000000; // longer than the share of a slot
    assert_int_equal(lineup_step(jobs, 1000, 8), 15000000 / 128);
    // Of a fleet that nobody counted it is small.
    jobs[7].expect_us = 6000;
    assert_in_range(lineup_step(jobs, 1000, 0), 1, 3000);
}

static void
steps_have_bounds(void **state)
{
    struct lineup_job jobs[] = {
        {.job = 'a', .expect_us = UINT64_MAX},
        {.job = 'b', .expect_us = UINT64_MAX},
        {.job = 'c'},
    };

    (void)state;
    assert_int_equal(lineup_step(jobs, 3, 1), UINT64_MAX / 128);
    lineup_sort(jobs, 3, ORDER_HISTORY, UINT64_MAX);
    expect_order(jobs, "abc");
    assert_int_equal(lineup_step(jobs + 2, 1, 4), 0);
    assert_int_equal(lineup_step(NULL, 0, 4), 0);
}

enum {
    MANY = 500
};

static void
shuffle(struct lineup_job *jobs, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        char *name = alloc_printf("tests.T%u", jobs[i].job);
        jobs[i].key = lineup_key(seed, slice_of(name));
        free(name);
    }
    lineup_sort(jobs, count, ORDER_RANDOM, 0);
}

static void
a_part_of_a_random_order_is_in_the_same_order(void **state)
{
    struct lineup_job all[MANY] = {0};
    struct lineup_job some[MANY] = {0};
    size_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        all[i].job = i;
        if (i % 3 == 1) {
            some[count++].job = i;
        }
    }
    shuffle(all, MANY, 17);
    shuffle(some, count, 17);
    size_t found = 0;
    for (size_t i = 0; i < MANY && found < count; i++) {
        found += all[i].job == some[found].job;
    }
    assert_int_equal(found, count);
}

static void
another_seed_is_another_order(void **state)
{
    struct lineup_job one[MANY] = {0};
    struct lineup_job two[MANY] = {0};
    unsigned same = 0;
    unsigned still = 0;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        one[i].job = two[i].job = i;
    }
    shuffle(one, MANY, 0);
    shuffle(two, MANY, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        same += one[i].job == two[i].job;
        still += one[i].job == i;
    }
    assert_in_range(same, 0, MANY / 20);
    assert_in_range(still, 0, MANY / 20);
}

static void
a_seed_means_the_same_in_every_version(void **state)
{
    (void)state;
    // From another implementation; changing it changes everybody's orders.
    assert_true(lineup_key(0, SLICE("")) == UINT64_C(0xEFD01F60BA992926));
    assert_true(lineup_key(17, SLICE("tests.test_cart.Cart")) ==
                UINT64_C(0x9CD52EFC917DB550));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_failed_goes_first_then_what_takes_longest),
    cmocka_unit_test(what_is_given_stays_as_it_is),
    cmocka_unit_test(what_differs_by_less_than_a_step_stays_together),
    cmocka_unit_test(a_step_is_no_part_of_a_run_that_anybody_notices),
    cmocka_unit_test(steps_have_bounds),
    cmocka_unit_test(a_rank_counts_more_than_the_past),
    cmocka_unit_test(a_part_of_a_random_order_is_in_the_same_order),
    cmocka_unit_test(another_seed_is_another_order),
    cmocka_unit_test(a_seed_means_the_same_in_every_version),
};

CHECK_MAIN(tests)
