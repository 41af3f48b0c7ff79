#include "schedule/batch.h"

#include "check.h"

static struct batch
learned(uint64_t us, int times)
{
    struct batch batch = {0};

    for (int i = 0; i < times; i++) {
        batch_learn(&batch, us);
    }
    return batch;
}

/* Jobs that a slot holds after it was given all it takes. */
static uint32_t
depth_of(const struct batch *batch, uint32_t waiting, int slots)
{
    struct batch_load load = {0};

    return batch_room(batch, &load, 0, waiting, slots);
}

static void
at_first_there_is_one_job_at_a_slot(void **state)
{
    struct batch batch = {0};

    (void)state;
    assert_int_equal(depth_of(&batch, 1000000, 2), 1);
}

static void
long_jobs_lie_at_no_slot(void **state)
{
    struct batch batch = learned(100000, 3);

    (void)state;
    assert_int_equal(depth_of(&batch, 1000000, 2), 1);
}

static void
the_shorter_jobs_are_the_more_of_them_lie_ready(void **state)
{
    uint32_t last = 1;

    (void)state;
    for (uint64_t us = 100000; us > 0; us /= 10) {
        struct batch batch = learned(us, 3);
        uint32_t depth = depth_of(&batch, 1000000, 2);
        assert_true(depth >= last);
        last = depth;
    }
    assert_int_equal(last, BATCH_MOST);
}

static void
there_is_a_most(void **state)
{
    struct batch batch = learned(0, 3);

    (void)state;
    assert_int_equal(depth_of(&batch, 1000000, 2), BATCH_MOST);
}

static void
near_the_end_less_is_given_out(void **state)
{
    struct batch batch = learned(1, 3);
    uint32_t last = BATCH_MOST;

    (void)state;
    for (uint32_t waiting = 1000; waiting > 0; waiting--) {
        uint32_t depth = depth_of(&batch, waiting, 4);
        assert_true(depth <= last);
        last = depth;
    }
    assert_int_equal(last, 1);
    assert_int_equal(depth_of(&batch, 0, 4), 1);
}

static void
one_long_job_among_short_ones_makes_it_careful(void **state)
{
    struct batch batch = learned(100, 100);
    uint32_t before = depth_of(&batch, 1000000, 2);

    (void)state;
    assert_true(before > 30);
    batch_learn(&batch, 1000000);
    assert_int_equal(depth_of(&batch, 1000000, 2), 1);
}

static void
it_forgets_a_long_job_in_time(void **state)
{
    struct batch batch = learned(100, 10);
    int jobs = 0;

    (void)state;
    batch_learn(&batch, 1000000);
    while (depth_of(&batch, 1000000, 2) < 30) {
        batch_learn(&batch, 100);
        assert_in_range(++jobs, 1, 1000);
    }
    assert_true(jobs > 20);
}

/* The mean of jobs that get shorter stays above what is remembered as worst. */
static void
jobs_that_get_a_little_shorter_are_no_reason_for_care(void **state)
{
    struct batch batch = learned(1600, 1);

    (void)state;
    for (uint64_t us = 1499; us > 1000; us -= 50) {
        batch_learn(&batch, us);
        assert_true(depth_of(&batch, 1000000, 2) > 1);
    }
}

/* Whatever was learned and however many wait, it stays within its bounds. */
static void
the_depth_is_always_within_its_bounds(void **state)
{
    static const uint64_t times[] = {
        0, 1, 7, 4000, 4001, 999999, UINT32_MAX, 1, 1000000, 1 << 30, 0, 3};
    static const uint32_t waiting[] = {0, 1, 2, 63, 64, 65, 1000, UINT32_MAX};
    struct batch batch = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        batch_learn(&batch, times[i]);
        for (size_t k = 0; k < sizeof(waiting) / sizeof(waiting[0]); k++) {
            for (int slots = 1; slots <= 1024; slots *= 2) {
                assert_in_range(depth_of(&batch, waiting[k], slots), 1,
                                BATCH_MOST);
            }
        }
    }
}

static void
what_a_job_should_take_counts_and_not_what_others_took(void **state)
{
    struct batch batch = learned(100000, 3);
    struct batch_load load = {0};

    (void)state;
    assert_int_equal(batch_room(&batch, &load, 1000, 1000000, 2), 25);
    batch = learned(10, 100);
    assert_int_equal(batch_room(&batch, &load, 100000, 1000000, 2), 1);
}

static void
nothing_lies_behind_a_long_job(void **state)
{
    struct batch batch = {0};
    struct batch_load load = {.jobs = 1, .us = 5000000};

    (void)state;
    assert_int_equal(batch_room(&batch, &load, 1, 1000000, 2), 0);
    load = (struct batch_load){.jobs = 1, .unknown = 1};
    assert_int_equal(batch_room(&batch, &load, 1, 1000000, 2), 0);
}

