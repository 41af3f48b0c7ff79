#include "run/prober.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/items.h"
#include "run/sequence.h"
#include "util/alloc.h"
#include "util/array.h"

#define SLOTS 3

/* A place that runs jobs as the test says, and a suite of classes A, B, V. */
struct scene {
    struct settings settings;
    struct items *items;
    struct executor executor;
    ARRAY(struct order) orders; // that run
    ARRAY(struct order) given;  // in all
    uint32_t cancelled;
    uint32_t room;
    struct prober *prober;
    bool done;
    struct prober_state state;
    // What runs in the process of each slot, since it was fresh.
    struct numbers ran[SLOTS];
};

static struct scene *
of_executor(struct executor *executor)
{
    return (struct scene *)(void *)((char *)executor -
                                    offsetof(struct scene, executor));
}

static uint32_t
room(struct executor *executor, const struct demand *demand)
{
    assert_true(demand->idle_only);
    return of_executor(executor)->room;
}

static void
start(struct executor *executor, const struct order *order)
{
    struct scene *scene = of_executor(executor);
    assert_in_range(order->slot, 1, SLOTS);
    for (size_t i = 0; i < scene->orders.count; i++) {
        assert_int_not_equal(scene->orders.items[i].slot, order->slot);
    }
    struct numbers *ran = &scene->ran[order->slot - 1];
    if (order->fresh) {
        ARRAY_CLEAR(ran);
    }
    uint32_t count = items_peek_job(scene->items, order->job)->count;
    for (uint32_t i = 0; i < count; i++) {
        ARRAY_ADD(ran, items_of_job(scene->items, order->job, i));
    }
    ARRAY_ADD(&scene->orders, *order);
    ARRAY_ADD(&scene->given, *order);
}

static void
cancel_order(struct executor *executor, uint32_t job, uint16_t attempt,
             bool now)
{
    struct scene *scene = of_executor(executor);
    assert_true(now);
    assert_int_equal(attempt, 1);
    scene->cancelled++;
    for (size_t i = 0; i < scene->orders.count; i++) {
        if (scene->orders.items[i].job == job) {
            ARRAY_REMOVE(&scene->orders, i);
            prober_on_end(scene->prober, &(struct order_report){
                                             .job = job,
                                             .attempt = 1,
                                             .end = ORDER_CANCELLED,
                                             .running = ITEM_NONE,
                                             .problem = "",
                                         });
            return;
        }
    }
    fail_msg("job %u does not run", job);
}

static void
on_done(void *ctx)
{
    struct scene *scene = ctx;
    assert_false(scene->done);
    scene->done = true;
}

static void
on_state(void *ctx, const struct prober_state *state)
{
    struct scene *scene = ctx;
    scene->state = *state;
}

static struct scene *
scene_new(void)
{
    static const struct executor_ops ops = {
        .room = room,
        .start = start,
        .cancel_order = cancel_order,
    };
    struct scene *scene = ALLOC(struct scene);
    settings_init(&scene->settings);
    scene->items = items_new();
    scene->executor.ops = &ops;
    scene->room = SLOTS;
    for (int k = 0; k < 3; k++) {
        static const char *const names[] = {"m.A", "m.B", "m.V"};
        uint32_t job = items_add_job(
            scene->items, &(struct job_params){.name = slice_of(names[k])});
        for (int i = 0; i < 4; i++) {
            char id[16];
            snprintf(id, sizeof(id), ".test_%d", i);
            items_add(scene->items, job, slice_of(id), 1);
        }
    }
    return scene;
}

/* Looks at a test; those before it are those collected before it. */
static void
look_at(struct scene *scene, const char *test, const struct texts *before)
{
    struct err err = {0};
    scene->prober = prober_new(&(struct prober_params){
        .test = test,
        .before = before,
        .before_only = before != NULL,
        .on_state = on_state,
        .ctx = scene,
    });
    const struct prober_run run = {
        .settings = &scene->settings,
        .items = scene->items,
        .executor = &scene->executor,
        .slots = SLOTS,
        .on_done = on_done,
        .ctx = scene,
    };
    assert_true(prober_start(scene->prober, &run, &err));
}

static void
scene_free(struct scene *scene)
{
    prober_free(scene->prober);
    items_free(scene->items);
    settings_release(&scene->settings);
    for (int i = 0; i < SLOTS; i++) {
        ARRAY_RELEASE(&scene->ran[i]);
    }
    ARRAY_RELEASE(&scene->orders);
    ARRAY_RELEASE(&scene->given);
    free(scene);
}

static void
tell(struct scene *scene, const struct order *order, uint32_t item,
     enum state state)
{
    struct finding finding = {
        .kind = FINDING_FAILURE,
        .type = SLICE("AssertionError"),
        .message = SLICE("polluted\nby somebody"),
    };
    bool bad = state_is_bad(state);
    struct outcome outcome = {
        .state = state,
        .findings = bad ? &finding : NULL,
        .finding_count = bad,
        .ran = true,
        .counted = true,
    };
    prober_on_result(scene->prober, &(struct order_result){
                                        .job = order->job,
                                        .attempt = 1,
                                        .item = item,
                                        .slot = order->slot - 1,
                                        .outcome = &outcome,
                                    });
}

