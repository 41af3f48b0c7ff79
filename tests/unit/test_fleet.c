#include "fleet_scene.h"

/* The n-th puppet. */
static struct puppet *
puppet_at(const struct fleet_scene *scene, size_t n)
{
    return scene->puppets.items[n];
}

static uint32_t
count_states(const struct fleet_scene *scene, enum state state)
{
    return scene->base->tally.states[state];
}

static bool
first_holds_one(struct fleet_scene *scene)
{
    return puppet_at(scene, 0)->held.count > 0;
}

static bool
first_has_left(struct fleet_scene *scene)
{
    return puppet_at(scene, 0)->teardowns > 0;
}

static enum play
hang(struct puppet *puppet, const char *job, uint16_t attempt)
{
    (void)puppet;
    (void)job;
    (void)attempt;
    return PLAY_HANG;
}

static enum play
hold(struct puppet *puppet, const char *job, uint16_t attempt)
{
    (void)puppet;
    (void)job;
    (void)attempt;
    return PLAY_HOLD;
}

// ----------------------------------------------------------- good weather

static void
a_build_runs_on_workers_and_leaves_nothing(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, NULL);
    struct puppet *bob = puppet_new(scene, "bob@h", 1, NULL);
    puppet_wait_for_offers(ann);
    puppet_wait_for_offers(bob);
    fleet_scene_start(scene, 50, 3);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 150);
    assert_int_equal(ann->took + bob->took, 50);
    assert_int_equal(ann->teardowns, 1);
    assert_int_equal(bob->teardowns, 1);
    scene_told(scene->base, EVENT_WORKER, "ann@h");
    fleet_scene_end(scene, 0);
}

static void
slots_are_numbered_behind_those_of_this_machine(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->params.first_slot = 3;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, NULL);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 1, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(ann->base, 3);
    assert_int_equal(json_integer_value(json_object_get(ann->plan, "base")), 3);
    assert_int_equal(json_integer_value(json_object_get(ann->plan, "total")),
                     5);
    fleet_scene_end(scene, 0);
}

static void
under_a_secret_everything_is_sealed(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    secret_set(&scene->secret, SLICE("shh"));
    struct puppet *ann = puppet_new(scene, "ann@h", 2, NULL);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 5, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 5);
    fleet_scene_end(scene, 0);
}

static bool
first_is_here(struct fleet_scene *scene)
{
    return puppet_at(scene, 0)->inbox != NULL;
}

static void
what_is_not_sealed_is_dropped_and_said_once(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    secret_set(&scene->secret, SLICE("shh"));
    struct puppet *ann = puppet_new(scene, "ann@h", 1, hold);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 1, 1);
    fleet_scene_until(scene, first_holds_one);
    struct order_name name = ann->held.items[0].name;
    struct secret right = scene->secret;
    scene->secret = (struct secret){0};
    uint64_t n = ann->n;
    puppet_finish(ann, name, STATE_FAILED);
    puppet_hello(ann);
    ann->n = n; // nobody heard that
    while (ann->said.count > n) {
        free(ARRAY_POP(&ann->said));
    }
    scene->secret = right;
    puppet_begin(ann, name);
    puppet_finish(ann, name, STATE_PASSED);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 1);
    assert_int_equal(scene_count(scene->base, EVENT_NOTE), 1);
    fleet_scene_end(scene, 0);
}

static void
a_worker_that_is_not_needed_any_more_is_released(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    // The one that came first has the only job, and takes its time.
    struct puppet *ann = puppet_new(scene, "ann@h", 1, NULL);
    struct puppet *bob = puppet_new(scene, "bob@h", 1, hang);
    puppet_wait_for_offers(bob);
    fleet_scene_start(scene, 2, 1);
    puppet_wait_for_offers(ann);
    fleet_scene_until(scene, first_has_left);
    assert_int_equal(scene->base->status, -1);
    while (bob->held.count > 0) {
        puppet_finish(bob, bob->held.items[0].name, STATE_PASSED);
    }
    bob->play = NULL;
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(ann->teardowns, 1);
    fleet_scene_end(scene, 0);
}

