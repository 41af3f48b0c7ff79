#include "fleet_scene.h"

static bool
one_works(struct fleet_scene *scene)
{
    return scene->puppets.items[0]->held.count > 0;
}

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
    assert_int_equal(scene->base->tally.states[STATE_PASSED], 150);
    assert_int_equal(ann->took + bob->took, 50);
    assert_int_equal(ann->teardowns, 1);
    assert_int_equal(bob->teardowns, 1);
    scene_told(scene->base, EVENT_WORKER, "ann@h");
    fleet_scene_end(scene, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_build_runs_on_workers_and_leaves_nothing),
};

CHECK_MAIN(tests)
