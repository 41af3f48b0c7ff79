// Recordings of shards as one build, and recordings that are told again.
#include "check.h"

#include "everything.h"
#include "folder.h"
#include "report/event_codec.h"
#include "report/fanout.h"
#include "report/merging.h"
#include "report/recording.h"

// -------------------------------------------------------------- a listener

struct listener {
    struct event_sink sink; // first
    struct buf *lines;
};

static bool
listen(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct listener *listener = (struct listener *)(void *)sink;

    (void)err;
    if (event->kind == EVENT_TEST_FINISHED) {
        const struct event_test *test = &event->test;
        buf_addf(listener->lines,
                 "%u %s in %s slot %d%s%s process %u %s%s%.*s\n", test->number,
                 test->id, test->job, test->slot,
                 test->worker[0] != '\0' ? " of " : "", test->worker,
                 test->process, state_name(test->outcome->state),
                 test->outcome->reason.len > 0 ? ": " : "",
                 SLICE_ARG(test->outcome->reason));
    } else if (event->kind == EVENT_COLLECTED) {
        buf_addf(listener->lines, "collected %u in %u\n",
                 event->collected.items, event->collected.jobs);
    } else if (event->kind == EVENT_RUN_STARTED) {
        const struct event_run *run = &event->run;
        buf_addf(listener->lines, "started with %d slots", run->slots);
        for (int i = 0; i < run->part_count; i++) {
            buf_addf(listener->lines, "%s%d of %s from %d", i > 0 ? ", " : ": ",
                     run->parts[i].slots, run->parts[i].worker,
                     run->parts[i].base);
        }
        buf_add_text(listener->lines, "\n");
    } else if (event->kind == EVENT_NOTE) {
        buf_addf(listener->lines, "note: %s\n", event->note.text);
    } else if (event->kind == EVENT_RUN_FINISHED) {
        buf_addf(listener->lines, "%d: ", event->finished.exit_status);
        tally_line(event->finished.tally, listener->lines);
        buf_add_text(listener->lines, "\n");
    }
    return true;
}

static void
listener_free(struct event_sink *sink)
{
    free(sink);
}

static const struct event_sink_ops listener_ops = {
    .name = "a listener", .on_event = listen, .free = listener_free};

static struct event_sink *
listen_into(struct buf *lines)
{
    struct event_sink *fanout = fanout_new();
    struct listener *listener = ALLOC(struct listener);

    listener->sink.ops = &listener_ops;
    listener->lines = lines;
    fanout_add(fanout, &listener->sink);
    return fanout;
}

static void
said_is(const struct buf *lines, const char *wanted)
{
    assert_string_equal(buf_text(lines), wanted);
}

// ---------------------------------------------------------------- recordings

struct shard {
    const char *path;
    const char *shard;     // "1/2"
    const char *selection; // NULL: "abc"
    const char *durations;
    const char *tests[4];
    const char *elsewhere[4];
    enum state state; // of its tests; NONE: passed
    bool cut;         // after its first test
};

static struct items *
make_items(const struct shard *shard)
{
    struct items *items = items_new();

    items_add_job(
        items, &(struct job_params){.name = SLICE("t.A"), .kind = JOB_CLASS});
    for (int i = 0; shard->tests[i] != NULL; i++) {
        items_add(items, 0, slice_of(shard->tests[i]), 0);
    }
    return items;
}

static void
play_shard_test(struct play *play, const struct shard *shard, int place)
{
    const struct outcome outcome = {
        .state = shard->state != STATE_NONE ? shard->state : STATE_PASSED,
        .ran = true,
        .counted = true,
    };

    play->us += 1000;
    tally_add(&play->tally, &outcome);
    play_event(play, (struct event){
                         .kind = EVENT_TEST_FINISHED,
                         .test = {.number = (uint32_t)place,
                                  .id = shard->tests[place],
                                  .job = "t.A",
                                  .slot = place % 2,
                                  .attempt = 1,
                                  .tries = 1,
                                  .process = 1,
                                  .worker = "",
                                  .outcome = &outcome},
                     });
}

static void
record(const struct shard *shard)
{
    struct items *items = make_items(shard);
    struct err err = {0};
    struct play play = {
        .sink = recording_new(
            &(struct recording_params){.path = shard->path, .items = items},
            &err)};
    const char *selection = shard->selection != NULL ? shard->selection : "abc";

