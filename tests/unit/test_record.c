#include "check.h"

#include <string.h>
#include <sys/stat.h>

#include "play.h"
#include "store/record.h"
#include "store_scene.h"

// A sink that stores into `store`, and what it remarked.
struct scene {
    struct site site;
    struct event_sink *sink;
    struct play play;
    int remarks;
    char text[512];
    char hint[512];
};

static void
on_remark(void *ctx, const struct event *note)
{
    struct scene *scene = ctx;

    assert_int_equal(note->kind, EVENT_NOTE);
    assert_int_equal(note->note.level, NOTE_WARNING);
    scene->remarks++;
    snprintf(scene->text, sizeof(scene->text), "%s", note->note.text);
    snprintf(scene->hint, sizeof(scene->hint), "%s",
             note->note.hint != NULL ? note->note.hint : "");
}

static void
begin(struct scene *scene)
{
    static char folder[] = SCENE_FOLDER;
    *scene = (struct scene){.site = {scene_here, folder}};
    scene->sink = record_new(&(struct record_params){
        .site = &scene->site,
        .suite = &scene_suite,
        .bounds = {.builds = 3},
        .whole = true,
        .on_remark = on_remark,
        .ctx = scene,
    });
    scene->play.sink = scene->sink;
}

// What happens while tests run; its store is written at the end.
static void
play_build(struct scene *scene)
{
    struct play *play = &scene->play;
    const struct finding finding = {
        .type = SLICE("AssertionError"),
        .message = SLICE("1 != 2\nand more of it"),
    };
    const struct outcome bad = {
        .state = STATE_FAILED, .findings = &finding, .finding_count = 1};

    play_start(play, 2);
    play_event(play, (struct event){.kind = EVENT_COLLECTING});
    play_collected(play, 2, 1);
    play_job(play, EVENT_JOB_STARTED, "tests.Cart", 0, 0);
    play_state(play, "tests.Cart.test_a", STATE_PASSED);
    play_test(play, "tests.Cart.test_b", 0, 500, bad);
    play_job(play, EVENT_JOB_FINISHED, "tests.Cart", 0, 2000);
    play_end(play, STOP_NONE, 1);
}

static void
end(struct scene *scene)
{
    assert_false(scene->play.failed);
    scene->sink->ops->free(scene->sink);
}

static void
a_build_is_stored_at_its_end(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    record_name_recording(scene.sink, "k3v9x2.mule");
    play_build(&scene);
    end(&scene);
    assert_int_equal(scene.remarks, 0);
    assert_int_equal(
        scene_ask("SELECT count(*) FROM builds WHERE id = 'k3v9x2' AND"
                  " recording = 'k3v9x2.mule' AND slots = 2 AND selected = 2"
                  " AND passed = 1 AND failed = 1 AND exit_status = 1 AND"
                  " whole = 1 AND command = 'mule test'"),
        1);
    struct store *store = scene_open(STORE_READS);
    struct err err = {0};
    struct results *results = results_open(store, 1, &err);
    struct result result;
    struct result_job job;
    assert_true(results_next(results, 0, &result, &err));
    assert_int_equal(result.state, STATE_PASSED);
    assert_true(results_next(results, 0, &result, &err));
    assert_int_equal(result.us, 500);
    assert_true(slice_equals_text(result.message, "AssertionError: 1 != 2"));
    assert_true(results_next_job(results, &job, &err));
    assert_int_equal(job.us, 2000);
    assert_false(results_next_job(results, &job, &err));
    results_free(results);
    store_close(store);
    assert_int_equal(scene_ask("SELECT us FROM jobs"), 500);
}

