#include "check.h"

#include <jansson.h>

#include "play.h"
#include "report/html.h"
#include "report/rows.h"
#include "util/path.h"

struct scene {
    char *folder;
    char *path;
    struct play play;
};

static void
scene_open(struct scene *scene, struct html_history *history)
{
    struct err err = {0};

    scene->folder = strdup("/tmp/mule-test-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    scene->path = path_join(scene->folder, "page.html");
    scene->play = (struct play){.sink = html_new(scene->path, history, &err)};
    if (scene->play.sink == NULL) {
        fail_msg("%s", err.text);
    }
    play_start(&scene->play, 2);
}

static void
scene_close(struct scene *scene)
{
    struct err err = {0};

    assert_true(path_remove_tree(scene->folder, &err));
    free(scene->folder);
    free(scene->path);
}

static char *
scene_text(struct scene *scene, size_t *size)
{
    if (scene->play.sink != NULL) {
        scene->play.sink->ops->free(scene->play.sink);
        scene->play.sink = NULL;
    }
    FILE *file = fopen(scene->path, "rb");
    if (file == NULL) {
        fail_msg("no %s", scene->path);
    }
    char *text = play_read(file, size);
    (void)fclose(file);
    return text;
}

static int
count_parts(const char *text, const char *part)
{
    int count = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) {
        count++;
    }
    return count;
}

// What the page is told, once its run ended; to be released.
static json_t *
scene_load(struct scene *scene)
{
    static const char start[] = "id=\"data\">";
    json_error_t error = {0};
    size_t size = 0;
    char *text = scene_text(scene, &size);

    assert_int_equal(strlen(text), size);
    assert_int_equal(count_parts(text, start), 1);
    assert_int_equal(count_parts(text, "</script"), 2);
    char *data = strstr(text, start) + strlen(start);
    *strstr(data, "</script") = '\0';
    json_t *json = json_loads(data, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        fail_msg("%s at %d of:\n%.2000s", error.text, error.position, data);
    }
    free(text);
    return json;
}

static const json_t *
member(const json_t *json, const char *first, const char *second)
{
    const json_t *found = json_object_get(json, first);

    if (second != NULL) {
        found = json_object_get(found, second);
    }
    assert_non_null(found);
    return found;
}

static void
play_failure(struct play *play, const char *id, const char *said)
{
    const struct finding finding = {.kind = FINDING_FAILURE,
                                    .type = slice_of(said),
                                    .message = slice_of(said),
                                    .trace = slice_of(said)};
    const struct outcome outcome = {.state = STATE_FAILED,
                                    .findings = &finding,
                                    .finding_count = 1,
                                    .out = {.head = slice_of(said)}};

    play_test(play, id, 0, 1000, outcome);
}

