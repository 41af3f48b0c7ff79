#include "check.h"

#include <string.h>

#include "model/event.h"

static void
every_kind_of_event_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        const char *name = event_kind_name((enum event_kind)i);

        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"),
                         strlen(name));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(name, event_kind_name((enum event_kind)k));
        }
    }
}

static void
every_reason_to_stop_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(stop_reason_name(STOP_NONE), "");
    for (int i = STOP_FAILURES; i <= STOP_BAILED; i++) {
        const char *name = stop_reason_name((enum stop_reason)i);

        assert_string_not_equal(name, "");
        assert_int_equal(stop_reason_find(name), i);
    }
    assert_int_equal(stop_reason_find(""), STOP_NONE);
    assert_int_equal(stop_reason_find("tired"), STOP_NONE);
    assert_int_equal(stop_reason_find(NULL), STOP_NONE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_kind_of_event_has_a_name_of_its_own),
    cmocka_unit_test(every_reason_to_stop_has_a_name),
};

CHECK_MAIN(tests)