static void
the_next_build_knows_it(void **state)
{
    (void)state;
    struct scene scene;
    struct past past;
    begin(&scene);
    struct history *history = record_history(scene.sink);
    assert_false(
        history->ops->find_item(history, SLICE("tests.Cart.test_a"), &past));
    play_build(&scene);
    end(&scene);
    begin(&scene);
    history = record_history(scene.sink);
    assert_true(
        history->ops->find_item(history, SLICE("tests.Cart.test_b"), &past));
    assert_int_equal(past.us, 500);
    assert_int_equal(past.state, STATE_FAILED);
    assert_true(history->ops->find_job(history, SLICE("tests.Cart"), &past));
    assert_int_equal(past.us, 500);
    end(&scene);
}

static void
a_build_of_nothing_is_not_stored(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    play_start(&scene.play, 2);
    play_collected(&scene.play, 0, 0);
    play_end(&scene.play, STOP_NONE, 5);
    end(&scene);
    assert_int_equal(scene.remarks, 0);
    assert_false(path_is_folder(SCENE_FOLDER));
}

static void
one_that_is_to_be_forgone_is_not_stored(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    record_forgo(scene.sink);
    play_build(&scene);
    end(&scene);
    assert_false(path_is_folder(SCENE_FOLDER));
}

static void
a_broken_store_is_replaced_while_it_is_read(void **state)
{
    (void)state;
    struct scene scene;
    assert_true(store_make_folder(SCENE_FOLDER, &(struct err){0}));
    folder_write(SCENE_FOLDER "/" STORE_DATABASE,
                 "no database, but long enough to be looked at as one");
    begin(&scene);
    play_build(&scene);
    end(&scene);
    assert_int_equal(scene.remarks, 1);
    assert_non_null(strstr(scene.text, "history.db.broken-1"));
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 1);
}

static void
one_that_breaks_while_tests_run_is_replaced_at_the_end(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene);
    play_build(&scene);
    end(&scene);
    begin(&scene);
    play_event(&scene.play, (struct event){.kind = EVENT_COLLECTING});
    unlink(SCENE_FOLDER "/" STORE_DATABASE "-wal");
    folder_write(SCENE_FOLDER "/" STORE_DATABASE,
                 "no database, but long enough to be looked at as one");
    play_build(&scene);
    end(&scene);
    assert_int_equal(scene.remarks, 1);
    assert_non_null(strstr(scene.text, "history.db.broken-1"));
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM tests"), 2);
}

static void
a_newer_store_is_one_remark_with_a_hint(void **state)
{
    (void)state;
    struct scene scene;
    scene_pass("one", 10);
    scene_run("PRAGMA user_version = 99");
    begin(&scene);
    play_build(&scene);
    end(&scene);
    assert_int_equal(scene.remarks, 1);
    assert_non_null(strstr(scene.text, "newer mule"));
    assert_non_null(strstr(scene.hint, "--no-store"));
}

static void
a_place_that_cannot_be_written_is_one_remark(void **state)
{
    (void)state;
    struct scene scene;
    folder_write(SCENE_FOLDER, "a file where a folder should be");
    begin(&scene);
    play_build(&scene);
    end(&scene);
    assert_int_equal(scene.remarks, 1);
    assert_non_null(strstr(scene.text, "is not kept"));
}

static void
bounds_are_kept_after_each_build(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct scene scene;
        begin(&scene);
        play_build(&scene);
        end(&scene);
    }
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 3);
    assert_int_equal(scene_ask("SELECT max(number) FROM builds"), 5);
    assert_int_equal(scene_ask("SELECT count(DISTINCT build) FROM parts"), 3);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(a_build_is_stored_at_its_end),
    IN_FOLDER(the_next_build_knows_it),
    IN_FOLDER(a_build_of_nothing_is_not_stored),
    IN_FOLDER(one_that_is_to_be_forgone_is_not_stored),
    IN_FOLDER(a_broken_store_is_replaced_while_it_is_read),
    IN_FOLDER(one_that_breaks_while_tests_run_is_replaced_at_the_end),
    IN_FOLDER(a_newer_store_is_one_remark_with_a_hint),
    IN_FOLDER(a_place_that_cannot_be_written_is_one_remark),
    IN_FOLDER(bounds_are_kept_after_each_build),
};

CHECK_MAIN(tests)
