#include "check.h"

#include <string.h>

#include "store/suite_range.h"
#include "store_scene.h"

static int64_t
expected(void)
{
    return scene_ask("SELECT us FROM tests WHERE name = 't'");
}

// ------------------------------------------------------------------ durations

static void
what_passed_is_a_moving_mean(void **state)
{
    (void)state;
    scene_pass("a", 1000);
    assert_int_equal(expected(), 1000);
    scene_pass("b", 2000);
    assert_int_equal(expected(), 1300);
    scene_pass("c", 1000);
    assert_int_equal(expected(), 1210);
}

static void
a_failure_counts_only_while_nothing_passed(void **state)
{
    (void)state;
    scene_end("t", STATE_FAILED, 100);
    assert_int_equal(expected(), 100);
    scene_end("t", STATE_ERROR, 200);
    assert_int_equal(expected(), 130);
    scene_end("t", STATE_PASSED, 5000);
    assert_int_equal(expected(), 5000);
    scene_end("t", STATE_FAILED, 1);
    assert_int_equal(expected(), 5000);
}

static void
what_was_cut_off_takes_at_least_that_long(void **state)
{
    (void)state;
    scene_end("t", STATE_TIMEOUT, 9000);
    assert_int_equal(expected(), 9000);
    scene_end("t", STATE_CRASHED, 10);
    assert_int_equal(expected(), 9000);
    scene_end("t", STATE_PASSED, 500);
    assert_int_equal(expected(), 500);
    scene_end("t", STATE_TIMEOUT, 9000);
    assert_int_equal(expected(), 9000);
    scene_end("t", STATE_PASSED, 500);
    assert_int_equal(expected(), 6450);
}

static void
what_did_not_run_says_nothing_of_time(void **state)
{
    (void)state;
    scene_pass("a", 1000);
    scene_end("t", STATE_SKIPPED, 1);
    scene_end("t", STATE_NOT_RUN, 0);
    scene_end("t", STATE_LOST, 50);
    assert_int_equal(expected(), 1000);
    assert_int_equal(scene_ask("SELECT basis FROM tests"), BASIS_PASSED);
}

static void
nothing_and_more_than_a_year_are_taken_as_they_are(void **state)
{
    (void)state;
    scene_pass("a", 0);
    assert_int_equal(expected(), 0);
    assert_int_equal(scene_ask("SELECT basis FROM tests"), BASIS_PASSED);
    scene_end("u", STATE_PASSED, UINT64_MAX);
    assert_int_equal(scene_ask("SELECT us FROM tests WHERE name = 'u'"),
                     DURATION_MAX);
}

static void
a_database_that_lies_is_not_believed(void **state)
{
    (void)state;
    struct err err = {0};
    scene_pass("a", 10);
    scene_end("u", STATE_PASSED, 10);
    scene_run("UPDATE tests SET us = -5, basis = 77, state = -1"
              " WHERE name = 't';"
              "UPDATE tests SET us = 9223372036854775807, state = 200"
              " WHERE name = 'u'");
    struct store *store = scene_open(STORE_READS);
    struct memory *memory = memory_new();
    assert_true(memory_load(memory, store, 1, &err));
    struct history *history = memory_history(memory);
    struct past past = {0};
    assert_true(history->ops->find_item(history, SLICE("t"), &past));
    assert_int_equal(past.us, 0);
    assert_false(past.timed);
    assert_int_equal(past.state, STATE_NONE);
    assert_true(history->ops->find_item(history, SLICE("u"), &past));
    assert_int_equal(past.us, DURATION_MAX);
    assert_int_equal(past.state, STATE_NONE);
    memory_free(memory);
    store_close(store);
}

