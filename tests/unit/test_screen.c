#include "check.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/screen.h"

static struct terminal_params
describe(int fd, enum color_mode color, struct screen_environment environment)
{
    struct terminal_params params = {0};

    screen_describe(&params, fd, color, &environment);
    return params;
}

// Both ends of a terminal that is 100 columns wide.
static void
open_terminal(int ends[2])
{
    struct winsize size = {.ws_col = 100, .ws_row = 30};

    assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, &size), 0);
}

static void
close_terminal(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void
a_terminal_is_live_and_has_colours(void **state)
{
    int ends[2];

    (void)state;
    open_terminal(ends);
    struct terminal_params params =
        describe(ends[1], COLOR_AUTO,
                 (struct screen_environment){
                     .term = "xterm", .columns = "33", .lang = "en_US.UTF-8"});
    assert_true(params.live);
    assert_true(params.colour);
    assert_true(params.unicode);
    assert_false(params.workflow);
    assert_int_equal(params.width, 100);
    assert_int_equal(params.height, 30);
    close_terminal(ends);
}

static void
a_pipe_is_as_wide_as_it_is_told(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct terminal_params params = describe(
        ends[1], COLOR_AUTO,
        (struct screen_environment){.term = "xterm", .columns = "132"});
    assert_false(params.live);
    assert_false(params.colour);
    assert_int_equal(params.width, 132);
    const char *const odd[] = {NULL, "", "0", "-3", "many", "99999999999"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        params = describe(ends[1], COLOR_AUTO,
                          (struct screen_environment){.columns = odd[i]});
        assert_int_equal(params.width, 80);
    }
    close_terminal(ends);
}

static void
colours_follow_the_option_then_no_color_then_force(void **state)
{
    static const struct {
        enum color_mode color;
        bool terminal;
        const char *no_color, *force, *clicolor, *term;
        bool colour;
    } cases[] = {
        {COLOR_ALWAYS, false, "1", NULL, NULL, NULL, true},
        {COLOR_NEVER, true, NULL, "1", NULL, "xterm", false},
        {COLOR_AUTO, true, "1", "1", NULL, "xterm", false},
        {COLOR_AUTO, true, "", NULL, NULL, "xterm", true},
        {COLOR_AUTO, false, NULL, "1", NULL, NULL, true},
        {COLOR_AUTO, false, NULL, "0", NULL, "xterm", false},
        {COLOR_AUTO, true, NULL, NULL, "0", "xterm", false},
        {COLOR_AUTO, true, NULL, NULL, "1", "xterm", true},
        {COLOR_AUTO, true, NULL, NULL, NULL, "dumb", false},
        {COLOR_AUTO, true, NULL, NULL, NULL, NULL, false},
    };
    int ends[2];
    int file = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)state;
    open_terminal(ends);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct screen_environment environment = {
            .no_color = cases[i].no_color,
            .clicolor_force = cases[i].force,
            .clicolor = cases[i].clicolor,
            .term = cases[i].term,
        };
        struct terminal_params params = describe(
            cases[i].terminal ? ends[1] : file, cases[i].color, environment);
        assert_int_equal(params.colour, cases[i].colour);
    }
    close(file);
    close_terminal(ends);
}

static void
a_ci_server_has_no_live_line(void **state)
{
    int ends[2];

    (void)state;
    open_terminal(ends);
    struct screen_environment environment = {
        .term = "xterm", .ci = "true", .github_actions = "true"};
    struct terminal_params params = describe(ends[1], COLOR_AUTO, environment);
    assert_false(params.live);
    assert_true(params.workflow);
    environment.ci = "false";
    assert_true(describe(ends[1], COLOR_AUTO, environment).live);
    close_terminal(ends);
}

static void
the_locale_says_whether_more_than_ascii_is_shown(void **state)
{
    int ends[2];

    (void)state;
    open_terminal(ends);
    struct screen_environment environment = {.lc_all = "C",
                                             .lang = "de_DE.utf8"};
    assert_false(describe(ends[1], COLOR_AUTO, environment).unicode);
    environment.lc_all = "";
    assert_true(describe(ends[1], COLOR_AUTO, environment).unicode);
    close_terminal(ends);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_terminal_is_live_and_has_colours),
    cmocka_unit_test(a_pipe_is_as_wide_as_it_is_told),
    cmocka_unit_test(colours_follow_the_option_then_no_color_then_force),
    cmocka_unit_test(a_ci_server_has_no_live_line),
    cmocka_unit_test(the_locale_says_whether_more_than_ascii_is_shown),
};

CHECK_MAIN(tests)
