#include "run/terms.h"

#include "check.h"

#include "util/alloc.h"

/* Two jobs in two files. */
struct world {
    struct settings settings;
    struct items *items;
};

static struct world
make_world(void)
{
    struct world world = {.items = items_new()};

    settings_init(&world.settings);
    world.settings.timeout_ms = 100;
    world.settings.test_timeout_ms = 200;
    world.settings.slow_ms = 300;
    items_add_job(world.items, &(struct job_params){
                                   .name = SLICE("shop.tests.Cart"),
                                   .file = SLICE("shop/tests.py"),
                               });
    items_add_job(world.items, &(struct job_params){
                                   .name = SLICE("db.Big"),
                                   .file = SLICE("db.py"),
                                   .flags = JOB_ALONE,
                               });
    return world;
}

/* Another override, which says nothing yet. */
static struct override *
add_override(struct world *world, const char *match)
{
    struct settings *settings = &world->settings;
    size_t count = (size_t)settings->override_count++;

    settings->overrides = alloc_resize(settings->overrides, count + 1,
                                       sizeof(*settings->overrides));
    override_init(&settings->overrides[count]);
    settings->overrides[count].match = alloc_dup(match);
    return &settings->overrides[count];
}

static void
leave(struct world *world)
{
    settings_release(&world->settings);
    items_free(world->items);
}

static struct terms
terms_of(const struct world *world, uint32_t job)
{
    struct terms terms;

    terms_of_job(&terms, &world->settings, world->items, job);
    return terms;
}

static void
without_overrides_the_settings_stand(void **state)
{
    struct world world = make_world();
    struct terms terms = terms_of(&world, 0);

    (void)state;
    assert_int_equal(terms.timeout_ms, 100);
    assert_int_equal(terms.test_timeout_ms, 200);
    assert_int_equal(terms.slow_ms, 300);
    assert_false(terms.alone);
    leave(&world);
}

static void
a_job_can_want_to_be_alone_by_itself(void **state)
{
    struct world world = make_world();

    (void)state;
    add_override(&world, "*");
    assert_true(terms_of(&world, 1).alone);
    leave(&world);
}

static void
an_override_fits_the_name_or_the_file(void **state)
{
    struct world world = make_world();

    (void)state;
    add_override(&world, "shop.*")->timeout_ms = 1;
    add_override(&world, "d?.py")->slow_ms = 2;
    assert_int_equal(terms_of(&world, 0).timeout_ms, 1);
    assert_int_equal(terms_of(&world, 0).slow_ms, 300);
    assert_int_equal(terms_of(&world, 1).timeout_ms, 100);
    assert_int_equal(terms_of(&world, 1).slow_ms, 2);
    leave(&world);
}

static void
the_first_override_that_says_something_wins(void **state)
{
    struct world world = make_world();

    (void)state;
    add_override(&world, "*.Cart")->alone = 1;
    add_override(&world, "shop.*")->timeout_ms = 1;
    add_override(&world, "*")->timeout_ms = 2;
    world.settings.overrides[2].alone = 0;
    world.settings.overrides[2].expect_ms = 3;
    assert_true(terms_of(&world, 0).alone);
    assert_int_equal(terms_of(&world, 0).timeout_ms, 1);
    assert_int_equal(terms_of(&world, 0).expect_ms, 3);
    assert_int_equal(terms_of(&world, 1).timeout_ms, 2);
    leave(&world);
}

static void
an_index_knows_the_needs_of_each_job_and_of_its_parts(void **state)
{
    struct world world = make_world();
    struct need need = {.resource = 0, .units = 2};
    const uint32_t units[] = {2};
    struct queue *queue = queue_new(units, 1);
    struct terms_index index = {0};

    (void)state;
    uint32_t item = items_add(world.items, 1, SLICE(".test_it"), 0);
    struct override *override = add_override(&world, "db.*");
    override->needs = alloc_zero(1, sizeof(need));
    override->needs[0] = need;
    override->need_count = 1;
    terms_index_build(&index, &world.settings, world.items, queue);
    uint32_t part = items_split_job(world.items, 1, &item, 1);
    const struct terms *terms = terms_index_find(&index, world.items, part);
    assert_ptr_equal(terms, terms_index_find(&index, world.items, 1));
    assert_int_equal(terms_index_find(&index, world.items, 0)->need_count, 0);
    assert_int_equal(terms->need_count, 1);
    assert_true(terms_wants(terms).alone);
    queue_add(queue, part, (struct queue_wants){.needs = terms->queue_needs});
    assert_int_equal(queue_next(queue, true), part);
    assert_int_equal(queue_free_units(queue, 0), 0);
    terms_index_release(&index);
    queue_free(queue);
    leave(&world);
}

static void
an_override_can_switch_a_limit_off(void **state)
{
    struct world world = make_world();

    (void)state;
    add_override(&world, "shop.*")->timeout_ms = 0;
    world.settings.overrides[0].test_timeout_ms = 0;
    world.settings.overrides[0].slow_ms = 0;
    assert_int_equal(terms_of(&world, 0).timeout_ms, 0);
    assert_int_equal(terms_of(&world, 0).test_timeout_ms, 0);
    assert_int_equal(terms_of(&world, 0).slow_ms, 0);
    assert_int_equal(terms_of(&world, 1).timeout_ms, 100);
    leave(&world);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(without_overrides_the_settings_stand),
    cmocka_unit_test(a_job_can_want_to_be_alone_by_itself),
    cmocka_unit_test(an_override_fits_the_name_or_the_file),
    cmocka_unit_test(the_first_override_that_says_something_wins),
    cmocka_unit_test(an_index_knows_the_needs_of_each_job_and_of_its_parts),
    cmocka_unit_test(an_override_can_switch_a_limit_off),
};

CHECK_MAIN(tests)
