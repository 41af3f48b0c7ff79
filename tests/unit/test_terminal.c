#include "check.h"

#include <signal.h>

#include "play.h"
#include "report/terminal.h"
#include "util/buf.h"

// A terminal report that writes into a file.
struct scene {
    FILE *file;
    struct play play;
    char *text; // after scene_end
};

static struct scene
scene_of(struct terminal_params params)
{
    struct scene scene = {.file = tmpfile()};

    params.fd = fileno(scene.file);
    params.width = params.width > 0 ? params.width : 80;
    scene.play.sink = terminal_new(&params);
    return scene;
}

static struct scene
scene_at(int verbosity)
{
    return scene_of((struct terminal_params){.verbosity = verbosity});
}

static const char *
scene_end(struct scene *scene)
{
    size_t size = 0;

    scene->play.sink->ops->free(scene->play.sink);
    scene->text = play_read(scene->file, &size);
    (void)fclose(scene->file);
    return scene->text;
}

static void
expect(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in:\n%s", part, text != NULL ? text : "");
    }
}

static void
expect_not(const char *text, const char *part)
{
    if (text != NULL && strstr(text, part) != NULL) {
        fail_msg("unexpected \"%s\" in:\n%s", part, text);
    }
}

static struct outcome
failed(const struct finding *finding)
{
    struct outcome outcome = {.state = STATE_FAILED,
                              .findings = finding,
                              .finding_count = 1,
                              .out = {.head = SLICE("adding shoes\n"),
                                      .tail = SLICE("total 13"),
                                      .cut = 1234567},
                              .err = {.head = SLICE("rounding\n")}};

    return outcome;
}

static const struct finding wrong_total = {
    .kind = FINDING_FAILURE,
    .type = {"AssertionError", 14},
    .message = {"13 != 12", 8},
    .trace = {"Traceback:\n  here\nAssertionError: 13 != 12\n", 43},
    .file = {"tests/test_shop.py", 18},
    .line = 31,
};

static void
dots_are_unittests_letters(void **state)
{
    struct scene scene = scene_at(1);

    (void)state;
    play_collected(&scene.play, 11, 1);
    for (int i = STATE_PASSED; i < STATE_COUNT; i++) {
        if (!state_is_bad((enum state)i)) {
            play_state(&scene.play, "t.A.test_a", (enum state)i);
        }
    }
    play_state(&scene.play, "t.A.test_b", STATE_PASSED);
    play_end(&scene.play, STOP_NONE, 0);
    expect(scene_end(&scene), "\n.sx.\n");
    free(scene.text);
}