static void
no_more_workers_join_than_are_wanted(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->params.max_workers = 1;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, hold);
    struct puppet *bob = puppet_new(scene, "bob@h", 1, NULL);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 9, 1);
    fleet_scene_until(scene, first_holds_one);
    assert_int_equal(inproc_length(scene->broker, "default"), 0);
    // Somebody whose offer comes from the times when one was wanted.
    bob->inbox = alloc_dup(ann->inbox);
    memcpy(bob->nonce, ann->nonce, sizeof(bob->nonce));
    envelope_draw(bob->join, sizeof(bob->join));
    puppet_hello(bob);
    ann->play = NULL;
    puppet_begin(ann, ann->held.items[0].name);
    puppet_finish(ann, ann->held.items[0].name, STATE_PASSED);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(bob->refusals, 1);
    assert_int_equal(bob->welcomes, 0);
    fleet_scene_end(scene, 0);
}

static void
the_same_hello_gets_the_same_answer(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, hold);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 1, 1);
    fleet_scene_until(scene, first_holds_one);
    puppet_hello(ann);
    puppet_hello(ann);
    struct order_name name = ann->held.items[0].name;
    puppet_begin(ann, name);
    puppet_finish(ann, name, STATE_PASSED);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(ann->welcomes, 3);
    assert_int_equal(ann->base, 0);
    fleet_scene_end(scene, 0);
}

// ------------------------------------------------------------ bad weather

static void
what_a_killed_worker_ran_runs_again_elsewhere(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, hang);
    struct puppet *bob = puppet_new(scene, "bob@h", 1, NULL);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 4, 1);
    fleet_scene_until(scene, first_holds_one);
    puppet_kill(ann);
    puppet_wait_for_offers(bob);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 4);
    assert_int_equal(scene->base->tally.retried, 1);
    assert_int_equal(scene->base->tally.late, 0);
    fleet_scene_end(scene, 0);
}

static void
what_a_killed_worker_had_not_begun_is_no_loss(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, hold);
    struct puppet *bob = puppet_new(scene, "bob@h", 1, NULL);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 4, 1);
    fleet_scene_until(scene, first_holds_one);
    puppet_kill(ann);
    puppet_wait_for_offers(bob);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 4);
    assert_int_equal(scene->base->tally.retried, 0);
    fleet_scene_end(scene, 0);
}

static enum play
die(struct puppet *puppet, const char *job, uint16_t attempt)
{
    (void)attempt;
    return strcmp(job, "j0") == 0 && !puppet->silent ? PLAY_HANG : PLAY_PASS;
}

static bool
somebody_hangs(struct fleet_scene *scene)
{
    for (size_t i = 0; i < scene->puppets.count; i++) {
        if (!puppet_at(scene, i)->silent &&
            puppet_at(scene, i)->held.count > 0) {
            return true;
        }
    }
    return scene->base->status >= 0;
}

static void
a_job_that_kills_its_worker_twice_is_given_up(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();
    static const char *const names[] = {"a@h", "b@h", "c@h"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct puppet *puppet = puppet_new(scene, names[i], 1, die);
        puppet_wait_for_offers(puppet);
    }
    fleet_scene_start(scene, 6, 1);
    int killed = 0;
    for (;;) {
        fleet_scene_until(scene, somebody_hangs);
        if (scene->base->status >= 0) {
            break;
        }
        for (size_t i = 0; i < 3; i++) {
            struct puppet *puppet = puppet_at(scene, i);
            if (!puppet->silent && puppet->held.count > 0) {
                puppet_kill(puppet);
                killed++;
            }
        }
    }
    assert_int_equal(killed, 2);
    assert_int_equal(count_states(scene, STATE_LOST), 1);
    assert_int_equal(count_states(scene, STATE_PASSED), 5);
    fleet_scene_end(scene, 1);
}

static void
a_worker_that_was_thought_lost_cannot_count_twice(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, hang);
    struct puppet *bob = puppet_new(scene, "bob@h", 1, hang);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 1, 1);
    fleet_scene_until(scene, first_holds_one);
    struct order_name name = ann->held.items[0].name;
    ann->silent = true; // stopped, as by SIGSTOP
    puppet_wait_for_offers(bob);
    scene->puppets.items[0] = bob;
    scene->puppets.items[1] = ann;
    fleet_scene_until(scene, first_holds_one); // bob
    ann->silent = false;
    puppet_finish(ann, name, STATE_FAILED);
    struct order_name again = bob->held.items[0].name;
    assert_int_equal(again.attempt, 2);
    puppet_finish(bob, again, STATE_PASSED);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 1);
    assert_int_equal(scene->base->tally.late, 1);
    assert_in_range(ann->teardowns, 1, 1000);
    fleet_scene_end(scene, 0);
}

