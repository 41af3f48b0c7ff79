#include "schedule/estimate.h"

#include "check.h"

static void
add(struct estimate *estimate, uint64_t us)
{
    struct past past = {.us = us, .timed = true, .state = STATE_PASSED};

    estimate_add_item(estimate, &past);
}

static void
a_known_job_takes_what_its_items_and_the_rest_took(void **state)
{
    struct estimate *estimate = estimate_new();

    (void)state;
    assert_int_equal(estimate_add_job(estimate, SLICE("m"), 77), 0);
    add(estimate, 10);
    add(estimate, 0);
    add(estimate, 30);
    estimate_add_beside(estimate, &(struct past){.us = 5, .timed = true});
    estimate_settle(estimate);
    assert_int_equal(estimate_of_job(estimate, 0), 45);
    estimate_free(estimate);
    estimate_free(NULL);
}

static void
a_new_item_takes_the_median_of_its_job(void **state)
{
    struct estimate *estimate = estimate_new();

    (void)state;
    estimate_add_job(estimate, SLICE("m"), 77);
    add(estimate, 100);
    add(estimate, 2);
    estimate_add_item(estimate, NULL);
    add(estimate, 3);
    estimate_add_job(estimate, SLICE("m"), 0);
    add(estimate, 50);
    estimate_settle(estimate);
    assert_int_equal(estimate_of_job(estimate, 0), 108);
    assert_int_equal(estimate_of_job(estimate, 1), 50);
    estimate_free(estimate);
}

static void
a_new_job_takes_what_is_declared_else_the_median_of_its_like(void **state)
{
    struct estimate *estimate = estimate_new();

    (void)state;
    estimate_add_job(estimate, SLICE("m"), 0);
    add(estimate, 10);
    add(estimate, 20);
    add(estimate, 90);
    estimate_add_job(estimate, SLICE("n"), 0);
    add(estimate, 30);
    estimate_add_job(estimate, SLICE("m"), 77);
    estimate_add_item(estimate, NULL);
    estimate_add_job(estimate, SLICE("m"), 0);
    estimate_add_item(estimate, NULL);
    estimate_add_item(estimate, NULL);
    estimate_add_job(estimate, SLICE("n"), 0);
    estimate_add_item(estimate, NULL);
    estimate_add_job(estimate, SLICE("o"), 0);
    estimate_add_item(estimate, NULL);
    estimate_settle(estimate);
    assert_int_equal(estimate_of_job(estimate, 2), 77);
    assert_int_equal(estimate_of_job(estimate, 3), 40);
    assert_int_equal(estimate_of_job(estimate, 4), 30);
    assert_int_equal(estimate_of_job(estimate, 5), 20);
    estimate_free(estimate);
}

static void
without_a_past_nothing_is_known(void **state)
{
    struct estimate *estimate = estimate_new();
    struct past past = {.us = 9, .state = STATE_FAILED};

    (void)state;
    estimate_add_job(estimate, SLICE(""), 0);
    estimate_add_item(estimate, NULL);
    estimate_add_job(estimate, SLICE("m"), 3);
    estimate_add_item(estimate, &past);
    estimate_settle(estimate);
    assert_int_equal(estimate_of_job(estimate, 0), 0);
    assert_int_equal(estimate_of_job(estimate, 1), 3);
    assert_false(estimate_failed(estimate, 0));
    assert_true(estimate_failed(estimate, 1));
    estimate_free(estimate);
}

static void
nothing_takes_longer_than_a_year(void **state)
{
    struct estimate *estimate = estimate_new();

    (void)state;
    estimate_add_job(estimate, SLICE("m"), 0);
    add(estimate, UINT64_MAX);
    add(estimate, UINT64_MAX);
    estimate_add_beside(estimate,
                        &(struct past){.us = UINT64_MAX, .timed = true});
    estimate_add_job(estimate, SLICE("m"), 0);
    for (int i = 0; i < 1000; i++) {
        estimate_add_item(estimate, NULL);
    }
    estimate_add_job(estimate, SLICE("x"), UINT64_MAX);
    estimate_add_item(estimate, NULL);
    estimate_settle(estimate);
    for (uint32_t job = 0; job < 3; job++) {
        assert_true(estimate_of_job(estimate, job) == ESTIMATE_MOST_US);
    }
    estimate_free(estimate);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_known_job_takes_what_its_items_and_the_rest_took),
    cmocka_unit_test(a_new_item_takes_the_median_of_its_job),
    cmocka_unit_test(
        a_new_job_takes_what_is_declared_else_the_median_of_its_like),
    cmocka_unit_test(without_a_past_nothing_is_known),
    cmocka_unit_test(nothing_takes_longer_than_a_year),
};

CHECK_MAIN(tests)
