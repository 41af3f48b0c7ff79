#include "run_scene.h"

/* A run of two classes that gives each item so many retries. */
static struct scene *
retrying(uint32_t slots, uint32_t retries)
{
    struct scene *scene = scene_new(slots);
    struct run_params params = scene_params(scene);

    scene->settings.retries = retries;
    scene->settings.retry_delay_ms = 0;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    return scene;
}

/* Until the job that waits for its retry is given out. */
static void
wait_for(struct scene *scene, const char *job)
{
    while (!scene_runs(scene, job)) {
        stage_turn(&scene->stage);
    }
}

/* A test that was kept from running by a fixture. */
static void
keep_out(struct scene *scene, const char *job, const char *id)
{
    const struct order *order = &scene_order(scene, job)->order;
    struct outcome outcome = {.state = STATE_NOT_RUN,
                              .reason = SLICE("its fixture failed")};
    struct order_result result = {
        .job = order->job,
        .attempt = order->attempt,
        .item = scene_item(scene, id),
        .outcome = &outcome,
    };

    scene->events->on_result(scene->run, &result);
}

static bool
is_flaky(const struct scene *scene, const char *id)
{
    return scene_told(scene, EVENT_TEST_FINISHED, id)->flaky;
}

static void
what_failed_runs_again_alone_and_is_flaky_if_it_passes(void **state)
{
    struct scene *scene = retrying(1, 1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    assert_int_equal(scene->drains, 0);
    wait_for(scene, "m.A");
    const struct order *order = &scene_order(scene, "m.A")->order;
    assert_int_equal(items_peek_job(scene->items, order->job)->count, 1);
    assert_int_equal(order->tries, 1);
    assert_int_equal(order->avoid, 1);
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    assert_true(is_flaky(scene, "m.A.test_1"));
    assert_false(is_flaky(scene, "m.A.test_2"));
    assert_int_equal(scene_count(scene, EVENT_TEST_ATTEMPT), 1);
    scene_end(scene, 0);
}

static void
a_run_that_stops_decides_what_waits_by_its_last_outcome(void **state)
{
    struct scene *scene = retrying(1, 3);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    run_stop(scene->run, STOP_ASKED, false);
    scene_drained(scene);
    scene_says(scene, "m.A.test_1", STATE_FAILED, "it is wrong");
    scene_end(scene, 2);
}

static void
a_stop_in_the_middle_of_a_retry_keeps_the_failure(void **state)
{
    struct scene *scene = retrying(1, 1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    wait_for(scene, "m.A");
    scene_begin(scene, "m.A", "m.A.test_1");
    run_stop(scene->run, STOP_INTERRUPTED, false);
    scene_give_back(scene);
    scene_drained(scene);
    scene_says(scene, "m.A.test_1", STATE_FAILED, "it is wrong");
    scene_end(scene, 2);
}

static void
a_second_result_is_no_second_retry(void **state)
{
    struct scene *scene = retrying(1, 2);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    assert_int_equal(scene_count(scene, EVENT_TEST_ATTEMPT), 1);
    wait_for(scene, "m.A");
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    assert_int_equal(scene->given, 2);
    scene_end(scene, 0);
}

static void
a_job_that_is_lost_does_not_run_again_what_failed_in_it(void **state)
{
    struct scene *scene = retrying(1, 1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "its worker died");
    assert_true(scene_runs(scene, "m.A"));
    const struct order *order = &scene_order(scene, "m.A")->order;
    uint32_t job = order->job;
    assert_int_equal(order->attempt, 2);
    assert_false(items_is_due(scene->items, scene_item(scene, "m.A.test_1")));
    assert_true(items_is_due(scene->items, scene_item(scene, "m.A.test_2")));
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    wait_for(scene, "m.A");
    assert_int_not_equal(scene_order(scene, "m.A")->order.job, job);
    // A retry starts with no losses: one does not give it up.
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "its worker died");
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_end(scene, 0);
}

static void
what_is_lost_for_good_may_be_retried(void **state)
{
    struct scene *scene = retrying(1, 1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "its worker died");
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "its worker died");
    wait_for(scene, "m.A");
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    assert_true(is_flaky(scene, "m.A.test_2"));
    scene_end(scene, 0);
}