static enum inproc_fate
lose_some(void *ctx, const char *client, const struct publish *publish)
{
    int *count = ctx;
    // Of what workers say: each third is lost, each fifth comes twice.
    if (strncmp(client, "mule build", 10) == 0 ||
        strncmp(publish->key, "mule-in-", 8) != 0) {
        return INPROC_PASS;
    }
    ++*count;
    if (*count % 3 == 0) {
        return INPROC_DROP;
    }
    return *count % 5 == 0 ? INPROC_DUPLICATE : INPROC_PASS;
}

static void
updates_that_are_lost_or_doubled_are_made_good(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();
    int count = 0;

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, NULL);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 20, 2);
    fleet_scene_until(scene, first_is_here); // after its hello
    inproc_script(scene->broker, lose_some, &count);
    fleet_scene_until(scene, fleet_scene_is_over);
    inproc_script(scene->broker, NULL, NULL);
    assert_int_equal(count_states(scene, STATE_PASSED), 40);
    assert_in_range(ann->resends, 1, 100000);
    assert_int_equal(scene->base->tally.late, 0);
    fleet_scene_end(scene, 0);
}

static enum inproc_fate
delay_updates(void *ctx, const char *client, const struct publish *publish)
{
    (void)ctx;
    bool update = strncmp(client, "mule build", 10) != 0 &&
                  strncmp(publish->key, "mule-in-", 8) == 0;
    return update ? INPROC_DELAY : INPROC_PASS;
}

static void
updates_in_any_order_are_taken_in_theirs(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, hold);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 1, 5);
    fleet_scene_until(scene, first_holds_one);
    inproc_script(scene->broker, delay_updates, NULL);
    struct order_name name = ann->held.items[0].name;
    puppet_begin(ann, name);
    puppet_finish(ann, name, STATE_PASSED);
    while (inproc_kept(scene->broker) < 7) {
        stage_turn(&scene->base->stage);
    }
    inproc_script(scene->broker, NULL, NULL);
    inproc_let(scene->broker, INPROC_REVERSED);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 5);
    fleet_scene_end(scene, 0);
}

static enum play
swallow_first(struct puppet *puppet, const char *job, uint16_t attempt)
{
    (void)attempt;
    if (strcmp(job, "j1") == 0 && puppet->took == 2) {
        // Neither run nor remembered: lost on its way.
        transport_ack(puppet->transport, ARRAY_LAST(&puppet->held).tag);
        (void)ARRAY_POP(&puppet->held);
        return PLAY_IGNORE;
    }
    return PLAY_PASS;
}

static void
an_order_that_nobody_has_is_sent_again(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, swallow_first);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 3, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 3);
    assert_int_equal(scene->base->tally.retried, 0);
    assert_int_equal(ann->took, 4);
    fleet_scene_end(scene, 0);
}

static enum inproc_fate
double_orders(void *ctx, const char *client, const struct publish *publish)
{
    (void)ctx;
    (void)client;
    return strcmp(publish->key, "mule-b1") == 0 ? INPROC_DUPLICATE
                                                : INPROC_PASS;
}

static void
orders_that_come_twice_count_once(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    inproc_script(scene->broker, double_orders, NULL);
    struct puppet *ann = puppet_new(scene, "ann@h", 1, NULL);
    struct puppet *bob = puppet_new(scene, "bob@h", 1, NULL);
    puppet_wait_for_offers(ann);
    puppet_wait_for_offers(bob);
    fleet_scene_start(scene, 10, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    inproc_script(scene->broker, NULL, NULL);
    assert_int_equal(count_states(scene, STATE_PASSED), 10);
    fleet_scene_end(scene, 0);
}

static bool
first_was_there_twice(struct fleet_scene *scene)
{
    return puppet_at(scene, 0)->took >= 2;
}

static void
while_we_are_cut_off_nobody_is_lost(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();
    char client[] = "mule build b1";

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, hang);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 2, 1);
    fleet_scene_until(scene, first_holds_one);
    // Longer than a lease and all that follows from it.
    inproc_cut(scene->broker, client, true);
    struct stage *stage = &scene->base->stage;
    msec until = loop_now_us(stage->loop) / 1000 + 2L * FLEET_LEASE_MS;
    while (loop_now_us(stage->loop) / 1000 < until) {
        stage_turn(stage);
    }
    inproc_back(scene->broker, client);
    puppet_finish(ann, ann->held.items[0].name, STATE_PASSED);
    fleet_scene_until(scene, first_was_there_twice);
    puppet_finish(ann, ann->held.items[0].name, STATE_PASSED);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 2);
    assert_int_equal(scene->base->tally.retried, 0);
    assert_int_equal(ann->teardowns, 1);
    fleet_scene_end(scene, 0);
}

