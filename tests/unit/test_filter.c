#include "run_scene.h"

/* Leaves in what a part of the id says; NULL: nothing. */
struct part {
    struct filter filter;
    const char *part;
    const char *note;
    int asked;
};

static void
choose(struct filter *filter, struct items *items, filter_note_fn note,
       void *ctx)
{
    struct part *part = (struct part *)(void *)filter;

    part->asked++;
    for (uint32_t item = 0; item < items_count(items); item++) {
        struct buf id = BUF_INIT(256);
        items_id(items, item, &id);
        if (part->part == NULL || strstr(buf_text(&id), part->part) == NULL) {
            items_get(items, item)->flags &= (uint8_t)~ITEM_SELECTED;
        }
        buf_release(&id);
    }
    note(ctx, NOTE_INFO, part->note, NULL);
}

static const struct filter_ops ops = {.choose = choose};

static struct scene *
two_classes(struct part *part, bool commands)
{
    struct scene *scene = scene_new(2);
    struct run_params params = scene_params(scene);

    params.filter = &part->filter;
    params.commands = commands;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1", ".test_2");
    scene_job(scene, "m.B", ".test_1", ".test_2");
    return scene;
}

static void
what_the_filter_leaves_out_does_not_run(void **state)
{
    struct part part = {{&ops}, "B.test_2", "one of four", 0};
    struct scene *scene = two_classes(&part, false);

    (void)state;
    scene_collected(scene, NULL);
    assert_int_equal(scene->given, 1);
    assert_int_equal(scene->told.items[1].kind, EVENT_NOTE);
    assert_string_equal(scene->told.items[1].text, "one of four");
    assert_int_equal(scene->told.items[2].kind, EVENT_COLLECTED);
    assert_int_equal(scene->told.items[2].number, 1);
    scene_result(scene, "m.B", "m.B.test_2", STATE_PASSED);
    SCENE_DONE(scene, "m.B");
    scene_end(scene, 0);
}

static void
a_filter_that_leaves_nothing_makes_a_run_that_ends_well(void **state)
{
    struct part part = {{&ops}, NULL, "all of it passed", 0};
    struct scene *scene = two_classes(&part, false);

    (void)state;
    scene_collected(scene, NULL);
    assert_true(run_nothing_selected(scene->run));
    assert_int_equal(scene->given, 0);
    scene_end(scene, 0);
}

static void
where_nothing_is_selected_no_filter_is_asked(void **state)
{
    struct part part = {{&ops}, NULL, "unused", 0};
    struct scene *scene = scene_new(2);
    struct run_params params = scene_params(scene);

    (void)state;
    params.filter = &part.filter;
    scene_open(scene, &params);
    scene_collected(scene, NULL);
    assert_int_equal(part.asked, 0);
    scene_end(scene, 5);
}

static void
under_a_runner_the_filter_sees_commands(void **state)
{
    struct part part = {{&ops}, "m.B", "one job", 0};
    struct scene *scene = two_classes(&part, true);

    (void)state;
    scene_collected(scene, NULL);
    assert_int_equal(scene->given, 1);
    assert_int_equal(items_count(scene->items), 2);
    scene_result(scene, "m.B", "m.B", STATE_PASSED);
    SCENE_DONE(scene, "m.B");
    scene_end(scene, 0);
}

static void
a_broken_module_that_is_left_out_is_not_told(void **state)
{
    struct part part = {{&ops}, "A.test_1", "one", 0};
    struct scene *scene = two_classes(&part, false);

    (void)state;
    scene_broken(scene, "m.bad", "it died", "");
    scene_collected(scene, NULL);
    assert_int_equal(scene_count(scene, EVENT_TEST_FINISHED), 0);
    scene_result(scene, "m.A", "m.A.test_1", STATE_PASSED);
    SCENE_DONE(scene, "m.A");
    scene_end(scene, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_the_filter_leaves_out_does_not_run),
    cmocka_unit_test(a_filter_that_leaves_nothing_makes_a_run_that_ends_well),
    cmocka_unit_test(where_nothing_is_selected_no_filter_is_asked),
    cmocka_unit_test(under_a_runner_the_filter_sees_commands),
    cmocka_unit_test(a_broken_module_that_is_left_out_is_not_told),
};

CHECK_MAIN(tests)
