#include "adapter/report_reader.h"

#include "tests/unit/reading.h"

static void
expect(const char *input, int status, const char *expected)
{
    static const size_t pieces[] = {0, 1, 3, 31, 32, 33};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        assert_reading(&(struct reading){.format = FORMAT_AUTO,
                                         .input = slice_of(input),
                                         .status = status,
                                         .piece = pieces[i]},
                       expected);
    }
}

static void
a_program_that_reports_nothing_is_judged_by_its_exit(void **state)
{
    (void)state;
    expect("", 0, "= passed counts\n");
    expect("some\ntext\n", 0, "= passed counts\n");
    expect("ok\n", EXITED(1), "= failed counts\n  failure exit status 1\n");
    expect("text", EXITED(77), "= skipped counts \"exit status 77\"\n");
    expect("text", EXITED(99),
           "= error counts\n  error exit status 99: a hard error\n");
    expect("text", KILLED(6), "= crashed counts\n  error ended by signal 6\n");
}

static void
tap_is_recognised(void **state)
{
    (void)state;
    expect("1..1\nok 1 - a name of some length\n", 0,
           "plan 1\npassed 1 - a name of some length\n= passed\n");
    expect("A banner that is longer than what is looked at\n"
           "TAP version 13\n1..1\nok 1\n",
           0,
           "plan 1\npassed 1 <A banner that is longer than what is looked at\n>"
           "\n= passed\n");
    expect("not ok 1", 0,
           "failed 1\n  failure not ok\n= error counts\n"
           "  error no plan came\n");
}

static void
junit_is_recognised(void **state)
{
    (void)state;
    expect("<?xml version=\"1.0\"?>\n"
           "<testsuite><testcase name=\"a\"/></testsuite>\n",
           0, "passed a\n= passed\n");
}

static void
other_xml_is_text(void **state)
{
    (void)state;
    expect("<?xml version=\"1.0\"?>\n<html><b>a</b></html>\n", 0,
           "= passed counts\n");
}

static void
lines_of_our_own_are_recognised(void **state)
{
    (void)state;
    expect("text\n\n{\"mule\":\"1.0\",\"msg\":\"end\",\"tests\":0}\n", 0,
           "= passed counts\n");
}

static void
the_format_is_told(void **state)
{
    (void)state;
    struct buf log = BUF_INIT(4096);
    const struct report_params params = {
        .format = FORMAT_AUTO, .events = &reading_events, .ctx = &log};
    struct report_reader *reader = report_reader_new(&params);

    report_reader_feed(reader, SLICE("text\n1.."));
    assert_int_equal(report_reader_format(reader), FORMAT_AUTO);
    report_reader_feed(reader, SLICE("1\nTAP version 14\n"));
    assert_int_equal(report_reader_format(reader), FORMAT_TAP);
    report_reader_free(reader);
    report_reader_free(NULL);
    buf_release(&log);
}

static void
a_long_output_loses_its_middle(void **state)
{
    (void)state;
    struct buf log = BUF_INIT(4096);
    struct report_reader *reader = report_reader_new(&(struct report_params){
        .format = FORMAT_EXIT,
        .output_limit = 10,
        .events = &reading_events,
        .ctx = &log,
    });

    for (int i = 0; i < 100; i++) {
        report_reader_feed(reader, SLICE("0123456789"));
    }
    const struct outcome *outcome = report_reader_end(reader, 0, 7).outcome;
    assert_int_equal(outcome->us, 7);
    assert_true(slice_equals(outcome->out.head, SLICE("01234")));
    assert_true(slice_equals(outcome->out.tail, SLICE("56789")));
    assert_int_equal(outcome->out.cut, 990);
    report_reader_free(reader);
    buf_release(&log);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_program_that_reports_nothing_is_judged_by_its_exit),
    cmocka_unit_test(tap_is_recognised),
    cmocka_unit_test(junit_is_recognised),
    cmocka_unit_test(other_xml_is_text),
    cmocka_unit_test(lines_of_our_own_are_recognised),
    cmocka_unit_test(the_format_is_told),
    cmocka_unit_test(a_long_output_loses_its_middle),
};

CHECK_MAIN(tests)
