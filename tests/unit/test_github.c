#include "check.h"

#include "play.h"
#include "report/github.h"

static void
expect_annotation(const struct event_test *test, const char *expected)
{
    struct buf buf = BUF_INIT(65536);

    github_annotate(&buf, test);
    assert_string_equal(buf_text(&buf), expected);
    buf_release(&buf);
}

static void
an_annotation_points_at_the_finding(void **state)
{
    const struct finding finding = {.type = SLICE("AssertionError"),
                                    .message = SLICE("13 != 12\nreally"),
                                    .file = SLICE("a.py"),
                                    .line = 31};
    struct outcome outcome = {
        .state = STATE_FAILED, .findings = &finding, .finding_count = 1};
    struct event_test test = {
        .id = "t.A.b", .file = "t.py", .line = 3, .outcome = &outcome};

    (void)state;
    expect_annotation(&test, "::error file=a.py,line=31,title=FAIL%3A t.A.b::"
                             "AssertionError: 13 != 12%0Areally\n");
    outcome.finding_count = 0;
    expect_annotation(&test,
                      "::error file=t.py,line=3,title=FAIL%3A t.A.b::failed\n");
    test.file = "";
    outcome.state = STATE_XPASSED;
    expect_annotation(&test, "::error title=UNEXPECTED SUCCESS%3A t.A.b::"
                             "passed, though it was expected to fail\n");
    outcome.state = STATE_CRASHED;
    outcome.reason = SLICE("killed by SIGSEGV");
    expect_annotation(&test,
                      "::error title=CRASHED%3A t.A.b::killed by SIGSEGV\n");
}

static void
nothing_within_an_annotation_is_obeyed(void **state)
{
    const struct finding finding = {.message =
                                        SLICE("100%\r\n::error::x\x1b\xff"),
                                    .file = SLICE("a,b:c%.py")};
    struct outcome outcome = {
        .state = STATE_ERROR, .findings = &finding, .finding_count = 1};
    struct event_test test = {
        .id = "t,line=9::x\n", .file = "", .outcome = &outcome};

    (void)state;
    expect_annotation(
        &test, "::error file=a%2Cb%3Ac%25.py,title=ERROR%3A "
               "t%2Cline=9%3A%3Ax%0A::100%25%0D%0A::error::x\xef\xbf\xbd\n");
}

static void
a_group_has_the_name_of_the_test(void **state)
{
    struct buf buf = BUF_INIT(4096);

    (void)state;
    github_begin_group(&buf, "FAIL", SLICE("t.A.b\n::x"));
    github_end_group(&buf);
    assert_string_equal(buf_text(&buf),
                        "::group::FAIL: t.A.b%0A::x\n::endgroup::\n");
    buf_release(&buf);
}

static char *
new_file(void)
{
    char *path = strdup("/tmp/mule-test-XXXXXX");
    int fd = mkstemp(path);

    assert_int_equal(write(fd, "before\n", 7), 7);
    close(fd);
    return path;
}

static void
the_page_is_appended_when_the_run_is_over(void **state)
{
    char *path = new_file();
    struct err err = {0};
    struct play play = {.sink = github_new(path, &err)};
    const struct finding finding = {.message = SLICE("a | <b> `c`")};
    struct outcome failed = {
        .state = STATE_FAILED, .findings = &finding, .finding_count = 1};
    size_t size = 0;

    (void)state;
    assert_non_null(play.sink);
    play_collected(&play, 2, 1);
    play_state(&play, "t.A.a", STATE_PASSED);
    play_test(&play, "t.A.test_b", 0, 200000, failed);
    play_end(&play, STOP_FAILURES, 1);
    assert_false(play.failed);
    play.sink->ops->free(play.sink);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = play_read(file, &size);
    assert_string_equal(
        text, "before\n"
              "### mule: FAILED (failures=1)\n\n"
              "2 selected = 1 passed + 1 failed + 0 skipped + 0 not run, "
              "in 0.201s\n\n"
              "Stopped early: enough tests have failed.\n\n"
              "| | Test | Place | |\n|---|---|---|---|\n"
              "| FAIL | t.A.test&#95;b | tests/test&#95;shop.py:12 | "
              "a &#124; &#60;b&#62; &#96;c&#96; |\n\n");
    (void)fclose(file);
    free(text);
    unlink(path);
    free(path);
}

static void
a_page_has_a_bounded_number_of_rows(void **state)
{
    char *path = new_file();
    struct err err = {0};
    struct play play = {.sink = github_new(path, &err)};
    size_t size = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        play_state(&play, "t.A.b", STATE_FAILED);
    }
    play_end(&play, STOP_NONE, 1);
    play.sink->ops->free(play.sink);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = play_read(file, &size);
    assert_true(size < 20000);
    assert_non_null(strstr(text, "\nand 800 more\n"));
    (void)fclose(file);
    free(text);
    unlink(path);
    free(path);
}

static void
a_page_that_cannot_be_written_is_an_error_with_its_name(void **state)
{
    struct err err = {0};

    (void)state;
    assert_null(github_new("/nonexistent/x", &err));
    assert_string_equal(err.text,
                        "open /nonexistent/x: No such file or directory");
    err_clear(&err);
    struct play play = {.sink = github_new("/dev/full", &err)};
    assert_non_null(play.sink);
    play_end(&play, STOP_NONE, 0);
    assert_true(play.failed);
    assert_string_equal(play.err.text,
                        "/dev/full: write: No space left on device");
    play.sink->ops->free(play.sink);
}

static void
what_decides_nothing_is_a_warning(void **state)
{
    struct outcome outcome = {.state = STATE_FAILED};
    struct event_test test = {
        .id = "t.A.b", .file = "", .flaky = true, .outcome = &outcome};

    (void)state;
    expect_annotation(&test, "::warning title=Flaky%3A t.A.b::failed\n");
    test.flaky = false;
    test.quarantined = true;
    expect_annotation(&test, "::warning title=Quarantined%3A t.A.b::failed\n");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_annotation_points_at_the_finding),
    cmocka_unit_test(nothing_within_an_annotation_is_obeyed),
    cmocka_unit_test(a_group_has_the_name_of_the_test),
    cmocka_unit_test(the_page_is_appended_when_the_run_is_over),
    cmocka_unit_test(a_page_has_a_bounded_number_of_rows),
    cmocka_unit_test(a_page_that_cannot_be_written_is_an_error_with_its_name),
    cmocka_unit_test(what_decides_nothing_is_a_warning),
};

CHECK_MAIN(tests)
