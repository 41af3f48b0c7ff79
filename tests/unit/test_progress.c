#include "check.h"

#include "play.h"
#include "report/progress.h"
#include "util/text.h"

// A progress as a sink, so that runs can be played to it.
struct stage {
    struct event_sink sink; // first
    struct progress progress;
    struct sheet sheet;
};

static bool
stage_on_event(struct event_sink *sink, const struct event *event,
               struct err *err)
{
    (void)err;
    progress_note(&((struct stage *)(void *)sink)->progress, event);
    return true;
}

static const struct event_sink_ops stage_ops = {
    .name = "a stage",
    .on_event = stage_on_event,
};

static struct play
stage_init(struct stage *stage, int width)
{
    *stage = (struct stage){.sink.ops = &stage_ops, .sheet.width = width};
    progress_init(&stage->progress);
    writer_init(&stage->sheet.writer, -1);
    return (struct play){.sink = &stage->sink};
}

static void
stage_release(struct stage *stage)
{
    progress_release(&stage->progress);
    writer_release(&stage->sheet.writer);
}

static void
expect(struct stage *stage, uint64_t now_us, int most, const char *expected)
{
    buf_reset(&stage->sheet.writer.buf);
    progress_draw(&stage->progress, &stage->sheet, now_us, most);
    assert_string_equal(buf_text(&stage->sheet.writer.buf), expected);
}

static void
before_anything_is_known_nothing_is_drawn(void **state)
{
    struct stage stage;
    struct play play = stage_init(&stage, 80);

    (void)state;
    play_start(&play, 2);
    expect(&stage, 5000000, 8, "");
    stage_release(&stage);
}

static void
what_is_prepared_is_named_until_it_is_or_the_run_stops(void **state)
{
    struct stage stage;
    struct play play = stage_init(&stage, 40);
    struct event preparing = {.kind = EVENT_PREPARING};
    const struct event prepared = {.kind = EVENT_PREPARED};
    const struct event stopping = {.kind = EVENT_STOPPING,
                                   .stopping = {STOP_ASKED, NULL}};

    (void)state;
    play_collected(&play, 8, 1);
    play_event(&play, preparing);
    expect(&stage, play.us + 1000000, 8, " preparing  0:01\n");
    preparing.preparing = SLICE("a database");
    play_event(&play, preparing);
    expect(&stage, play.us + 2000000, 8, " preparing: a database  0:02\n");
    play_event(&play, prepared);
    expect(&stage, play.us, 8, " 0/8   0 %  0:00\n");
    play_event(&play, preparing);
    play_event(&play, stopping);
    expect(&stage, play.us, 8, " 0/8   0 %  0:00  stopping\n");
    stage_release(&stage);
}

static void
loading_and_scripts_are_named_with_their_time(void **state)
{
    struct stage stage;
    struct play play = stage_init(&stage, 30);
    const struct event loading = {.kind = EVENT_COLLECTING,
                                  .module = SLICE("shop.tests.test_cart")};
    struct event script = {
        .kind = EVENT_SCRIPT_STARTED,
        .script = {.name = "setup", .workspace = "db"},
    };

    (void)state;
    play_event(&play, script);
    expect(&stage, 61000000, 8, " setup of workspace db  1:01\n");
    script.kind = EVENT_SCRIPT_FINISHED;
    play_event(&play, script);
    expect(&stage, 61000000, 8, "");
    play_event(&play, loading);
    expect(&stage, 2000000, 8, " loadin...sts.test_cart  0:02\n");
    play_collected(&play, 0, 0);
    expect(&stage, 2000000, 8, "");
    stage_release(&stage);
}

