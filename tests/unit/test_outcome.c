#include "check.h"

#include "model/outcome.h"

static void
every_state_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        enum state found = STATE_NONE;
        const char *name = state_name((enum state)i);

        assert_non_null(name);
        assert_true(state_find(slice_of(name), &found));
        assert_int_equal(found, i);
    }
}

static void
what_is_no_state_is_not_found(void **state)
{
    enum state found = STATE_PASSED;

    (void)state;
    assert_false(state_find(slice_of("none"), &found));
    assert_false(state_find(slice_of(""), &found));
    assert_false(state_find(slice_of("Passed"), &found));
    assert_false(state_find(slice_of("pass"), &found));
    assert_int_equal(found, STATE_PASSED);
}

static void
six_states_make_a_build_red(void **state)
{
    int bad = 0;

    (void)state;
    for (int i = 0; i < STATE_COUNT; i++) {
        bad += state_is_bad((enum state)i);
    }
    assert_int_equal(bad, 6);
    assert_true(state_is_bad(STATE_XPASSED));
    assert_true(state_is_bad(STATE_LOST));
    assert_false(state_is_bad(STATE_NOT_RUN));
    assert_false(state_is_bad(STATE_XFAILED));
}

static void
every_kind_of_finding_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < FINDING_KIND_COUNT; i++) {
        enum finding_kind found = FINDING_KIND_COUNT;
        const char *name = finding_kind_name((enum finding_kind)i);

        assert_true(finding_kind_find(slice_of(name), &found));
        assert_int_equal(found, i);
    }
    enum finding_kind untouched = FINDING_SKIP;
    assert_false(finding_kind_find(slice_of("skipped"), &untouched));
    assert_int_equal(untouched, FINDING_SKIP);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_state_is_found_by_its_name),
    cmocka_unit_test(what_is_no_state_is_not_found),
    cmocka_unit_test(six_states_make_a_build_red),
    cmocka_unit_test(every_kind_of_finding_is_found_by_its_name),
};

CHECK_MAIN(tests)