static void
a_node_that_greets_anew_has_died_before(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->params.lease_ms = 60000; // it is not waited for
    struct puppet *ann = puppet_new(scene, "ann@h", 1, hang);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 3, 1);
    fleet_scene_until(scene, first_holds_one);
    puppet_kill(ann);
    struct puppet *again = puppet_new(scene, "ann@h", 1, NULL);
    puppet_wait_for_offers(again);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_PASSED), 3);
    assert_int_equal(scene->base->tally.retried, 1);
    fleet_scene_end(scene, 0);
}

static enum play
differ_once(struct puppet *puppet, const char *job, uint16_t attempt)
{
    (void)puppet;
    (void)attempt;
    return strcmp(job, "j1") == 0 ? PLAY_DIFFER : PLAY_PASS;
}

static void
a_job_that_a_worker_knows_otherwise_is_an_error_that_names_it(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, differ_once);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 3, 2);
    fleet_scene_until(scene, fleet_scene_is_over);
    scene_says(scene->base, "j1.t0", STATE_ERROR, "ann@h");
    scene_says(scene->base, "j1.t1", STATE_ERROR, "another revision");
    scene_has_state(scene->base, "j2.t1", STATE_PASSED);
    fleet_scene_end(scene, 1);
}

// -------------------------------------------------------------------- ends

static void
nobody_who_comes_in_time_is_an_error_that_says_what_was_tried(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->params.wait_ms = 100;
    fleet_scene_start(scene, 2, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    const struct err *err = run_error(scene->base->run);
    assert_non_null(strstr(err->text, "no worker"));
    assert_non_null(strstr(err->text, "\"default\""));
    assert_non_null(err->hint);
    fleet_scene_end(scene, 3);
}

static void
a_worker_whose_setup_fails_is_named_and_not_waited_for(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->params.wait_ms = 300;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, NULL);
    ann->fails_setup = true;
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 2, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    const struct err *err = run_error(scene->base->run);
    assert_non_null(strstr(err->text, "setup exited with status 1"));
    assert_int_equal(ann->teardowns, 0);
    fleet_scene_end(scene, 3);
}

static enum play
fail_first(struct puppet *puppet, const char *job, uint16_t attempt)
{
    (void)attempt;
    (void)puppet;
    return strcmp(job, "j0") == 0 ? PLAY_FAIL : PLAY_HANG;
}

static void
the_first_failure_stops_the_whole_fleet(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->base->settings.max_fail = 1;
    struct puppet *ann = puppet_new(scene, "ann@h", 1, fail_first);
    struct puppet *bob = puppet_new(scene, "bob@h", 2, fail_first);
    puppet_wait_for_offers(ann);
    puppet_wait_for_offers(bob);
    fleet_scene_start(scene, 100, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(count_states(scene, STATE_FAILED), 1);
    assert_int_equal(count_states(scene, STATE_PASSED), 0);
    assert_in_range(ann->took + bob->took, 1, 6);
    fleet_scene_end(scene, 1);
}

static enum play
fail_first_hang_second(struct puppet *puppet, const char *job, uint16_t attempt)
{
    (void)attempt;
    (void)puppet;
    return strcmp(job, "j0") == 0 ? PLAY_HOLD : PLAY_HANG;
}

static bool
first_holds_two(struct fleet_scene *scene)
{
    return puppet_at(scene, 0)->held.count == 2;
}

static void
with_wait_what_runs_at_the_last_failure_may_end(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->base->settings.max_fail = 1;
    scene->base->settings.max_fail_wait = true;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, fail_first_hang_second);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 10, 1);
    fleet_scene_until(scene, first_holds_two);
    struct order_name second = ann->held.items[1].name;
    puppet_finish(ann, ann->held.items[0].name, STATE_FAILED);
    puppet_finish(ann, second, STATE_PASSED);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_int_equal(ann->cancels, 0);
    assert_int_equal(count_states(scene, STATE_FAILED), 1);
    assert_int_equal(count_states(scene, STATE_PASSED), 1);
    assert_int_equal(count_states(scene, STATE_NOT_RUN), 8);
    fleet_scene_end(scene, 1);
}