static void
a_long_job_lies_behind_nothing(void **state)
{
    struct batch batch = {0};
    struct batch_load load = {.jobs = 1, .us = 10};

    (void)state;
    assert_int_equal(batch_room(&batch, &load, 5000000, 1000000, 2), 0);
    load = (struct batch_load){0};
    assert_int_equal(batch_room(&batch, &load, 5000000, 1000000, 2), 1);
}

static void
a_slot_is_filled_up_with_what_is_short(void **state)
{
    struct batch batch = {0};
    struct batch_load load = {.jobs = 3, .us = 3000};

    (void)state;
    assert_int_equal(batch_room(&batch, &load, 1000, 1000000, 2), 22);
    load.jobs = 60;
    assert_int_equal(batch_room(&batch, &load, 1, 1000000, 2), 4);
    load.jobs = BATCH_MOST;
    assert_int_equal(batch_room(&batch, &load, 1, 1000000, 2), 0);
}

/* A slot that asks only when it has ended would wait for each answer. */
static void
classes_of_some_milliseconds_have_a_next_one_ready(void **state)
{
    struct batch batch = {0};

    (void)state;
    for (uint64_t us = 1000; us <= 12000; us += 1000) {
        struct batch_load load = {.jobs = 1, .us = us};
        assert_true(batch_room(&batch, &load, us, 1000000, 2) > 0);
    }
}

static void
a_job_that_is_late_is_not_nearly_done(void **state)
{
    (void)state;
    assert_int_equal(batch_left(1000, 0), 1000);
    assert_int_equal(batch_left(1000, 400), 600);
    assert_int_equal(batch_left(1000, 1000), 125);
    assert_int_equal(batch_left(1000, 1000000), 999000);
}

static void
a_long_job_that_should_be_over_soon_is_still_a_long_one(void **state)
{
    struct batch batch = {0};

    (void)state;
    for (uint64_t ran_us = 1990000; ran_us < 2010000; ran_us += 500) {
        struct batch_load load = {
            .jobs = 1,
            .us = batch_left(2000000, ran_us),
        };
        assert_int_equal(batch_room(&batch, &load, 1, 1000000, 2), 0);
    }
}

static void
an_idle_slot_is_freer_than_any_other(void **state)
{
    struct batch batch = {0};
    struct batch_load idle = {0};
    struct batch_load late = {.jobs = 1};
    struct batch_load busy = {.jobs = 1, .us = 4000};
    struct batch_load dozen = {.jobs = 12, .us = 12};
    struct batch_load dark = {.jobs = 1, .unknown = 1};

    (void)state;
    assert_true(batch_is_freer(&batch, &idle, &late));
    assert_false(batch_is_freer(&batch, &late, &idle));
    assert_true(batch_is_freer(&batch, &late, &busy));
    assert_true(batch_is_freer(&batch, &dozen, &busy));
    assert_true(batch_is_freer(&batch, &busy, &dark));
    assert_false(batch_is_freer(&batch, &idle, &idle));
}

static void
times_without_bounds_do_not_overflow(void **state)
{
    struct batch batch = learned(UINT64_MAX / 16, 1);
    struct batch_load load = {
        .jobs = 60,
        .unknown = 50,
        .us = UINT64_MAX - 1,
    };

    (void)state;
    assert_int_equal(batch_room(&batch, &load, 1, 1000, 2), 0);
    assert_int_equal(batch_room(&batch, &load, UINT64_MAX, 1000, 2), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(at_first_there_is_one_job_at_a_slot),
    cmocka_unit_test(long_jobs_lie_at_no_slot),
    cmocka_unit_test(the_shorter_jobs_are_the_more_of_them_lie_ready),
    cmocka_unit_test(there_is_a_most),
    cmocka_unit_test(near_the_end_less_is_given_out),
    cmocka_unit_test(one_long_job_among_short_ones_makes_it_careful),
    cmocka_unit_test(it_forgets_a_long_job_in_time),
    cmocka_unit_test(jobs_that_get_a_little_shorter_are_no_reason_for_care),
    cmocka_unit_test(the_depth_is_always_within_its_bounds),
    cmocka_unit_test(what_a_job_should_take_counts_and_not_what_others_took),
    cmocka_unit_test(nothing_lies_behind_a_long_job),
    cmocka_unit_test(a_long_job_lies_behind_nothing),
    cmocka_unit_test(a_slot_is_filled_up_with_what_is_short),
    cmocka_unit_test(classes_of_some_milliseconds_have_a_next_one_ready),
    cmocka_unit_test(a_job_that_is_late_is_not_nearly_done),
    cmocka_unit_test(a_long_job_that_should_be_over_soon_is_still_a_long_one),
    cmocka_unit_test(an_idle_slot_is_freer_than_any_other),
    cmocka_unit_test(times_without_bounds_do_not_overflow),
};

CHECK_MAIN(tests)
