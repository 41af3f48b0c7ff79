#include "util/now.h"

#include "check.h"

static void
times_are_written_in_utc_with_milliseconds(void **state)
{
    (void)state;
    char text[NOW_ISO8601_SIZE];

    now_iso8601(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    now_iso8601(1322021106789999, text);
    assert_string_equal(text, "2011-11-23T04:05:06.789Z");
    now_iso8601(951782399999000, text);
    assert_string_equal(text, "2000-02-28T23:59:59.999Z");
}

static void
times_before_1970_are_rounded_down(void **state)
{
    (void)state;
    char text[NOW_ISO8601_SIZE];

    now_iso8601(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    now_iso8601(-1000000, text);
    assert_string_equal(text, "1969-12-31T23:59:59.000Z");
}

static void
clocks_do_not_go_back(void **state)
{
    (void)state;
    usec before = now_usec();
    usec cpu = now_cpu_usec();
    msec boot = now_boot_msec();

    for (int i = 0; i < 1000; i++) {
        usec after = now_usec();
        assert_true(after >= before);
        before = after;
    }
    assert_true(now_cpu_usec() >= cpu);
    assert_true(now_boot_msec() >= boot);
}

static void
milliseconds_and_microseconds_are_of_one_clock(void **state)
{
    (void)state;
    msec before = now_usec() / 1000;
    msec between = now_msec();
    msec after = now_usec() / 1000;

    assert_true(before <= between && between <= after);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
    cmocka_unit_test(times_before_1970_are_rounded_down),
    cmocka_unit_test(clocks_do_not_go_back),
    cmocka_unit_test(milliseconds_and_microseconds_are_of_one_clock),
};

CHECK_MAIN(tests)
