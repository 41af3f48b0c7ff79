#include "stage.h"

// A list of what happened, one character each.
struct story {
    struct stage stage;
    struct deadline deadlines[3];
    char text[16];
    size_t len;
};

static void
add(struct story *story, char what)
{
    story->text[story->len++] = what;
}

static void
first(void *ctx)
{
    add(ctx, '1');
}

static void
second(void *ctx)
{
    add(ctx, '2');
}

static void
last(void *ctx)
{
    struct story *story = ctx;

    add(story, '.');
    loop_stop(story->stage.loop);
}

static void
begin(struct story *story)
{
    *story = (struct story){0};
    stage_init(&story->stage);
    deadline_init(&story->deadlines[0], story->stage.loop, first, story);
    deadline_init(&story->deadlines[1], story->stage.loop, second, story);
    deadline_init(&story->deadlines[2], story->stage.loop, last, story);
}

static void
end(struct story *story, const char *expected)
{
    for (int i = 0; i < 3; i++) {
        deadline_release(&story->deadlines[i]);
    }
    stage_release(&story->stage);
    assert_string_equal(story->text, expected);
}

static void
deadlines_come_in_the_order_of_their_time(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    deadline_arm(&story.deadlines[2], 20);
    deadline_arm(&story.deadlines[1], 10);
    deadline_arm(&story.deadlines[0], 0);
    stage_run(&story.stage);
    end(&story, "12.");
}

static void
equal_deadlines_come_in_the_order_of_arming(void **state)
{
    struct deadlines deadlines;
    struct story story;

    (void)state;
    begin(&story);
    deadline_arm(&story.deadlines[1], 0);
    deadline_arm(&story.deadlines[0], 0);
    deadline_arm(&story.deadlines[2], 1);
    stage_run(&story.stage);
    end(&story, "21.");
    deadlines_init(&deadlines);
    assert_int_equal(deadlines_wait(&deadlines, 0), -1);
    deadlines_release(&deadlines);
}

static void
a_disarmed_deadline_does_not_come(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    deadline_arm(&story.deadlines[0], 1);
    deadline_arm(&story.deadlines[2], 5);
    assert_true(deadline_is_armed(&story.deadlines[0]));
    deadline_disarm(&story.deadlines[0]);
    deadline_disarm(&story.deadlines[0]);
    assert_false(deadline_is_armed(&story.deadlines[0]));
    stage_run(&story.stage);
    end(&story, ".");
}

static void
arming_again_starts_anew(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    deadline_arm(&story.deadlines[0], 0);
    deadline_arm(&story.deadlines[0], 600000);
    deadline_arm(&story.deadlines[2], 5);
    stage_run(&story.stage);
    end(&story, ".");
}

static void
again(void *ctx)
{
    struct story *story = ctx;

    add(story, 'a');
    if (story->len < 3) {
        deadline_arm(&story->deadlines[0], 0);
    } else {
        loop_stop(story->stage.loop);
    }
}

static void
one_that_arms_itself_lets_the_loop_turn(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    deadline_init(&story.deadlines[0], story.stage.loop, again, &story);
    deadline_arm(&story.deadlines[0], 0);
    stage_run(&story.stage);
    end(&story, "aaa");
}

// The rest is about the clock alone; time is a number.
struct clock {
    struct stage stage;
    struct deadline deadline;
    int came;
};

static void
come(void *ctx)
{
    struct clock *clock = ctx;

    clock->came++;
}

static void
paused_deadlines_keep_the_time_that_is_left(void **state)
{
    struct clock clock = {0};
    struct deadlines *deadlines;

    (void)state;
    stage_init(&clock.stage);
    deadlines = loop_deadlines(clock.stage.loop);
    deadline_init(&clock.deadline, clock.stage.loop, come, &clock);
    deadline_arm(&clock.deadline, 1000);
    msec now = clock.deadline.due - 1000;

    deadlines_pause(deadlines, true, now + 400);
    assert_int_equal(deadlines_wait(deadlines, now + 5000), -1);
    deadlines_run(deadlines, now + 5000);
    assert_int_equal(clock.came, 0);
    deadlines_pause(deadlines, true, now + 6000); // said twice
    deadlines_pause(deadlines, false, now + 10400);
    assert_int_equal(deadlines_wait(deadlines, now + 10400), 600);
    deadlines_run(deadlines, now + 10999);
    assert_int_equal(clock.came, 0);
    deadlines_run(deadlines, now + 11000);
    assert_int_equal(clock.came, 1);
    deadline_release(&clock.deadline);
    stage_release(&clock.stage);
}

static void
one_that_is_armed_while_paused_begins_when_it_goes_on(void **state)
{
    struct clock clock = {0};

    (void)state;
    stage_init(&clock.stage);
    loop_pause_deadlines(clock.stage.loop, true);
    deadline_init(&clock.deadline, clock.stage.loop, come, &clock);
    deadline_arm(&clock.deadline, 0);
    deadlines_run(loop_deadlines(clock.stage.loop), now_msec() + 1000);
    assert_int_equal(clock.came, 0);
    loop_pause_deadlines(clock.stage.loop, false);
    loop_run(clock.stage.loop); // until nothing can happen any more
    assert_int_equal(clock.came, 1);
    deadline_release(&clock.deadline);
    stage_release(&clock.stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(deadlines_come_in_the_order_of_their_time),
    cmocka_unit_test(equal_deadlines_come_in_the_order_of_arming),
    cmocka_unit_test(a_disarmed_deadline_does_not_come),
    cmocka_unit_test(arming_again_starts_anew),
    cmocka_unit_test(one_that_arms_itself_lets_the_loop_turn),
    cmocka_unit_test(paused_deadlines_keep_the_time_that_is_left),
    cmocka_unit_test(one_that_is_armed_while_paused_begins_when_it_goes_on),
};

CHECK_MAIN(tests)
