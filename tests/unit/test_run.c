#include "run_scene.h"

/* A run of two classes of two tests each. */
static struct scene *
two_classes(uint32_t slots)
{
    struct scene *scene = scene_begun(slots);

    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_job(scene, "m.B", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    return scene;
}

static void
pass_class(struct scene *scene, const char *job)
{
    char id[64];

    for (int i = 1; i <= 2; i++) {
        snprintf(id, sizeof(id), "%s.test_%d", job, i);
        if (items_peek(scene->items, scene_item(scene, id))->state ==
            STATE_NONE) {
            scene_result(scene, job, id, STATE_PASSED);
        }
    }
    SCENE_DONE(scene, job);
}

// --------------------------------------------------------- all is well

static void
a_run_in_which_all_passes_ends_with_0(void **state)
{
    struct scene *scene = two_classes(2);

    (void)state;
    assert_int_equal(scene->orders.count, 2);
    pass_class(scene, "m.B");
    pass_class(scene, "m.A");
    assert_int_equal(scene->cancels, 0);
    scene_end(scene, 0);
}

static void
jobs_wait_for_room_in_the_order_they_were_collected(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    assert_true(scene_runs(scene, "m.A"));
    assert_false(scene_runs(scene, "m.B"));
    pass_class(scene, "m.A");
    assert_true(scene_runs(scene, "m.B"));
    pass_class(scene, "m.B");
    scene_end(scene, 0);
}

static void
more_room_is_used_when_it_is_told(void **state)
{
    struct scene *scene = scene_begun(0);

    (void)state;
    scene_job(scene, "m.A", ".test_1");
    scene_collected(scene, NULL);
    assert_int_equal(scene->given, 0);
    scene->slots = 1;
    scene->events->on_room(scene->run);
    assert_int_equal(scene->given, 1);
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_end(scene, 0);
}

static void
what_failed_makes_it_1_and_says_how_to_run_it_again(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_begin(scene, "m.A", "m.A.test_1");
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_says(scene, "m.A.test_1", STATE_FAILED, "it is wrong");
    assert_string_equal(
        scene_told(scene, EVENT_TEST_FINISHED, "m.A.test_1")->rerun,
        "mule test m.A.test_1");
    assert_string_equal(
        scene_told(scene, EVENT_TEST_FINISHED, "m.A.test_2")->rerun, "");
    assert_int_equal(scene_count(scene, EVENT_TEST_STARTED), 1);
    scene_end(scene, 1);
}

static void
each_job_is_told_when_it_begins_and_ends(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene->events->on_job_begin(scene->run, &(struct order_begin){
                                                .job = 0,
                                                .attempt = 1,
                                                .process = 1,
                                            });
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    assert_int_equal(scene_told(scene, EVENT_JOB_STARTED, "m.A")->attempt, 1);
    scene_told(scene, EVENT_JOB_FINISHED, "m.B");
    scene_end(scene, 0);
}

static void
nothing_selected_is_5(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_collected(scene, NULL);
    assert_true(run_nothing_selected(scene->run));
    scene_end(scene, 5);
}

static void
what_is_excluded_does_not_run(void **state)
{
    struct scene *scene = scene_new(2);
    struct run_params params = scene_params(scene);

    (void)state;
    texts_add(&scene->settings.exclude, "m.B");
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_job(scene, "m.B", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    assert_int_equal(scene->given, 1);
    pass_class(scene, "m.A");
    assert_int_equal(scene->tally.selected, 0); // not told yet
    scene_end(scene, 0);
}

static void
a_list_runs_nothing(void **state)
{
    struct scene *scene = scene_new(2);
    struct run_params params = scene_params(scene);

    (void)state;
    params.list_only = true;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_collected(scene, NULL);
    scene_drained(scene);
    assert_int_equal(scene->status, 0);
    assert_int_equal(scene->given, 0);
    assert_int_equal(scene_count(scene, EVENT_TEST_FINISHED), 0);
    assert_int_equal(items_count(scene->items), 1);
    scene_free(scene);
}

static void
jobs_that_want_to_be_alone_go_last_and_one_by_one(void **state)
{
    struct scene *scene = scene_begun(4);

    (void)state;
    for (int i = 0; i < 2; i++) {
        scene_job_of(
            scene,
            &(struct job_params){.name = i == 0 ? SLICE("m.X") : SLICE("m.Y"),
                                 .flags = JOB_ALONE},
            ".test_1", NULL);
    }
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    assert_int_equal(scene->orders.count, 1);
    pass_class(scene, "m.A");
    assert_int_equal(scene->orders.count, 1);
    scene_result(scene, "m.X", "m.X.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.X");
    assert_int_equal(scene->orders.count, 1);
    scene_result(scene, "m.Y", "m.Y.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.Y");
    scene_end(scene, 0);
}

static void
under_test_isolation_each_test_is_a_job(void **state)
{
    struct scene *scene = scene_new(4);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.isolation = ISOLATION_TEST;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_job_of(scene,
                 &(struct job_params){.name = SLICE("m.S"), .kind = JOB_SUITE},
                 ".test_1", ".test_2", NULL);
    scene_collected(scene, NULL);
    assert_int_equal(scene->orders.count, 3);
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    pass_class(scene, "m.S");
    scene_end(scene, 0);
}

// ------------------------------------------------------ how a process ends

static void
a_crash_is_final_for_its_item_and_the_rest_runs_again(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_begin(scene, "m.A", "m.A.test_1");
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_1"),
               .end = ORDER_CRASHED, .status = 11,
               .err.head = SLICE("last words"));
    scene_says(scene, "m.A.test_1", STATE_CRASHED, "killed by signal 11");
    assert_string_equal(
        scene_told(scene, EVENT_TEST_FINISHED, "m.A.test_1")->out,
        "last words");
    assert_true(scene_runs(scene, "m.A"));
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
a_crash_between_tests_is_an_error_of_the_process(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_END(scene, "m.A", .end = ORDER_CRASHED, .status = 3 << 8);
    scene_says(scene, "process (m.A)", STATE_CRASHED, "exited with status 3");
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    pass_class(scene, "m.B");
    assert_int_equal(scene->given, 3);
    scene_end(scene, 1);
}

static void
a_crash_before_the_first_test_does_not_come_back_for_ever(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    SCENE_END(scene, "m.A", .end = ORDER_CRASHED, .status = 9);
    scene_has_state(scene, "process (m.A)", STATE_CRASHED);
    scene_says(scene, "m.A.test_1", STATE_NOT_RUN, "before it began");
    scene_says(scene, "m.A.test_2", STATE_NOT_RUN, "before it began");
    assert_true(scene_runs(scene, "m.B"));
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
the_limit_of_an_item_ends_it_and_the_rest_runs_again(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_1"),
               .end = ORDER_TIMEOUT, .status = 9, .problem = "took too long");
    scene_says(scene, "m.A.test_1", STATE_TIMEOUT, "took too long");
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
the_limit_of_a_job_ends_all_of_it(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_1"),
               .end = ORDER_TIMEOUT, .status = 9, .job_limit = true,
               .problem = "took too long");
    scene_has_state(scene, "m.A.test_1", STATE_TIMEOUT);
    scene_says(scene, "m.A.test_2", STATE_NOT_RUN, "the time of its job");
    assert_false(scene_runs(scene, "m.A"));
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
a_breach_is_an_error_of_the_item_that_ran(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_1"),
               .end = ORDER_BREACH, .problem = "it greeted twice");
    scene_says(scene, "m.A.test_1", STATE_ERROR, "it greeted twice");
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
a_breach_between_tests_is_an_error_of_the_process(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_END(scene, "m.A", .end = ORDER_BREACH, .problem = "garbage");
    scene_says(scene, "process (m.A)", STATE_ERROR, "garbage");
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
what_is_lost_once_runs_again_as_another_attempt(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "it vanished");
    assert_int_equal(scene_order(scene, "m.A")->order.attempt, 2);
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 0);
}

static void
what_is_lost_twice_is_given_up(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "it vanished");
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "it vanished");
    scene_says(scene, "m.A.test_2", STATE_LOST, "it vanished");
    assert_false(scene_runs(scene, "m.A"));
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
a_result_that_never_comes_is_an_error(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_says(scene, "m.A.test_1", STATE_ERROR, "no result came");
    pass_class(scene, "m.B");
    assert_int_equal(scene->given, 2);
    scene_end(scene, 1);
}

static void
what_a_worker_leaves_for_the_next_one_runs_there(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    SCENE_END(scene, "m.A", .end = ORDER_DONE, .left = true);
    assert_true(scene_runs(scene, "m.A"));
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

static void
a_job_that_is_given_back_undone_is_an_error(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    SCENE_END(scene, "m.A", .end = ORDER_DONE, .left = true);
    scene_says(scene, "m.A.test_1", STATE_ERROR, "unfinished");
    assert_false(scene_runs(scene, "m.A"));
    pass_class(scene, "m.B");
    scene_end(scene, 1);
}

// --------------------------------------------------- what does not count

static void
a_second_result_is_counted_and_changes_nothing(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    scene_result(scene, "m.A", "m.A.test_1", STATE_FAILED);
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_drained(scene);
    assert_int_equal(scene->tally.late, 1);
    scene_end(scene, 0);
}

static void
a_result_of_a_superseded_attempt_is_late(void **state)
{
    struct scene *scene = two_classes(1);
    struct order first = scene_order(scene, "m.A")->order;

    (void)state;
    SCENE_END(scene, "m.A", .end = ORDER_LOST);
    scene_say(scene, first.job, first.attempt, "m.A.test_1", STATE_FAILED);
    pass_class(scene, "m.A");
    scene_say(scene, first.job, first.attempt, "m.A.test_2", STATE_FAILED);
    pass_class(scene, "m.B");
    scene_drained(scene);
    assert_int_equal(scene->tally.late, 2);
    scene_end(scene, 0);
}

static void
a_result_after_the_crash_of_its_job_is_late(void **state)
{
    struct scene *scene = two_classes(1);
    struct order first = scene_order(scene, "m.A")->order;

    (void)state;
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_1"),
               .end = ORDER_CRASHED, .status = 11);
    scene_say(scene, first.job, first.attempt, "m.A.test_1", STATE_PASSED);
    scene_say(scene, first.job, first.attempt, "m.A.test_2", STATE_FAILED);
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_drained(scene);
    scene_has_state(scene, "m.A.test_1", STATE_CRASHED);
    scene_has_state(scene, "m.A.test_2", STATE_PASSED);
    assert_int_equal(scene->tally.late, 2);
    scene_end(scene, 1);
}

static void
a_result_for_an_item_of_another_job_is_dropped(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.B.test_1", STATE_FAILED);
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 0);
}

