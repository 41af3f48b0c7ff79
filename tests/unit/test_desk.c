#include "fleet/desk.h"

#include "stage.h"

#include <string.h>

#include "util/json_text.h"

/* A desk on a stage, a place that does as it is told, and what was said. */
struct scene {
    struct stage stage;
    struct executor executor;
    struct items *items;
    struct bulletin *bulletin;
    struct desk *desk;
    json_t *said; // all updates
    uint32_t room;
    ARRAY(struct order) started;
    ARRAY(struct order_name) cancelled;
    int cancels; // of all
    bool fails;  // the place gives back what it is given
    bool full;
    struct err broken;
};

static struct scene *
scene_of(struct executor *executor)
{
    return (struct scene *)(void *)((char *)executor -
                                    offsetof(struct scene, executor));
}

static uint32_t
room(struct executor *executor, const struct demand *demand)
{
    (void)demand;
    return scene_of(executor)->room;
}

static void
end(struct scene *scene, const struct order *order, enum order_end how)
{
    struct order_report report = {
        .job = order->job,
        .attempt = order->attempt,
        .slot = 4,
        .end = how,
        .running = ITEM_NONE,
        .problem = "",
    };
    scene->room++;
    desk_events()->on_end(scene->desk, &report);
}

static void
start(struct executor *executor, const struct order *order)
{
    struct scene *scene = scene_of(executor);

    assert_true(scene->room > 0);
    scene->room--;
    ARRAY_ADD(&scene->started, *order);
    if (scene->fails) {
        struct err err = {0};
        err_set(&err, ERR_SPAWN, "no process");
        desk_events()->on_broken(scene->desk, &err);
        end(scene, order, ORDER_CANCELLED);
    }
}

static void
cancel(struct executor *executor, bool now)
{
    (void)now;
    scene_of(executor)->cancels++;
}

static void
cancel_order(struct executor *executor, uint32_t job, uint16_t attempt,
             bool now)
{
    (void)now;
    ARRAY_ADD(&scene_of(executor)->cancelled,
              ((struct order_name){job, attempt}));
}

static void
on_line(void *ctx, struct slice line)
{
    struct scene *scene = ctx;
    struct err err = {0};
    json_t *message = json_text_parse_object(line, &err);

    assert_non_null(message);
    json_array_extend(scene->said, json_object_get(message, "u"));
    json_decref(message);
}

static void
on_broken(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;
    scene->broken = *err;
}

static bool
is_full(void *ctx)
{
    return ((struct scene *)ctx)->full;
}

/* Two jobs of two items, A and B, and room for `room` orders. */
static void
scene_init(struct scene *scene, uint32_t room_for)
{
    static const struct executor_ops ops = {
        .room = room,
        .start = start,
        .cancel = cancel,
        .cancel_order = cancel_order,
    };

    *scene = (struct scene){.executor = {&ops}, .room = room_for};
    stage_init(&scene->stage);
    scene->said = json_array();
    scene->items = items_new();
    for (int i = 0; i < 2; i++) {
        uint32_t job = items_add_job(
            scene->items,
            &(struct job_params){.name = i == 0 ? SLICE("A") : SLICE("B")});
        items_add(scene->items, job, SLICE(".a"), 0);
        items_add(scene->items, job, SLICE(".b"), 0);
    }
    scene->bulletin = bulletin_new(scene->stage.loop, on_line, scene);
    scene->desk = desk_new(&(struct desk_params){
        .loop = scene->stage.loop,
        .items = scene->items,
        .bulletin = scene->bulletin,
        .base = 4,
        .on_broken = on_broken,
        .is_full = is_full,
        .ctx = scene,
    });
}

static void
scene_release(struct scene *scene)
{
    desk_free(scene->desk);
    bulletin_free(scene->bulletin);
    items_free(scene->items);
    json_decref(scene->said);
    ARRAY_RELEASE(&scene->started);
    ARRAY_RELEASE(&scene->cancelled);
    stage_release(&scene->stage);
}

static void
take(struct scene *scene, const char *name, uint32_t job, uint16_t attempt,
     const char *more)
{
    struct buf text = BUF_INIT(1000);
    struct err err = {0};

    buf_addf(&text,
             "{\"o\":[%u,%u],\"name\":\"%s\",\"kind\":\"class\","
             "\"total\":2%s}",
             job, attempt, name, more);
    json_t *order = json_text_parse_object(buf_slice(&text), &err);
    if (!desk_take(scene->desk, order, &err)) {
        fail_msg("%s", err.text);
    }
    json_decref(order);
    buf_release(&text);
}

static void
open_desk(struct scene *scene)
{
    desk_open(scene->desk, &scene->executor, (struct slice){0});
}

