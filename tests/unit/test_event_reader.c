#include "check.h"

#include "golden.h"
#include "report/event_codec.h"
#include "report/event_reader.h"
#include "util/alloc.h"

struct reading {
    struct event_reader *reader;
    char *line;
    struct event event;
    struct event_refs refs;
    struct err err;
    enum event_reading result;
};

static struct reading
read_line(const char *line)
{
    struct reading reading = {
        .reader = event_reader_new(),
        .line = alloc_dup(line),
    };

    reading.result =
        event_reader_read(reading.reader, reading.line, strlen(line),
                          &reading.event, &reading.refs, &reading.err);
    return reading;
}

static void
release(struct reading *reading)
{
    event_reader_free(reading->reader);
    free(reading->line);
}

static void
wrong(const char *line, const char *why)
{
    struct reading reading = read_line(line);

    assert_int_equal(reading.result, EVENT_WRONG);
    assert_string_equal(reading.err.text, why);
    release(&reading);
}

static void
every_event_is_read_as_it_was_written(void **state)
{
    struct buf golden = golden_read("json/everything.jsonl");
    struct buf again = BUF_INIT((size_t)1 << 20);
    struct slice rest = buf_slice(&golden);
    struct slice line;
    bool seen[EVENT_KIND_COUNT] = {false};

    (void)state;
    while (slice_split(&rest, '\n', &line) && line.len > 0) {
        char *text = slice_dup(line);
        struct reading reading = read_line(text);
        assert_string_equal(reading.err.text, "");
        assert_int_equal(reading.result, EVENT_READ);
        seen[reading.event.kind] = true;
        buf_reset(&again);
        event_codec_write(&again, &reading.event);
        buf_cut(&again, again.len - 1);
        assert_string_equal(buf_text(&again), text);
        release(&reading);
        free(text);
    }
    // The others have tests of their own below.
    seen[EVENT_WORKER] = true;
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        if (!seen[i]) {
            fail_msg("no %s", event_kind_name((enum event_kind)i));
        }
    }
    buf_release(&golden);
    buf_release(&again);
}

static void
every_member_survives(const struct event *event)
{
    struct buf first = BUF_INIT((size_t)1 << 20);
    struct buf second = BUF_INIT((size_t)1 << 20);

    event_codec_write(&first, event);
    buf_cut(&first, first.len - 1);
    struct reading reading = read_line(buf_text(&first));
    assert_string_equal(reading.err.text, "");
    event_codec_write(&second, &reading.event);
    buf_cut(&second, second.len - 1);
    assert_string_equal(buf_text(&second), buf_text(&first));
    release(&reading);
    buf_release(&first);
    buf_release(&second);
}

static void
members_that_are_rare_survive_too(void **state)
{
    const struct tally tally = {.selected = 3,
                                .states = {[STATE_LOST] = 3},
                                .flaky = 1,
                                .quarantined = 2,
                                .late = 4,
                                .leaks = 5,
                                .retried = 6};
    const struct outcome outcome = {.state = STATE_NOT_RUN,
                                    .reason = SLICE("no \"server\"\n")};

    (void)state;
    every_member_survives(
        &(struct event){.kind = EVENT_RUN_STARTED,
                        .wall_ms = -5,
                        .run = {"b", "1", "h", "/", "mule test", "class", "7",
                                "python3", "PATH", "a", 3, true}});
    every_member_survives(&(struct event){
        .kind = EVENT_COLLECTED,
        .collected = {1, 2, 3, 4, "random", "77", "2/5", "abc", "def"}});
    for (int what = 0; what < WORKER_WHAT_COUNT; what++) {
        every_member_survives(&(struct event){
            .kind = EVENT_WORKER,
            .worker = {(enum worker_what)what, "n", "h", "native", 8, 4, 77,
                       SLICE("a\x1b[1m"), SLICE("t.A.b")}});
    }
    every_member_survives(
        &(struct event){.kind = EVENT_JOB_FINISHED,
                        .job = {.name = "j",
                                .file = "f",
                                .kind = JOB_COMMAND,
                                .slot = 3,
                                .process = 4,
                                .expect_us = 5,
                                .worker = "w",
                                .usage = {1, 2, 3},
                                .out = {.head = SLICE("x")},
                                .err = {SLICE("a"), SLICE("b"), 7}}});
    every_member_survives(&(struct event){.kind = EVENT_TEST_FINISHED,
                                          .test = {.id = "t",
                                                   .job = "",
                                                   .file = "",
                                                   .slot = -1,
                                                   .tries = 3,
                                                   .flaky = true,
                                                   .quarantined = true,
                                                   .worker = "w",
                                                   .outcome = &outcome}});
    every_member_survives(&(struct event){.kind = EVENT_RUN_FINISHED,
                                          .finished = {.tally = &tally,
                                                       .stop = STOP_BAILED,
                                                       .exit_status = 2,
                                                       .chained = true,
                                                       .outstanding = 0,
                                                       .usage = {4, 5, 6}}});
}

