#include "fleet/roster.h"

#include "check.h"

#include <stdio.h>

enum {
    LEASE = 30000,
};

static struct join *
greet(struct roster *roster, unsigned id, int slots)
{
    char text[ENVELOPE_JOIN_SIZE];

    snprintf(text, sizeof(text), "%016x", id);
    struct join_params params = {
        .id = slice_of(text),
        .node = SLICE("mule@host"),
        .host = SLICE("host"),
        .native = true,
        .slots = slots,
    };
    return roster_greet(roster, &params, 1);
}

static void
slots_are_numbered_through_the_build(void **state)
{
    struct roster roster;

    (void)state;
    roster_init(&roster, 2);
    assert_int_equal(roster_total(&roster), 2);
    assert_int_equal(greet(&roster, 1, 4)->base, 2);
    assert_int_equal(greet(&roster, 2, 1)->base, 6);
    assert_int_equal(greet(&roster, 3, 2)->base, 7);
    assert_int_equal(roster_total(&roster), 9);
    roster_release(&roster);
}

static void
numbers_of_those_who_left_are_given_again(void **state)
{
    struct roster roster;

    (void)state;
    roster_init(&roster, 0);
    struct join *first = greet(&roster, 1, 2);
    struct join *second = greet(&roster, 2, 2);
    greet(&roster, 3, 2);
    roster_move(&roster, first, JOIN_LEFT);
    // Whoever is lost may still be at work.
    roster_move(&roster, second, JOIN_LOST);
    assert_int_equal(greet(&roster, 4, 3)->base, 6);
    assert_int_equal(greet(&roster, 5, 2)->base, 0);
    roster_release(&roster);
}

static void
a_join_is_found_by_its_number(void **state)
{
    struct roster roster;

    (void)state;
    roster_init(&roster, 0);
    struct join *join = greet(&roster, 0xabc, 1);
    assert_ptr_equal(roster_find(&roster, SLICE("0000000000000abc")), join);
    assert_null(roster_find(&roster, SLICE("0000000000000abd")));
    assert_int_equal(join->number, 0);
    roster_release(&roster);
}

static void
only_those_who_work_have_slots(void **state)
{
    struct roster roster;

    (void)state;
    roster_init(&roster, 0);
    struct join *join = greet(&roster, 1, 3);
    assert_int_equal(roster.working_slots, 0);
    assert_int_equal(roster_hands(&roster), 1);
    roster_move(&roster, join, JOIN_WORKING);
    assert_int_equal(roster.working_slots, 3);
    roster_move(&roster, join, JOIN_LEAVING);
    assert_int_equal(roster.working_slots, 0);
    assert_int_equal(roster_hands(&roster), 0);
    assert_int_equal(roster_open(&roster), 1);
    roster_move(&roster, join, JOIN_LOST);
    roster_move(&roster, join, JOIN_LEFT);
    assert_int_equal(roster_open(&roster), 0);
    roster_release(&roster);
}

static void
who_is_silent_for_a_lease_is_asked_and_then_gone(void **state)
{
    struct roster roster;
    msec now = 1000;

    (void)state;
    roster_init(&roster, 0);
    struct join *join = greet(&roster, 1, 1);
    roster_hear(join, now);
    assert_int_equal(roster_look(join, LEASE, now + LEASE), ROSTER_FINE);
    now += LEASE + 1;
    assert_int_equal(roster_look(join, LEASE, now), ROSTER_ASK);
    roster_ask(join, now);
    now += LEASE / 3;
    assert_int_equal(roster_look(join, LEASE, now), ROSTER_FINE);
    assert_int_equal(roster_look(join, LEASE, now + 1), ROSTER_GONE);
    roster_hear(join, now);
    assert_int_equal(roster_look(join, LEASE, now + 1), ROSTER_FINE);
    roster_release(&roster);
}

static void
nobody_is_blamed_for_our_own_absence(void **state)
{
    struct roster roster;

    (void)state;
    roster_init(&roster, 0);
    struct join *join = greet(&roster, 1, 1);
    roster_ask(join, 5);
    roster_forgive(&roster, 100000);
    assert_int_equal(roster_look(join, LEASE, 100000 + LEASE), ROSTER_FINE);
    roster_move(&roster, join, JOIN_LOST);
    assert_int_equal(roster_look(join, LEASE, 900000), ROSTER_FINE);
    roster_release(&roster);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(slots_are_numbered_through_the_build),
    cmocka_unit_test(numbers_of_those_who_left_are_given_again),
    cmocka_unit_test(a_join_is_found_by_its_number),
    cmocka_unit_test(only_those_who_work_have_slots),
    cmocka_unit_test(who_is_silent_for_a_lease_is_asked_and_then_gone),
    cmocka_unit_test(nobody_is_blamed_for_our_own_absence),
};

CHECK_MAIN(tests)