static void
a_page_has_each_test_of_a_small_run(void **state)
{
    struct scene scene;
    (void)state;

    scene_open(&scene, NULL);
    play_collected(&scene.play, 4, 1);
    play_job(&scene.play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play_state(&scene.play, "t.A.test_a", STATE_PASSED);
    play_failure(&scene.play, "t.A.test_b", "1 != 2");
    play_state(&scene.play, "t.A.test_c", STATE_SKIPPED);
    play_test(
        &scene.play, "other", -1, 0,
        (struct outcome){.state = STATE_NOT_RUN, .reason = SLICE("stopped")});
    play_job(&scene.play, EVENT_JOB_FINISHED, "t.A", 0, 3000);
    play_note(&scene.play, NOTE_WARNING, "slow", "hurry");
    play_end(&scene.play, STOP_FAILURES, 1);
    assert_false(scene.play.failed);

    json_t *json = scene_load(&scene);
    const json_t *ids = member(json, "tests", "id");
    assert_int_equal(json_array_size(ids), 4);
    assert_string_equal(json_string_value(json_array_get(ids, 0)), ".test_a");
    assert_string_equal(json_string_value(member(json, "tests", "state")),
                        "pfsn");
    const json_t *detail =
        json_object_get(member(json, "tests", "detail"), "1");
    const json_t *finding = json_array_get(member(detail, "findings", NULL), 0);
    assert_string_equal(json_string_value(member(finding, "message", NULL)),
                        "1 != 2");
    assert_string_equal(json_string_value(member(detail, "out", "head")),
                        "1 != 2");
    assert_int_equal(json_array_size(member(json, "notes", NULL)), 1);
    assert_int_equal(json_array_size(member(json, "stints", NULL)), 1);
    assert_int_equal(json_array_size(member(json, "lanes", NULL)), 2);
    assert_int_equal(json_array_size(member(json, "groups", NULL)), 0);
    assert_int_equal(json_integer_value(member(json, "end", "exit_status")), 1);
    json_decref(json);
    scene_close(&scene);
}

static void
nothing_a_test_says_ends_the_script(void **state)
{
    const char *said[] = {"</script><script>alert(1)</script>",
                          "<!-- <script>",
                          "]]>&lt;&amp;",
                          "\xe2\x80\xa8\xe2\x80\xa9",
                          "\xff\xfe\x80 \xc3(",
                          "\"\\\x01\x1b[31m\r\n\t"};
    struct scene scene;
    (void)state;

    scene_open(&scene, NULL);
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        play_job(&scene.play, EVENT_JOB_STARTED, said[i], 0, 0);
        play_failure(&scene.play, said[i], said[i]);
        play_job(&scene.play, EVENT_JOB_FINISHED, said[i], 0, 0);
        play_note(&scene.play, NOTE_ERROR, said[i], said[i]);
    }
    play_end(&scene.play, STOP_NONE, 1);
    size_t size = 0;
    char *text = scene_text(&scene, &size);
    assert_null(strstr(text, "\xe2\x80\xa8"));
    assert_null(strstr(text, "<script>alert"));
    free(text);
    json_t *json = scene_load(&scene);
    const json_t *ids = member(json, "tests", "id");
    assert_string_equal(json_string_value(json_array_get(ids, 0)), said[0]);
    assert_string_equal(json_string_value(json_array_get(ids, 3)), said[3]);
    json_decref(json);
    scene_close(&scene);
}

static void
random_bytes_make_a_page(void **state)
{
    struct scene scene;
    unsigned seed = 7;
    char bytes[200];
    (void)state;

    scene_open(&scene, NULL);
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
            seed = seed * 1103515245U + 12345U;
            bytes[i] = (char)((seed >> 16) % 255 + 1);
        }
        bytes[sizeof(bytes) - 1] = '\0';
        scene.play.job = bytes + seed % 150;
        play_failure(&scene.play, bytes, bytes);
    }
    play_end(&scene.play, STOP_NONE, 1);
    json_t *json = scene_load(&scene);
    assert_int_equal(json_array_size(member(json, "tests", "id")), 500);
    json_decref(json);
    scene_close(&scene);
}

static void
a_long_output_is_cut_in_its_middle(void **state)
{
    struct scene scene;
    size_t size = 300000;
    char *output = calloc(1, size + 1);
    (void)state;

    memset(output, 'a', size);
    output[size - 1] = 'z';
    scene_open(&scene, NULL);
    play_failure(&scene.play, "t.A.test_a", output);
    play_end(&scene.play, STOP_NONE, 1);
    json_t *json = scene_load(&scene);
    const json_t *detail =
        json_object_get(member(json, "tests", "detail"), "0");
    const json_t *out = member(detail, "out", NULL);
    size_t head = json_string_length(member(out, "head", NULL));
    size_t tail = json_string_length(member(out, "tail", NULL));
    assert_int_equal(head + tail +
                         (size_t)json_integer_value(member(out, "cut", NULL)),
                     size);
    assert_true(head + tail <= 32768);
    assert_int_equal(json_string_value(member(out, "tail", NULL))[tail - 1],
                     'z');
    json_decref(json);
    free(output);
    scene_close(&scene);
}

