#include "check.h"

#include "config/units.h"

static void
expect_duration(const char *text, uint32_t expected)
{
    struct err err = {0};
    uint32_t ms = 12345;

    if (!units_duration(slice_of(text), &ms, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_int_equal(ms, expected);
}

static void
expect_size(const char *text, uint64_t expected)
{
    struct err err = {0};
    uint64_t bytes = 12345;

    if (!units_size(slice_of(text), &bytes, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_int_equal(bytes, expected);
}

static void
a_number_alone_is_seconds(void **state)
{
    (void)state;
    expect_duration("0", 0);
    expect_duration("90", 90000);
    expect_duration("1.5", 1500);
}

static void
durations_have_units(void **state)
{
    (void)state;
    expect_duration("250ms", 250);
    expect_duration("1.5s", 1500);
    expect_duration("5m", 300000);
    expect_duration("2H", 7200000);
    expect_duration("1d", 86400000);
}

static void
smaller_units_may_follow_larger_ones(void **state)
{
    (void)state;
    expect_duration("1h30m", 5400000);
    expect_duration("1d2h3m4s5ms", 93784005);
    expect_duration("1m0.5s", 60500);
}

static void
more_than_zero_is_never_no_limit(void **state)
{
    (void)state;
    expect_duration("0.0001s", 1);
    expect_duration("0.2ms", 1);
}

static void
what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",     "s",      "abc",  "-1",  "+1",    "1x",
        "1m1h", "1m1m",   "1h30", ".5",  "5.",    "1e3",
        "1 m",  " 1",     "0x10", "inf", "1..5s", "1,5s",
        "m5",   "1h 30m", "50d",  "nan", "5m\n",  "9999999999999999999999999",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        uint32_t ms = 12345;
        if (units_duration(slice_of(wrong[i]), &ms, &err)) {
            fail_msg("\"%s\" was taken for %u ms", wrong[i], ms);
        }
        assert_int_equal(ms, 12345);
        assert_int_equal(err.kind, ERR_USAGE);
    }
    struct err err = {0};
    uint32_t ms = 0;
    assert_false(units_duration(slice_make("5m\0", 3), &ms, &err));
}

static void
sizes_have_units_of_1024(void **state)
{
    (void)state;
    expect_size("0", 0);
    expect_size("65536", 65536);
    expect_size("64K", 65536);
    expect_size("64kib", 65536);
    expect_size("1M", 1048576);
    expect_size("1.5G", 1610612736);
    expect_size("10b", 10);
}

static void
what_is_no_size_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "K", "-1", "1KB", "1T", "1 M", "M1", "1e6", "1MM", "99999999999G",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        uint64_t bytes = 12345;
        if (units_size(slice_of(wrong[i]), &bytes, &err)) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
        assert_int_equal(bytes, 12345);
    }
    struct err err = {0};
    uint64_t bytes = 0;
    assert_false(units_size(slice_make("1b\0\0x", 5), &bytes, &err));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_number_alone_is_seconds),
    cmocka_unit_test(durations_have_units),
    cmocka_unit_test(smaller_units_may_follow_larger_ones),
    cmocka_unit_test(more_than_zero_is_never_no_limit),
    cmocka_unit_test(what_is_no_duration_is_refused),
    cmocka_unit_test(sizes_have_units_of_1024),
    cmocka_unit_test(what_is_no_size_is_refused),
};

CHECK_MAIN(tests)