static void
end_order(struct scene *scene, size_t place, enum order_end end,
          uint32_t running)
{
    struct order order = scene->orders.items[place];
    ARRAY_REMOVE(&scene->orders, place);
    prober_on_end(scene->prober, &(struct order_report){
                                     .job = order.job,
                                     .attempt = 1,
                                     .slot = order.slot - 1,
                                     .end = end,
                                     .running = running,
                                     .problem = "",
                                 });
}

static bool
has_run(const struct scene *scene, int slot, uint32_t item)
{
    for (size_t i = 0; i < scene->ran[slot].count; i++) {
        if (scene->ran[slot].items[i] == item) {
            return true;
        }
    }
    return false;
}

/* Runs what runs, the last one first: the victim fails behind the culprit. */
static void
play(struct scene *scene, uint32_t culprit, uint32_t victim)
{
    while (scene->orders.count > 0) {
        size_t place = scene->orders.count - 1;
        struct order order = scene->orders.items[place];
        bool polluted = has_run(scene, order.slot - 1, culprit);
        uint32_t count = items_peek_job(scene->items, order.job)->count;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t item = items_of_job(scene->items, order.job, i);
            bool fails = item == victim && polluted;
            tell(scene, &order, item, fails ? STATE_FAILED : STATE_PASSED);
        }
        end_order(scene, place, ORDER_DONE, ITEM_NONE);
    }
}

static void
is_found(struct scene *scene, uint32_t culprit)
{
    struct prober_state state;
    prober_look(scene->prober, &state);
    assert_true(scene->done);
    assert_int_equal(prober_running(scene->prober), 0);
    assert_int_equal(state.finding.verdict, BISECT_POLLUTED);
    assert_int_equal(state.finding.count, 1);
    assert_int_equal(state.items[state.finding.members[0]], culprit);
}

static void
a_polluter_is_found_wherever_it_stands(void **state)
{
    (void)state;
    for (uint32_t culprit = 0; culprit < 10; culprit++) {
        struct scene *scene = scene_new();
        look_at(scene, "m.V.test_2", NULL);
        assert_int_equal(scene->state.before, 10);
        play(scene, culprit, 10);
        is_found(scene, culprit);
        assert_string_equal(scene->state.why, "AssertionError: polluted");
        scene_free(scene);
    }
}

static void
a_probe_is_a_chain_of_jobs_in_one_fresh_process(void **state)
{
    struct scene *scene = scene_new();

    (void)state;
    look_at(scene, "m.V.test_2", NULL);
    // All of them, then three times the test alone as there is room.
    assert_int_equal(scene->orders.count, SLOTS);
    struct order first = scene->orders.items[0];
    assert_true(first.fresh);
    assert_int_equal(first.slot, 1);
    assert_int_equal(items_peek_job(scene->items, first.job)->count, 4);
    assert_string_equal(items_job_name(scene->items, first.job), "m.A");
    end_order(scene, 0, ORDER_DONE, ITEM_NONE);
    struct order second = ARRAY_LAST(&scene->orders);
    assert_false(second.fresh);
    assert_int_equal(second.slot, 1);
    assert_string_equal(items_job_name(scene->items, second.job), "m.B");
    end_order(scene, scene->orders.count - 1, ORDER_DONE, ITEM_NONE);
    struct order third = ARRAY_LAST(&scene->orders);
    assert_false(third.fresh);
    // Of its own class: those before it and the test, in one job.
    assert_int_equal(items_peek_job(scene->items, third.job)->count, 3);
    play(scene, 0, 10);
    scene_free(scene);
}

static void
what_is_not_wanted_any_more_is_cancelled(void **state)
{
    struct scene *scene = scene_new();

    (void)state;
    look_at(scene, "m.V.test_2", NULL);
    play(scene, 1, 10);
    is_found(scene, 1);
    assert_true(scene->cancelled > 0);
    scene_free(scene);
}

static void
nothing_begins_before_there_is_room(void **state)
{
    struct scene *scene = scene_new();

    (void)state;
    scene->room = 0;
    look_at(scene, "m.V.test_2", NULL);
    assert_int_equal(scene->orders.count, 0);
    scene->room = SLOTS;
    prober_on_room(scene->prober);
    assert_int_equal(scene->orders.count, SLOTS);
    play(scene, 3, 10);
    is_found(scene, 3);
    scene_free(scene);
}

