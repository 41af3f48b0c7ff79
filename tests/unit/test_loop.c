#include "stage.h"

#include <signal.h>
#include <sys/wait.h>

struct story {
    struct stage stage;
    char text[16];
    size_t len;
};

static void
a(void *ctx)
{
    struct story *story = ctx;

    story->text[story->len++] = 'a';
}

static void
b_then_a(void *ctx)
{
    struct story *story = ctx;

    story->text[story->len++] = 'b';
    loop_post(story->stage.loop, a, story);
    story->text[story->len++] = '-'; // not from inside the call
}

static void
stop(void *ctx)
{
    struct story *story = ctx;

    story->text[story->len++] = '.';
    loop_stop(story->stage.loop);
}

static void
what_is_posted_comes_in_order_and_later(void **state)
{
    struct story story = {0};

    (void)state;
    stage_init(&story.stage);
    loop_post(story.stage.loop, a, &story);
    loop_post(story.stage.loop, b_then_a, &story);
    loop_run(story.stage.loop); // ends by itself: nothing is left
    stage_release(&story.stage);
    assert_string_equal(story.text, "ab-a");
}

static void
what_is_taken_back_does_not_come(void **state)
{
    struct story story = {0};
    struct story other = {0};

    (void)state;
    stage_init(&story.stage);
    loop_post(story.stage.loop, a, &other);
    loop_post(story.stage.loop, stop, &story);
    loop_cancel(story.stage.loop, &other);
    stage_run(&story.stage);
    stage_release(&story.stage);
    assert_string_equal(other.text, "");
    assert_string_equal(story.text, ".");
}

static void
the_time_goes_on(void **state)
{
    struct stage stage;

    (void)state;
    stage_init(&stage);
    usec before = loop_now_us(stage.loop);
    loop_pause_deadlines(stage.loop, true);
    assert_true(loop_now_us(stage.loop) >= before);
    stage_release(&stage);
}

static void
a_loop_with_something_open_cannot_be_freed(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        struct stage stage;
        close(2); // the message is expected
        signal(SIGABRT, SIG_DFL);
        stage_init(&stage);
        deadline_arm(&stage.limit, 1000);
        loop_free(stage.loop);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_posted_comes_in_order_and_later),
    cmocka_unit_test(what_is_taken_back_does_not_come),
    cmocka_unit_test(the_time_goes_on),
    cmocka_unit_test(a_loop_with_something_open_cannot_be_freed),
};

CHECK_MAIN(tests)
