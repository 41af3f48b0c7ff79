#include "fleet/tracker.h"

#include "check.h"

#include "model/items.h"

enum {
    ANN = 0,
    BOB = 1,
};

struct scene {
    struct tracker *tracker;
    struct tracked_list ended; // given back
    struct order_names wrong;
};

static struct scene
begin(uint32_t orders)
{
    struct scene scene = {.tracker = tracker_new()};

    for (uint32_t job = 0; job < orders; job++) {
        struct order order = {.job = job, .attempt = 1};
        tracker_add(scene.tracker, &order);
    }
    return scene;
}

static void
end(struct scene *scene)
{
    tracker_free(scene->tracker);
    ARRAY_RELEASE(&scene->ended);
    ARRAY_RELEASE(&scene->wrong);
}

static struct order_name
name(uint32_t job)
{
    return (struct order_name){job, 1};
}

static void
send_all(struct scene *scene, msec now)
{
    while (tracker_send(scene->tracker, now) != NULL) {
    }
}

static void
orders_are_sent_in_the_order_they_came(void **state)
{
    struct scene scene = begin(3);

    (void)state;
    for (uint32_t job = 0; job < 3; job++) {
        assert_int_equal(tracker_ready(scene.tracker), 3 - job);
        assert_int_equal(tracker_send(scene.tracker, 1)->order.job, job);
    }
    assert_null(tracker_send(scene.tracker, 1));
    assert_int_equal(tracker_sent(scene.tracker), 3);
    assert_int_equal(tracker_count(scene.tracker), 3);
    end(&scene);
}

static void
an_order_is_over_when_its_taker_says_so(void **state)
{
    struct scene scene = begin(1);

    (void)state;
    send_all(&scene, 1);
    assert_int_equal(tracker_take(scene.tracker, name(0), ANN), TRACKER_YES);
    assert_int_equal(tracker_held(scene.tracker, ANN), 1);
    assert_int_equal(tracker_begin(scene.tracker, name(0), ANN, 4, ITEM_NONE),
                     TRACKER_YES);
    assert_int_equal(tracker_end(scene.tracker, name(0), BOB), TRACKER_LATE);
    assert_int_equal(tracker_end(scene.tracker, name(0), ANN), TRACKER_YES);
    assert_int_equal(tracker_end(scene.tracker, name(0), ANN), TRACKER_LATE);
    assert_int_equal(tracker_count(scene.tracker), 0);
    assert_null(tracker_find(scene.tracker, name(0)));
    end(&scene);
}

static void
a_second_taker_is_told_to_drop_it(void **state)
{
    struct scene scene = begin(1);

    (void)state;
    send_all(&scene, 1);
    tracker_take(scene.tracker, name(0), ANN);
    assert_int_equal(tracker_take(scene.tracker, name(0), BOB), TRACKER_SECOND);
    assert_int_equal(tracker_hear(scene.tracker, name(0), BOB), TRACKER_LATE);
    assert_int_equal(tracker_end(scene.tracker, name(0), ANN), TRACKER_YES);
    assert_int_equal(tracker_take(scene.tracker, name(0), BOB), TRACKER_SECOND);
    end(&scene);
}

static void
what_began_with_a_lost_taker_is_lost(void **state)
{
    struct scene scene = begin(1);

    (void)state;
    send_all(&scene, 1);
    tracker_begin(scene.tracker, name(0), ANN, 7, 2);
    tracker_lose(scene.tracker, ANN, 1, &scene.ended);
    assert_int_equal(scene.ended.count, 1);
    assert_int_equal(scene.ended.items[0].slot, 7);
    assert_int_equal(scene.ended.items[0].place, 2);
    assert_int_equal(tracker_count(scene.tracker), 0);
    // The next attempt at the same job is another order.
    struct order again = {.job = 0, .attempt = 2};
    tracker_add(scene.tracker, &again);
    assert_int_equal(tracker_end(scene.tracker, name(0), ANN), TRACKER_LATE);
    assert_int_equal(tracker_count(scene.tracker), 1);
    end(&scene);
}

static void
what_did_not_begin_is_sent_again_first_and_as_it_was(void **state)
{
    struct scene scene = begin(4);

    (void)state;
    for (int i = 0; i < 3; i++) {
        tracker_send(scene.tracker, 1);
    }
    tracker_take(scene.tracker, name(0), ANN);
    tracker_take(scene.tracker, name(1), ANN);
    tracker_take(scene.tracker, name(2), BOB);
    tracker_lose(scene.tracker, ANN, 1, &scene.ended);
    // Her one slot was at the first of them, whatever she could say of it.
    assert_int_equal(scene.ended.count, 1);
    assert_int_equal(scene.ended.items[0].order.job, 0);
    assert_int_equal(tracker_send(scene.tracker, 2)->order.job, 1);
    const struct tracked *next = tracker_send(scene.tracker, 2);
    assert_int_equal(next->order.job, 3);
    assert_int_equal(next->order.attempt, 1);
    end(&scene);
}