static void
tests_that_were_named_stand_before_it_in_their_order(void **state)
{
    struct scene *scene = scene_new();
    struct texts before = {0};

    (void)state;
    texts_add(&before, "m.V.test_3");
    texts_add(&before, "m.A.test_0");
    texts_add(&before, "m.gone");
    texts_add(&before, "m.V.test_2"); // itself is not before itself
    look_at(scene, "m.V.test_2", &before);
    assert_int_equal(scene->state.before, 2);
    assert_int_equal(scene->state.missing, 1);
    assert_int_equal(scene->state.stage, PROBER_GIVEN);
    struct order first = scene->orders.items[0];
    assert_int_equal(items_of_job(scene->items, first.job, 0), 11);
    play(scene, 11, 10);
    is_found(scene, 11);
    texts_release(&before);
    scene_free(scene);
}

static void
a_class_is_looked_at_as_one(void **state)
{
    struct scene *scene = scene_new();

    (void)state;
    look_at(scene, "m.V", NULL);
    assert_int_equal(scene->state.before, 8);
    play(scene, 6, 9);
    is_found(scene, 6);
    scene_free(scene);
}

static void
a_fixture_that_fails_is_its_failure(void **state)
{
    struct scene *scene = scene_new();
    struct outcome outcome = {.state = STATE_ERROR};

    (void)state;
    look_at(scene, "m.V.test_2", NULL);
    // Alone: it does not run, for its fixture failed. Three times.
    for (int i = 0; i < 3; i++) {
        size_t last = scene->orders.count - 1;
        struct order order = scene->orders.items[last];
        prober_on_appeared(scene->prober, order.job,
                           &(struct order_appeared){
                               .id = SLICE("setUpClass (m.V)"),
                               .slot = order.slot - 1,
                               .outcome = &outcome,
                           });
        tell(scene, &order, 10, STATE_NOT_RUN);
        end_order(scene, last, ORDER_DONE, ITEM_NONE);
    }
    assert_int_equal(scene->state.finding.alone.counts[BISECT_FAILED], 3);
    play(scene, 0, 10);
    scene_free(scene);
}

static void
a_test_that_dies_has_failed_and_one_that_is_not_reached_has_not(void **state)
{
    struct scene *scene = scene_new();

    (void)state;
    look_at(scene, "m.V.test_2", NULL);
    end_order(scene, 2, ORDER_CRASHED, 10); // alone
    assert_int_equal(scene->state.finding.alone.counts[BISECT_FAILED], 1);
    end_order(scene, 0, ORDER_CRASHED, 0); // the first of all
    assert_int_equal(scene->state.finding.whole.counts[BISECT_UNCLEAR], 1);
    play(scene, 0, 10);
    scene_free(scene);
}

static void
when_it_is_stopped_nothing_more_begins(void **state)
{
    struct scene *scene = scene_new();

    (void)state;
    look_at(scene, "m.V.test_2", NULL);
    size_t given = scene->given.count;
    prober_stop(scene->prober);
    while (scene->orders.count > 0) {
        assert_false(scene->done);
        end_order(scene, 0, ORDER_CANCELLED, ITEM_NONE);
    }
    assert_true(scene->done);
    assert_int_equal(scene->given.count, given);
    scene_free(scene);
}

static void
all_others_are_tried_when_those_before_it_say_nothing(void **state)
{
    struct scene *scene = scene_new();

    (void)state;
    look_at(scene, "m.V.test_2", NULL);
    play(scene, 11, 10); // it is collected behind the test
    assert_int_equal(scene->state.stage, PROBER_OTHERS);
    is_found(scene, 11);
    scene_free(scene);
}

static void
what_is_no_test_is_an_error(void **state)
{
    struct scene *scene = scene_new();
    struct err err = {0};

    (void)state;
    scene->prober = prober_new(&(struct prober_params){.test = "m.X"});
    const struct prober_run run = {
        .settings = &scene->settings,
        .items = scene->items,
        .executor = &scene->executor,
        .slots = SLOTS,
    };
    assert_false(prober_start(scene->prober, &run, &err));
    assert_non_null(strstr(err.text, "m.X"));
    assert_int_equal(scene->given.count, 0);
    scene_free(scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_polluter_is_found_wherever_it_stands),
    cmocka_unit_test(a_probe_is_a_chain_of_jobs_in_one_fresh_process),
    cmocka_unit_test(what_is_not_wanted_any_more_is_cancelled),
    cmocka_unit_test(nothing_begins_before_there_is_room),
    cmocka_unit_test(tests_that_were_named_stand_before_it_in_their_order),
    cmocka_unit_test(a_class_is_looked_at_as_one),
    cmocka_unit_test(a_fixture_that_fails_is_its_failure),
    cmocka_unit_test(
        a_test_that_dies_has_failed_and_one_that_is_not_reached_has_not),
    cmocka_unit_test(when_it_is_stopped_nothing_more_begins),
    cmocka_unit_test(all_others_are_tried_when_those_before_it_say_nothing),
    cmocka_unit_test(what_is_no_test_is_an_error),
};

CHECK_MAIN(tests)