    assert_non_null(play.sink);
    play_start(&play, 2);
    play.tally.selected = items_count(items);
    play_event(&play, (struct event){
                          .kind = EVENT_COLLECTED,
                          .collected = {.items = items_count(items),
                                        .jobs = 1,
                                        .shard = shard->shard,
                                        .selection = selection,
                                        .durations = shard->durations},
                      });
    for (int i = 0; shard->elsewhere[i] != NULL; i++) {
        // "2 t.B.test"
        play_event(
            &play,
            (struct event){
                .kind = EVENT_ELSEWHERE,
                .elsewhere = {.id = shard->elsewhere[i] + 2,
                              .job = "t.B",
                              .shard =
                                  (uint32_t)(shard->elsewhere[i][0] - '0')},
            });
    }
    for (int i = 0; shard->tests[i] != NULL; i++) {
        play_shard_test(&play, shard, i);
        if (shard->cut) {
            break;
        }
    }
    if (!shard->cut) {
        bool bad = state_is_bad(shard->state);
        play_end(&play, STOP_NONE, bad ? 1 : 0);
    }
    play.sink->ops->free(play.sink);
    items_free(items);
}

static bool
merge(const char *const *paths, int count, struct buf *lines,
      struct retold *retold, struct err *err)
{
    struct event_sink *fanout = listen_into(lines);
    char *copies[4];

    for (int i = 0; i < count; i++) {
        copies[i] = alloc_dup(paths[i]);
    }
    bool good = merging_tell(copies, count, fanout, retold, err);
    for (int i = 0; i < count; i++) {
        free(copies[i]);
    }
    fanout->ops->free(fanout);
    return good;
}

static void
refused_with(const char *a, const char *b, const char *wanted)
{
    struct buf lines = BUF_INIT(4096);
    struct err err = {0};
    struct retold retold;
    const char *paths[] = {a, b};

    assert_false(merge(paths, 2, &lines, &retold, &err));
    assert_string_equal(err.text, wanted);
    said_is(&lines, "");
    buf_release(&lines);
}

// --------------------------------------------------------------------- tests

static void
shards_become_one_build_whatever_their_order(void **state)
{
    const char *paths[] = {"b", "a"};
    struct buf lines = BUF_INIT(4096);
    struct err err = {0};
    struct retold retold;

    (void)state;
    record(&(struct shard){"a", "1/2", .tests = {"t.A.x", "t.A.y"},
                           .elsewhere = {"2 t.B.z"}});
    record(&(struct shard){"b", "2/2", .tests = {"t.B.z"},
                           .elsewhere = {"1 t.A.x", "1 t.A.y"},
                           .state = STATE_FAILED});
    assert_true(merge(paths, 2, &lines, &retold, &err));
    said_is(&lines,
            "started with 4 slots: 2 of shard 1 from 0, 2 of shard 2 from 2\n"
            "collected 3 in 2\n"
            "0 t.A.x in t.A slot 0 of shard 1 process 1 passed\n"
            "2 t.B.z in t.A slot 2 of shard 2 process 3 failed\n"
            "1 t.A.y in t.A slot 1 of shard 1 process 1 passed\n"
            "1: 3 selected = 2 passed + 1 failed + 0 skipped + 0 not run\n");
    assert_int_equal(retold.exit_status, 1);
    assert_int_equal(retold.missing, 0);
    assert_true(retold.whole);
    buf_release(&lines);
}

static void
tests_that_no_shard_ran_are_named_and_make_it_fail(void **state)
{
    const char *paths[] = {"a", "c"};
    struct buf lines = BUF_INIT(4096);
    struct err err = {0};
    struct retold retold;

    (void)state;
    record(&(struct shard){"a", "1/3", .tests = {"t.A.x"},
                           .elsewhere = {"2 t.B.y", "3 t.B.z"}});
    record(&(struct shard){"c", "3/3", .tests = {"t.B.z"},
                           .elsewhere = {"1 t.A.x", "2 t.B.y"}});
    assert_true(merge(paths, 2, &lines, &retold, &err));
    assert_non_null(strstr(
        buf_text(&lines),
        "note: 1 of 3 shards is missing: 2\n"
        "2 t.B.y in t.B slot -1 process 0 not run: shard 2 is missing\n"
        "1: 3 selected = 2 passed + 0 failed + 0 skipped + 1 not run\n"));
    assert_int_equal(retold.exit_status, 1);
    assert_int_equal(retold.missing, 1);
    buf_release(&lines);
}