// ----------------------------------------------------- items that appear

static struct scene *
one_program(void)
{
    struct scene *scene = scene_begun(1);

    scene_job_of(
        scene, &(struct job_params){.name = SLICE("a.t"), .kind = JOB_COMMAND},
        "a.t", NULL);
    scene_collected(scene, NULL);
    return scene;
}

static void
the_points_of_a_program_stand_for_it(void **state)
{
    struct scene *scene = one_program();

    (void)state;
    scene_appear(scene, "a.t", "a.t: one", true, STATE_PASSED);
    scene_appear(scene, "a.t", "a.t: two", false, STATE_FAILED);
    SCENE_DONE(scene, "a.t");
    scene_drained(scene);
    assert_int_equal(scene->tally.selected, 2);
    assert_string_equal(
        scene_told(scene, EVENT_TEST_FINISHED, "a.t: two")->rerun,
        "mule test a.t");
    scene_end(scene, 1);
}

static void
a_program_that_crashes_after_its_points_is_blamed(void **state)
{
    struct scene *scene = one_program();
    uint32_t item = scene_item(scene, "a.t");

    (void)state;
    scene_appear(scene, "a.t", "a.t: one", true, STATE_PASSED);
    SCENE_DIES(scene, "a.t", item, .end = ORDER_TIMEOUT, .job_limit = true,
               .problem = "took too long");
    scene_says(scene, "process (a.t)", STATE_TIMEOUT, "took too long");
    scene_end(scene, 1);
}

