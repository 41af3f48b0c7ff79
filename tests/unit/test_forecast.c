#include "run/forecast.h"

#include "check.h"

/* Knows "m.A.test_1" and what m.A takes beside its items; counts questions. */
struct memory {
    struct history history;
    unsigned asked;
};

static bool
find_item(struct history *history, struct slice id, struct past *past)
{
    struct memory *memory = (struct memory *)(void *)history;

    memory->asked++;
    *past = (struct past){.us = 100, .timed = true, .state = STATE_FAILED};
    return slice_equals_text(id, "m.A.test_1");
}

static bool
find_job(struct history *history, struct slice name, struct past *past)
{
    (void)history;
    *past = (struct past){.us = 7, .timed = true};
    return slice_equals_text(name, "m.A");
}

static const struct history_ops memory_ops = {
    .find_item = find_item,
    .find_job = find_job,
};

struct world {
    struct memory memory;
    struct items *items;
    struct forecast forecast;
};

static void
add_job(struct items *items, const char *name, const char *file)
{
    uint32_t job =
        items_add_job(items, &(struct job_params){.name = slice_of(name),
                                                  .file = slice_of(file)});
    items_add(items, job, SLICE(".test_1"), 0);
    items_add(items, job, SLICE(".test_2"), 0);
}

/* Three jobs; A and B lie in one file. */
static void
enter(struct world *world, bool remembers)
{
    *world = (struct world){.memory = {.history = {&memory_ops}}};
    world->items = items_new();
    add_job(world->items, "m.A", "m.py");
    add_job(world->items, "m.B", "m.py");
    add_job(world->items, "n.C", "");
    forecast_init(&world->forecast, remembers ? &world->memory.history : NULL,
                  world->items);
}

static void
leave(struct world *world)
{
    forecast_release(&world->forecast);
    items_free(world->items);
}

static void
what_is_remembered_is_forecast_for_its_like_too(void **state)
{
    const struct terms terms = {0};
    struct world world;

    (void)state;
    enter(&world, true);
    for (uint32_t job = 0; job < 3; job++) {
        forecast_add(&world.forecast, job, &terms);
    }
    forecast_settle(&world.forecast);
    assert_int_equal(forecast_us(&world.forecast, 0), 207);
    assert_int_equal(forecast_us(&world.forecast, 1), 200);
    assert_int_equal(forecast_us(&world.forecast, 2), 200);
    assert_true(forecast_failed(&world.forecast, 0));
    assert_false(forecast_failed(&world.forecast, 1));
    assert_int_equal(world.memory.asked, 6);
    leave(&world);
}

static void
without_a_memory_what_is_declared_is_all_there_is(void **state)
{
    const struct terms terms = {0};
    const struct terms declared = {.expect_ms = 3};
    struct world world;

    (void)state;
    enter(&world, false);
    forecast_add(&world.forecast, 0, &terms);
    forecast_add(&world.forecast, 1, &declared);
    forecast_settle(&world.forecast);
    assert_int_equal(forecast_us(&world.forecast, 0), 0);
    assert_int_equal(forecast_us(&world.forecast, 1), 3000);
    assert_int_equal(forecast_us(&world.forecast, 2), 0); // was not added
    assert_false(forecast_failed(&world.forecast, 2));
    leave(&world);
}

static void
a_part_takes_its_share_of_the_whole(void **state)
{
    const struct terms declared = {.expect_ms = 3};
    struct world world;

    (void)state;
    enter(&world, false);
    forecast_add(&world.forecast, 1, &declared);
    forecast_settle(&world.forecast);
    uint32_t item = items_of_job(world.items, 1, 1);
    uint32_t part = items_split_job(world.items, 1, &item, 1);
    assert_int_equal(forecast_us(&world.forecast, part), 1500);
    leave(&world);
}

static void
jobs_without_a_file_are_alike_by_their_names(void **state)
{
    struct world world;

    (void)state;
    enter(&world, false);
    assert_true(slice_equals_text(forecast_module_of(world.items, 0), "m.py"));
    assert_true(slice_equals_text(forecast_module_of(world.items, 2), "n"));
    leave(&world);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_remembered_is_forecast_for_its_like_too),
    cmocka_unit_test(without_a_memory_what_is_declared_is_all_there_is),
    cmocka_unit_test(a_part_takes_its_share_of_the_whole),
    cmocka_unit_test(jobs_without_a_file_are_alike_by_their_names),
};

CHECK_MAIN(tests)