static void
a_shard_that_was_killed_says_what_it_never_ran(void **state)
{
    const char *paths[] = {"a", "b"};
    struct buf lines = BUF_INIT(4096);
    struct err err = {0};
    struct retold retold;

    (void)state;
    record(
        &(struct shard){"a", "1/2", .tests = {"t.A.x", "t.A.y"}, .cut = true});
    record(&(struct shard){"b", "2/2", .tests = {"t.B.z"}});
    assert_true(merge(paths, 2, &lines, &retold, &err));
    assert_non_null(strstr(
        buf_text(&lines),
        "note: a is not whole: its end is missing\n"
        "1 t.A.y in t.A slot -1 process 0 not run: its result is not "
        "in the recording\n"
        "3: 3 selected = 2 passed + 0 failed + 0 skipped + 1 not run\n"));
    assert_int_equal(retold.exit_status, 3);
    assert_false(retold.whole);
    buf_release(&lines);
}

static void
shards_that_do_not_belong_together_are_refused(void **state)
{
    (void)state;
    record(&(struct shard){"a", "1/2", .tests = {"t.A.x"}});
    record(&(struct shard){"again", "1/2", .tests = {"t.A.x"}});
    record(&(struct shard){"other", "2/2", "def", .tests = {"t.A.x"}});
    record(&(struct shard){.path = "balanced",
                           .shard = "2/2",
                           .durations = "f00",
                           .tests = {"t.A.x"}});
    record(&(struct shard){"third", "3/3", .tests = {"t.A.x"}});
    record(&(struct shard){"whole", NULL, .tests = {"t.A.x"}});
    record(&(struct shard){"odd", "4/3", .tests = {"t.A.x"}});
    refused_with("a", "again", "a and again are both shard 1 of 2");
    refused_with("a", "other", "a and other are shards of different tests");
    refused_with("a", "balanced",
                 "a and balanced were balanced by different durations");
    refused_with("a", "third", "a is one of 2 shards, and third one of 3");
    record(&(struct shard){"lone", "1", .tests = {"t.A.x"}});
    refused_with("a", "lone", "lone is not one of several shards");
    refused_with("a", "whole", "whole is not one of several shards");
    refused_with("a", "odd", "odd is not one of several shards");
    refused_with("a", "none", "none: No such file or directory");
}

static void
an_empty_shard_costs_nothing(void **state)
{
    const char *paths[] = {"a", "b"};
    struct buf lines = BUF_INIT(4096);
    struct err err = {0};
    struct retold retold;

    (void)state;
    record(&(struct shard){"a", "1/2", .tests = {"t.A.x"}});
    record(&(struct shard){"b", "2/2", .elsewhere = {"1 t.A.x"}});
    assert_true(merge(paths, 2, &lines, &retold, &err));
    assert_int_equal(retold.exit_status, 0);
    buf_release(&lines);
}

static void
one_that_was_cut_off_is_told_with_an_end(void **state)
{
    struct buf lines = BUF_INIT(4096);
    struct err err = {0};
    struct retold retold;

    (void)state;
    record(
        &(struct shard){"a", NULL, .tests = {"t.A.x", "t.A.y"}, .cut = true});
    struct event_sink *fanout = listen_into(&lines);
    assert_true(retelling_tell("a", fanout, &retold, &err));
    fanout->ops->free(fanout);
    said_is(&lines,
            "started with 2 slots\n"
            "collected 2 in 1\n"
            "0 t.A.x in t.A slot 0 process 1 passed\n"
            "note: a is not whole: its end is missing\n"
            "1 t.A.y in t.A slot -1 process 0 not run: its result is not in "
            "the recording\n"
            "3: 2 selected = 1 passed + 0 failed + 0 skipped + 1 not run\n");
    assert_int_equal(retold.exit_status, 3);
    assert_int_equal(retold.missing, 1);
    buf_release(&lines);
}

#define IN_A_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
    IN_A_FOLDER(shards_become_one_build_whatever_their_order),
    IN_A_FOLDER(tests_that_no_shard_ran_are_named_and_make_it_fail),
    IN_A_FOLDER(a_shard_that_was_killed_says_what_it_never_ran),
    IN_A_FOLDER(shards_that_do_not_belong_together_are_refused),
    IN_A_FOLDER(an_empty_shard_costs_nothing),
    IN_A_FOLDER(one_that_was_cut_off_is_told_with_an_end),
};

CHECK_MAIN(tests)