static void
play_many(struct play *play, uint32_t count, bool bad)
{
    char job[64];
    char id[128];
    char said[4000];

    memset(said, 'x', sizeof(said) - 1);
    said[sizeof(said) - 1] = '\0';
    play_collected(play, count, count / 10);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(job, sizeof(job), "pkg.mod%u.Class%u", i % 100, i / 10);
        (void)snprintf(id, sizeof(id), "%s.test_%u", job, i);
        play->job = job;
        if (bad || i % 1000 == 7) {
            play_failure(play, id, said);
        } else {
            play_test(play, id, (int)(i % 2), i % 977 + 1,
                      (struct outcome){.state = STATE_PASSED});
        }
    }
    play->job = NULL;
}

static void
beyond_a_limit_tests_are_counted_by_job(void **state)
{
    enum {
        TESTS = 120000
    };
    struct scene scene;
    const json_t *group = NULL;
    size_t at = 0;
    int64_t counted = 0;
    (void)state;

    scene_open(&scene, NULL);
    play_many(&scene.play, TESTS, false);
    play_end(&scene.play, STOP_NONE, 1);
    json_t *json = scene_load(&scene);
    const json_t *tests = member(json, "tests", "id");
    // All that are bad, and the slowest of the others.
    assert_int_equal(json_array_size(tests), TESTS / 1000 + ROWS_MOST_SLOW);
    assert_int_equal(json_array_size(tests) + (size_t)json_integer_value(member(
                                                  json, "left_out", "plain")),
                     TESTS);
    json_array_foreach(member(json, "groups", NULL), at, group)
    {
        counted += json_integer_value(json_array_get(group, 2));
    }
    assert_int_equal(counted, TESTS);
    assert_non_null(json_object_get(
        json_array_get(member(json, "lanes", NULL), 1), "busy"));
    json_decref(json);
    scene_close(&scene);
}

static void
a_run_in_which_all_fails_has_a_page_below_ten_megabytes(void **state)
{
    struct scene scene;
    size_t size = 0;
    (void)state;

    scene_open(&scene, NULL);
    play_many(&scene.play, 60000, true);
    play_end(&scene.play, STOP_NONE, 1);
    free(scene_text(&scene, &size));
    assert_true(size < 10 << 20);
    json_t *json = scene_load(&scene);
    const json_t *left_out = member(json, "left_out", NULL);
    assert_int_equal(
        json_array_size(member(json, "tests", "id")) +
            (size_t)json_integer_value(member(left_out, "notable", NULL)),
        60000);
    assert_true(json_integer_value(member(left_out, "details", NULL)) > 0);
    json_decref(json);
    scene_close(&scene);
}

static void
tries_that_did_not_decide_are_told(void **state)
{
    const struct finding finding = {.kind = FINDING_FAILURE,
                                    .message = SLICE("once")};
    struct outcome outcome = {.state = STATE_FAILED,
                              .us = 9,
                              .findings = &finding,
                              .finding_count = 1};
    struct event event = {.kind = EVENT_TEST_ATTEMPT,
                          .test = {.number = 4,
                                   .id = "t.A.test_a",
                                   .job = "t.A",
                                   .file = "",
                                   .slot = 1,
                                   .tries = 1,
                                   .us = 9,
                                   .outcome = &outcome}};
    struct scene scene;
    (void)state;

    scene_open(&scene, NULL);
    play_event(&scene.play, event);
    outcome = (struct outcome){.state = STATE_PASSED, .us = 7};
    event.kind = EVENT_TEST_FINISHED;
    event.test.tries = 2;
    event.test.flaky = true;
    event.test.quarantined = true;
    play_event(&scene.play, event);
    play_end(&scene.play, STOP_NONE, 0);
    json_t *json = scene_load(&scene);
    const json_t *attempt = json_array_get(member(json, "attempts", NULL), 0);
    assert_int_equal(json_integer_value(member(attempt, "item", NULL)), 4);
    assert_string_equal(json_string_value(member(attempt, "state", NULL)), "f");
    assert_non_null(member(attempt, "detail", "findings"));
    assert_string_equal(json_string_value(member(json, "tests", "flags")), "3");
    json_decref(json);
    scene_close(&scene);
}

struct known {
    struct html_history history;
    int freed;
};

