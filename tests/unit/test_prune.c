#include "check.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/forget.h"
#include "store/prune.h"
#include "store_scene.h"

#define RECORDINGS SCENE_FOLDER "/" STORE_RECORDINGS

static struct pruned
pruned(struct bounds bounds)
{
    struct store *store = scene_open(STORE_WRITES);
    struct pruned done;
    struct err err = {0};

    if (!prune(store, &bounds, &done, &err)) {
        fail_msg("%s", err.text);
    }
    store_close(store);
    return done;
}

static int64_t
build(const char *id, const char *parent, bool part, int64_t date)
{
    static const struct scene_end end = {"t", STATE_PASSED, 10, 0};

    return scene_store(&(struct scene_build){.id = id,
                                             .parent = parent,
                                             .part = part,
                                             .began_ms = date,
                                             .ends = &end,
                                             .count = 1});
}

static void
the_oldest_builds_go_first(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        build("b", NULL, false, SCENE_DATE + i);
    }
    assert_int_equal(pruned((struct bounds){.builds = 6}).builds, 0);
    assert_int_equal(pruned((struct bounds){.builds = 4}).builds, 2);
    assert_int_equal(scene_ask("SELECT min(number) FROM builds"), 3);
    assert_int_equal(scene_ask("SELECT min(build) FROM parts"), 3);
    assert_int_equal(pruned((struct bounds){0}).builds, 0);
}

static void
what_the_newest_goes_back_to_stays(void **state)
{
    (void)state;
    build("whole", NULL, false, SCENE_DATE);
    build("other", NULL, true, SCENE_DATE + 1);
    build("rest", "whole", true, SCENE_DATE + 2);
    build("rest2", "rest", true, SCENE_DATE + 3);
    assert_int_equal(pruned((struct bounds){.builds = 1}).builds, 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 3);
    assert_int_equal(scene_ask("SELECT count(*) FROM builds WHERE"
                               " id = 'other'"),
                     0);
}

static void
a_chain_that_bites_its_tail_ends(void **state)
{
    (void)state;
    build("a", "b", true, SCENE_DATE);
    build("b", "a", true, SCENE_DATE + 1);
    build("a", "a", true, SCENE_DATE + 2);
    pruned((struct bounds){.builds = 1});
    assert_int_equal(scene_ask("SELECT max(number) FROM builds"), 3);
}

static void
a_clock_that_jumped_ahead_keeps_no_build_for_ever(void **state)
{
    (void)state;
    build("a", NULL, false, SCENE_DATE);
    build("future", NULL, false, SCENE_DATE * 2);
    build("b", NULL, false, SCENE_DATE + 2);
    build("c", NULL, false, SCENE_DATE + 3);
    pruned((struct bounds){.builds = 2});
    assert_int_equal(scene_ask("SELECT min(number) FROM builds"), 3);
}

static void
a_recording_goes_with_its_build(void **state)
{
    (void)state;
    static const struct scene_end end = {"t", STATE_PASSED, 10, 0};
    struct scene_build first = {
        .id = "a", .recording = "a.mule", .ends = &end, .count = 1};
    scene_store(&first);
    build("b", NULL, false, SCENE_DATE + 1);
    folder_write(RECORDINGS "/a.mule", "recorded");
    folder_write(RECORDINGS "/mine.txt", "of a user");
    struct pruned done = pruned((struct bounds){.builds = 1});
    assert_int_equal(done.builds, 1);
    assert_int_equal(done.recordings, 1);
    assert_false(path_is_file(RECORDINGS "/a.mule"));
    assert_true(path_is_file(RECORDINGS "/mine.txt"));
}

static void
a_recording_without_a_build_counts_unless_it_is_being_written(void **state)
{
    (void)state;
    build("b", NULL, false, INT64_MAX / 2);
    folder_write(RECORDINGS "/killed.mule", "cut off");
    folder_write(RECORDINGS "/running.mule", "not yet over");
    int file = open(RECORDINGS "/running.mule", O_RDONLY);
    assert_int_equal(flock(file, LOCK_EX), 0);
    assert_int_equal(pruned((struct bounds){.builds = 3}).recordings, 0);
    assert_int_equal(pruned((struct bounds){.builds = 1}).recordings, 1);
    assert_false(path_is_file(RECORDINGS "/killed.mule"));
    assert_true(path_is_file(RECORDINGS "/running.mule"));
    close(file);
}

static void
a_name_that_leads_elsewhere_is_not_followed(void **state)
{
    (void)state;
    static const struct scene_end end = {"t", STATE_PASSED, 10, 0};
    folder_write("precious.mule", "not yours");
    scene_store(&(struct scene_build){.id = "a",
                                      .recording = "../../precious.mule",
                                      .ends = &end,
                                      .count = 1});
    build("b", NULL, false, SCENE_DATE + 1);
    assert_int_equal(pruned((struct bounds){.builds = 1}).builds, 1);
    assert_true(path_is_file("precious.mule"));
}

static void
a_store_that_is_too_large_shrinks(void **state)
{
    (void)state;
    static const struct scene_end end = {"t", STATE_PASSED, 10, 0};
    static char large[64 * 1024 + 1];
    memset(large, 'x', sizeof(large) - 1);
    for (int i = 0; i < 5; i++) {
        char name[32];
        char path[64];
        snprintf(name, sizeof(name), "%d.mule", i);
        snprintf(path, sizeof(path), RECORDINGS "/%s", name);
        folder_write(path, large);
        scene_store(&(struct scene_build){.id = "b",
                                          .recording = name,
                                          .began_ms = SCENE_DATE + i,
                                          .ends = &end,
                                          .count = 1});
    }
    uint64_t before = pruned((struct bounds){0}).size;
    uint64_t bound = before - (uint64_t)100 * 1024;
    struct pruned done = pruned((struct bounds){.bytes = bound});
    assert_int_equal(done.builds, 2);
    assert_true(done.size <= bound);
    assert_false(path_is_file(RECORDINGS "/1.mule"));
    assert_true(path_is_file(RECORDINGS "/2.mule"));
}

static void
tests_that_nobody_ran_for_a_year_are_forgotten(void **state)
{
    (void)state;
    int64_t late = SCENE_DATE + FORGET_MS + 1000;
    const struct scene_end old = {"old", STATE_FAILED, 10, 0};
    scene_store(&(struct scene_build){
        .id = "a", .part = true, .ends = &old, .count = 1});
    build("b", NULL, true, late);
    // So far the clock may have jumped.
    assert_int_equal(pruned((struct bounds){.thorough = true}).tests, 0);
    build("c", NULL, true, late + 1);
    assert_int_equal(pruned((struct bounds){.thorough = true}).tests, 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 0);
    assert_int_equal(scene_ask("SELECT count(*) FROM tests"), 1);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(the_oldest_builds_go_first),
    IN_FOLDER(what_the_newest_goes_back_to_stays),
    IN_FOLDER(a_chain_that_bites_its_tail_ends),
    IN_FOLDER(a_clock_that_jumped_ahead_keeps_no_build_for_ever),
    IN_FOLDER(a_recording_goes_with_its_build),
    IN_FOLDER(a_recording_without_a_build_counts_unless_it_is_being_written),
    IN_FOLDER(a_name_that_leads_elsewhere_is_not_followed),
    IN_FOLDER(a_store_that_is_too_large_shrinks),
    IN_FOLDER(tests_that_nobody_ran_for_a_year_are_forgotten),
};

CHECK_MAIN(tests)
