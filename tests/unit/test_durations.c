#include "schedule/durations.h"

#include "check.h"

static void
expect_error(const char *text, const char *message)
{
    struct err err = {0};

    assert_null(durations_parse("times.txt", slice_of(text), &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, message);
}

static void
lines_are_seconds_and_a_name(void **state)
{
    struct err err = {0};
    uint64_t us = 0;
    struct durations *durations = durations_parse(
        "times.txt",
        SLICE("# mule durations\n\n12.25 a.B\n0 ./t/one two.t \n"
              "1e-3\tc\r\n 7 a.C\n8 a.C"),
        &err);

    (void)state;
    assert_non_null(durations);
    assert_true(durations_find(durations, SLICE("a.B"), &us));
    assert_int_equal(us, 12250000);
    assert_true(durations_find(durations, SLICE("./t/one two.t"), &us));
    assert_int_equal(us, 0);
    assert_true(durations_find(durations, SLICE("c"), &us));
    assert_int_equal(us, 1000);
    assert_true(durations_find(durations, SLICE("a.C"), &us));
    assert_int_equal(us, 8000000);
    assert_false(durations_find(durations, SLICE("a"), &us));
    assert_string_equal(durations_path(durations), "times.txt");
    durations_free(durations);
    durations_free(NULL);
}

static void
the_hash_is_that_of_the_file(void **state)
{
    struct err err = {0};
    struct durations *durations = durations_parse("x", SLICE("1 a\n"), &err);

    (void)state;
    // printf '1 a\n' | sha256sum
    assert_string_equal(
        durations_hash(durations),
        "2ecde1a07b3d2f5e391fb6f73311d56ff42754cc662a00415332ab3cf418b4b0");
    durations_free(durations);
}

static void
what_is_no_duration_is_refused(void **state)
{
    (void)state;
    expect_error("1 a\n-1 b\n", "times.txt:2: \"-1\" is not a number of "
                                "seconds from 0 to a year");
    expect_error("31536001 a", "times.txt:1: \"31536001\" is not a number of "
                               "seconds from 0 to a year");
    expect_error("nan a", "times.txt:1: \"nan\" is not a number of seconds "
                          "from 0 to a year");
    expect_error("a.B 3", "times.txt:1: \"a.B\" is not a number of seconds "
                          "from 0 to a year");
    expect_error("3  \n", "times.txt:1: \"3\" has no name of a job behind it");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_are_seconds_and_a_name),
    cmocka_unit_test(the_hash_is_that_of_the_file),
    cmocka_unit_test(what_is_no_duration_is_refused),
};

CHECK_MAIN(tests)
