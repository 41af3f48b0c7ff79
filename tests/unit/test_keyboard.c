#include "pseudo_terminal.h"
#include "stage.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "loop/keyboard.h"

struct keys {
    struct loop *loop;
    char text[8];
    size_t len;
    size_t wanted;
};

static void
on_key(void *ctx, enum keyboard_key key)
{
    struct keys *keys = ctx;

    keys->text[keys->len++] = key == KEYBOARD_QUIT ? 'q' : '\n';
    if (keys->len == keys->wanted) {
        loop_stop(keys->loop);
    }
}

static bool
echoes(int terminal)
{
    struct termios attributes;

    tcgetattr(terminal, &attributes);
    return (attributes.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
}

static int
type_some_keys(int terminal, int master)
{
    struct keys keys = {.loop = loop_new(), .wanted = 3};
    struct keyboard *keyboard =
        keyboard_new(keys.loop, terminal, on_key, &keys);
    struct deadline limit;

    if (keyboard == NULL || echoes(terminal)) {
        return 1;
    }
    if (write(master, "x\nqq", 4) != 4) {
        return 2;
    }
    // The terminal is no reason for the loop to go on; the limit is.
    deadline_init(&limit, keys.loop, (loop_fn)loop_stop, keys.loop);
    deadline_arm(&limit, STAGE_LIMIT_MS);
    loop_run(keys.loop);
    deadline_release(&limit);
    keyboard_free(keyboard);
    loop_free(keys.loop);
    if (memcmp(keys.text, "\nqq", 3) != 0) {
        return 3;
    }
    return echoes(terminal) ? 0 : 4;
}

static void
enter_and_q_are_told_and_the_terminal_is_put_back(void **state)
{
    (void)state;
    assert_int_equal(in_a_terminal(type_some_keys), 0);
}

static int
let_go_and_take_again(int terminal, int master)
{
    struct loop *loop = loop_new();
    struct keyboard *keyboard = keyboard_new(loop, terminal, on_key, NULL);
    int result = 0;

    (void)master;
    keyboard_hold(keyboard, true);
    result |= echoes(terminal) ? 0 : 1;
    keyboard_hold(keyboard, false);
    result |= echoes(terminal) ? 2 : 0;
    keyboard_free(keyboard);
    loop_free(loop);
    return result;
}

static void
holding_puts_the_terminal_back_meanwhile(void **state)
{
    (void)state;
    assert_int_equal(in_a_terminal(let_go_and_take_again), 0);
}

static int
be_in_the_background(int terminal, int master)
{
    int status = 0;
    pid_t pid = fork();

    (void)master;
    if (pid == 0) {
        setpgid(0, 0); // out of the foreground
        struct loop *loop = loop_new();
        struct keyboard *keyboard = keyboard_new(loop, terminal, on_key, NULL);
        bool touched = !echoes(terminal);
        keyboard_free(keyboard);
        loop_free(loop);
        _exit(touched ? 1 : 0);
    }
    waitpid(pid, &status, WUNTRACED);
    if (WIFSTOPPED(status)) { // what must not happen
        kill(pid, SIGKILL);
        return 2;
    }
    return WEXITSTATUS(status);
}

static void
in_the_background_the_terminal_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(in_a_terminal(be_in_the_background), 0);
}

static void
what_is_no_terminal_has_no_keys(void **state)
{
    struct stage stage;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    stage_init(&stage);
    assert_null(keyboard_new(stage.loop, null, on_key, NULL));
    keyboard_hold(NULL, true);
    keyboard_free(NULL);
    close(null);
    stage_release(&stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(enter_and_q_are_told_and_the_terminal_is_put_back),
    cmocka_unit_test(holding_puts_the_terminal_back_meanwhile),
    cmocka_unit_test(in_the_background_the_terminal_is_left_alone),
    cmocka_unit_test(what_is_no_terminal_has_no_keys),
};

CHECK_MAIN(tests)
