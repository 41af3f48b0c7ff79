#include "schedule/shard.h"

#include "check.h"

#include <stdlib.h>

#include "util/alloc.h"

static void
a_name_has_the_same_shard_everywhere(void **state)
{
    (void)state;
    // From another implementation: CI of others counts on it.
    assert_int_equal(shard_of_name(SLICE("tests.test_cart.Cart"), 5), 3);
    assert_int_equal(shard_of_name(SLICE("tests.test_cart.Cart"), 7), 3);
    assert_int_equal(shard_of_name(SLICE(""), 1), 1);
}

static void
names_are_spread_evenly(void **state)
{
    enum {
        NAMES = 10000,
        SHARDS = 7
    };
    unsigned counts[SHARDS + 1] = {0};

    (void)state;
    for (unsigned i = 0; i < NAMES; i++) {
        char *name = alloc_printf("tests.test_%u.T", i);
        uint32_t shard = shard_of_name(slice_of(name), SHARDS);
        assert_in_range(shard, 1, SHARDS);
        counts[shard]++;
        free(name);
    }
    for (unsigned i = 1; i <= SHARDS; i++) {
        assert_in_range(counts[i], NAMES / SHARDS * 9 / 10,
                        NAMES / SHARDS * 11 / 10);
    }
}

static void
jobs_are_dealt_out_longest_first_to_who_has_least(void **state)
{
    struct shard_job jobs[] = {
        {.name = SLICE("b"), .us = 30}, {.name = SLICE("a"), .us = 30},
        {.name = SLICE("c"), .us = 50}, {.name = SLICE("d"), .us = 20},
        {.name = SLICE("e"), .us = 10},
    };

    (void)state;
    shard_balance(jobs, 5, 2);
    assert_int_equal(jobs[2].shard, 1); // 50
    assert_int_equal(jobs[1].shard, 2); // 30
    assert_int_equal(jobs[0].shard, 2); // 60
    assert_int_equal(jobs[3].shard, 1); // 70
    assert_int_equal(jobs[4].shard, 2); // 70
}

static void
the_order_in_which_jobs_come_does_not_matter(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct shard_job forth[7];
    struct shard_job back[7];

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        struct shard_job job = {.name = slice_of(names[i]), .us = i % 3};
        forth[i] = back[6 - i] = job;
    }
    shard_balance(forth, 7, 3);
    shard_balance(back, 7, 3);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(forth[i].shard, back[6 - i].shard);
    }
}

static void
jobs_of_no_time_are_dealt_out_by_number(void **state)
{
    struct shard_job jobs[9];
    unsigned counts[4] = {0};

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        jobs[i] = (struct shard_job){.name = SLICE("same")};
    }
    shard_balance(jobs, 9, 3);
    for (size_t i = 0; i < 9; i++) {
        counts[jobs[i].shard]++;
    }
    assert_int_equal(counts[1], 3);
    assert_int_equal(counts[2], 3);
    assert_int_equal(counts[3], 3);
    shard_balance(NULL, 0, 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_name_has_the_same_shard_everywhere),
    cmocka_unit_test(names_are_spread_evenly),
    cmocka_unit_test(jobs_are_dealt_out_longest_first_to_who_has_least),
    cmocka_unit_test(the_order_in_which_jobs_come_does_not_matter),
    cmocka_unit_test(jobs_of_no_time_are_dealt_out_by_number),
};

CHECK_MAIN(tests)
