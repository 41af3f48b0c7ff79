#include "tests/unit/reading.h"

static void
expect_status(const char *input, int status, const char *expected)
{
    static const size_t pieces[] = {0, 1, 7};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        assert_reading(&(struct reading){.format = FORMAT_JUNIT,
                                         .input = slice_of(input),
                                         .status = status,
                                         .piece = pieces[i]},
                       expected);
    }
}

static void
expect(const char *input, const char *expected)
{
    expect_status(input, 0, expected);
}

static void
cases_become_points(void **state)
{
    (void)state;
    expect_status(
        "<?xml version=\"1.0\"?>\n"
        "<testsuites><testsuite name=\"Suite\">"
        "<properties><property name=\"a\" value=\"b\"/></properties>"
        "<testcase name=\"one\" classname=\"pkg.Login\" time=\"1.5\"/>"
        "<testcase name=\"two\" classname=\"pkg.Login\" time=\"1,000.25\" "
        "file=\"login.py\" line=\"12\">"
        "<failure message=\"1 != 2\" type=\"AssertionError\">trace\nmore"
        "</failure><system-out>printed</system-out></testcase>"
        "<testcase name=\"three\"><error message=\"broken\"/></testcase>"
        "<testcase name=\"four\"><skipped message=\"no network\"/></testcase>"
        "<testcase name=\"five\"><skipped> why not </skipped></testcase>"
        "<testcase name=\"six\"><skipped type=\"pytest.xfail\"/></testcase>"
        "</testsuite></testsuites>\n",
        EXITED(1),
        "passed pkg.Login.one (1500000 us)\n"
        "failed pkg.Login.two at login.py:12 (1000250000 us) <printed>\n"
        "  failure 1 != 2 | trace\n"
        "error Suite.three\n"
        "  error broken\n"
        "skipped Suite.four \"no network\"\n"
        "skipped Suite.five \"why not\"\n"
        "xfailed Suite.six\n"
        "= failed\n"
        "  failure exit status 1\n");
}

static void
a_case_can_have_several_findings(void **state)
{
    (void)state;
    expect("<testsuite><testcase name=\"a\">"
           "<failure message=\"one\" file=\"a.js\" line=\"4\"/>"
           "<error message=\"two\">x<![CDATA[<&>]]>y</error>"
           "<failure message=\"three\"/>"
           "</testcase></testsuite>",
           "error a at a.js:4\n"
           "  failure one\n"
           "  error two | x<&>y\n"
           "  failure three\n"
           "= failed\n");
}

static void
suites_may_be_nested_and_prefixed(void **state)
{
    (void)state;
    expect("<j:testsuite xmlns:j=\"u\" name=\"outer\">"
           "<j:testsuite name=\"inner\"><j:testcase name=\"a\"/>"
           "</j:testsuite><j:testcase name=\"b\"/></j:testsuite>",
           "passed inner.a\npassed outer.b\n= passed\n");
}

static void
an_error_of_a_suite_is_a_point(void **state)
{
    (void)state;
    expect("<testsuite name=\"S\"><error message=\"no fixture\">t</error>"
           "</testsuite>",
           "error S\n  error no fixture | t\n= failed\n");
}

static void
text_around_the_document_is_output(void **state)
{
    (void)state;
    expect("hello\n<testsuite><testcase name=\"a\"/></testsuite>\nbye\n",
           "passed a\n= passed\n");
}

static void
entities_cannot_be_declared(void **state)
{
    (void)state;
    expect("<!DOCTYPE t [<!ENTITY a \"aaaaaaaaaa\">"
           "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>"
           "<testsuite><testcase name=\"&b;\"/></testsuite>",
           "= error counts\n"
           "  error the XML has a DOCTYPE, which is not taken\n");
    expect("<!DOCTYPE t SYSTEM \"file:///etc/passwd\"><testsuite/>",
           "= error counts\n"
           "  error the XML has a DOCTYPE, which is not taken\n");
}

static void
broken_documents_are_errors_and_keep_what_was_read(void **state)
{
    (void)state;
    expect("<testsuite><testcase name=\"a\"/>\n<testcase name=\"b\">",
           "passed a\n"
           "= error counts\n"
           "  error the XML is broken in line 2: no element found\n");
    expect("<testsuite><testcase name=\"a\"/></wrong>",
           "passed a\n"
           "= error counts\n"
           "  error the XML is broken in line 1: mismatched tag\n");
    expect("nothing\n", "= error counts\n  error no XML came\n");
    expect("<html><testcase name=\"a\"/></html>",
           "= error counts\n  error the XML is <html>, no JUnit report\n");
}

static void
nesting_is_bounded(void **state)
{
    (void)state;
    struct buf input = BUF_INIT(1 << 20);

    for (int i = 0; i < 200; i++) {
        buf_add_text(&input, "<testsuite>");
    }
    expect(buf_text(&input), "= error counts\n"
                             "  error the XML is nested more than 100 deep\n");
    buf_release(&input);
}

static void
one_tag_cannot_take_all_memory(void **state)
{
    (void)state;
    struct buf input = BUF_INIT(4 << 20);

    buf_add_text(&input, "<testsuite name=\"");
    buf_add_repeat(&input, 'x', 3 << 20);
    assert_reading(
        &(struct reading){.format = FORMAT_JUNIT, .input = buf_slice(&input)},
        "= error counts\n"
        "  error the XML has a tag of more than 1048576 bytes\n");
    buf_release(&input);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(cases_become_points),
    cmocka_unit_test(a_case_can_have_several_findings),
    cmocka_unit_test(suites_may_be_nested_and_prefixed),
    cmocka_unit_test(an_error_of_a_suite_is_a_point),
    cmocka_unit_test(text_around_the_document_is_output),
    cmocka_unit_test(entities_cannot_be_declared),
    cmocka_unit_test(broken_documents_are_errors_and_keep_what_was_read),
    cmocka_unit_test(nesting_is_bounded),
    cmocka_unit_test(one_tag_cannot_take_all_memory),
};

CHECK_MAIN(tests)
