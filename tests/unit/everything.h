/*
 * A run in which one of everything happens, with fixed times: what
 * tests/golden/json/everything.jsonl has as JSON.
 */
#ifndef TESTS_UNIT_EVERYTHING_H
#define TESTS_UNIT_EVERYTHING_H

#include "play.h"

__attribute__((unused)) static void
play_tests(struct play *play)
{
    const struct finding findings[] = {
        {.kind = FINDING_FAILURE,
         .where = SLICE("subtest"),
         .sub = SLICE("(i=3)"),
         .type = SLICE("AssertionError"),
         .message = SLICE("13 != 12"),
         .trace = SLICE("Traceback:\n  \"here\"\n"),
         .file = SLICE("tests/test_shop.py"),
         .line = 31},
        {.kind = FINDING_ERROR, .where = SLICE("tearDown")},
    };
    struct outcome passed = {.state = STATE_PASSED};
    struct outcome failed = {
        .state = STATE_FAILED,
        .findings = findings,
        .finding_count = 2,
        .out = {.head = SLICE("a\x1b[1m\xff"), .tail = SLICE("z"), .cut = 9},
        .err = {.head = SLICE("oops\n")},
    };
    struct outcome skipped = {.state = STATE_SKIPPED,
                              .reason = SLICE("no server")};
    struct event slow = {
        .kind = EVENT_TEST_SLOW,
        .test = {.number = 1,
                 .id = "t.A.b",
                 .job = "t.A",
                 .file = "",
                 .slot = 1,
                 .us = 60000000},
    };

    play_test(play, "t.A.test_a", 0, 183, passed);
    play_begin(play, "t.A.test_b", 0);
    play_event(play, slow);
    play_test(play, "t.A.test_b", 0, 1504, failed);
    play_test(play, "t.A.test_c", -1, 0, skipped);
}

// One of everything, with fixed times.
__attribute__((unused)) static void
play_everything(struct play *play)
{
    const struct event events[] = {
        {.kind = EVENT_COLLECTING, .module = SLICE("tests.test_shop")},
        {.kind = EVENT_SCRIPT_STARTED,
         .script = {.name = "setup", .workspace = "db"}},
        {.kind = EVENT_SCRIPT_FINISHED,
         .script = {.name = "setup",
                    .workspace = "db",
                    .us = 77,
                    .out = {.head = SLICE("made\n")},
                    .problem = "exit status 3"}},
    };
    const struct event leaked = {
        .kind = EVENT_LEAKED,
        .leak = {.job = "t.A", .id = "", .pid = 77, .command = "sleep 9"},
    };
    const struct outcome failed = {
        .state = STATE_FAILED, .us = 9, .ran = true, .counted = true};
    const struct event again = {
        .kind = EVENT_TEST_ATTEMPT,
        .test = {.number = 2,
                 .id = "t.A.test_flaky",
                 .job = "t.A",
                 .file = "t.py",
                 .slot = 1,
                 .attempt = 1,
                 .tries = 2,
                 .process = 7,
                 .worker = "",
                 .us = 9,
                 .outcome = &failed,
                 .quarantined = true},
    };
    const struct event elsewhere = {
        .kind = EVENT_ELSEWHERE,
        .elsewhere = {.id = "t.B.test_b", .job = "t.B", .shard = 2},
    };
    const struct event stopping = {.kind = EVENT_STOPPING,
                                   .stopping = {STOP_BROKEN, "no adapter"}};

    play_start(play, 2);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        play->us += 1000;
        play_event(play, events[i]);
    }
    play_collected(play, 3, 1);
    play_event(play, (struct event){.kind = EVENT_PREPARING});
    play_event(play, (struct event){.kind = EVENT_PREPARING,
                                    .preparing = SLICE("a database")});
    play_event(play,
               (struct event){.kind = EVENT_PREPARED, .prepared_us = 2300});
    play_job(play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play_tests(play);
    play_job(play, EVENT_JOB_FINISHED, "t.A", 0, 1800);
    play_event(play, leaked);
    play_event(play, again);
    play_event(play, elsewhere);
    play_note(play, NOTE_WARNING, "3 threads", "use --start spawn");
    play_event(play, stopping);
    play_end(play, STOP_FAILURES, 1);
}

#endif