static void
the_line_has_counts_time_and_a_guess(void **state)
{
    struct stage stage;
    struct play play = stage_init(&stage, 80);

    (void)state;
    play_collected(&play, 8, 1);
    play_state(&play, "a", STATE_PASSED);
    play_state(&play, "b", STATE_TIMEOUT);
    expect(&stage, 1000000, 8,
           " 2/8 ==========..............................  25 %  1 failed  "
           "0:01\n");
    play_state(&play, "c", STATE_SKIPPED);
    play_state(&play, "d", STATE_XFAILED);
    expect(
        &stage, 60000000, 8,
        " 4/8 ===============...............  50 %  1 failed  1 skipped  1:00"
        "  eta 1:00\n");
    const struct event stopping = {.kind = EVENT_STOPPING,
                                   .stopping = {STOP_ASKED, NULL}};
    play_event(&play, stopping);
    expect(
        &stage, 3600000000, 8,
        " 4/8 =============..............  50 %  1 failed  1 skipped  1:00:00"
        "  stopping\n");
    stage_release(&stage);
}

static void
no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    for (int width = 5; width < 130; width++) {
        struct stage stage;
        struct play play = stage_init(&stage, width);
        struct slice rest;
        struct slice line;

        play_collected(&play, 123456, 1);
        play_state(&play, "b", STATE_FAILED);
        play_state(&play, "b", STATE_SKIPPED);
        play_job(&play, EVENT_JOB_STARTED, "t.A", 0, 0);
        play_begin(&play, "a.very.long.name.of.a.test.that.\xe4\xbd\xa0", 0);
        progress_draw(&stage.progress, &stage.sheet, 7200000000, 8);
        rest = buf_slice(&stage.sheet.writer.buf);
        while (slice_split(&rest, '\n', &line)) {
            // Below that nothing sensible fits.
            assert_true(width < 32 || text_width(line) < (size_t)width);
        }
        stage_release(&stage);
    }
}

static void
what_takes_long_is_listed_the_longest_first(void **state)
{
    struct stage stage;
    struct play play = stage_init(&stage, 80);
    const struct event slow = {.kind = EVENT_TEST_SLOW,
                               .test = {.number = 0, .slot = 1}};

    (void)state;
    play_collected(&play, 9, 3);
    play_job(&play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play.us = 1000000;
    play_job(&play, EVENT_JOB_STARTED, "t.B", 1, 0);
    play_begin(&play, "t.B.test_a", 1);
    play_event(&play, slow);
    play.us = 1800000;
    play_job(&play, EVENT_JOB_STARTED, "t.C", 2, 0);
    assert_int_equal(stage.progress.running, 3);
    assert_true(stage.progress.slots.items[1].slow);
    expect(&stage, 2000000, 8,
           " 0/9 ........................................   0 %  0:02\n"
           "     0:02  t.A\n"
           "     0:01  t.B.test_a\n");
    expect(&stage, 2000000, 1,
           " 0/9 ........................................   0 %  0:02\n"
           "     0:02  t.A\n");
    play_job(&play, EVENT_JOB_FINISHED, "t.A", 0, 10);
    assert_int_equal(stage.progress.running, 2);
    expect(&stage, 2000000, 8,
           " 0/9 ........................................   0 %  0:02\n"
           "     0:01  t.B.test_a\n");
    stage_release(&stage);
}

static void
items_that_appear_while_running_make_the_total_grow(void **state)
{
    struct stage stage;
    struct play play = stage_init(&stage, 40);

    (void)state;
    play_collected(&play, 1, 1);
    play_state(&play, "t/a.t", STATE_PASSED);
    play_state(&play, "t/a.t: 2", STATE_PASSED);
    expect(&stage, 0, 8, " 2/2 100 %  0:00\n");
    stage_release(&stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(before_anything_is_known_nothing_is_drawn),
    cmocka_unit_test(what_is_prepared_is_named_until_it_is_or_the_run_stops),
    cmocka_unit_test(loading_and_scripts_are_named_with_their_time),
    cmocka_unit_test(the_line_has_counts_time_and_a_guess),
    cmocka_unit_test(no_line_is_wider_than_the_terminal),
    cmocka_unit_test(what_takes_long_is_listed_the_longest_first),
    cmocka_unit_test(items_that_appear_while_running_make_the_total_grow),
};

CHECK_MAIN(tests)