static void
an_order_behind_others_is_lost_after_so_many_deaths(void **state)
{
    struct scene scene = begin(TRACKER_DEATHS_MAX + 2);
    uint32_t last = TRACKER_DEATHS_MAX + 1;

    (void)state;
    for (uint32_t deaths = 0; deaths <= TRACKER_DEATHS_MAX; deaths++) {
        assert_int_equal(scene.ended.count, deaths);
        while (tracker_send(scene.tracker, 1) != NULL) {
        }
        // Always behind another one, which is what is lost.
        tracker_take(scene.tracker, name(deaths), deaths);
        tracker_take(scene.tracker, name(last), deaths);
        tracker_lose(scene.tracker, deaths, 1, &scene.ended);
    }
    assert_int_equal(scene.ended.count, TRACKER_DEATHS_MAX + 2);
    assert_int_equal(tracker_count(scene.tracker), 0);
    end(&scene);
}

static void
who_takes_leave_is_not_held_against_the_order(void **state)
{
    struct scene scene = begin(1);

    (void)state;
    for (uint32_t join = 0; join < TRACKER_DEATHS_MAX + 3; join++) {
        assert_non_null(tracker_send(scene.tracker, 1));
        tracker_take(scene.tracker, name(0), join);
        tracker_lose(scene.tracker, join, 0, &scene.ended);
    }
    assert_int_equal(scene.ended.count, 0);
    assert_int_equal(tracker_ready(scene.tracker), 1);
    end(&scene);
}

static void
the_last_copy_that_bounces_is_sent_again(void **state)
{
    struct scene scene = begin(1);

    (void)state;
    send_all(&scene, 1);
    tracker_take(scene.tracker, name(0), ANN);
    tracker_lose(scene.tracker, ANN, 0, &scene.ended); // she left
    send_all(&scene, 2); // beside that one which ANN had
    tracker_bounce(scene.tracker, name(0), &scene.ended);
    assert_int_equal(tracker_ready(scene.tracker), 0);
    assert_int_equal(tracker_sent(scene.tracker), 1);
    tracker_bounce(scene.tracker, name(0), &scene.ended);
    assert_int_equal(tracker_ready(scene.tracker), 1);
    assert_int_equal(scene.ended.count, 0);
    end(&scene);
}

static void
a_copy_that_bounces_of_an_order_somebody_has_means_nothing(void **state)
{
    struct scene scene = begin(1);

    (void)state;
    send_all(&scene, 1);
    tracker_take(scene.tracker, name(0), ANN);
    tracker_bounce(scene.tracker, name(0), &scene.ended);
    tracker_bounce(scene.tracker, name(0), &scene.ended);
    assert_int_equal(tracker_held(scene.tracker, ANN), 1);
    assert_int_equal(scene.ended.count, 0);
    end(&scene);
}

static void
what_is_missed_twice_is_sent_again(void **state)
{
    struct scene scene = begin(2);

    (void)state;
    tracker_send(scene.tracker, 10);
    tracker_miss(scene.tracker, 20, &scene.ended);
    tracker_send(scene.tracker, 25);
    assert_int_equal(tracker_oldest(scene.tracker), 10);
    tracker_miss(scene.tracker, 22, &scene.ended); // the second came after
    assert_int_equal(tracker_ready(scene.tracker), 1);
    assert_int_equal(tracker_send(scene.tracker, 30)->order.job, 0);
    assert_int_equal(tracker_sent(scene.tracker), 2);
    assert_int_equal(scene.ended.count, 0);
    end(&scene);
}

static void
what_never_arrives_is_lost_in_the_end(void **state)
{
    struct scene scene = begin(1);
    int sends = 0;

    (void)state;
    while (scene.ended.count == 0) {
        assert_non_null(tracker_send(scene.tracker, sends + 1));
        sends++;
        tracker_miss(scene.tracker, sends + 2, &scene.ended);
        tracker_miss(scene.tracker, sends + 2, &scene.ended);
    }
    assert_int_equal(sends, TRACKER_SENDS_MAX);
    end(&scene);
}

