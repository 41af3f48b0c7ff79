#include "fleet/pair.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

/* A place that takes so many orders, and remembers what it was told. */
struct place {
    struct executor executor;
    uint32_t slots;
    uint32_t waiting; // as it was asked last
    int started;
    int cancels;
    int recalls;
    int pauses;
    int drains;
};

struct scene {
    struct pair pair;
    struct place here;
    struct place there;
    int drained;
    int broken;
    int ended;
    char note[200];
};

static struct place *
place_of(struct executor *executor)
{
    return (struct place *)(void *)executor;
}

static uint32_t
room(struct executor *executor, const struct demand *demand)
{
    struct place *place = place_of(executor);

    place->waiting = demand->waiting;
    uint32_t free_slots = place->slots - (uint32_t)place->started;
    return free_slots < demand->waiting ? free_slots : demand->waiting;
}

static void
start(struct executor *executor, const struct order *order)
{
    (void)order;
    place_of(executor)->started++;
}

static void
cancel(struct executor *executor, bool now)
{
    (void)now;
    place_of(executor)->cancels++;
}

static void
recall(struct executor *executor)
{
    place_of(executor)->recalls++;
}

static void
pause_place(struct executor *executor, bool paused)
{
    (void)paused;
    place_of(executor)->pauses++;
}

static void
drain(struct executor *executor)
{
    place_of(executor)->drains++;
}

static void
on_drained(void *ctx)
{
    ((struct scene *)ctx)->drained++;
}

static void
on_broken(void *ctx, const struct err *err)
{
    (void)err;
    ((struct scene *)ctx)->broken++;
}

static void
on_end(void *ctx, const struct order_report *report)
{
    (void)report;
    ((struct scene *)ctx)->ended++;
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    struct scene *scene = ctx;

    (void)hint;
    assert_int_equal(level, NOTE_ERROR);
    snprintf(scene->note, sizeof(scene->note), "%s", text);
}

static void
begin(struct scene *scene, uint32_t here, uint32_t there)
{
    static const struct executor_events events = {
        .on_drained = on_drained,
        .on_broken = on_broken,
        .on_end = on_end,
        .on_note = on_note,
    };
    static const struct executor_ops ops = {
        .room = room,
        .start = start,
        .cancel = cancel,
        .recall = recall,
        .pause = pause_place,
        .drain = drain,
    };

    memset(scene, 0, sizeof(*scene));
    scene->here = (struct place){.executor.ops = &ops, .slots = here};
    scene->there = (struct place){.executor.ops = &ops, .slots = there};
    pair_init(&scene->pair, &events, scene);
    pair_join(&scene->pair, &scene->here.executor, &scene->there.executor);
}

static void
what_there_is_room_for_here_is_done_here(void **state)
{
    struct scene scene;
    struct order order = {.job = 1};

    (void)state;
    begin(&scene, 2, 3);
    struct executor *executor = pair_executor(&scene.pair);
    for (struct demand demand = {.waiting = 9};
         executor->ops->room(executor, &demand) > 0; demand.waiting--) {
        executor->ops->start(executor, &order);
    }
    assert_int_equal(scene.here.started, 2);
    assert_int_equal(scene.there.started, 3);
    assert_int_equal(scene.there.waiting, 4);
}

static void
what_will_be_done_here_needs_nobody_there(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, 4, 9);
    struct executor *executor = pair_executor(&scene.pair);
    struct demand demand = {.waiting = 3};
    assert_int_equal(executor->ops->room(executor, &demand), 3);
    assert_int_equal(scene.there.waiting, 0);
}

static void
both_are_told_what_concerns_both(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, 1, 1);
    struct executor *executor = pair_executor(&scene.pair);
    executor->ops->cancel(executor, false);
    executor->ops->recall(executor);
    executor->ops->pause(executor, true);
    executor->ops->drain(executor);
    assert_int_equal(scene.here.cancels + scene.there.cancels, 2);
    assert_int_equal(scene.here.recalls + scene.there.recalls, 2);
    assert_int_equal(scene.here.pauses + scene.there.pauses, 2);
    assert_int_equal(scene.here.drains + scene.there.drains, 2);
}

static void
it_is_drained_when_both_are(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene, 1, 1);
    pair_events()->on_drained(&scene.pair.there);
    assert_int_equal(scene.drained, 0);
    pair_events()->on_drained(&scene.pair.here);
    assert_int_equal(scene.drained, 1);
}

static void
without_the_fleet_this_machine_goes_on_alone(void **state)
{
    struct scene scene;
    struct err err = {0};

    (void)state;
    begin(&scene, 1, 1);
    err_set(&err, ERR_SYSTEM, "no broker");
    pair_events()->on_broken(&scene.pair.there, &err);
    assert_int_equal(scene.broken, 0);
    assert_string_equal(scene.note, "no broker; this machine goes on alone");
    pair_events()->on_broken(&scene.pair.here, &err);
    assert_int_equal(scene.broken, 1);
    struct order_report report = {0};
    pair_events()->on_end(&scene.pair.here, &report);
    pair_events()->on_end(&scene.pair.there, &report);
    assert_int_equal(scene.ended, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_there_is_room_for_here_is_done_here),
    cmocka_unit_test(what_will_be_done_here_needs_nobody_there),
    cmocka_unit_test(both_are_told_what_concerns_both),
    cmocka_unit_test(it_is_drained_when_both_are),
    cmocka_unit_test(without_the_fleet_this_machine_goes_on_alone),
};

CHECK_MAIN(tests)
