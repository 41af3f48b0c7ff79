#include "fleet/member_life.h"

#include <string.h>

#include "check.h"

static void
every_state_has_an_answer_to_every_input(void **state)
{
    (void)state;
    for (int s = 0; s < MEMBER_STATE_COUNT; s++) {
        for (int input = 0; input < MEMBER_INPUT_COUNT; input++) {
            struct member_step step =
                member_life((enum member_state)s, (enum member_input)input);
            assert_in_range(step.next, 0, MEMBER_STATE_COUNT - 1);
            assert_in_range(step.action, ACT_NOTHING, ACT_PART);
            // Whoever goes somewhere does something about it.
            if ((int)step.next != s) {
                assert_int_not_equal(step.action, ACT_NOTHING);
            }
        }
    }
    assert_string_equal(member_state_name(MEMBER_LEAVING), "leaving");
}

static void
a_free_member_is_moved_by_an_offer_only(void **state)
{
    (void)state;
    for (int input = 0; input < MEMBER_INPUT_COUNT; input++) {
        struct member_step step =
            member_life(MEMBER_FREE, (enum member_input)input);
        assert_int_equal(step.next == MEMBER_FREE, input != MEMBER_OFFER);
    }
}

// Whatever is set up is torn down: there is one door out of each state that
// may have an engine, and it leads through LEAVING.
static void
nobody_who_began_is_free_without_parting(void **state)
{
    (void)state;
    static const enum member_state begun[] = {MEMBER_PREPARING, MEMBER_SERVING,
                                              MEMBER_LEAVING};
    for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
        for (int input = 0; input < MEMBER_INPUT_COUNT; input++) {
            struct member_step step =
                member_life(begun[i], (enum member_input)input);
            if (step.next == MEMBER_FREE) {
                assert_int_equal(step.action, ACT_PART);
            }
            if (begun[i] == MEMBER_LEAVING) {
                assert_true(step.next == MEMBER_LEAVING ||
                            step.next == MEMBER_FREE);
            }
            assert_int_not_equal(step.next, MEMBER_ASKED);
        }
    }
}

static void
the_end_of_a_lease_ends_what_was_begun(void **state)
{
    (void)state;
    assert_int_equal(member_life(MEMBER_PREPARING, MEMBER_LEASE_OVER).next,
                     MEMBER_LEAVING);
    assert_int_equal(member_life(MEMBER_SERVING, MEMBER_LEASE_OVER).next,
                     MEMBER_LEAVING);
    assert_int_equal(member_life(MEMBER_LEAVING, MEMBER_LEASE_OVER).next,
                     MEMBER_LEAVING);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_state_has_an_answer_to_every_input),
    cmocka_unit_test(a_free_member_is_moved_by_an_offer_only),
    cmocka_unit_test(nobody_who_began_is_free_without_parting),
    cmocka_unit_test(the_end_of_a_lease_ends_what_was_begun),
};

CHECK_MAIN(tests)
