/* Which job a run gives out next: resources, shards, and what is declared. */
#include "run/run.h"

#include "check.h"

#include "run_scene.h"

/* Says what jobs need and take that fit a pattern. */
static struct override *
add_override(struct scene *scene, const char *match)
{
    struct settings *settings = &scene->settings;
    size_t count = (size_t)settings->override_count++;

    settings->overrides = alloc_resize(settings->overrides, count + 1,
                                       sizeof(*settings->overrides));
    override_init(&settings->overrides[count]);
    settings->overrides[count].match = alloc_dup(match);
    return &settings->overrides[count];
}

static void
add_resource(struct scene *scene, uint32_t units)
{
    scene->settings.resources = alloc_zero(1, sizeof(struct resource));
    scene->settings.resources[0].name = alloc_dup("db");
    scene->settings.resources[0].units = units;
    scene->settings.resource_count = 1;
}

static void
need(struct override *override, uint32_t units)
{
    override->needs = alloc_zero(1, sizeof(struct need));
    override->needs[0].units = units;
    override->need_count = 1;
}

static void
pass(struct scene *scene, const char *job)
{
    char *id = alloc_printf("%s.test_1", job);

    scene_result(scene, job, id, STATE_PASSED);
    SCENE_DONE(scene, job);
    free(id);
}

static void
expect_running(const struct scene *scene, size_t place, const char *job)
{
    assert_true(place < scene->orders.count);
    assert_string_equal(scene->orders.items[place].job, job);
}

static void
no_more_are_given_out_than_there_are_units(void **state)
{
    struct scene *scene = scene_new(4);
    struct run_params params = scene_params(scene);

    (void)state;
    add_resource(scene, 2);
    need(add_override(scene, "m.[ABC]"), 1);
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_job(scene, "m.B", ".test_1");
    scene_job(scene, "m.C", ".test_1");
    scene_job(scene, "m.D", ".test_1");
    scene_collected(scene, NULL);
    assert_int_equal(scene->orders.count, 3);
    expect_running(scene, 0, "m.A");
    expect_running(scene, 1, "m.B");
    expect_running(scene, 2, "m.D");
    pass(scene, "m.D");
    assert_int_equal(scene->orders.count, 2);
    pass(scene, "m.A");
    assert_int_equal(scene->orders.count, 2);
    pass(scene, "m.B");
    pass(scene, "m.C");
    scene_end(scene, 0);
}

static void
what_is_lost_holds_its_units_until_that_is_known(void **state)
{
    struct scene *scene = scene_new(4);
    struct run_params params = scene_params(scene);

    (void)state;
    add_resource(scene, 1);
    need(add_override(scene, "*"), 1);
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_job(scene, "m.B", ".test_1");
    scene_collected(scene, NULL);
    assert_int_equal(scene->orders.count, 1);
    scene->events->on_room(scene->run);
    assert_int_equal(scene->orders.count, 1);
    SCENE_END(scene, "m.A", .end = ORDER_LOST, .problem = "it vanished");
    assert_int_equal(scene->orders.count, 1);
    expect_running(scene, 0, "m.A"); // again, before what was not tried
    pass(scene, "m.A");
    pass(scene, "m.B");
    scene_end(scene, 0);
}

static void
what_is_declared_to_take_long_goes_first(void **state)
{
    struct scene *scene = scene_new(1);
    struct run_params params = scene_params(scene);

    (void)state;
    add_override(scene, "m.B")->expect_ms = 20;
    add_override(scene, "m.C")->expect_ms = 30;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_job(scene, "m.B", ".test_1");
    scene_job(scene, "m.C", ".test_1");
    scene_collected(scene, NULL);
    expect_running(scene, 0, "m.C");
    assert_int_equal(scene->orders.items[0].order.expect_us, 30000);
    pass(scene, "m.C");
    expect_running(scene, 0, "m.B");
    pass(scene, "m.B");
    expect_running(scene, 0, "m.A");
    pass(scene, "m.A");
    scene_end(scene, 0);
}

static void
what_other_shards_have_is_told_and_does_not_run(void **state)
{
    struct scene *scene = scene_new(4);
    struct run_params params = scene_params(scene);
    struct err err = {0};
    struct durations *durations =
        durations_parse("times.txt", SLICE("2 m.A\n1 m.B\n1 m.C\n"), &err);

    (void)state;
    scene->settings.shard = 2;
    scene->settings.shards = 2;
    params.durations = durations;
    scene_open(scene, &params);
    scene_job(scene, "m.A", ".test_1");
    scene_job(scene, "m.B", ".test_1");
    scene_job(scene, "m.C", ".test_1");
    scene_collected(scene, NULL);
    assert_int_equal(scene->orders.count, 2);
    expect_running(scene, 0, "m.B");
    expect_running(scene, 1, "m.C");
    assert_int_equal(scene_count(scene, EVENT_ELSEWHERE), 1);
    pass(scene, "m.B");
    pass(scene, "m.C");
    scene_end(scene, 0);
    durations_free(durations);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(no_more_are_given_out_than_there_are_units),
    cmocka_unit_test(what_is_lost_holds_its_units_until_that_is_known),
    cmocka_unit_test(what_is_declared_to_take_long_goes_first),
    cmocka_unit_test(what_other_shards_have_is_told_and_does_not_run),
};

CHECK_MAIN(tests)