static void
an_inventory_settles_what_a_join_has(void **state)
{
    struct scene scene = begin(4);
    const struct order_name has[] = {{0, 1}, {3, 1}, {9, 1}};

    (void)state;
    send_all(&scene, 1);
    tracker_take(scene.tracker, name(0), ANN);
    tracker_begin(scene.tracker, name(1), ANN, 0, ITEM_NONE);
    tracker_take(scene.tracker, name(2), ANN);
    tracker_hold(scene.tracker, ANN, has, 3, &scene.ended, &scene.wrong);
    // It has 3, which was on its way; it lost 1, which ran, and 2.
    assert_int_equal(tracker_held(scene.tracker, ANN), 2);
    assert_int_equal(scene.ended.count, 1);
    assert_int_equal(scene.ended.items[0].order.job, 1);
    assert_int_equal(tracker_ready(scene.tracker), 1);
    // And it must not have 9.
    assert_int_equal(scene.wrong.count, 1);
    assert_int_equal(scene.wrong.items[0].job, 9);
    end(&scene);
}

static void
what_nobody_has_can_be_taken_back(void **state)
{
    struct scene scene = begin(3);

    (void)state;
    tracker_send(scene.tracker, 1);
    tracker_send(scene.tracker, 1);
    tracker_take(scene.tracker, name(1), ANN);
    tracker_drop(scene.tracker, &scene.ended);
    assert_int_equal(scene.ended.count, 2);
    assert_int_equal(tracker_count(scene.tracker), 1);
    tracker_clear(scene.tracker, &scene.ended);
    assert_int_equal(scene.ended.count, 3);
    assert_int_equal(tracker_count(scene.tracker), 0);
    assert_int_equal(tracker_take(scene.tracker, name(0), ANN), TRACKER_SECOND);
    end(&scene);
}

static void
an_order_that_was_refused_is_the_next_to_be_sent(void **state)
{
    struct scene scene = begin(2);

    (void)state;
    tracker_send(scene.tracker, 1);
    tracker_unsend(scene.tracker, name(0));
    assert_int_equal(tracker_send(scene.tracker, 1)->order.job, 0);
    tracker_take(scene.tracker, name(0), ANN);
    tracker_unsend(scene.tracker, name(0)); // it arrived all the same
    assert_int_equal(tracker_held(scene.tracker, ANN), 1);
    end(&scene);
}

static void
all_that_is_out_is_known_by_how_long_it_takes(void **state)
{
    struct scene scene = begin(2);
    struct order brief = {.job = 7, .attempt = 1, .expect_us = 400};
    struct order endless = {.job = 8, .attempt = 1, .expect_us = UINT64_MAX};
    struct feed_out out;

    (void)state;
    tracker_add(scene.tracker, &brief);
    tracker_add(scene.tracker, &endless);
    tracker_out(scene.tracker, &out);
    assert_int_equal(out.count, 4);
    assert_int_equal(out.queued, 4);
    assert_int_equal(out.unknown, 2);
    assert_int_equal(out.us, 400 + FEED_GOAL_US);
    assert_int_equal(tracker_next(scene.tracker)->order.job, 0);
    assert_int_equal(tracker_ready(scene.tracker), 4);
    send_all(&scene, 1);
    assert_null(tracker_next(scene.tracker));
    tracker_take(scene.tracker, name(8), ANN);
    tracker_out(scene.tracker, &out);
    assert_int_equal(out.queued, 3);
    tracker_end(scene.tracker, name(8), ANN);
    tracker_end(scene.tracker, name(0), ANN);
    tracker_out(scene.tracker, &out);
    assert_int_equal(out.us, 400);
    assert_int_equal(out.unknown, 1);
    tracker_clear(scene.tracker, &scene.ended);
    tracker_out(scene.tracker, &out);
    assert_int_equal(out.count + out.unknown + out.queued, 0);
    assert_int_equal(out.us, 0);
    end(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_that_is_out_is_known_by_how_long_it_takes),
    cmocka_unit_test(orders_are_sent_in_the_order_they_came),
    cmocka_unit_test(an_order_is_over_when_its_taker_says_so),
    cmocka_unit_test(a_second_taker_is_told_to_drop_it),
    cmocka_unit_test(what_began_with_a_lost_taker_is_lost),
    cmocka_unit_test(what_did_not_begin_is_sent_again_first_and_as_it_was),
    cmocka_unit_test(an_order_behind_others_is_lost_after_so_many_deaths),
    cmocka_unit_test(who_takes_leave_is_not_held_against_the_order),
    cmocka_unit_test(the_last_copy_that_bounces_is_sent_again),
    cmocka_unit_test(
        a_copy_that_bounces_of_an_order_somebody_has_means_nothing),
    cmocka_unit_test(what_is_missed_twice_is_sent_again),
    cmocka_unit_test(what_never_arrives_is_lost_in_the_end),
    cmocka_unit_test(an_inventory_settles_what_a_join_has),
    cmocka_unit_test(what_nobody_has_can_be_taken_back),
    cmocka_unit_test(an_order_that_was_refused_is_the_next_to_be_sent),
};

CHECK_MAIN(tests)