static void
a_job_is_what_it_takes_beside_its_tests(void **state)
{
    (void)state;
    struct store *store = scene_open(STORE_WRITES);
    struct memory *memory = memory_new();
    struct draft *draft = draft_new(memory);
    struct result result = {
        .us = 300, .slot = 2, .flags = RESULT_DECIDED, .state = STATE_PASSED};
    struct result_job job = {.us = 1000, .slot = 2};
    struct build_row row = {.id = "a", .began_ms = SCENE_DATE};
    struct draft_params params = {
        .suite = &scene_suite, .row = &row, .learn = true};
    struct err err = {0};
    int64_t number = 0;
    draft_add_test(draft, SLICE("t"), SLICE("job"), &result);
    draft_add_test(draft, SLICE("u"), SLICE("job"), &result);
    draft_add_job(draft, SLICE("job"), &job);
    job.us = 50; // less than nothing is nothing
    draft_add_test(draft, SLICE("v"), SLICE("other"), &result);
    draft_add_job(draft, SLICE("other"), &job);
    assert_true(draft_store(draft, store, &params, &number, &err));
    draft_free(draft);
    memory_free(memory);
    memory = memory_new();
    assert_true(memory_load(memory, store, 1, &err));
    struct history *history = memory_history(memory);
    struct past past = {.us = 7};
    assert_true(history->ops->find_job(history, SLICE("job"), &past));
    assert_int_equal(past.us, 400);
    assert_true(history->ops->find_job(history, SLICE("other"), &past));
    assert_int_equal(past.us, 0);
    assert_false(history->ops->find_job(history, SLICE("none"), &past));
    memory_free(memory);
    store_close(store);
}

static size_t
count_jobs(struct store *store, int64_t build)
{
    struct err err = {0};
    struct results *results = results_open(store, build, &err);
    struct result_job job;
    size_t count = 0;
    while (results_next_job(results, &job, &err)) {
        count++;
    }
    assert_false(err_is_set(&err));
    results_free(results);
    return count;
}

static void
what_is_repeated_without_end_is_not_kept_without_end(void **state)
{
    (void)state;
    struct store *store = scene_open(STORE_WRITES);
    struct memory *memory = memory_new();
    struct draft *draft = draft_new(memory);
    struct build_row row = {.id = "a", .began_ms = SCENE_DATE};
    struct draft_params params = {
        .suite = &scene_suite, .row = &row, .learn = true};
    struct err err = {0};
    int64_t number = 0;
    char message[RESULT_MESSAGE_MAX];
    memset(message, 'm', sizeof(message));
    for (int round = 1; round <= 300000; round++) {
        draft_add_test(draft, SLICE("t"), SLICE("job"),
                       &(struct result){
                           .us = 10,
                           .tries = round,
                           .state = STATE_PASSED,
                           .message = slice_make(message, sizeof(message)),
                       });
        draft_add_job(draft, SLICE("job"),
                      &(struct result_job){.us = 10, .attempt = round});
    }
    draft_add_test(
        draft, SLICE("t"), SLICE("job"),
        &(struct result){.state = STATE_FAILED, .flags = RESULT_DECIDED});
    draft_add_job(draft, SLICE("new"), &(struct result_job){.attempt = 1});
    assert_true(draft_store(draft, store, &params, &number, &err));
    draft_free(draft);
    memory_free(memory);
    assert_int_equal(count_jobs(store, number), (1 << 18) + 1);
    store_close(store);
    assert_int_equal(scene_ask("SELECT sum(length(data)) FROM parts WHERE"
                               " kind = 1") >>
                         20,
                     32);
    assert_int_equal(scene_ask("SELECT state FROM tests"), STATE_FAILED);
}

// ---------------------------------------------------------------- last states

static void
the_last_state_is_the_last_one_that_ran(void **state)
{
    (void)state;
    scene_end("t", STATE_FAILED, 1);
    scene_end("t", STATE_NOT_RUN, 0);
    assert_int_equal(scene_ask("SELECT state FROM tests"), STATE_FAILED);
    scene_end("t", STATE_SKIPPED, 0);
    assert_int_equal(scene_ask("SELECT state FROM tests"), STATE_SKIPPED);
    assert_int_equal(scene_ask("SELECT runs FROM tests"), 1);
    assert_int_equal(scene_ask("SELECT bad FROM tests"), 1);
}