static void
every_bad_state_has_a_letter_and_is_shown_at_once(void **state)
{
    static const struct {
        enum state state;
        const char *letter;
        const char *heading;
    } cases[] = {
        {STATE_FAILED, ".F\n", "FAIL: t.A.test_a\n"},
        {STATE_ERROR, ".E\n", "ERROR: t.A.test_a\n"},
        {STATE_XPASSED, ".u\n", "UNEXPECTED SUCCESS: t.A.test_a\n"},
        {STATE_TIMEOUT, ".T\n", "TIMEOUT: t.A.test_a\n"},
        {STATE_CRASHED, ".C\n", "CRASHED: t.A.test_a\n"},
        {STATE_LOST, ".L\n", "LOST: t.A.test_a\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scene scene = scene_at(1);

        play_state(&scene.play, "t.A.test_b", STATE_PASSED);
        play_state(&scene.play, "t.A.test_a", cases[i].state);
        expect(scene_end(&scene), cases[i].letter);
        expect(scene.text, cases[i].heading);
        free(scene.text);
    }
}

static void
a_failure_shows_all_that_is_known(void **state)
{
    struct scene scene = scene_at(1);

    (void)state;
    play_collected(&scene.play, 1, 1);
    play_test(&scene.play, "tests.test_shop.Cart.test_total", 3, 1204000,
              failed(&wrong_total));
    expect(
        scene_end(&scene),
        "F\n"
        "====================================================================="
        "=\n"
        "FAIL: tests.test_shop.Cart.test_total\n"
        "tests/test_shop.py:31, 1.204s, slot 3\n"
        "---------------------------------------------------------------------"
        "-\n"
        "Traceback:\n"
        "  here\n"
        "AssertionError: 13 != 12\n"
        "-- stdout -----------------------------------------------------------"
        "-\n"
        "adding shoes\n"
        "[1,234,567 bytes are left out here]\n"
        "total 13\n"
        "-- stderr -----------------------------------------------------------"
        "-\n"
        "rounding\n"
        "---------------------------------------------------------------------"
        "-\n"
        "run again: mule test tests.test_shop.Cart.test_it\n"
        "\n");
    free(scene.text);
}

static void
several_findings_each_say_where(void **state)
{
    const struct finding findings[] = {
        {.kind = FINDING_FAILURE,
         .where = SLICE("subtest"),
         .sub = SLICE("(i=3)"),
         .type = SLICE("AssertionError"),
         .message = SLICE("no\nreally"),
         .file = SLICE("a.py"),
         .line = 4},
        {.kind = FINDING_ERROR,
         .where = SLICE("tearDown"),
         .trace = SLICE("KeyError: 1")},
    };
    struct outcome outcome = {.state = STATE_ERROR,
                              .reason = SLICE("why"),
                              .findings = findings,
                              .finding_count = 2};
    struct scene scene = scene_at(1);

    (void)state;
    play_test(&scene.play, "t.A.test_a", -1, 0, outcome);
    expect(scene_end(&scene), "\na.py:4, 0.000s\n");
    expect(scene.text, "-\nwhy\n-");
    expect(scene.text, "-\nfailure in subtest (i=3), a.py:4\n"
                       "AssertionError: no\nreally\n-");
    expect(scene.text, "-\nerror in tearDown\nKeyError: 1\n-");
    free(scene.text);
}

static void
verbosity_0_shows_the_summary_only(void **state)
{
    struct scene scene = scene_at(0);

    (void)state;
    play_start(&scene.play, 2);
    play_collected(&scene.play, 2, 1);
    play_note(&scene.play, NOTE_INFO, "by the way", NULL);
    play_state(&scene.play, "t.A.test_a", STATE_PASSED);
    play_test(&scene.play, "t.A.test_b", 0, 4000, failed(&wrong_total));
    play_end(&scene.play, STOP_NONE, 1);
    assert_string_equal(
        scene_end(&scene),
        "Failed: 1\n"
        "     FAIL  t.A.test_b  tests/test_shop.py:31\n"
        "\n"
        "---------------------------------------------------------------------"
        "-\n"
        "Ran 2 tests in 0.005s\n"
        "\n"
        "FAILED (failures=1)\n"
        "2 selected = 1 passed + 1 failed + 0 skipped + 0 not run\n");
    free(scene.text);
}

static void
verbosity_2_shows_a_line_a_test_with_its_time(void **state)
{
    struct outcome skipped = {.state = STATE_SKIPPED,
                              .reason = SLICE("no server\nreally")};
    struct outcome noisy = {.state = STATE_PASSED,
                            .out = {.head = SLICE("hello\n")}};
    struct scene scene = scene_at(2);

    (void)state;
    play_test(&scene.play, "t.A.test_a", 0, 12345, noisy);
    play_test(&scene.play, "t.A.test_b", 0, 10, skipped);
    expect(scene_end(&scene), "      ok     0.012s  t.A.test_a\n"
                              " skipped     0.000s  t.A.test_b  no server\n");
    expect_not(scene.text, "hello");
    free(scene.text);
}

static void
verbosity_3_shows_all_that_was_printed(void **state)
{
    struct outcome noisy = {.state = STATE_PASSED,
                            .out = {.head = SLICE("hello \x1b[1m\x01\n")}};
    struct scene scene = scene_at(3);

    (void)state;
    play_test(&scene.play, "t.A.test_a", 0, 12345, noisy);
    expect(scene_end(&scene), "t.A.test_a\n-- stdout --");
    // Not a terminal: the bytes are what the test wrote.
    expect(scene.text, "\nhello \x1b[1m\x01\n");
    free(scene.text);
}

static void
what_a_test_printed_is_harmless_to_a_terminal(void **state)
{
    struct outcome outcome = {
        .state = STATE_FAILED,
        .out = {.head = SLICE("\x1b]0;owned\x07red\x1b[2J\rgone\xff\n")},
    };

    (void)state;
    for (int verbosity = 1; verbosity <= 3; verbosity++) {
        struct scene scene = scene_of((struct terminal_params){
            .verbosity = verbosity, .live = verbosity == 3});

        play_test(&scene.play, "t.A.test_\x1b[2J\n", 0, 1, outcome);
        expect(scene_end(&scene), "\nred\\x0dgone\xef\xbf\xbd\n");
        expect(scene.text, "t.A.test_\\x0a\n");
        expect_not(scene.text, "\x1b]0");
        expect_not(scene.text, "\x1b[2J");
        free(scene.text);
    }
}

static void
an_escape_sequence_without_an_end_hides_its_line_only(void **state)
{
    struct outcome outcome = {.state = STATE_FAILED,
                              .out = {.head = SLICE("\x1b]0;\nvisible\n")}};
    struct scene scene = scene_at(1);

    (void)state;
    play_test(&scene.play, "t.A.test_a", 0, 1, outcome);
    expect(scene_end(&scene), "\nvisible\n");
    free(scene.text);
}

static void
rows_of_dots_are_as_wide_as_the_terminal(void **state)
{
    struct scene scene =
        scene_of((struct terminal_params){.verbosity = 1, .width = 40});

    (void)state;
    play_collected(&scene.play, 62, 1);
    for (int i = 0; i < 62; i++) {
        play_state(&scene.play, "t.A.test_a", STATE_PASSED);
    }
    play_end(&scene.play, STOP_NONE, 0);
    expect(scene_end(&scene), "\n............................... [ 50 %]\n"
                              "............................... [100 %]\n");
    free(scene.text);
}

static void
skips_are_grouped_by_reason_before_failures(void **state)
{
    struct outcome skipped = {.state = STATE_SKIPPED,
                              .reason = SLICE("no server")};
    char id[32];
    struct scene scene = scene_at(0);

    (void)state;
    play_state(&scene.play, "t.A.test_bad", STATE_ERROR);
    for (int i = 0; i < 7; i++) {
        snprintf(id, sizeof(id), "t.A.test_%d", i);
        play_test(&scene.play, id, 0, 1, skipped);
    }
    play_state(&scene.play, "t.A.test_x", STATE_SKIPPED);
    play_end(&scene.play, STOP_NONE, 1);
    expect(scene_end(&scene), "Skipped: 8\n"
                              "      7  no server\n"
                              "         t.A.test_0\n"
                              "         t.A.test_1\n"
                              "         t.A.test_2\n"
                              "         t.A.test_3\n"
                              "         t.A.test_4\n"
                              "         and 2 more\n"
                              "      1  (no reason given)\n"
                              "         t.A.test_x\n"
                              "\n"
                              "Failed: 1\n"
                              "    ERROR  t.A.test_bad  "
                              "tests/test_shop.py:12\n");
    free(scene.text);
}

static void
what_did_not_run_is_named_by_job(void **state)
{
    struct outcome not_run = {.state = STATE_NOT_RUN,
                              .reason = SLICE("interrupted")};
    struct scene scene = scene_at(1);

    (void)state;
    scene.play.tally.selected = 3;
    scene.play.job = "t.A";
    play_test(&scene.play, "t.A.test_a", -1, 0, not_run);
    play_test(&scene.play, "t.A.test_b", -1, 0, not_run);
    scene.play.job = "t.B";
    play_test(&scene.play, "t.B.test_a", -1, 0, not_run);
    play_end(&scene.play, STOP_INTERRUPTED, 130);
    expect(scene_end(&scene), "Not run: 3\n"
                              "      3  interrupted\n"
                              "         t.A (2)\n"
                              "         t.B.test_a\n");
    expect(scene.text, "\nStopped early: interrupted\n---");
    expect(scene.text, "\nINCOMPLETE\n3 selected = 0 passed + 0 failed + "
                       "0 skipped + 3 not run\n");
    free(scene.text);
}

static void
the_slowest_tests_are_named(void **state)
{
    struct outcome passed = {.state = STATE_PASSED};
    struct scene scene = scene_of((struct terminal_params){.slowest = 2});

    (void)state;
    play_test(&scene.play, "t.A.test_a", 0, 20000, passed);
    play_test(&scene.play, "t.A.test_b", 0, 90000, passed);
    play_test(&scene.play, "t.A.test_c", 0, 30000, passed);
    play_test(&scene.play, "t.A.test_d", 0, 10, passed);
    play_end(&scene.play, STOP_NONE, 0);
    expect(scene_end(&scene), "Slowest:\n"
                              "    0.090s  t.A.test_b\n"
                              "    0.030s  t.A.test_c\n"
                              "\n");
    free(scene.text);
}

static void
the_balance_of_the_workers_is_shown(void **state)
{
    struct outcome passed = {.state = STATE_PASSED};
    struct scene scene = scene_at(0);

    (void)state;
    play_job(&scene.play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play_job(&scene.play, EVENT_JOB_STARTED, "t.B", 1, 0);
    play_test(&scene.play, "t.A.test_a", 0, 1000000, passed);
    play_job(&scene.play, EVENT_JOB_FINISHED, "t.B", 1, 500000);
    play_test(&scene.play, "t.A.test_b", 0, 1000000, passed);
    play_job(&scene.play, EVENT_JOB_FINISHED, "t.A", 0, 2000000);
    play_end(&scene.play, STOP_NONE, 0);
    expect(scene_end(&scene),
           "Workers: 2 slots, 63 % busy\n"
           "  slot 0         2 tests     2.000s  ==================== 100 %\n"
           "  slot 1         0 tests     0.500s  =====...............  25 %\n");
    free(scene.text);
}

static void
notes_slow_tests_and_leaks_are_told(void **state)
{
    struct event slow = {
        .kind = EVENT_TEST_SLOW,
        .test = {.id = "t.A.test_a", .job = "t.A", .us = 60000000, .slot = 1},
    };
    struct event leak = {
        .kind = EVENT_LEAKED,
        .leak = {.job = "t.A", .id = "", .pid = 77, .command = "sleep 99"},
    };
    struct event stopping = {.kind = EVENT_STOPPING,
                             .stopping = {STOP_FAILURES, NULL}};
    struct scene scene = scene_at(1);

    (void)state;
    play_state(&scene.play, "t.A.test_b", STATE_PASSED);
    play_event(&scene.play, slow);
    play_event(&scene.play, leak);
    play_note(&scene.play, NOTE_WARNING, "3 threads\nleft", "use --start");
    play_event(&scene.play, stopping);
    play_end(&scene.play, STOP_FAILURES, 1);
    expect(scene_end(&scene),
           ".\n"
           "slow: t.A.test_a has been running for 60.000s, slot 1\n"
           "leaked: process 77 (sleep 99) outlived t.A and was ended\n"
           "warning: 3 threads\nleft\nhint: use --start\n"
           "stopping: enough tests have failed\n");
    expect(scene.text, "Leaked processes: 1\n  sleep 99 (process 77) of t.A\n");
    free(scene.text);
}

static void
a_run_that_never_began_is_not_summed_up(void **state)
{
    struct event stopping = {.kind = EVENT_STOPPING,
                             .stopping = {STOP_BROKEN, "no adapter"}};
    struct scene scene = scene_at(1);

    (void)state;
    play_start(&scene.play, 2);
    play_event(&scene.play, stopping);
    play_end(&scene.play, STOP_BROKEN, 1);
    assert_string_equal(
        scene_end(&scene),
        "mule 0.1.0, build k3v9x2, 2 slots, PYTHONHASHSEED=4711\n");
    free(scene.text);

    scene = scene_at(1);
    play_collected(&scene.play, 2, 1);
    play_state(&scene.play, "t.A.test_b", STATE_PASSED);
    play_event(&scene.play, stopping);
    play_end(&scene.play, STOP_BROKEN, 1);
    expect(scene_end(&scene), ".\nstopping: mule cannot go on: no adapter\n");
    expect(scene.text, "Stopped early: mule cannot go on\n");
    free(scene.text);
}

static void
a_github_log_has_groups_and_annotations_and_obeys_no_test(void **state)
{
    struct outcome outcome = {
        .state = STATE_FAILED,
        .findings = &wrong_total,
        .finding_count = 1,
        .out = {.head = SLICE("  ::error::mine\n##[error]x ##[y]\na::b\n")},
    };
    struct scene scene =
        scene_of((struct terminal_params){.verbosity = 1, .workflow = true});

    (void)state;
    play_test(&scene.play, "t.A.test_a", 0, 1, outcome);
    expect(scene_end(&scene),
           "F\n::error file=tests/test_shop.py,line=31,"
           "title=FAIL%3A t.A.test_a::AssertionError: 13 != 12\n"
           "::group::FAIL: t.A.test_a\n=====");
    expect(scene.text, "\n  \\::error::mine\n##\\[error]x ##\\[y]\na::b\n");
    expect(scene.text, "\n::endgroup::\n");
    free(scene.text);
}

static void
the_live_line_is_taken_away_before_lines_that_stay(void **state)
{
    struct scene scene =
        scene_of((struct terminal_params){.verbosity = 2, .live = true});

    (void)state;
    play_collected(&scene.play, 2, 1);
    terminal_tick(scene.play.sink, 1000000);
    terminal_tick(scene.play.sink, 1100000);
    scene.play.us = 1200000;
    play_state(&scene.play, "t.A.test_a", STATE_PASSED);
    scene.play.us = 1300000;
    play_state(&scene.play, "t.A.test_b", STATE_PASSED);
    play_end(&scene.play, STOP_NONE, 0);
    expect(scene_end(&scene),
           " 0/2 ........................................   0 %  0:01\n"
           "\r\x1b[1A\x1b[J"
           " 0/2 ........................................   0 %  0:01\n"
           "\r\x1b[1A\x1b[J"
           "      ok     0.001s  t.A.test_a\n"
           " 1/2 ====================....................  50 %  0:01\n"
           "\r\x1b[1A\x1b[J"
           "      ok     0.001s  t.A.test_b\n");
    free(scene.text);
}

static void
a_line_that_a_smaller_terminal_wrapped_is_taken_away_whole(void **state)
{
    struct scene scene =
        scene_of((struct terminal_params){.verbosity = 2, .live = true});

    (void)state;
    play_collected(&scene.play, 2, 1);
    terminal_tick(scene.play.sink, 1000000);
    terminal_resize(scene.play.sink, 20, 24);
    // 57 columns are now three rows.
    terminal_hide(scene.play.sink);
    terminal_hide(scene.play.sink);
    expect(scene_end(&scene), "  0:01\n\r\x1b[3A\x1b[J");
    assert_int_equal(scene.text[strlen(scene.text) - 1], 'J');
    free(scene.text);
}

static void
a_million_tests_are_remembered_by_a_few(void **state)
{
    struct scene scene = scene_of((struct terminal_params){.slowest = 3});
    struct outcome skipped = {.state = STATE_SKIPPED};
    char id[64];
    char reason[64];

    (void)state;
    scene.play.tally.selected = 20000;
    for (int i = 0; i < 10000; i++) {
        snprintf(id, sizeof(id), "t.A.test_%d", i);
        snprintf(reason, sizeof(reason), "reason %d", i);
        play_state(&scene.play, id, STATE_FAILED);
        skipped.reason = slice_of(reason);
        play_test(&scene.play, id, 0, (uint64_t)i * 100, skipped);
    }
    play_end(&scene.play, STOP_NONE, 1);
    expect(scene_end(&scene), "\nSkipped: 10,000\n");
    expect(scene.text, "\n  9,800  for other reasons\n");
    expect(scene.text, "\nFailed: 10,000\n");
    expect(scene.text, "  and 9000 more\n");
    expect(scene.text, "Slowest:\n"
                       "    1.000s  t.A.test_9999\n"
                       "    1.000s  t.A.test_9998\n"
                       "    1.000s  t.A.test_9997\n\n");
    assert_true(strlen(scene.text) < 100000);
    free(scene.text);
}

static void
what_runs_can_be_asked_for(void **state)
{
    struct scene scene = scene_at(1);

    (void)state;
    play_collected(&scene.play, 9, 1);
    play_job(&scene.play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play_job(&scene.play, EVENT_JOB_STARTED, "t.B", 1, 0);
    play_begin(&scene.play, "t.A.test_a", 0);
    terminal_show_running(scene.play.sink, 2500000);
    expect(scene_end(&scene), "0:02: 0 of 9 done, 0 failed, 2 running\n"
                              "    2.500s  slot 0   t.A.test_a\n"
                              "    2.500s  slot 1   t.B\n");
    free(scene.text);
}

static void
a_terminal_that_went_away_is_a_failure_of_the_sink(void **state)
{
    int ends[2];
    struct terminal_params params = {.verbosity = 2, .width = 80};
    struct play play = {.us = 1000000};

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    params.fd = ends[1];
    play.sink = terminal_new(&params);
    play_state(&play, "t.A.test_a", STATE_PASSED);
    assert_true(play.failed);
    assert_non_null(strstr(play.err.text, "Broken pipe"));
    play.sink->ops->free(play.sink);
    close(ends[1]);
}

static void
a_flaky_test_is_told_of_as_it_happens_and_once_in_full(void **state)
{
    const struct finding finding = {.kind = FINDING_FAILURE,
                                    .message = SLICE("12 != 13"),
                                    .trace = SLICE("Traceback: 12 != 13")};
    struct outcome bad = failed(&finding);
    struct outcome good = {.state = STATE_PASSED};
    struct scene scene = scene_at(1);
    struct play *play = &scene.play;

    (void)state;
    play_start(play, 1);
    play_collected(play, 1, 1);
    play_end_of(play, EVENT_TEST_ATTEMPT, 0, 1, &bad, false);
    play_end_of(play, EVENT_TEST_FINISHED, 0, 2, &good, true);
    play_end(play, STOP_NONE, 0);
    const char *text = scene_end(&scene);
    expect(text, "RETRY     0.000s  tests.test_shop.Cart.test_it  attempt 1: "
                 "FAIL 12 != 13\n");
    const char *trace = strstr(text, "Traceback: 12 != 13");
    assert_non_null(trace);
    assert_null(strstr(trace + 1, "Traceback"));
    expect(text, "FLAKY, FAIL: tests.test_shop.Cart.test_it\n");
    expect(text, "Flaky: 1\n    flaky  tests.test_shop.Cart.test_it  passed at "
                 "attempt 2\n");
    expect_not(text, "Failed:");
    free(scene.text);
}

static void
an_attempt_that_came_to_decide_is_told_of_once(void **state)
{
    const struct finding finding = {.kind = FINDING_FAILURE,
                                    .trace = SLICE("Traceback: 12 != 13")};
    struct outcome bad = failed(&finding);
    struct scene scene = scene_at(1);
    struct play *play = &scene.play;

    (void)state;
    play_start(play, 1);
    play_collected(play, 1, 1);
    play_end_of(play, EVENT_TEST_ATTEMPT, 0, 1, &bad, false);
    play_end_of(play, EVENT_TEST_FINISHED, 0, 1, &bad, false);
    play_end(play, STOP_ASKED, 2);
    const char *text = scene_end(&scene);
    const char *trace = strstr(text, "Traceback");
    assert_non_null(trace);
    assert_null(strstr(trace + 1, "Traceback"));
    expect(text, "Failed: 1\n");
    expect_not(text, "Flaky:");
    free(scene.text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(dots_are_unittests_letters),
    cmocka_unit_test(every_bad_state_has_a_letter_and_is_shown_at_once),
    cmocka_unit_test(a_failure_shows_all_that_is_known),
    cmocka_unit_test(several_findings_each_say_where),
    cmocka_unit_test(verbosity_0_shows_the_summary_only),
    cmocka_unit_test(verbosity_2_shows_a_line_a_test_with_its_time),
    cmocka_unit_test(verbosity_3_shows_all_that_was_printed),
    cmocka_unit_test(what_a_test_printed_is_harmless_to_a_terminal),
    cmocka_unit_test(an_escape_sequence_without_an_end_hides_its_line_only),
    cmocka_unit_test(rows_of_dots_are_as_wide_as_the_terminal),
    cmocka_unit_test(skips_are_grouped_by_reason_before_failures),
    cmocka_unit_test(what_did_not_run_is_named_by_job),
    cmocka_unit_test(the_slowest_tests_are_named),
    cmocka_unit_test(the_balance_of_the_workers_is_shown),
    cmocka_unit_test(notes_slow_tests_and_leaks_are_told),
    cmocka_unit_test(a_run_that_never_began_is_not_summed_up),
    cmocka_unit_test(a_github_log_has_groups_and_annotations_and_obeys_no_test),
    cmocka_unit_test(the_live_line_is_taken_away_before_lines_that_stay),
    cmocka_unit_test(
        a_line_that_a_smaller_terminal_wrapped_is_taken_away_whole),
    cmocka_unit_test(a_million_tests_are_remembered_by_a_few),
    cmocka_unit_test(what_runs_can_be_asked_for),
    cmocka_unit_test(a_terminal_that_went_away_is_a_failure_of_the_sink),
    cmocka_unit_test(a_flaky_test_is_told_of_as_it_happens_and_once_in_full),
    cmocka_unit_test(an_attempt_that_came_to_decide_is_told_of_once),
};

CHECK_MAIN(tests)
