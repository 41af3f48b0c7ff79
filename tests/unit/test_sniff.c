#include "adapter/sniff.h"

#include "tests/unit/check.h"

static const struct sample {
    const char *line;
    enum output_format first; // as the first line
    enum output_format later; // behind a line of text
} samples[] = {
    {"TAP version 13", FORMAT_TAP, FORMAT_TAP},
    {"TAP version 14", FORMAT_TAP, FORMAT_TAP},
    {"1..4", FORMAT_TAP, FORMAT_AUTO},
    {"1..0 # SKIP", FORMAT_TAP, FORMAT_AUTO},
    {"1..4\r", FORMAT_TAP, FORMAT_AUTO},
    {"ok 1", FORMAT_TAP, FORMAT_AUTO},
    {"not ok 1 - x", FORMAT_TAP, FORMAT_AUTO},
    {"ok", FORMAT_AUTO, FORMAT_AUTO},
    {"ok  \tpackage\t0.01s", FORMAT_AUTO, FORMAT_AUTO},
    {"1...", FORMAT_AUTO, FORMAT_AUTO},
    {"<?xml version='1.0'?>", FORMAT_JUNIT, FORMAT_AUTO},
    {"\xEF\xBB\xBF<?xml version='1.0'?>", FORMAT_JUNIT, FORMAT_AUTO},
    {"  <testsuites>", FORMAT_JUNIT, FORMAT_AUTO},
    {"<html>", FORMAT_AUTO, FORMAT_AUTO},
    {"{\"mule\":\"1.0\"", FORMAT_JSON, FORMAT_JSON},
    {"{\"mules\":1}", FORMAT_AUTO, FORMAT_AUTO},
    {"hello", FORMAT_AUTO, FORMAT_AUTO},
    {"", FORMAT_AUTO, FORMAT_AUTO},
};

static void
formats_are_known_by_their_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct sniff sniff = {0};
        struct slice line = slice_of(samples[i].line);

        if (sniff_line(&sniff, line) != samples[i].first) {
            fail_msg("\"%s\" as the first line", samples[i].line);
        }
        sniff = (struct sniff){0};
        assert_int_equal(sniff_line(&sniff, SLICE("text")), FORMAT_AUTO);
        if (sniff_line(&sniff, line) != samples[i].later) {
            fail_msg("\"%s\" behind text", samples[i].line);
        }
    }
}

static void
blank_lines_and_comments_may_come_first(void **state)
{
    (void)state;
    struct sniff sniff = {0};

    assert_int_equal(sniff_line(&sniff, SLICE("")), FORMAT_AUTO);
    assert_int_equal(sniff_line(&sniff, SLICE("# comment")), FORMAT_AUTO);
    assert_int_equal(sniff_line(&sniff, SLICE("1..2")), FORMAT_TAP);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(formats_are_known_by_their_lines),
    cmocka_unit_test(blank_lines_and_comments_may_come_first),
};

CHECK_MAIN(tests)