static void
what_is_not_known_is_passed_over(void **state)
{
    struct reading reading = read_line(
        "{\"event\":\"note\",\"level\":\"info\",\"mood\":{\"deep\":[1,2]},"
        "\"text\":\"a\\u0000b\"}");

    (void)state;
    assert_int_equal(reading.result, EVENT_READ);
    assert_string_equal(reading.event.note.text, "a?b");
    assert_null(reading.event.note.hint);
    release(&reading);
    reading = read_line("{\"event\":\"test_pondered\",\"id\":7}");
    assert_int_equal(reading.result, EVENT_UNKNOWN);
    assert_false(err_is_set(&reading.err));
    release(&reading);
}

static void
what_is_missing_has_its_value_without(void **state)
{
    struct reading reading =
        read_line("{\"event\":\"test_finished\",\"state\":\"passed\"}");

    (void)state;
    assert_int_equal(reading.result, EVENT_READ);
    assert_string_equal(reading.event.test.id, "");
    assert_string_equal(reading.event.test.worker, "");
    assert_int_equal(reading.event.test.tries, 1);
    assert_true(reading.event.test.outcome->ran);
    assert_true(reading.event.test.outcome->counted);
    release(&reading);
    reading = read_line("{\"event\":\"collected\"}");
    assert_null(reading.event.collected.shard);
    release(&reading);
}

static void
a_member_of_another_type_is_an_error(void **state)
{
    (void)state;
    wrong("{}", "\"event\" is not there");
    wrong("{\"event\":7}", "\"event\" is not a text");
    wrong("{\"event\":\"note\",\"level\":\"loud\"}",
          "\"level\" is not a word that is known");
    wrong("{\"event\":\"test_finished\"}",
          "\"state\" is not one that is known");
    wrong("{\"event\":\"test_finished\",\"state\":\"none\"}",
          "\"state\" is not one that is known");
    wrong("{\"event\":\"prepared\",\"us\":-1}",
          "\"us\" is not a number that can be");
    wrong("{\"event\":\"prepared\",\"us\":1e99}",
          "\"us\" is not a number that can be");
    wrong("{\"event\":\"prepared\",\"us\":100000000000000001}",
          "\"us\" is not a number that can be");
    wrong("{\"event\":\"test_started\",\"slot\":2000000}",
          "\"slot\" is not a number that can be");
    wrong("{\"event\":\"test_started\",\"item\":4294967295}",
          "\"item\" is not a number that can be");
    wrong("{\"event\":\"test_finished\",\"state\":\"passed\",\"flaky\":1}",
          "\"flaky\" is not true or false");
    wrong("{\"event\":\"test_finished\",\"state\":\"passed\","
          "\"findings\":{}}",
          "\"findings\" is not an array");
    wrong("{\"event\":\"test_finished\",\"state\":\"passed\","
          "\"findings\":[7]}",
          "\"findings\" is not an object");
    wrong("{\"event\":\"run_finished\",\"states\":[]}",
          "\"states\" is not an object");
    wrong("{\"event\":\"job_started\",\"kind\":\"hat\"}",
          "\"kind\" is not that of a job");
}

static void
references_stand_for_outputs(void **state)
{
    struct reading reading =
        read_line("{\"event\":\"test_finished\",\"state\":\"passed\","
                  "\"out\":{\"ref\":7},\"err\":{\"head\":\"x\"}}");

    (void)state;
    assert_true(reading.refs.has_out);
    assert_int_equal(reading.refs.out, 7);
    assert_false(reading.refs.has_err);
    assert_true(slice_equals_text(reading.event.test.outcome->err.head, "x"));
    release(&reading);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_event_is_read_as_it_was_written),
    cmocka_unit_test(members_that_are_rare_survive_too),
    cmocka_unit_test(what_is_not_known_is_passed_over),
    cmocka_unit_test(what_is_missing_has_its_value_without),
    cmocka_unit_test(a_member_of_another_type_is_an_error),
    cmocka_unit_test(references_stand_for_outputs),
};

CHECK_MAIN(tests)