static void
an_interrupted_build_cancels_what_runs_and_takes_leave(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, hang);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 5, 1);
    fleet_scene_until(scene, first_holds_one);
    run_stop(scene->base->run, STOP_INTERRUPTED, false);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_in_range(ann->cancels, 1, 1000);
    assert_int_equal(ann->teardowns, 1);
    assert_int_equal(count_states(scene, STATE_PASSED), 0);
    fleet_scene_end(scene, 2);
}

static void
a_broker_that_was_never_there_is_an_error(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    scene->params.wait_ms = 100;
    inproc_cut(scene->broker, "mule build b1", true);
    fleet_scene_start(scene, 2, 1);
    fleet_scene_until(scene, fleet_scene_is_over);
    assert_true(err_is_set(run_error(scene->base->run)));
    fleet_scene_end(scene, 3);
}

static void
a_broker_that_is_gone_at_the_end_does_not_keep_us(void **state)
{
    struct fleet_scene *scene = fleet_scene_new();

    (void)state;
    struct puppet *ann = puppet_new(scene, "ann@h", 2, hang);
    puppet_wait_for_offers(ann);
    fleet_scene_start(scene, 5, 1);
    fleet_scene_until(scene, first_holds_one);
    inproc_cut(scene->broker, "mule build b1", true);
    run_stop(scene->base->run, STOP_INTERRUPTED, false);
    run_stop(scene->base->run, STOP_INTERRUPTED, true);
    fleet_scene_until(scene, fleet_scene_is_over);
    inproc_back(scene->broker, "mule build b1");
    scene->left_behind = true;
    fleet_scene_end(scene, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_build_runs_on_workers_and_leaves_nothing),
    cmocka_unit_test(slots_are_numbered_behind_those_of_this_machine),
    cmocka_unit_test(under_a_secret_everything_is_sealed),
    cmocka_unit_test(what_is_not_sealed_is_dropped_and_said_once),
    cmocka_unit_test(a_worker_that_is_not_needed_any_more_is_released),
    cmocka_unit_test(no_more_workers_join_than_are_wanted),
    cmocka_unit_test(the_same_hello_gets_the_same_answer),
    cmocka_unit_test(what_a_killed_worker_ran_runs_again_elsewhere),
    cmocka_unit_test(what_a_killed_worker_had_not_begun_is_no_loss),
    cmocka_unit_test(a_job_that_kills_its_worker_twice_is_given_up),
    cmocka_unit_test(a_worker_that_was_thought_lost_cannot_count_twice),
    cmocka_unit_test(updates_that_are_lost_or_doubled_are_made_good),
    cmocka_unit_test(updates_in_any_order_are_taken_in_theirs),
    cmocka_unit_test(an_order_that_nobody_has_is_sent_again),
    cmocka_unit_test(orders_that_come_twice_count_once),
    cmocka_unit_test(while_we_are_cut_off_nobody_is_lost),
    cmocka_unit_test(a_node_that_greets_anew_has_died_before),
    cmocka_unit_test(
        a_job_that_a_worker_knows_otherwise_is_an_error_that_names_it),
    cmocka_unit_test(
        nobody_who_comes_in_time_is_an_error_that_says_what_was_tried),
    cmocka_unit_test(a_worker_whose_setup_fails_is_named_and_not_waited_for),
    cmocka_unit_test(the_first_failure_stops_the_whole_fleet),
    cmocka_unit_test(with_wait_what_runs_at_the_last_failure_may_end),
    cmocka_unit_test(an_interrupted_build_cancels_what_runs_and_takes_leave),
    cmocka_unit_test(a_broker_that_was_never_there_is_an_error),
    cmocka_unit_test(a_broker_that_is_gone_at_the_end_does_not_keep_us),
};

CHECK_MAIN(tests)