static void
a_crash_splits_what_never_ran_from_what_runs_again(void **state)
{
    struct scene *scene = retrying(2, 1);

    (void)state;
    scene_begin(scene, "m.A", "m.A.test_1");
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_1"),
               .end = ORDER_CRASHED, .status = 11);
    assert_true(scene_runs(scene, "m.A")); // at once: what never ran
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    wait_for(scene, "m.A");
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    assert_int_equal(scene->given, 3);
    assert_true(is_flaky(scene, "m.A.test_1"));
    scene_end(scene, 0);
}

static void
a_fixture_is_settled_by_the_retry_of_its_tests(void **state)
{
    struct scene *scene = retrying(1, 2);

    (void)state;
    scene_appear(scene, "m.A", "setUpClass (m.A)", false, STATE_ERROR);
    keep_out(scene, "m.A", "m.A.test_1");
    keep_out(scene, "m.A", "m.A.test_2");
    SCENE_DONE(scene, "m.A");
    wait_for(scene, "m.A");
    // It fails again: that is its next attempt, and no other item.
    scene_appear(scene, "m.A", "setUpClass (m.A)", false, STATE_ERROR);
    keep_out(scene, "m.A", "m.A.test_1");
    keep_out(scene, "m.A", "m.A.test_2");
    SCENE_DONE(scene, "m.A");
    assert_int_equal(items_count(scene->items), 3);
    wait_for(scene, "m.A");
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_has_state(scene, "setUpClass (m.A)", STATE_PASSED);
    assert_true(is_flaky(scene, "setUpClass (m.A)"));
    assert_false(is_flaky(scene, "m.A.test_1"));
    scene_end(scene, 0);
}

static void
a_fixture_whose_tests_still_do_not_run_has_not_passed(void **state)
{
    struct scene *scene = retrying(1, 1);

    (void)state;
    scene_appear(scene, "m.A", "setUpClass (m.A)", false, STATE_ERROR);
    keep_out(scene, "m.A", "m.A.test_1");
    keep_out(scene, "m.A", "m.A.test_2");
    SCENE_DONE(scene, "m.A");
    wait_for(scene, "m.A");
    keep_out(scene, "m.A", "m.A.test_1");
    keep_out(scene, "m.A", "m.A.test_2");
    SCENE_DONE(scene, "m.A");
    scene_has_state(scene, "setUpClass (m.A)", STATE_ERROR);
    scene_has_state(scene, "m.A.test_1", STATE_NOT_RUN);
    scene_end(scene, 1);
}