static void
an_attempt_decides_nothing(void **state)
{
    (void)state;
    struct store *store = scene_open(STORE_WRITES);
    struct memory *memory = memory_new();
    struct draft *draft = draft_new(memory);
    struct build_row row = {.id = "a", .began_ms = SCENE_DATE, .whole = true};
    struct draft_params params = {
        .suite = &scene_suite, .row = &row, .learn = true};
    struct err err = {0};
    int64_t number = 0;
    struct result first = {.us = 900,
                           .tries = 1,
                           .state = STATE_FAILED,
                           .message = SLICE("AssertionError: 1 != 2")};
    struct result last = {.us = 100,
                          .tries = 2,
                          .state = STATE_PASSED,
                          .flags = RESULT_DECIDED | RESULT_FLAKY};
    draft_add_test(draft, SLICE("t"), SLICE("job"), &first);
    draft_add_test(draft, SLICE("t"), SLICE("job"), &last);
    assert_true(draft_store(draft, store, &params, &number, &err));
    draft_free(draft);
    memory_free(memory);

    struct results *results = results_open(store, number, &err);
    struct result result;
    assert_true(results_next(results, 0, &result, &err));
    assert_int_equal(result.state, STATE_FAILED);
    assert_int_equal(result.flags, 0);
    assert_true(slice_equals_text(result.message, "AssertionError: 1 != 2"));
    assert_true(results_next(results, result.test, &result, &err));
    assert_int_equal(result.state, STATE_PASSED);
    assert_int_equal(result.tries, 2);
    assert_int_equal(result.flags, RESULT_DECIDED | RESULT_FLAKY);
    assert_false(results_next(results, 0, &result, &err));
    assert_false(results_next(results, 0, &result, &err));
    assert_false(err_is_set(&err));
    results_free(results);
    store_close(store);
    assert_int_equal(expected(), 100);
    assert_int_equal(scene_ask("SELECT flaky FROM tests"), 1);
    assert_int_equal(scene_ask("SELECT runs FROM tests"), 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 0);
}

// ---------------------------------------------------------- what is to pass

static void
a_narrow_build_in_between_forgets_nothing(void **state)
{
    (void)state;
    const struct scene_end all[] = {{"a", STATE_FAILED, 1, 0},
                                    {"b", STATE_NOT_RUN, 0, 0},
                                    {"c", STATE_PASSED, 1, 0},
                                    {"q", STATE_FAILED, 1, RESULT_QUARANTINED}};
    int64_t first =
        scene_store(&(struct scene_build){.id = "1", .ends = all, .count = 4});
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 2);
    scene_end("a", STATE_PASSED, 1);
    scene_end("c", STATE_CRASHED, 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 2);
    assert_int_equal(scene_ask("SELECT since FROM outstanding, tests"
                               " WHERE test = number AND name = 'b'"),
                     first);
    scene_end("c", STATE_SKIPPED, 1);
    scene_end("b", STATE_XFAILED, 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 0);
}

static void
a_whole_build_resolves_what_is_not_there_any_more(void **state)
{
    (void)state;
    const struct scene_end before[] = {{"gone", STATE_FAILED, 1, 0},
                                       {"stays", STATE_FAILED, 1, 0}};
    const struct scene_end after[] = {{"stays", STATE_FAILED, 1, 0}};
    struct scene_build build = {.id = "1", .ends = before, .count = 2};
    scene_store(&build);
    build = (struct scene_build){.id = "2",
                                 .shard = "1/2",
                                 .ends = after,
                                 .count = 1,
                                 .began_ms = SCENE_DATE + 1};
    scene_store(&build); // what another shard has is not gone
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 2);
    build.shard = NULL;
    build.began_ms = 5; // a clock that jumped back
    scene_store(&build);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding, tests"
                               " WHERE test = number AND name = 'stays'"),
                     1);
}

