#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/lookback.h"
#include "util/text.h"

#define WALL_MS INT64_C(1322020000000) // 2011-11-23 03:46:40 UTC

static struct sheet
sheet_of(int width)
{
    struct sheet sheet = {.width = width};

    setenv("TZ", "UTC", 1);
    tzset();
    writer_init(&sheet.writer, -1);
    return sheet;
}

static void
expect(struct sheet *sheet, const char *expected)
{
    assert_string_equal(buf_text(&sheet->writer.buf), expected);
    writer_release(&sheet->writer);
}

static void
each_build_has_its_verdict_and_its_command(void **state)
{
    const struct lookback_build builds[] = {
        {.id = "k3v9x2ab",
         .command = "mule test --failed",
         .wall_ms = WALL_MS,
         .us = 12345678,
         .states = {[STATE_PASSED] = 409, [STATE_FAILED] = 2},
         .flaky = 1,
         .exit_status = 1,
         .recorded = true},
        {.id = "aaaabbbb",
         .command = "mule test",
         .wall_ms = WALL_MS - 60000,
         .us = 900,
         .states = {[STATE_PASSED] = 411}},
        {.id = "cccc",
         .command = "",
         .wall_ms = WALL_MS - 120000,
         .us = 2000000,
         .states = {[STATE_PASSED] = 3, [STATE_NOT_RUN] = 8},
         .cut = true,
         .recorded = true},
        {.id = "dddd",
         .command = "mule test -k none",
         .wall_ms = WALL_MS - 120000,
         .exit_status = 5},
    };
    struct sheet sheet = sheet_of(80);

    (void)state;
    lookback_builds(&sheet, builds, 4);
    expect(&sheet,
           "FAILED   k3v9x2ab    2011-11-23 03:46   12.346s  "
           "409 passed, 2 failed, 1 flaky\n"
           "         recorded    mule test --failed\n"
           "OK       aaaabbbb    2011-11-23 03:45    0.001s  411 passed\n"
           "                     mule test\n"
           "cut off  cccc        2011-11-23 03:44    2.000s  "
           "3 passed, 8 not run\n"
           "         recorded    \n"
           "empty    dddd        2011-11-23 03:44    0.000s  no tests\n"
           "                     mule test -k none\n");
}

static void
no_line_is_wider_than_the_sheet(void **state)
{
    static const char wide[] =
        "a command that is much, much longer than any line should be: mule "
        "test tests/integration/shop/orders tests/integration/shop/baskets";
    const struct lookback_build build = {
        .id = "nightly-2011-11-23-build-4711",
        .command = wide,
        .wall_ms = WALL_MS,
        .us = UINT64_C(86400000000),
        .states = {[STATE_PASSED] = 1000000,
                   [STATE_FAILED] = 1000,
                   [STATE_ERROR] = 1000,
                   [STATE_TIMEOUT] = 1000},
        .recorded = true,
    };
    const struct lookback_attempt attempt = {
        .build = build.id,
        .wall_ms = WALL_MS,
        .state = STATE_NOT_RUN,
        .us = UINT64_C(86400000000),
        .slot = 1234,
        .tries = 2,
        .worker = wide,
    };
    struct sheet sheet = sheet_of(80);

    (void)state;
    lookback_builds(&sheet, &build, 1);
    lookback_test(&sheet, "m.A.test", &attempt, 1);
    struct slice rest = buf_slice(&sheet.writer.buf);
    struct slice line;
    while (slice_split(&rest, '\n', &line)) {
        if (text_width(line) > 80) {
            fail_msg("%zu columns: %.*s", text_width(line), SLICE_ARG(line));
        }
    }
    writer_release(&sheet.writer);
}

static void
a_test_is_shown_build_by_build_with_a_bar(void **state)
{
    const struct lookback_attempt attempts[] = {
        {"new", WALL_MS, STATE_PASSED, 300000, 2, 2, "", true},
        {"mid", WALL_MS - 60000, STATE_FAILED, 150000, 0, 1, "", false},
        {"old", WALL_MS - 120000, STATE_NOT_RUN, 0, -1, 1, "", false},
    };
    struct sheet sheet = sheet_of(80);

    (void)state;
    lookback_test(&sheet, "m.A.test_1", attempts, 3);
    expect(&sheet, "m.A.test_1\n"
                   "3 builds: 1 passed, 1 failed, 1 not run, 1 flaky\n"
                   "0.150s to 0.300s, median 0.300s\n"
                   "\n"
                   "2011-11-23 03:46  new         flaky       0.300s  "
                   "============  slot 2, try 2\n"
                   "2011-11-23 03:45  mid         failed      0.150s  "
                   "======......  slot 0\n"
                   "2011-11-23 03:44  old         not run     0.000s  "
                   "............\n");
}

static void
slow_tests_stand_with_how_they_ended_last(void **state)
{
    const struct lookback_rank ranks[] = {
        {.id = "m.A.test_1", .us = 12345678, .state = STATE_PASSED},
        {.id = "m.A.test_2", .us = 1000, .state = STATE_TIMEOUT},
        {.id = "m.A.test_3", .us = 0, .state = STATE_NONE},
    };
    struct sheet sheet = sheet_of(80);

    (void)state;
    lookback_slowest(&sheet, ranks, 3);
    expect(&sheet, "     takes  last      test\n"
                   "   12.346s  passed    m.A.test_1\n"
                   "    0.001s  timeout   m.A.test_2\n"
                   "    0.000s            m.A.test_3\n");
}

static void
flaky_tests_stand_with_how_often_they_were(void **state)
{
    const struct lookback_rank ranks[] = {
        {.id = "m.A.test_1",
         .flaky = 3,
         .turns = 1,
         .runs = 10,
         .wall_ms = WALL_MS},
        {.id = "m.A.test_2", .turns = 4, .runs = 9},
    };
    struct sheet sheet = sheet_of(80);

    (void)state;
    lookback_flaky(&sheet, ranks, 2);
    expect(&sheet, "flaky  turns     of  last time         test\n"
                   "    3      1     10  2011-11-23 03:46  m.A.test_1\n"
                   "    0      4      9                    m.A.test_2\n");
}

static void
escape_sequences_of_a_test_do_not_reach_the_terminal(void **state)
{
    const struct lookback_rank rank = {.id = "m.A\x1b[2J.test"};
    struct sheet sheet = sheet_of(80);

    (void)state;
    lookback_slowest(&sheet, &rank, 1);
    assert_null(strchr(buf_text(&sheet.writer.buf), '\x1b'));
    writer_release(&sheet.writer);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_build_has_its_verdict_and_its_command),
    cmocka_unit_test(no_line_is_wider_than_the_sheet),
    cmocka_unit_test(a_test_is_shown_build_by_build_with_a_bar),
    cmocka_unit_test(slow_tests_stand_with_how_they_ended_last),
    cmocka_unit_test(flaky_tests_stand_with_how_often_they_were),
    cmocka_unit_test(escape_sequences_of_a_test_do_not_reach_the_terminal),
};

CHECK_MAIN(tests)
