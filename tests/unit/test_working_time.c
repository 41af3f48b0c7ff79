#include "run/working_time.h"

#include "check.h"

static void
without_a_pause_it_is_the_time_of_the_loop(void **state)
{
    struct working_time time = {0};

    (void)state;
    assert_int_equal(working_time_at(&time, 0), 0);
    assert_int_equal(working_time_at(&time, 1234), 1234);
}

static void
it_stands_still_during_a_pause(void **state)
{
    struct working_time time = {0};

    (void)state;
    working_time_pause(&time, true, 100);
    assert_int_equal(working_time_at(&time, 100), 100);
    assert_int_equal(working_time_at(&time, 150), 100);
    working_time_pause(&time, false, 200);
    assert_int_equal(working_time_at(&time, 170), 100);
    assert_int_equal(working_time_at(&time, 200), 100);
    assert_int_equal(working_time_at(&time, 201), 101);
}

static void
what_began_before_a_pause_keeps_its_time(void **state)
{
    struct working_time time = {0};

    (void)state;
    working_time_pause(&time, true, 100);
    assert_int_equal(working_time_at(&time, 90), 90);
    working_time_pause(&time, false, 200);
    assert_int_equal(working_time_at(&time, 90), 90);
}

static void
pauses_add_up(void **state)
{
    struct working_time time = {0};

    (void)state;
    working_time_pause(&time, true, 100);
    working_time_pause(&time, false, 200);
    working_time_pause(&time, true, 300);
    assert_int_equal(working_time_at(&time, 250), 150);
    assert_int_equal(working_time_at(&time, 350), 200);
    working_time_pause(&time, false, 400);
    assert_int_equal(working_time_at(&time, 250), 150);
    assert_int_equal(working_time_at(&time, 500), 300);
}

static void
pausing_twice_is_pausing_once(void **state)
{
    struct working_time time = {0};

    (void)state;
    working_time_pause(&time, false, 50);
    assert_int_equal(working_time_at(&time, 60), 60);
    working_time_pause(&time, true, 100);
    working_time_pause(&time, true, 150);
    working_time_pause(&time, false, 200);
    working_time_pause(&time, false, 300);
    assert_int_equal(working_time_at(&time, 400), 300);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(without_a_pause_it_is_the_time_of_the_loop),
    cmocka_unit_test(it_stands_still_during_a_pause),
    cmocka_unit_test(what_began_before_a_pause_keeps_its_time),
    cmocka_unit_test(pauses_add_up),
    cmocka_unit_test(pausing_twice_is_pausing_once),
};

CHECK_MAIN(tests)
