#include "run/seats.h"

#include "check.h"

static uint32_t
begin(struct seats *seats, int slot, uint32_t job, uint32_t process)
{
    return seats_begin(seats, &(struct order_begin){
                                  .job = job,
                                  .attempt = 1,
                                  .slot = slot,
                                  .process = process,
                              });
}

static void
jobs_of_one_process_share_its_number(void **state)
{
    struct seats seats = {0};

    (void)state;
    assert_int_equal(begin(&seats, 0, 7, 1), 1);
    assert_int_equal(begin(&seats, 0, 8, 1), 1);
    assert_int_equal(begin(&seats, 0, 9, 2), 2);
    seats_release(&seats);
}

static void
processes_of_two_slots_differ_though_their_own_numbers_do_not(void **state)
{
    struct seats seats = {0};

    (void)state;
    assert_int_equal(begin(&seats, 0, 1, 1), 1);
    assert_int_equal(begin(&seats, 5000, 2, 1), 2);
    assert_int_equal(begin(&seats, 0, 3, 1), 1);
    assert_int_equal(begin(&seats, 5000, 4, 2), 3);
    seats_release(&seats);
}

static void
an_order_is_found_until_the_next_one_begins(void **state)
{
    struct seats seats = {0};

    (void)state;
    begin(&seats, 2, 7, 1);
    assert_int_equal(seats_find(&seats, 2, 7, 1), 1);
    assert_int_equal(seats_find(&seats, 2, 7, 0), 1);
    assert_int_equal(seats_find(&seats, 2, 7, 2), 0);
    assert_int_equal(seats_find(&seats, 2, 8, 1), 0);
    assert_int_equal(seats_find(&seats, 1, 7, 1), 0);
    begin(&seats, 2, 8, 1);
    assert_int_equal(seats_find(&seats, 2, 7, 1), 0);
    seats_release(&seats);
}

static void
what_is_not_known_has_no_number_and_ends_a_process(void **state)
{
    struct seats seats = {0};

    (void)state;
    begin(&seats, 0, 1, 1);
    assert_int_equal(begin(&seats, 0, 2, 0), 0);
    assert_int_equal(seats_find(&seats, 0, 2, 1), 0);
    assert_int_equal(begin(&seats, 0, 3, 1), 2);
    seats_release(&seats);
}

static void
slots_out_of_bounds_have_no_process(void **state)
{
    struct seats seats = {0};

    (void)state;
    assert_int_equal(begin(&seats, -1, 1, 1), 0);
    assert_int_equal(begin(&seats, INT32_MAX, 1, 1), 0);
    assert_int_equal(seats_find(&seats, -1, 1, 1), 0);
    assert_int_equal(seats_find(&seats, INT32_MAX, 1, 1), 0);
    assert_null(seats.seats);
}

static void
another_worker_on_the_same_slots_has_other_processes(void **state)
{
    struct seats seats = {0};

    (void)state;
    begin(&seats, 3, 1, 1);
    begin(&seats, 4, 2, 1);
    seats_clear(&seats, 4, 2);
    assert_int_equal(seats_find(&seats, 4, 2, 1), 0);
    assert_int_equal(begin(&seats, 4, 3, 1), 3);
    assert_int_equal(begin(&seats, 3, 4, 1), 1);
    seats_release(&seats);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(jobs_of_one_process_share_its_number),
    cmocka_unit_test(
        processes_of_two_slots_differ_though_their_own_numbers_do_not),
    cmocka_unit_test(an_order_is_found_until_the_next_one_begins),
    cmocka_unit_test(what_is_not_known_has_no_number_and_ends_a_process),
    cmocka_unit_test(slots_out_of_bounds_have_no_process),
    cmocka_unit_test(another_worker_on_the_same_slots_has_other_processes),
};

CHECK_MAIN(tests)
