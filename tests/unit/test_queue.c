#include "schedule/queue.h"

#include "check.h"

#include "model/items.h"

static const struct queue_wants together = {.alone = false};
static const struct queue_wants alone = {.alone = true};

static void
an_empty_queue_gives_nothing(void **state)
{
    struct queue *queue = queue_new(NULL, 0);

    (void)state;
    assert_int_equal(queue_waiting(queue), 0);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    assert_int_equal(queue_drop(queue), JOB_NONE);
    queue_free(queue);
    queue_free(NULL);
}

static void
jobs_come_in_the_order_they_were_added(void **state)
{
    struct queue *queue = queue_new(NULL, 0);

    (void)state;
    for (uint32_t job = 0; job < 1000; job++) {
        queue_add(queue, job, together);
    }
    for (uint32_t job = 0; job < 1000; job++) {
        assert_int_equal(queue_waiting(queue), 1000 - job);
        assert_int_equal(queue_next(queue, true), job);
    }
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_free(queue);
}

static void
what_came_back_goes_before_what_was_not_tried(void **state)
{
    struct queue *queue = queue_new(NULL, 0);

    (void)state;
    queue_add(queue, 1, together);
    queue_add(queue, 2, together);
    queue_add_again(queue, 3, together);
    assert_int_equal(queue_next(queue, true), 3);
    queue_add_again(queue, 4, together);
    assert_int_equal(queue_next(queue, true), 4);
    assert_int_equal(queue_next(queue, true), 1);
    assert_int_equal(queue_next(queue, true), 2);
    queue_free(queue);
}

static void
who_wants_to_be_alone_waits_until_nothing_runs(void **state)
{
    struct queue *queue = queue_new(NULL, 0);

    (void)state;
    queue_add(queue, 1, alone);
    queue_add(queue, 2, together);
    assert_int_equal(queue_next(queue, true), 2);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 2);
    assert_int_equal(queue_next(queue, true), 1);
    queue_free(queue);
}

static void
nothing_runs_beside_a_job_that_is_alone(void **state)
{
    struct queue *queue = queue_new(NULL, 0);

    (void)state;
    queue_add(queue, 1, alone);
    queue_add(queue, 2, alone);
    assert_int_equal(queue_next(queue, true), 1);
    queue_add(queue, 3, together);
    queue_add_again(queue, 4, together);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 1);
    assert_int_equal(queue_next(queue, true), 4);
    assert_int_equal(queue_next(queue, true), 3);
    queue_done(queue, 4);
    queue_done(queue, 3);
    assert_int_equal(queue_next(queue, true), 2);
    assert_int_equal(queue_waiting(queue), 0);
    queue_free(queue);
}

static void
a_job_that_was_alone_is_so_again_when_it_comes_back(void **state)
{
    struct queue *queue = queue_new(NULL, 0);

    (void)state;
    queue_add(queue, 1, alone);
    assert_int_equal(queue_next(queue, true), 1);
    queue_done(queue, 1);
    queue_add_again(queue, 1, alone);
    queue_add(queue, 2, together);
    assert_int_equal(queue_next(queue, true), 2);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 2);
    assert_int_equal(queue_next(queue, true), 1);
    queue_free(queue);
}

static void
every_job_can_be_dropped_once(void **state)
{
    struct queue *queue = queue_new(NULL, 0);
    unsigned seen = 0;

    (void)state;
    queue_add(queue, 0, together);
    queue_add(queue, 1, alone);
    queue_add_again(queue, 2, together);
    for (uint32_t left = 3; left > 0; left--) {
        assert_int_equal(queue_waiting(queue), left);
        uint32_t job = queue_drop(queue);
        assert_in_range(job, 0, 2);
        seen |= 1U << job;
    }
    assert_int_equal(seen, 7);
    assert_int_equal(queue_drop(queue), JOB_NONE);
    queue_free(queue);
}

static void
a_look_takes_nothing_and_tells_what_comes(void **state)
{
    static const uint32_t units[] = {1};
    static const struct queue_need one = {.resource = 0, .units = 1};
    struct queue *queue = queue_new(units, 1);
    struct queue_wants needy = {.needs = queue_needs(queue, &one, 1)};

    (void)state;
    assert_int_equal(queue_peek(queue, true), JOB_NONE);
    queue_add(queue, 7, together);
    queue_add(queue, 1, needy);
    queue_add(queue, 2, needy);
    queue_add(queue, 3, together);
    queue_add(queue, 4, alone);
    assert_int_equal(queue_next(queue, true), 7);
    assert_int_equal(queue_peek(queue, false), 3);
    assert_int_equal(queue_peek(queue, true), 1);
    assert_int_equal(queue_peek(queue, true), 1);
    assert_int_equal(queue_next(queue, true), 1);
    assert_int_equal(queue_peek(queue, true), 3); // 2 needs what 1 has
    assert_int_equal(queue_next(queue, false), 3);
    assert_int_equal(queue_peek(queue, true), JOB_NONE);
    queue_done(queue, 1);
    queue_done(queue, 3);
    queue_done(queue, 7);
    assert_int_equal(queue_next(queue, true), 2);
    queue_done(queue, 2);
    assert_int_equal(queue_peek(queue, false), 4);
    assert_int_equal(queue_next(queue, false), 4);
    assert_int_equal(queue_peek(queue, true), JOB_NONE);
    queue_free(queue);
}