static size_t
builds(struct html_history *history, const struct html_build *now,
       struct html_build *list, size_t most)
{
    (void)history;
    assert_string_equal(now->id, "k3v9x2");
    assert_int_equal(now->wall_ms, PLAY_WALL_MS);
    assert_true(most > 0);
    list[0] = (struct html_build){.id = "old", .us = 7, .bad = 1};
    return 1;
}

static void
past_of(struct html_history *history, const struct html_build *now,
        struct html_past *pasts, size_t count)
{
    (void)history;
    (void)now;
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        if (slice_equals_text(pasts[i].id, "t.A.test_a")) {
            pasts[i].points[0] =
                (struct html_point){.us = 5, .state = STATE_TIMEOUT};
            pasts[i].count = 1;
        }
    }
}

static void
free_known(struct html_history *history)
{
    ((struct known *)(void *)history)->freed++;
}

static void
the_past_is_asked_for(void **state)
{
    static const struct html_history_ops ops = {builds, past_of, free_known};
    struct known known = {{&ops}, 0};
    struct scene scene;
    (void)state;

    scene_open(&scene, &known.history);
    play_failure(&scene.play, "t.A.test_a", "1");
    play_failure(&scene.play, "t.A.test_b", "1");
    play_end(&scene.play, STOP_NONE, 1);
    json_t *json = scene_load(&scene);
    const json_t *build = json_array_get(member(json, "history", "builds"), 0);
    assert_string_equal(json_string_value(member(build, "id", NULL)), "old");
    const json_t *tests = member(json, "history", "tests");
    assert_int_equal(json_object_size(tests), 1);
    const json_t *point = json_array_get(member(tests, "0", NULL), 0);
    assert_string_equal(json_string_value(json_array_get(point, 1)), "t");
    assert_int_equal(known.freed, 1);
    json_decref(json);
    scene_close(&scene);
}

static void
a_run_that_broke_off_is_told_as_such(void **state)
{
    struct scene scene;
    (void)state;

    scene_open(&scene, NULL);
    play_state(&scene.play, "t.A.test_a", STATE_PASSED);
    assert_false(path_is_file(scene.path)); // not before it is whole
    json_t *json = scene_load(&scene);
    assert_true(json_is_true(member(json, "end", "cut")));
    assert_int_equal(json_integer_value(json_object_get(
                         member(json, "tally", "states"), "passed")),
                     1);
    json_decref(json);
    scene_close(&scene);
}

static void
a_place_that_cannot_be_written_to_is_an_error(void **state)
{
    struct err err = {0};
    (void)state;

    assert_null(html_new("/proc/no/such/page.html", NULL, &err));
    assert_non_null(strstr(err.text, "HTML report: "));
    assert_non_null(err_help(&err));
    err_clear(&err);
    assert_null(html_new("/tmp", NULL, &err));
    assert_non_null(strstr(err.text, "is a folder"));
}

static void
a_full_disk_is_an_error(void **state)
{
    struct err err = {0};
    struct play play = {.sink = html_new("/dev/full", NULL, &err)};
    (void)state;

    assert_non_null(play.sink);
    play_start(&play, 1);
    assert_false(play.failed);
    play_end(&play, STOP_NONE, 0);
    assert_true(play.failed);
    assert_non_null(strstr(play.err.text, "No space left"));
    play.sink->ops->free(play.sink);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_page_has_each_test_of_a_small_run),
    cmocka_unit_test(nothing_a_test_says_ends_the_script),
    cmocka_unit_test(random_bytes_make_a_page),
    cmocka_unit_test(a_long_output_is_cut_in_its_middle),
    cmocka_unit_test(beyond_a_limit_tests_are_counted_by_job),
    cmocka_unit_test(a_run_in_which_all_fails_has_a_page_below_ten_megabytes),
    cmocka_unit_test(tries_that_did_not_decide_are_told),
    cmocka_unit_test(the_past_is_asked_for),
    cmocka_unit_test(a_run_that_broke_off_is_told_as_such),
    cmocka_unit_test(a_place_that_cannot_be_written_to_is_an_error),
    cmocka_unit_test(a_full_disk_is_an_error),
};

CHECK_MAIN(tests)