static void
a_fixture_that_fails_is_an_item_beside_the_others(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_appear(scene, "m.A", "setUpClass (m.A)", false, STATE_ERROR);
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_drained(scene);
    assert_int_equal(scene->tally.selected, 5);
    scene_end(scene, 1);
}

static void
a_program_that_bails_out_stops_the_others(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene->events->on_bail(scene->run, 0, SLICE("no database"));
    assert_int_equal(scene->cancels, 1);
    scene_give_back(scene);
    scene_drained(scene);
    scene_says(scene, "m.A.test_1", STATE_NOT_RUN, "bailed out: no database");
    scene_says(scene, "m.B.test_2", STATE_NOT_RUN, "bailed out: no database");
    assert_int_equal(scene->stop, STOP_BAILED);
    scene_end(scene, 1);
}

// ------------------------------------------------------------- stopping

static void
a_run_that_is_stopped_ends_what_runs_and_names_the_rest(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    run_stop(scene->run, STOP_ASKED, false);
    assert_int_equal(scene->cancels, 1);
    assert_int_equal(scene->cancels_now, 0);
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_2"),
               .end = ORDER_CANCELLED,
               .problem = "the run was stopped while it ran");
    assert_int_equal(scene->orders.count, 0);
    scene_drained(scene);
    scene_has_state(scene, "m.A.test_1", STATE_PASSED);
    scene_says(scene, "m.A.test_2", STATE_NOT_RUN, "while it ran");
    scene_says(scene, "m.B.test_1", STATE_NOT_RUN, "stopped by the user");
    scene_end(scene, 2);
}