static void
a_fixture_that_cleans_up_has_nothing_to_run_again_for(void **state)
{
    struct scene *scene = retrying(1, 1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    scene_appear(scene, "m.A", "tearDownClass (m.A)", false, STATE_ERROR);
    SCENE_DONE(scene, "m.A");
    assert_int_equal(scene->given, 1);
    scene_has_state(scene, "tearDownClass (m.A)", STATE_ERROR);
    scene_end(scene, 1);
}

static void
points_of_one_name_are_told_apart_in_a_retry(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    params.commands = true;
    scene->settings.tap = true;
    scene->settings.retries = 1;
    scene->settings.retry_delay_ms = 0;
    scene_open(scene, &params);
    scene_job_of(
        scene, &(struct job_params){.name = SLICE("a.t"), .kind = JOB_COMMAND},
        "a.t", NULL);
    scene_collected(scene, NULL);
    scene_appear(scene, "a.t", "a.t: it", true, STATE_PASSED);
    scene_appear(scene, "a.t", "a.t: it", false, STATE_FAILED);
    SCENE_DONE(scene, "a.t");
    wait_for(scene, "a.t");
    scene_appear(scene, "a.t", "a.t: it", true, STATE_PASSED);
    scene_appear(scene, "a.t", "a.t: it", false, STATE_PASSED);
    SCENE_DONE(scene, "a.t");
    assert_false(is_flaky(scene, "a.t: it"));
    assert_true(is_flaky(scene, "a.t: it#2"));
    scene_end(scene, 0);
}

static void
a_stop_before_its_points_come_again_leaves_no_program(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    params.commands = true;
    scene->settings.tap = true;
    scene->settings.retries = 1;
    scene_open(scene, &params);
    scene_job_of(
        scene, &(struct job_params){.name = SLICE("a.t"), .kind = JOB_COMMAND},
        "a.t", NULL);
    scene_collected(scene, NULL);
    scene_appear(scene, "a.t", "a.t: it", true, STATE_FAILED);
    SCENE_DONE(scene, "a.t");
    run_stop(scene->run, STOP_ASKED, false);
    scene_drained(scene);
    scene_has_state(scene, "a.t: it", STATE_FAILED);
    assert_int_equal(scene->tally.selected, 1);
    scene_end(scene, 2);
}

static void
a_budget_is_spent_by_items_and_then_all_is_final(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.retries = 1;
    scene->settings.retry_delay_ms = 0;
    scene->settings.retry_share = 1; // 0.01 %: one at least
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    scene_result(scene, "m.A", "m.A.test_2", STATE_FAILED);
    SCENE_DONE(scene, "m.A");
    scene_has_state(scene, "m.A.test_2", STATE_FAILED);
    assert_int_equal(scene_count(scene, EVENT_NOTE), 1);
    wait_for(scene, "m.A");
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_end(scene, 1);
}

static void
rounds_reuse_the_job(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.repeat = 3;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    uint32_t jobs = items_job_count(scene->items);
    for (int round = 1; round <= 3; round++) {
        assert_int_equal(scene_order(scene, "m.A")->order.attempt, round);
        assert_int_equal(scene_order(scene, "m.A")->order.tries, round - 1);
        scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
        scene_result(scene, "m.A", "m.A.test_2",
                     round == 2 ? STATE_SKIPPED : STATE_PASSED);
        SCENE_DONE(scene, "m.A");
        if (round == 2) {
            scene_has_state(scene, "m.A.test_2", STATE_SKIPPED);
            break;
        }
    }
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    assert_int_equal(items_job_count(scene->items), jobs);
    assert_int_equal(scene->tally.retried, 0);
    scene_end(scene, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_failed_runs_again_alone_and_is_flaky_if_it_passes),
    cmocka_unit_test(a_run_that_stops_decides_what_waits_by_its_last_outcome),
    cmocka_unit_test(a_stop_in_the_middle_of_a_retry_keeps_the_failure),
    cmocka_unit_test(a_second_result_is_no_second_retry),
    cmocka_unit_test(a_job_that_is_lost_does_not_run_again_what_failed_in_it),
    cmocka_unit_test(what_is_lost_for_good_may_be_retried),
    cmocka_unit_test(a_crash_splits_what_never_ran_from_what_runs_again),
    cmocka_unit_test(a_fixture_is_settled_by_the_retry_of_its_tests),
    cmocka_unit_test(a_fixture_whose_tests_still_do_not_run_has_not_passed),
    cmocka_unit_test(a_fixture_that_cleans_up_has_nothing_to_run_again_for),
    cmocka_unit_test(points_of_one_name_are_told_apart_in_a_retry),
    cmocka_unit_test(a_stop_before_its_points_come_again_leaves_no_program),
    cmocka_unit_test(a_budget_is_spent_by_items_and_then_all_is_final),
    cmocka_unit_test(rounds_reuse_the_job),
};

CHECK_MAIN(tests)
