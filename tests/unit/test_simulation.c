#include "schedule/simulation.h"

#include "check.h"

#include <stdio.h>

#include "schedule/distribution.h"

/* Runs jobs that take so long, with what is said in `params`. */
static struct simulation_report
run(const struct simulation_params *params, const uint64_t *us, size_t count)
{
    struct simulation *simulation = simulation_new(params);

    for (size_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof(name), "job%zu", i);
        struct simulated_job job = {
            .us = us[i],
            .expect_us = us[i],
            .name = slice_of(name),
        };
        simulation_add(simulation, &job);
    }
    simulation_line_up(simulation);
    simulation_run(simulation);
    struct simulation_report report = *simulation_report(simulation);
    simulation_free(simulation);
    return report;
}

static void
nothing_takes_no_time(void **state)
{
    struct simulation_params params = {.slots = 3};

    (void)state;
    struct simulation_report report = run(&params, NULL, 0);
    assert_int_equal(report.makespan_us, 0);
    assert_int_equal(report.bound_us, 0);
    assert_int_equal(report.decisions, 0);
    simulation_free(NULL);
}

static void
one_slot_takes_the_sum(void **state)
{
    static const uint64_t us[] = {5000000, 1, 20000, 3000};
    struct simulation_params params = {.slots = 1};

    (void)state;
    struct simulation_report report = run(&params, us, 4);
    assert_int_equal(report.makespan_us, 5023001);
    assert_int_equal(report.bound_us, 5023001);
    assert_int_equal(report.bound, BOUND_SUM);
    assert_int_equal(report.jobs, 4);
    assert_int_equal(report.decisions, 4);
}

static void
the_longest_first_leaves_nothing_to_wait_for(void **state)
{
    static const uint64_t us[] = {1000000, 1000000, 1000000, 1000000, 4000000};
    struct simulation_params params = {.slots = 2};

    (void)state;
    assert_int_equal(run(&params, us, 5).makespan_us, 4000000);
    params.order = ORDER_GIVEN;
    assert_int_equal(run(&params, us, 5).makespan_us, 6000000);
}

static void
one_long_job_is_a_bound(void **state)
{
    static const uint64_t us[] = {1000, 9000000, 1000};
    struct simulation_params params = {.slots = 4};

    (void)state;
    struct simulation_report report = run(&params, us, 3);
    assert_int_equal(report.bound, BOUND_LONGEST);
    assert_int_equal(report.bound_us, 9000000);
    assert_int_equal(report.makespan_us, 9000000);
    assert_int_equal(report.sum_us, 9002000);
}

static void
a_shared_resource_is_a_bound(void **state)
{
    static const uint32_t units[] = {2};
    static const struct queue_need one = {.resource = 0, .units = 1};
    struct simulation_params params = {
        .slots = 8, .units = units, .resources = 1};
    struct simulation *simulation = simulation_new(&params);
    uint32_t needs = simulation_needs(simulation, &one, 1);

    (void)state;
    assert_int_equal(simulation_needs(simulation, &one, 1), needs);
    for (int i = 0; i < 10; i++) {
        struct simulated_job job = {.us = 1000000, .needs = needs};
        simulation_add(simulation, &job);
        job.needs = 0;
        simulation_add(simulation, &job);
    }
    simulation_line_up(simulation);
    simulation_run(simulation);
    const struct simulation_report *report = simulation_report(simulation);
    assert_int_equal(report->bound, BOUND_RESOURCE);
    assert_int_equal(report->bound_us, 5000000);
    assert_int_equal(report->makespan_us, 5000000);
    simulation_free(simulation);
}

static void
who_wants_to_be_alone_comes_on_top(void **state)
{
    struct simulation_params params = {.slots = 4};
    struct simulation *simulation = simulation_new(&params);
    struct simulated_job job = {.us = 3000000, .alone = true};

    (void)state;
    simulation_add(simulation, &job);
    simulation_add(simulation, &job);
    job = (struct simulated_job){.us = 1000000};
    for (int i = 0; i < 4; i++) {
        simulation_add(simulation, &job);
    }
    simulation_line_up(simulation);
    simulation_run(simulation);
    const struct simulation_report *report = simulation_report(simulation);
    assert_int_equal(report->makespan_us, 7000000);
    assert_int_equal(report->bound_us, 7000000);
    assert_int_equal(report->sum_us, 10000000);
    simulation_free(simulation);
}

static void
a_random_order_is_the_same_for_the_same_seed(void **state)
{
    static const uint64_t us[] = {7000000, 1000000, 2000000, 900000, 4000000,
                                  3000000, 800000,  5000000, 10000,  600000};
    struct simulation_params params = {
        .slots = 3, .order = ORDER_RANDOM, .seed = 1};
    uint64_t first = run(&params, us, 10).makespan_us;
    bool differs = false;

    (void)state;
    assert_int_equal(run(&params, us, 10).makespan_us, first);
    for (params.seed = 2; params.seed < 20; params.seed++) {
        differs = differs || run(&params, us, 10).makespan_us != first;
    }
    assert_true(differs);
}