static void
a_second_stop_is_without_grace(void **state)
{
    struct scene *scene = two_classes(2);

    (void)state;
    run_stop(scene->run, STOP_INTERRUPTED, false);
    run_stop(scene->run, STOP_INTERRUPTED, true);
    assert_int_equal(scene->cancels, 2);
    assert_int_equal(scene->cancels_now, 1);
    scene_give_back(scene);
    run_stop(scene->run, STOP_INTERRUPTED, true); // while it drains
    assert_int_equal(scene->cancels_now, 2);
    scene_drained(scene);
    run_stop(scene->run, STOP_INTERRUPTED, true); // when it is over
    assert_int_equal(scene->stop, STOP_INTERRUPTED);
    scene_end(scene, 2);
}

static void
what_still_passes_after_a_stop_counts(void **state)
{
    struct scene *scene = two_classes(2);

    (void)state;
    run_stop(scene->run, STOP_ASKED, false);
    pass_class(scene, "m.A");
    scene_give_back(scene);
    scene_has_state(scene, "m.A.test_1", STATE_PASSED);
    scene_end(scene, 2);
}

static void
a_crash_after_a_stop_does_not_run_again(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    run_stop(scene->run, STOP_ASKED, false);
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_1"),
               .end = ORDER_CRASHED, .status = 15);
    assert_int_equal(scene->orders.count, 0);
    scene_has_state(scene, "m.A.test_1", STATE_CRASHED);
    scene_end(scene, 2);
}

static void
a_loss_after_a_stop_does_not_run_again(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    run_stop(scene->run, STOP_ASKED, false);
    SCENE_END(scene, "m.A", .end = ORDER_LOST);
    assert_int_equal(scene->given, 1);
    scene_end(scene, 2);
}

static void
a_stop_while_collecting_runs_nothing(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_job(scene, "m.A", ".test_1");
    run_stop(scene->run, STOP_ASKED, false);
    scene_collected(scene, NULL); // too late
    assert_int_equal(scene->drains, 1);
    scene_end(scene, 2);
}

