#include "stage.h"

#include <signal.h>
#include <sys/wait.h>

#include "loop/signals.h"

struct story {
    struct stage stage;
    struct signals *signals;
    int last;
};

static void
on_signal(void *ctx, int signo)
{
    struct story *story = ctx;

    story->last = signo;
    loop_stop(story->stage.loop);
}

static void
begin(struct story *story)
{
    static const int signos[] = {SIGINT, SIGUSR1};
    struct err err = {0};

    *story = (struct story){0};
    stage_init(&story->stage);
    story->signals =
        signals_new(story->stage.loop, signos, 2, on_signal, story, &err);
    assert_non_null(story->signals);
}

static void
end(struct story *story)
{
    signals_free(story->signals);
    stage_release(&story->stage);
}

static void
signals_come_as_events(void **state)
{
    struct story story;

    (void)state;
    begin(&story);
    raise(SIGINT);
    stage_run(&story.stage);
    assert_int_equal(story.last, SIGINT);
    raise(SIGUSR1);
    stage_run(&story.stage);
    assert_int_equal(story.last, SIGUSR1);
    end(&story);
}

static void
a_signal_that_is_ignored_stays_ignored(void **state)
{
    struct story story;
    struct sigaction action;

    (void)state;
    signal(SIGINT, SIG_IGN);
    begin(&story);
    assert_int_equal(sigaction(SIGINT, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_IGN);
    end(&story);
    signal(SIGINT, SIG_DFL);
}

static void
a_signal_that_was_blocked_comes_all_the_same(void **state)
{
    struct story story;
    sigset_t set;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    begin(&story);
    raise(SIGUSR1);
    stage_run(&story.stage);
    assert_int_equal(story.last, SIGUSR1);
    end(&story);
}

static void
afterwards_they_have_their_own_effect(void **state)
{
    struct story story;
    struct sigaction action;

    (void)state;
    begin(&story);
    end(&story);
    assert_int_equal(sigaction(SIGINT, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
}

static void
dying_of_a_signal_is_seen_by_the_parent(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        signal(SIGTERM, SIG_IGN);
        signals_die_of(SIGTERM);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
    pid = fork();
    if (pid == 0) {
        signals_die_of(SIGCHLD); // which does not kill
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGCHLD);
}

static void
stopping_oneself_stops_until_continued(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        signals_stop_self();
        _exit(7);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(signals_come_as_events),
    cmocka_unit_test(a_signal_that_is_ignored_stays_ignored),
    cmocka_unit_test(a_signal_that_was_blocked_comes_all_the_same),
    cmocka_unit_test(afterwards_they_have_their_own_effect),
    cmocka_unit_test(dying_of_a_signal_is_seen_by_the_parent),
    cmocka_unit_test(stopping_oneself_stops_until_continued),
};

CHECK_MAIN(tests)
