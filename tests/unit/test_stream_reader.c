#include "tests/unit/golden.h"
#include "tests/unit/reading.h"

#define LINE(rest) "{\"mule\":\"1.0\"," rest "}\n"
#define PASSED(id) \
    LINE("\"msg\":\"finished\",\"id\":\"" id "\",\"state\":\"passed\"")
#define END(count) LINE("\"msg\":\"end\",\"tests\":" count)

static void
expect(const char *input, const char *expected)
{
    static const size_t pieces[] = {0, 1, 13};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        assert_reading(&(struct reading){.format = FORMAT_JSON,
                                         .input = slice_of(input),
                                         .piece = pieces[i]},
                       expected);
    }
}

static void
results_and_what_was_printed_for_them_are_told(void **state)
{
    (void)state;
    struct buf bytes = golden_read("adapter/stream/run.txt");

    expect(buf_text(&bytes),
           "plan 2 tests.Login.test_ok tests.Login.test_bad\n"
           "passed tests.Login.test_ok (183 us)\n"
           "failed tests.Login.test_bad at tests.py:12 (1504 us) "
           "<an ordinary line\n>\n"
           "  failure 1 != 2\n"
           "= failed\n");
    buf_release(&bytes);
}

static void
a_plan_is_optional(void **state)
{
    (void)state;
    expect(PASSED("a") END("1"), "passed a\n= passed\n");
}

static void
a_planned_item_without_a_result_is_an_error(void **state)
{
    (void)state;
    expect(LINE("\"msg\":\"plan\",\"items\":[\"a\",\"b\",\"b\",\"b\"]")
               PASSED("b") PASSED("c") END("2"),
           "plan 4 a b b b\n"
           "passed b\n"
           "passed c\n"
           "error a\n"
           "  error planned, but the program did not tell its result\n"
           "error b\n"
           "  error planned, but the program did not tell its result\n"
           "error b\n"
           "  error planned, but the program did not tell its result\n"
           "= failed\n");
}

static void
an_end_that_counts_otherwise_is_an_error(void **state)
{
    (void)state;
    expect(PASSED("a") END("2"), "passed a\n= error counts\n"
                                 "  error 1 results came, and the end counts "
                                 "2\n");
}

static void
no_end_is_an_error(void **state)
{
    (void)state;
    expect(PASSED("a"), "passed a\n= error counts\n"
                        "  error the report has no end\n");
    expect("", "= error counts\n  error the report has no end\n");
}

static void
results_after_the_end_are_an_error(void **state)
{
    (void)state;
    expect(END("0") PASSED("a") END("1"),
           "passed a\n= error counts\n"
           "  error a result came after the end\n"
           "  error a second end came\n");
}

static void
a_broken_line_is_named(void **state)
{
    (void)state;
    expect(LINE("\"msg\":\"finished\",\"state\":\"passed\"") END("0"),
           "= error counts\n"
           "  error a line of the report: message \"finished\": field \"id\" "
           "is missing\n");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(results_and_what_was_printed_for_them_are_told),
    cmocka_unit_test(a_plan_is_optional),
    cmocka_unit_test(a_planned_item_without_a_result_is_an_error),
    cmocka_unit_test(an_end_that_counts_otherwise_is_an_error),
    cmocka_unit_test(no_end_is_an_error),
    cmocka_unit_test(results_after_the_end_are_an_error),
    cmocka_unit_test(a_broken_line_is_named),
};

CHECK_MAIN(tests)