static void
what_a_later_build_saw_fail_still_is_to_pass(void **state)
{
    (void)state;
    const struct scene_end bad = {"t", STATE_FAILED, 1, 0};
    const struct scene_end fresh = {"new", STATE_FAILED, 1, 0};
    const struct scene_end good = {"t", STATE_PASSED, 1, 0};
    struct scene_build build = {
        .id = "later", .part = true, .ends = &bad, .count = 1};
    scene_store(&build);
    build.ends = &fresh;
    scene_store(&build);
    build = (struct scene_build){
        .id = "long", .began_ms = SCENE_DATE - 9, .ends = &good, .count = 1};
    build.wall_ms = SCENE_DATE + 9;
    scene_store(&build);
    build.began_ms++; // and so for another one
    scene_store(&build);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 2);
    assert_int_equal(scene_ask("SELECT state FROM tests WHERE name = 't'"),
                     STATE_FAILED);
    build.wall_ms = SCENE_DATE - 1; // the clock was ahead when it failed
    scene_store(&build);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 0);
}

// ---------------------------------------------------------------- many writers

static void
names_that_another_mule_added_meanwhile_are_the_same_tests(void **state)
{
    (void)state;
    struct memory *memory = memory_new();
    const struct scene_end mine[] = {{"t", STATE_PASSED, 2000, 0},
                                     {"mine", STATE_PASSED, 1, 0}};
    struct draft *draft = scene_draft(memory, mine, 2);
    struct build_row row = {.id = "mine", .began_ms = SCENE_DATE};
    struct draft_params params = {
        .suite = &scene_suite, .row = &row, .learn = true};
    struct err err = {0};
    int64_t number = 0;
    scene_end("theirs", STATE_PASSED, 1);
    scene_pass("theirs", 1000); // while this one ran
    struct store *store = scene_open(STORE_WRITES);
    assert_true(draft_store(draft, store, &params, &number, &err));
    draft_free(draft);
    memory_free(memory);
    store_close(store);
    assert_int_equal(scene_ask("SELECT count(*) FROM tests"), 3);
    assert_int_equal(expected(), 1300);
    assert_int_equal(scene_ask("SELECT runs FROM tests WHERE name = 't'"), 2);
}

static void
a_build_that_another_mule_stored_meanwhile_is_stored_once(void **state)
{
    (void)state;
    const struct scene_end end = {"t", STATE_PASSED, 1000, 0};
    scene_pass("a", 1000);
    for (int once = 1; once >= 0; once--) {
        struct memory *memory = memory_new();
        struct draft *draft = scene_draft(memory, &end, 1);
        struct build_row row = {.id = "a", .began_ms = SCENE_DATE};
        struct draft_params params = {
            .suite = &scene_suite, .row = &row, .once = once == 1};
        struct err err = {0};
        int64_t number = -1;
        struct store *store = scene_open(STORE_WRITES);
        assert_true(draft_store(draft, store, &params, &number, &err));
        draft_free(draft);
        memory_free(memory);
        store_close(store);
        assert_int_equal(number, once == 1 ? 0 : 2);
        assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 2 - once);
    }
}

static void
a_row_that_another_mule_forgot_comes_back_under_its_number(void **state)
{
    (void)state;
    struct memory *memory = memory_new();
    struct err err = {0};
    int64_t number = 0;
    scene_pass("a", 1000);
    scene_end("last", STATE_PASSED, 1);
    struct store *store = scene_open(STORE_WRITES);
    assert_true(memory_load(memory, store, 1, &err));
    assert_true(database_run(store_database(store),
                             "DELETE FROM tests WHERE name = 't'", &err));
    const struct scene_end mine[] = {{"t", STATE_PASSED, 70, 0}};
    struct draft *draft = scene_draft(memory, mine, 1);
    struct build_row row = {.id = "b", .began_ms = SCENE_DATE};
    struct draft_params params = {
        .suite = &scene_suite, .row = &row, .learn = true};
    assert_true(draft_store(draft, store, &params, &number, &err));
    draft_free(draft);
    memory_free(memory);
    store_close(store);
    assert_int_equal(expected(), 70);
    assert_int_equal(scene_ask("SELECT count(*) FROM tests"), 2);
}