/* The last update of that kind about that job; NULL: there was none. */
static const json_t *
said(struct scene *scene, const char *kind, uint32_t job)
{
    const json_t *found = NULL;

    bulletin_flush(scene->bulletin);
    for (size_t i = 0; i < json_array_size(scene->said); i++) {
        const json_t *update = json_array_get(scene->said, i);
        const json_t *o = json_object_get(update, "o");
        const char *name = json_string_value(json_object_get(update, "k"));
        if (strcmp(name, kind) == 0 &&
            json_integer_value(json_array_get(o, 0)) == job) {
            found = update;
        }
    }
    return found;
}

static const char *
end_of(struct scene *scene, uint32_t job)
{
    const json_t *update = said(scene, "end", job);

    return update == NULL ? "none"
                          : json_string_value(json_object_get(update, "end"));
}

// ------------------------------------------------------------------ tests

static void
orders_wait_for_the_tables_and_for_room(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    take(&scene, "A", 17, 1, "");
    take(&scene, "B", 18, 1, "");
    assert_int_equal(scene.started.count, 0);
    open_desk(&scene);
    assert_int_equal(scene.started.count, 1);
    assert_int_equal(scene.started.items[0].job, 0);
    end(&scene, &scene.started.items[0], ORDER_DONE);
    assert_int_equal(scene.started.count, 2);
    assert_int_equal(scene.started.items[1].job, 1);
    assert_string_equal(end_of(&scene, 17), "done");
    assert_string_equal(end_of(&scene, 18), "none");
    assert_int_equal(desk_count(scene.desk), 1);
    end(&scene, &scene.started.items[1], ORDER_CRASHED);
    assert_string_equal(end_of(&scene, 18), "crashed");
    scene_release(&scene);
}

static void
an_order_says_how_often_its_items_have_run(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    open_desk(&scene);
    take(&scene, "B", 90, 1, ",\"items\":[1],\"tries\":4,\"avoid\":3");
    assert_int_equal(items_peek(scene.items, 3)->tries, 4);
    assert_int_equal(scene.started.items[0].avoid, 3);
    scene_release(&scene);
}

static void
results_bear_the_names_and_places_of_their_orders(void **state)
{
    struct scene scene;
    struct outcome outcome = {
        .state = STATE_PASSED, .us = 5, .ran = true, .counted = true};

    (void)state;
    scene_init(&scene, 1);
    open_desk(&scene);
    take(&scene, "B", 90, 3, ",\"items\":[1]");
    const struct order *order = &scene.started.items[0];
    assert_int_equal(items_peek(scene.items, 3)->tries, 2);
    desk_events()->on_job_begin(scene.desk, &(struct order_begin){
                                                .job = order->job,
                                                .attempt = 3,
                                                .slot = 5,
                                                .process = 4,
                                            });
    desk_events()->on_begin(scene.desk, order->job, 3, 3, 5, 0);
    assert_int_equal(items_peek(scene.items, 3)->tries, 3);
    desk_events()->on_result(scene.desk, &(struct order_result){
                                             .job = order->job,
                                             .attempt = 3,
                                             .item = 3,
                                             .slot = 5,
                                             .outcome = &outcome,
                                         });
    const json_t *result = said(&scene, "result", 90);
    assert_int_equal(json_integer_value(json_object_get(result, "i")), 1);
    assert_int_equal(json_integer_value(json_object_get(result, "slot")), 5);
    const json_t *begun = said(&scene, "job", 90);
    assert_int_equal(json_integer_value(json_object_get(begun, "process")), 4);
    assert_non_null(said(&scene, "begin", 90));
    assert_int_equal(items_peek(scene.items, 3)->state, STATE_PASSED);
    end(&scene, order, ORDER_DONE);
    // It may be tried again, and then has no state from before.
    take(&scene, "B", 90, 4, ",\"items\":[1]");
    assert_int_equal(items_peek(scene.items, 3)->state, STATE_NONE);
    end(&scene, &scene.started.items[1], ORDER_DONE);
    scene_release(&scene);
}

static void
an_order_that_comes_twice_is_taken_once(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 9);
    open_desk(&scene);
    take(&scene, "A", 17, 1, "");
    take(&scene, "A", 17, 1, "");
    assert_int_equal(scene.started.count, 1);
    assert_int_equal(desk_count(scene.desk), 1);
    end(&scene, &scene.started.items[0], ORDER_DONE);
    scene_release(&scene);
}

static void
tests_never_run_twice_at_the_same_time(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 9);
    open_desk(&scene);
    take(&scene, "A", 17, 1, "");
    take(&scene, "A", 17, 2, ",\"items\":[1]");
    take(&scene, "B", 18, 1, "");
    assert_int_equal(scene.started.count, 2);
    assert_int_equal(scene.started.items[1].job, 1);
    end(&scene, &scene.started.items[0], ORDER_LOST);
    assert_int_equal(scene.started.count, 3);
    assert_int_equal(scene.started.items[2].attempt, 2);
    end(&scene, &scene.started.items[1], ORDER_DONE);
    end(&scene, &scene.started.items[2], ORDER_DONE);
    scene_release(&scene);
}