/* Two resources: two units of the first one, one of the second. */
static struct queue *
make_shared(uint32_t *first, uint32_t *both)
{
    static const uint32_t units[] = {2, 1};
    static const struct queue_need one = {0, 1};
    static const struct queue_need two[] = {{1, 1}, {0, 2}};
    static const struct queue_need same[] = {{0, 2}, {1, 1}};
    struct queue *queue = queue_new(units, 2);

    *first = queue_needs(queue, &one, 1);
    *both = queue_needs(queue, two, 2);
    assert_int_equal(queue_needs(queue, NULL, 0), 0);
    assert_int_equal(queue_needs(queue, &one, 1), *first);
    assert_int_equal(queue_needs(queue, same, 2), *both);
    assert_int_not_equal(*first, *both);
    return queue;
}

static void
no_more_jobs_run_than_there_are_units(void **state)
{
    uint32_t first = 0;
    uint32_t both = 0;
    struct queue *queue = make_shared(&first, &both);
    struct queue_wants wants = {.needs = first};

    (void)state;
    for (uint32_t job = 0; job < 3; job++) {
        queue_add(queue, job, wants);
    }
    queue_add(queue, 3, together);
    assert_int_equal(queue_next(queue, true), 0);
    assert_int_equal(queue_next(queue, true), 1);
    assert_int_equal(queue_free_units(queue, 0), 0);
    assert_int_equal(queue_next(queue, true), 3); // passes job 2
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 3);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 0);
    assert_int_equal(queue_next(queue, true), 2);
    queue_done(queue, 1);
    queue_done(queue, 2);
    assert_int_equal(queue_free_units(queue, 0), 2);
    queue_free(queue);
}

static void
who_waits_for_a_unit_is_not_overtaken_by_its_like(void **state)
{
    uint32_t first = 0;
    uint32_t both = 0;
    struct queue *queue = make_shared(&first, &both);

    (void)state;
    queue_add(queue, 0, (struct queue_wants){.needs = first});
    queue_add(queue, 1, (struct queue_wants){.needs = both});
    queue_add(queue, 2, (struct queue_wants){.needs = first});
    assert_int_equal(queue_next(queue, true), 0);
    assert_int_equal(queue_next(queue, true), JOB_NONE); // 2 would fit
    queue_done(queue, 0);
    assert_int_equal(queue_next(queue, true), 1);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 1);
    assert_int_equal(queue_next(queue, true), 2);
    queue_free(queue);
}

static void
who_needs_something_waits_for_an_idle_place(void **state)
{
    uint32_t first = 0;
    uint32_t both = 0;
    struct queue *queue = make_shared(&first, &both);

    (void)state;
    queue_add(queue, 0, together);
    queue_add(queue, 1, (struct queue_wants){.needs = first});
    queue_add(queue, 2, together);
    assert_int_equal(queue_next(queue, true), 0);
    assert_int_equal(queue_peek(queue, true), 1);
    assert_int_equal(queue_peek(queue, false), 2);
    assert_int_equal(queue_next(queue, false), 2);
    assert_int_equal(queue_next(queue, false), JOB_NONE);
    assert_int_equal(queue_next(queue, true), 1);
    queue_free(queue);
}

static void
what_came_back_goes_first_whatever_it_needs(void **state)
{
    uint32_t first = 0;
    uint32_t both = 0;
    struct queue *queue = make_shared(&first, &both);
    struct queue_wants wants = {.needs = first};

    (void)state;
    queue_add(queue, 0, together);
    queue_add(queue, 1, wants);
    queue_add_again(queue, 2, wants);
    queue_add_again(queue, 3, together);
    assert_int_equal(queue_next(queue, true), 2);
    queue_done(queue, 2);
    queue_add_again(queue, 2, wants);
    assert_int_equal(queue_next(queue, true), 3);
    assert_int_equal(queue_next(queue, true), 2);
    assert_int_equal(queue_next(queue, true), 0);
    assert_int_equal(queue_next(queue, true), 1);
    queue_free(queue);
}

static void
alone_is_alone_also_with_needs(void **state)
{
    uint32_t first = 0;
    uint32_t both = 0;
    struct queue *queue = make_shared(&first, &both);

    (void)state;
    queue_add(queue, 0, (struct queue_wants){.alone = true, .needs = both});
    queue_add(queue, 1, (struct queue_wants){.needs = both});
    assert_int_equal(queue_next(queue, true), 1);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 1);
    assert_int_equal(queue_next(queue, true), 0);
    queue_add(queue, 2, together);
    assert_int_equal(queue_next(queue, true), JOB_NONE);
    queue_done(queue, 0);
    assert_int_equal(queue_next(queue, true), 2);
    queue_free(queue);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_queue_gives_nothing),
    cmocka_unit_test(jobs_come_in_the_order_they_were_added),
    cmocka_unit_test(what_came_back_goes_before_what_was_not_tried),
    cmocka_unit_test(who_wants_to_be_alone_waits_until_nothing_runs),
    cmocka_unit_test(nothing_runs_beside_a_job_that_is_alone),
    cmocka_unit_test(a_job_that_was_alone_is_so_again_when_it_comes_back),
    cmocka_unit_test(every_job_can_be_dropped_once),
    cmocka_unit_test(no_more_jobs_run_than_there_are_units),
    cmocka_unit_test(who_waits_for_a_unit_is_not_overtaken_by_its_like),
    cmocka_unit_test(who_needs_something_waits_for_an_idle_place),
    cmocka_unit_test(what_came_back_goes_first_whatever_it_needs),
    cmocka_unit_test(alone_is_alone_also_with_needs),
    cmocka_unit_test(a_look_takes_nothing_and_tells_what_comes),
};

CHECK_MAIN(tests)
