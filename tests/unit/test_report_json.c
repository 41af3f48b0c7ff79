#include "check.h"

#include <jansson.h>

#include "golden.h"
#include "play.h"
#include "report/event_codec.h"
#include "report/report_json.h"

static void
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
static void
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

static char *
new_path(void)
{
    char *path = strdup("/tmp/mule-test-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    return path;
}

static char *
read_path(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;

    assert_non_null(file);
    char *text = play_read(file, &size);
    assert_int_equal(strlen(text), size);
    (void)fclose(file);
    return text;
}

static void
every_event_is_a_line_as_the_golden_file_has_it(void **state)
{
    char *path = new_path();
    struct err err = {0};
    struct play play = {.sink = report_json_new(path, &err)};
    struct buf golden = golden_read("json/everything.jsonl");

    (void)state;
    assert_non_null(play.sink);
    play_everything(&play);
    assert_false(play.failed);
    play.sink->ops->free(play.sink);
    char *text = read_path(path);
    assert_string_equal(text, buf_text(&golden));
    unlink(path);
    free(text);
    free(path);
    buf_release(&golden);
}

static void
lines_can_be_read_while_the_run_goes_on(void **state)
{
    char *path = new_path();
    struct err err = {0};
    struct play play = {.sink = report_json_new(path, &err)};

    (void)state;
    play_start(&play, 1);
    char *text = read_path(path);
    assert_non_null(strstr(text, "\"run_started\""));
    free(text);
    play_state(&play, "t.A.test_a", STATE_PASSED);
    text = read_path(path);
    assert_non_null(strstr(text, "\"t.A.test_a\""));
    assert_int_equal(text[strlen(text) - 1], '\n');
    free(text);
    play.sink->ops->free(play.sink);
    unlink(path);
    free(path);
}

static void
any_bytes_give_valid_json(void **state)
{
    struct buf line = BUF_INIT(1 << 20);
    unsigned seed = 1;
    char bytes[64];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1103515245U + 12345U;
            bytes[i] = (char)(seed >> 16);
        }
        struct slice text = {bytes, sizeof(bytes)};
        struct finding finding = {.message = text, .trace = text};
        struct outcome outcome = {.state = STATE_FAILED,
                                  .reason = text,
                                  .findings = &finding,
                                  .finding_count = 1,
                                  .out = {.head = text, .tail = text}};
        char *id = slice_dup(text);
        struct event event = {
            .kind = EVENT_TEST_FINISHED,
            .test = {.id = id, .job = id, .file = id, .outcome = &outcome},
        };
        buf_reset(&line);
        event_codec_write(&line, &event);
        json_error_t error;
        json_t *json =
            json_loadb(line.data, line.len,
                       JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
        if (json == NULL) {
            fail_msg("%s in %s", error.text, line.data);
        }
        json_decref(json);
        free(id);
    }
    buf_release(&line);
}

static void
a_file_that_cannot_be_opened_is_known_before_the_run(void **state)
{
    struct err err = {0};

    (void)state;
    assert_null(report_json_new("/nonexistent/x.json", &err));
    assert_string_equal(err.text, "JSON report: /nonexistent/x.json: "
                                  "No such file or directory");
    assert_non_null(err.hint);
}

static void
a_full_disk_names_the_file(void **state)
{
    struct err err = {0};
    struct play play = {.sink = report_json_new("/dev/full", &err)};

    (void)state;
    assert_non_null(play.sink);
    play_start(&play, 1);
    assert_true(play.failed);
    assert_string_equal(play.err.text,
                        "writing /dev/full: write: No space left on device");
    play.sink->ops->free(play.sink);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_event_is_a_line_as_the_golden_file_has_it),
    cmocka_unit_test(lines_can_be_read_while_the_run_goes_on),
    cmocka_unit_test(any_bytes_give_valid_json),
    cmocka_unit_test(a_file_that_cannot_be_opened_is_known_before_the_run),
    cmocka_unit_test(a_full_disk_names_the_file),
};

CHECK_MAIN(tests)