static void
failfast_stops_at_the_first_that_is_bad(void **state)
{
    struct scene *scene = scene_new(2);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.max_fail = 1;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_job(scene, "m.B", ".test_1", ".test_2");
    scene_job(scene, "m.C", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    scene_result(scene, "m.A", "m.A.test_1", STATE_SKIPPED);
    assert_int_equal(scene->cancels, 0);
    scene_result(scene, "m.B", "m.B.test_1", STATE_FAILED);
    assert_int_equal(scene->cancels, 1);
    scene_give_back(scene);
    assert_int_equal(scene->given, 2);
    scene_drained(scene);
    scene_says(scene, "m.C.test_1", STATE_NOT_RUN, "after a failure");
    assert_int_equal(scene->stop, STOP_FAILURES);
    scene_end(scene, 1);
}

static void
with_wait_what_runs_at_the_last_failure_may_end(void **state)
{
    struct scene *scene = scene_begun(2);

    (void)state;
    scene->settings.max_fail = 1;
    scene->settings.max_fail_wait = true;
    scene_job(scene, "pkg.A", ".test_x");
    scene_job(scene, "pkg.B", ".test_x");
    scene_job(scene, "pkg.C", ".test_x");
    scene_collected(scene, NULL);
    scene_result(scene, "pkg.A", "pkg.A.test_x", STATE_FAILED);
    SCENE_DONE(scene, "pkg.A");
    assert_int_equal(scene->cancels, 0);
    assert_int_equal(scene->recalls, 1);
    assert_false(scene_runs(scene, "pkg.C"));
    scene_result(scene, "pkg.B", "pkg.B.test_x", STATE_PASSED);
    SCENE_DONE(scene, "pkg.B");
    scene_drained(scene);
    scene_has_state(scene, "pkg.B.test_x", STATE_PASSED);
    scene_has_state(scene, "pkg.C.test_x", STATE_NOT_RUN);
    scene_end(scene, 1);
}

static void
max_fail_counts_every_kind_of_bad_end(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.max_fail = 2;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2", ".test_3");
    scene_job(scene, "m.B", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    scene_result(scene, "m.A", "m.A.test_1", STATE_XPASSED);
    SCENE_DIES(scene, "m.A", scene_item(scene, "m.A.test_2"),
               .end = ORDER_CRASHED, .status = 11);
    assert_int_equal(scene->orders.count, 0);
    assert_int_equal(scene->given, 1);
    assert_int_equal(scene->drains, 1);
    scene_end(scene, 1);
}

static void
a_run_has_a_time_of_its_own(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.max_time_ms = 1;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_collected(scene, NULL);
    while (scene->cancels == 0) {
        stage_turn(&scene->stage);
    }
    scene_give_back(scene);
    scene_drained(scene);
    scene_says(scene, "m.A.test_1", STATE_NOT_RUN, "the time of the run");
    scene_end(scene, 2);
}

static void
a_pause_is_passed_on(void **state)
{
    struct scene *scene = two_classes(1);

    (void)state;
    run_pause(scene->run, true);
    run_pause(scene->run, false);
    assert_int_equal(scene->pauses, 1);
    assert_int_equal(scene->resumes, 1);
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_end(scene, 0);
}

static void
a_place_that_breaks_down_is_3_and_names_what_did_not_run(void **state)
{
    struct scene *scene = two_classes(1);
    struct err err = {0};

    (void)state;
    pass_class(scene, "m.A");
    err_set(&err, ERR_SPAWN, "no process can be started");
    scene->events->on_broken(scene->run, &err);
    assert_int_equal(scene->cancels_now, 1);
    scene_give_back(scene);
    scene_drained(scene);
    scene_has_state(scene, "m.A.test_1", STATE_PASSED);
    scene_says(scene, "m.B.test_2", STATE_NOT_RUN, "could not go on");
    assert_string_equal(run_error(scene->run)->text,
                        "no process can be started");
    scene_end(scene, 3);
}

static void
the_first_reason_not_to_go_on_is_kept(void **state)
{
    struct scene *scene = two_classes(1);
    struct err first = {0};
    struct err second = {0};

    (void)state;
    err_set(&first, ERR_SPAWN, "first");
    err_set(&second, ERR_SPAWN, "second");
    scene->events->on_broken(scene->run, &first);
    scene->events->on_broken(scene->run, &second);
    scene_give_back(scene);
    assert_string_equal(run_error(scene->run)->text, "first");
    scene_end(scene, 3);
}

static void
what_is_slow_or_leaked_or_noted_is_told(void **state)
{
    struct scene *scene = two_classes(1);
    struct event_leak leak = {
        .job = "m.A", .id = "", .pid = 4711, .command = "sleep"};

    (void)state;
    scene->events->on_slow(scene->run, 0, scene_item(scene, "m.A.test_1"), 0,
                           60000000);
    scene->events->on_leak(scene->run, &leak);
    scene->events->on_note(scene->run, NOTE_INFO, "look here", NULL);
    scene_told(scene, EVENT_TEST_SLOW, "m.A.test_1");
    scene_told(scene, EVENT_NOTE, "look here");
    assert_int_equal(scene_count(scene, EVENT_LEAKED), 1);
    pass_class(scene, "m.A");
    pass_class(scene, "m.B");
    scene_drained(scene);
    assert_int_equal(scene->tally.leaks, 1);
    scene_end(scene, 0);
}

// ----------------------------------------------------------- collecting

static void
an_unknown_label_is_4_and_names_the_nearest(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_unknown(scene, "m.Carrt");
    scene_collected(scene, NULL);
    assert_int_equal(scene->collections, 2);
    assert_true(scene->everything);
    scene_job(scene, "m.Cart", ".test_1");
    scene_collected(scene, NULL);
    assert_string_equal(run_error(scene->run)->text,
                        "label \"m.Carrt\" matches nothing; did you mean "
                        "\"m.Cart\"?");
    scene_end(scene, 4);
}

static void
an_adapter_that_knows_what_was_meant_is_not_asked_for_everything(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_unknown_because(scene, "m.Carrt",
                          "m has no Carrt; did you mean m.Cart?");
    scene_collected(scene, NULL);
    assert_int_equal(scene->collections, 1);
    assert_string_equal(run_error(scene->run)->text,
                        "label \"m.Carrt\" matches nothing: m has no Carrt; "
                        "did you mean m.Cart?");
    scene_end(scene, 4);
}

static void
an_unknown_label_with_nothing_near_says_why(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_unknown(scene, "m.Cart");
    scene_unknown(scene, "another");
    scene_collected(scene, NULL);
    scene_collected(scene, NULL);
    assert_string_equal(run_error(scene->run)->text,
                        "label \"m.Cart\" matches nothing: no such test");
    scene_end(scene, 4);
}

static void
a_collection_that_failed_is_3(void **state)
{
    struct scene *scene = scene_begun(1);
    struct err err = {0};

    (void)state;
    scene_job(scene, "m.A", ".test_1");
    err_set(&err, ERR_SPAWN, "no interpreter");
    scene_collected(scene, &err);
    assert_string_equal(run_error(scene->run)->text, "no interpreter");
    scene_end(scene, 3);
}

static void
modules_and_notes_are_told_once(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_module(scene, "m");
    scene_collecting(scene)->on_note(scene->collecting_ctx, NOTE_INFO, "hello",
                                     NULL);
    scene_unknown(scene, "x");
    scene_collected(scene, NULL);
    scene_module(scene, "m");
    scene_collected(scene, NULL);
    assert_int_equal(scene_count(scene, EVENT_COLLECTING), 1);
    scene_told(scene, EVENT_NOTE, "hello");
    scene_end(scene, 4);
}

static void
a_module_that_cannot_be_loaded_is_an_item(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_broken(scene, "bad", "loading bad ended the process", "boom");
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    scene_says(scene, "import (bad)", STATE_ERROR, "ended the process");
    assert_string_equal(
        scene_told(scene, EVENT_TEST_FINISHED, "import (bad)")->out, "boom");
    pass_class(scene, "m.A");
    assert_int_equal(scene->given, 1);
    scene_end(scene, 1);
}

static void
a_broken_module_that_was_not_asked_for_is_none(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    texts_add(&scene->settings.exclude, "bad");
    scene_open(scene, &params);
    scene_broken(scene, "bad", "loading bad ended the process", "");
    scene_job(scene, "m.A", ".test_1");
    scene_collected(scene, NULL);
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_end(scene, 0);
}

static void
nothing_but_a_broken_module_is_1(void **state)
{
    struct scene *scene = scene_begun(1);

    (void)state;
    scene_broken(scene, "bad", "loading bad ended the process", "");
    scene_collected(scene, NULL);
    assert_int_equal(scene->given, 0);
    scene_end(scene, 1);
}

static void
failfast_minds_a_broken_module(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.max_fail = 1;
    scene_open(scene, &params);
    scene_broken(scene, "bad", "loading bad ended the process", "");
    scene_job(scene, "m.A", ".test_1");
    scene_collected(scene, NULL);
    assert_int_equal(scene->given, 0);
    scene_end(scene, 1);
}

static void
an_option_that_fits_nothing_is_a_note(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    texts_add(&scene->settings.patterns, "zzz");
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_collected(scene, NULL);
    scene_told(scene, EVENT_NOTE, "\"zzz\" fits none of the tests");
    scene_end(scene, 5);
}

static void
a_pattern_that_fits_nothing_is_4(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    texts_add(&scene->settings.labels, "x.*");
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_collected(scene, NULL);
    scene_end(scene, 4);
}

static void
under_a_runner_each_job_is_a_command(void **state)
{
    struct scene *scene = scene_new(2);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.runner = alloc_dup("run $TEST");
    params.commands = true;
    scene_open(scene, &params);
    scene_broken(scene, "bad", "loading bad ended the process", "");
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    assert_int_equal(scene->finished_source, 1);
    assert_int_equal(scene->orders.count, 2);
    scene_result(scene, "m.A", "m.A", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_result(scene, "bad", "bad", STATE_FAILED);
    SCENE_DONE(scene, "bad");
    scene_end(scene, 1);
}

static void
overrides_of_a_job_reach_its_order(void **state)
{
    struct scene *scene = scene_new(2);
    struct run_params params = scene_params(scene);

    (void)state;
    scene->settings.timeout_ms = 1000;
    scene->settings.test_timeout_ms = 2000;
    scene->settings.overrides = alloc_zero(1, sizeof(struct override));
    scene->settings.override_count = 1;
    override_init(&scene->settings.overrides[0]);
    scene->settings.overrides[0].match = alloc_dup("m.B");
    scene->settings.overrides[0].timeout_ms = 7;
    scene->settings.overrides[0].alone = true;
    scene_open(scene, &params);
    scene_job(scene, "m.B", ".test_1", ".test_2");
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_collected(scene, NULL);
    assert_int_equal(scene->orders.count, 1);
    assert_int_equal(scene_order(scene, "m.A")->order.timeout_ms, 1000);
    pass_class(scene, "m.A");
    assert_int_equal(scene_order(scene, "m.B")->order.timeout_ms, 7);
    assert_int_equal(scene_order(scene, "m.B")->order.test_timeout_ms, 2000);
    pass_class(scene, "m.B");
    scene_end(scene, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_run_in_which_all_passes_ends_with_0),
    cmocka_unit_test(jobs_wait_for_room_in_the_order_they_were_collected),
    cmocka_unit_test(more_room_is_used_when_it_is_told),
    cmocka_unit_test(what_failed_makes_it_1_and_says_how_to_run_it_again),
    cmocka_unit_test(each_job_is_told_when_it_begins_and_ends),
    cmocka_unit_test(nothing_selected_is_5),
    cmocka_unit_test(what_is_excluded_does_not_run),
    cmocka_unit_test(a_list_runs_nothing),
    cmocka_unit_test(jobs_that_want_to_be_alone_go_last_and_one_by_one),
    cmocka_unit_test(under_test_isolation_each_test_is_a_job),
    cmocka_unit_test(a_crash_is_final_for_its_item_and_the_rest_runs_again),
    cmocka_unit_test(a_crash_between_tests_is_an_error_of_the_process),
    cmocka_unit_test(a_crash_before_the_first_test_does_not_come_back_for_ever),
    cmocka_unit_test(the_limit_of_an_item_ends_it_and_the_rest_runs_again),
    cmocka_unit_test(the_limit_of_a_job_ends_all_of_it),
    cmocka_unit_test(a_breach_is_an_error_of_the_item_that_ran),
    cmocka_unit_test(a_breach_between_tests_is_an_error_of_the_process),
    cmocka_unit_test(what_is_lost_once_runs_again_as_another_attempt),
    cmocka_unit_test(what_is_lost_twice_is_given_up),
    cmocka_unit_test(a_result_that_never_comes_is_an_error),
    cmocka_unit_test(what_a_worker_leaves_for_the_next_one_runs_there),
    cmocka_unit_test(a_job_that_is_given_back_undone_is_an_error),
    cmocka_unit_test(a_second_result_is_counted_and_changes_nothing),
    cmocka_unit_test(a_result_of_a_superseded_attempt_is_late),
    cmocka_unit_test(a_result_after_the_crash_of_its_job_is_late),
    cmocka_unit_test(a_result_for_an_item_of_another_job_is_dropped),
    cmocka_unit_test(the_points_of_a_program_stand_for_it),
    cmocka_unit_test(a_program_that_crashes_after_its_points_is_blamed),
    cmocka_unit_test(a_fixture_that_fails_is_an_item_beside_the_others),
    cmocka_unit_test(a_program_that_bails_out_stops_the_others),
    cmocka_unit_test(a_run_that_is_stopped_ends_what_runs_and_names_the_rest),
    cmocka_unit_test(a_second_stop_is_without_grace),
    cmocka_unit_test(what_still_passes_after_a_stop_counts),
    cmocka_unit_test(a_crash_after_a_stop_does_not_run_again),
    cmocka_unit_test(a_loss_after_a_stop_does_not_run_again),
    cmocka_unit_test(a_stop_while_collecting_runs_nothing),
    cmocka_unit_test(failfast_stops_at_the_first_that_is_bad),
    cmocka_unit_test(with_wait_what_runs_at_the_last_failure_may_end),
    cmocka_unit_test(max_fail_counts_every_kind_of_bad_end),
    cmocka_unit_test(a_run_has_a_time_of_its_own),
    cmocka_unit_test(a_pause_is_passed_on),
    cmocka_unit_test(a_place_that_breaks_down_is_3_and_names_what_did_not_run),
    cmocka_unit_test(the_first_reason_not_to_go_on_is_kept),
    cmocka_unit_test(what_is_slow_or_leaked_or_noted_is_told),
    cmocka_unit_test(an_unknown_label_is_4_and_names_the_nearest),
    cmocka_unit_test(
        an_adapter_that_knows_what_was_meant_is_not_asked_for_everything),
    cmocka_unit_test(an_unknown_label_with_nothing_near_says_why),
    cmocka_unit_test(a_collection_that_failed_is_3),
    cmocka_unit_test(modules_and_notes_are_told_once),
    cmocka_unit_test(a_module_that_cannot_be_loaded_is_an_item),
    cmocka_unit_test(a_broken_module_that_was_not_asked_for_is_none),
    cmocka_unit_test(nothing_but_a_broken_module_is_1),
    cmocka_unit_test(failfast_minds_a_broken_module),
    cmocka_unit_test(an_option_that_fits_nothing_is_a_note),
    cmocka_unit_test(a_pattern_that_fits_nothing_is_4),
    cmocka_unit_test(under_a_runner_each_job_is_a_command),
    cmocka_unit_test(overrides_of_a_job_reach_its_order),
};

CHECK_MAIN(tests)