static void
what_waits_is_cancelled_at_once(void **state)
{
    struct scene scene;
    struct order_name names[] = {{17, 1}, {18, 1}, {99, 1}};

    (void)state;
    scene_init(&scene, 1);
    open_desk(&scene);
    take(&scene, "A", 17, 1, "");
    take(&scene, "B", 18, 1, "");
    desk_cancel(scene.desk, names, 3, false);
    assert_string_equal(end_of(&scene, 17), "none");
    assert_string_equal(end_of(&scene, 18), "cancelled");
    assert_int_equal(scene.cancelled.count, 1);
    assert_int_equal(scene.cancelled.items[0].job, 0);
    end(&scene, &scene.started.items[0], ORDER_CANCELLED);
    assert_string_equal(end_of(&scene, 17), "cancelled");
    assert_int_equal(scene.started.count, 1);
    scene_release(&scene);
}

static void
after_all_was_cancelled_nothing_begins(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    open_desk(&scene);
    take(&scene, "A", 17, 1, "");
    take(&scene, "B", 18, 1, "");
    desk_cancel_all(scene.desk, false);
    assert_int_equal(scene.cancels, 1);
    end(&scene, &scene.started.items[0], ORDER_CANCELLED);
    take(&scene, "B", 19, 1, "");
    for (uint32_t job = 17; job < 20; job++) {
        assert_string_equal(end_of(&scene, job), "cancelled");
    }
    assert_int_equal(scene.started.count, 1);
    assert_int_equal(desk_count(scene.desk), 0);
    scene_release(&scene);
}

static void
orders_of_a_broken_place_are_lost_and_others_not_spoken_of(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    scene.fails = true;
    take(&scene, "A", 17, 1, "");
    take(&scene, "B", 18, 1, "");
    open_desk(&scene);
    assert_int_equal(scene.started.count, 1);
    assert_false(err_is_set(&scene.broken)); // not from inside of the place
    stage_turn(&scene.stage);
    assert_string_equal(scene.broken.text, "no process");
    assert_string_equal(end_of(&scene, 17), "lost");
    desk_forget_waiting(scene.desk);
    assert_string_equal(end_of(&scene, 18), "none");
    assert_int_equal(desk_count(scene.desk), 0);
    scene_release(&scene);
}

static void
nothing_begins_while_results_pile_up(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    open_desk(&scene);
    scene.full = true;
    take(&scene, "A", 17, 1, "");
    assert_int_equal(scene.started.count, 0);
    scene.full = false;
    while (scene.started.count == 0) {
        stage_turn(&scene.stage); // it looks again by itself
    }
    end(&scene, &scene.started.items[0], ORDER_DONE);
    scene_release(&scene);
}

static void
a_pause_tells_of_what_was_given_as_begun(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    open_desk(&scene);
    take(&scene, "A", 17, 1, "");
    take(&scene, "B", 18, 1, "");
    assert_null(said(&scene, "job", 17));
    desk_pause(scene.desk, true);
    assert_non_null(said(&scene, "job", 17));
    assert_null(said(&scene, "job", 18));
    assert_int_equal(desk_given(scene.desk), 1);
    end(&scene, &scene.started.items[0], ORDER_DONE);
    assert_int_equal(scene.started.count, 1);
    desk_pause(scene.desk, false);
    assert_int_equal(scene.started.count, 2);
    end(&scene, &scene.started.items[1], ORDER_DONE);
    scene_release(&scene);
}

static void
what_is_not_known_differs(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1);
    take(&scene, "C", 17, 1, "");
    desk_open(scene.desk, &scene.executor, SLICE("c: no such module"));
    const json_t *update = said(&scene, "differs", 17);
    assert_string_equal(json_string_value(json_object_get(update, "reason")),
                        "C is not known here (c: no such module)");
    assert_int_equal(desk_count(scene.desk), 0);
    scene_release(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(orders_wait_for_the_tables_and_for_room),
    cmocka_unit_test(an_order_says_how_often_its_items_have_run),
    cmocka_unit_test(results_bear_the_names_and_places_of_their_orders),
    cmocka_unit_test(an_order_that_comes_twice_is_taken_once),
    cmocka_unit_test(tests_never_run_twice_at_the_same_time),
    cmocka_unit_test(what_waits_is_cancelled_at_once),
    cmocka_unit_test(after_all_was_cancelled_nothing_begins),
    cmocka_unit_test(
        orders_of_a_broken_place_are_lost_and_others_not_spoken_of),
    cmocka_unit_test(nothing_begins_while_results_pile_up),
    cmocka_unit_test(a_pause_tells_of_what_was_given_as_begun),
    cmocka_unit_test(what_is_not_known_differs),
};

CHECK_MAIN(tests)