static void
two_suites_do_not_mix(void **state)
{
    (void)state;
    char folder[] = "sub";
    const struct suite_key other = {folder, scene_words};
    const struct scene_end end = {"t", STATE_FAILED, 70, 0};
    scene_pass("a", 1000);
    scene_store(&(struct scene_build){
        .id = "b", .suite = &other, .ends = &end, .count = 1});
    assert_int_equal(scene_ask("SELECT count(*) FROM tests"), 2);
    assert_int_equal(scene_ask("SELECT us FROM tests ORDER BY number"), 1000);
    scene_pass("c", 1000); // whole, and says nothing of the other suite
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 1);
}

static void
what_is_only_taken_over_changes_nothing_that_is_known(void **state)
{
    (void)state;
    const struct scene_end ends[] = {{"t", STATE_FAILED, 70, 0},
                                     {"new", STATE_PASSED, 5, 0}};
    scene_pass("a", 1000);
    scene_store(&(struct scene_build){
        .id = "old", .keep = true, .ends = ends, .count = 2});
    assert_int_equal(expected(), 1000);
    assert_int_equal(scene_ask("SELECT us FROM tests WHERE name = 'new'"), 5);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 0);
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 2);
}

static void
what_is_taken_over_and_nobody_saw_since_is_to_pass(void **state)
{
    (void)state;
    const struct scene_end mine = {"mine", STATE_PASSED, 1, 0};
    const struct scene_end bad = {"t", STATE_FAILED, 70, 0};
    const struct scene_end good = {"t", STATE_PASSED, 70, 0};
    scene_store(&(struct scene_build){
        .id = "here", .part = true, .ends = &mine, .count = 1});
    struct scene_build build = {
        .id = "old", .keep = true, .ends = &bad, .count = 1};
    build.began_ms = SCENE_DATE - 2;
    scene_store(&build);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 1);
    build.ends = &good;
    build.began_ms = SCENE_DATE - 3; // passed before that
    scene_store(&build);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 1);
    build.began_ms = SCENE_DATE - 1;
    scene_store(&build);
    assert_int_equal(scene_ask("SELECT count(*) FROM outstanding"), 0);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(what_is_taken_over_and_nobody_saw_since_is_to_pass),
    IN_FOLDER(what_passed_is_a_moving_mean),
    IN_FOLDER(a_failure_counts_only_while_nothing_passed),
    IN_FOLDER(what_was_cut_off_takes_at_least_that_long),
    IN_FOLDER(what_did_not_run_says_nothing_of_time),
    IN_FOLDER(nothing_and_more_than_a_year_are_taken_as_they_are),
    IN_FOLDER(a_database_that_lies_is_not_believed),
    IN_FOLDER(a_job_is_what_it_takes_beside_its_tests),
    IN_FOLDER(what_is_repeated_without_end_is_not_kept_without_end),
    IN_FOLDER(the_last_state_is_the_last_one_that_ran),
    IN_FOLDER(an_attempt_decides_nothing),
    IN_FOLDER(a_narrow_build_in_between_forgets_nothing),
    IN_FOLDER(a_whole_build_resolves_what_is_not_there_any_more),
    IN_FOLDER(what_a_later_build_saw_fail_still_is_to_pass),
    IN_FOLDER(names_that_another_mule_added_meanwhile_are_the_same_tests),
    IN_FOLDER(a_build_that_another_mule_stored_meanwhile_is_stored_once),
    IN_FOLDER(a_row_that_another_mule_forgot_comes_back_under_its_number),
    IN_FOLDER(two_suites_do_not_mix),
    IN_FOLDER(what_is_only_taken_over_changes_nothing_that_is_known),
};

CHECK_MAIN(tests)