static void
years_do_not_overflow(void **state)
{
    static const uint64_t us[] = {UINT64_MAX, UINT64_MAX - 1, 1, 0};
    struct simulation_params params = {.slots = 2};

    (void)state;
    struct simulation_report report = run(&params, us, 4);
    assert_int_equal(report.sum_us, UINT64_MAX);
    assert_int_equal(report.makespan_us, UINT64_MAX);
    assert_int_equal(report.decisions, 4);
}

/* Graham 1966, 1969: twice the bound at most, and 4/3 of the optimum. */
static void
no_order_is_worse_than_twice_the_bound(void **state)
{
    uint64_t seed = 1966;
    uint64_t us[200];

    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        uint32_t slots = 1 + (uint32_t)(distribution_draw(&seed) % 12);
        size_t count = distribution_draw(&seed) % 200;
        for (size_t i = 0; i < count; i++) {
            us[i] = distribution_draw(&seed) % 1000000;
        }
        for (int order = ORDER_HISTORY; order <= ORDER_RANDOM; order++) {
            struct simulation_params params = {
                .slots = slots,
                .order = (enum order_mode)order,
                .seed = round,
            };
            struct simulation_report report = run(&params, us, count);
            assert_true(report.makespan_us >= report.bound_us);
            assert_true(report.makespan_us <= 2 * report.bound_us);
            assert_int_equal(report.decisions, count);
        }
    }
}

// ----------------------------------------------------------- distributions

static void
a_lognormal_suite_has_the_sum_and_the_longest_that_were_wanted(void **state)
{
    struct distribution distribution = {
        .kind = DISTRIBUTION_LOGNORMAL,
        .sum_us = 120000000,
        .max_us = 15000000,
        .seed = 1,
    };
    uint64_t us[300];
    uint64_t again[300];
    uint64_t sum = 0;
    uint64_t longest = 0;
    struct err err = {0};

    (void)state;
    assert_true(distribution_fill(&distribution, us, 300, &err));
    for (size_t i = 0; i < 300; i++) {
        sum += us[i];
        longest = us[i] > longest ? us[i] : longest;
    }
    assert_int_equal(longest, 15000000);
    assert_in_range(sum, 119999000, 120001000);
    assert_true(distribution_fill(&distribution, again, 300, &err));
    assert_memory_equal(us, again, sizeof(us));
    distribution.seed = 2;
    assert_true(distribution_fill(&distribution, again, 300, &err));
    assert_memory_not_equal(us, again, sizeof(us));
}

static void
jobs_that_cannot_add_up_are_refused(void **state)
{
    struct distribution distribution = {
        .kind = DISTRIBUTION_LOGNORMAL,
        .sum_us = 120000000,
        .max_us = 15000000,
    };
    uint64_t us[300];
    struct err err = {0};

    (void)state;
    assert_false(distribution_fill(&distribution, us, 7, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_true(distribution_fill(&distribution, us, 8, &err));
    distribution.sum_us = 14000000;
    err_clear(&err);
    assert_false(distribution_fill(&distribution, us, 300, &err));
}

static void
others_stay_within_their_bounds(void **state)
{
    struct distribution distribution = {
        .kind = DISTRIBUTION_UNIFORM, .min_us = 5, .max_us = 9, .seed = 3};
    uint64_t us[1000];
    uint32_t seen = 0;
    struct err err = {0};

    (void)state;
    assert_true(distribution_fill(&distribution, us, 1000, &err));
    for (size_t i = 0; i < 1000; i++) {
        assert_in_range(us[i], 5, 9);
        seen |= 1U << us[i];
    }
    assert_int_equal(seen, 0x3e0);
    distribution.kind = DISTRIBUTION_CONSTANT;
    assert_true(distribution_fill(&distribution, us, 1000, &err));
    assert_int_equal(us[0], 9);
    assert_int_equal(us[999], 9);
    assert_true(distribution_fill(&distribution, us, 0, &err));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_takes_no_time),
    cmocka_unit_test(one_slot_takes_the_sum),
    cmocka_unit_test(the_longest_first_leaves_nothing_to_wait_for),
    cmocka_unit_test(one_long_job_is_a_bound),
    cmocka_unit_test(a_shared_resource_is_a_bound),
    cmocka_unit_test(who_wants_to_be_alone_comes_on_top),
    cmocka_unit_test(a_random_order_is_the_same_for_the_same_seed),
    cmocka_unit_test(years_do_not_overflow),
    cmocka_unit_test(no_order_is_worse_than_twice_the_bound),
    cmocka_unit_test(
        a_lognormal_suite_has_the_sum_and_the_longest_that_were_wanted),
    cmocka_unit_test(jobs_that_cannot_add_up_are_refused),
    cmocka_unit_test(others_stay_within_their_bounds),
};

CHECK_MAIN(tests)
