#include "command/command.h"
#include "command/engine.h"
#include "loop/signals.h"
#include "report/fanout.h"
#include "report/github.h"
#include "report/junit.h"
#include "report/report_json.h"
#include "report/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* mule test: run, and tell everybody who wants to know. */
struct test_command {
    struct settings settings;
    struct engine *engine;
    struct event_sink *fanout;
    struct event_sink *terminal; // owned by the fan-out
    int fd;                      // where people read
};

static bool
is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

static void
measure(int fd, int *width, int *height)
{
    struct winsize size;
    *width = 80;
    *height = 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        *width = size.ws_col;
        *height = size.ws_row;
        return;
    }
    const char *columns = getenv("COLUMNS");
    int64_t number = 0;
    if (columns != NULL && slice_to_int(slice_of(columns), 20, 1000, &number)) {
        *width = (int)number;
    }
}

static bool
wants_colour(enum color_mode mode, bool tty)
{
    switch (mode) {
    case COLOR_ALWAYS:
        return true;
    case COLOR_NEVER:
        return false;
    case COLOR_AUTO:
        break;
    }
    if (is_set("NO_COLOR")) {
        return false;
    }
    if (is_set("CLICOLOR_FORCE") &&
        strcmp(getenv("CLICOLOR_FORCE"), "0") != 0) {
        return true;
    }
    const char *term = getenv("TERM");
    return tty && (term == NULL || strcmp(term, "dumb") != 0);
}

static bool
shows_unicode(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_set(names[i])) {
            const char *value = getenv(names[i]);
            return strcasestr(value, "utf-8") != NULL ||
                   strcasestr(value, "utf8") != NULL;
        }
    }
    return false;
}

static void
add_terminal(struct test_command *command)
{
    const struct settings *settings = &command->settings;
    bool json = settings->json != NULL && strcmp(settings->json, "-") == 0;
    command->fd = json ? STDERR_FILENO : STDOUT_FILENO;
    bool tty = isatty(command->fd) == 1;
    const char *term = getenv("TERM");
    bool owned = settings->capture == CAPTURE_NONE || settings->pdb;
    struct terminal_params params = {
        .fd = command->fd,
        .live = tty && !owned && !is_set("CI") &&
                (term == NULL || strcmp(term, "dumb") != 0),
        .colour = wants_colour(settings->color, tty),
        .unicode = shows_unicode(),
        .merged = settings->capture == CAPTURE_MERGED,
        .workflow = is_set("GITHUB_ACTIONS"),
        .verbosity = settings->verbosity,
        .slowest = settings->durations,
    };
    measure(command->fd, &params.width, &params.height);
    command->terminal = terminal_new(&params);
    fanout_add(command->fanout, command->terminal);
}

static bool
add_sinks(struct test_command *command, struct err *err)
{
    const struct settings *settings = &command->settings;
    struct event_sink *sink = NULL;
    command->fanout = fanout_new();
    if (settings->xunit) {
        sink = junit_new(settings->xunit_output, err);
        if (sink == NULL) {
            return false;
        }
        fanout_add(command->fanout, sink);
    }
    if (settings->json != NULL) {
        sink = report_json_new(settings->json, err);
        if (sink == NULL) {
            return false;
        }
        fanout_add(command->fanout, sink);
    }
    if (is_set("GITHUB_STEP_SUMMARY")) {
        sink = github_new(getenv("GITHUB_STEP_SUMMARY"), err);
        if (sink == NULL) {
            return false;
        }
        fanout_add(command->fanout, sink);
    }
    add_terminal(command);
    return true;
}

static void
on_tick(void *ctx, uint64_t now_us)
{
    struct test_command *command = ctx;
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_tick(command->terminal, now_us);
    }
}

static void
on_asked(void *ctx, uint64_t now_us)
{
    struct test_command *command = ctx;
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_show_running(command->terminal, now_us);
    }
}

static void
on_resize(void *ctx)
{
    struct test_command *command = ctx;
    int width;
    int height;
    measure(command->fd, &width, &height);
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_resize(command->terminal, width, height);
    }
}

static void
on_hide(void *ctx)
{
    struct test_command *command = ctx;
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_hide(command->terminal);
    }
}

static int
run_command(struct test_command *command, struct err *err)
{
    command->engine = engine_new(
        &(struct engine_params){
            .settings = &command->settings,
            .on_tick = on_tick,
            .on_asked = on_asked,
            .on_resize = on_resize,
            .on_hide = on_hide,
            .ctx = command,
        },
        err);
    if (command->engine == NULL || !add_sinks(command, err)) {
        return EXIT_BROKEN;
    }
    int status = engine_run(command->engine, command->fanout, err);
    if (status == EXIT_PASSED && fanout_failed(command->fanout) > 0) {
        status = EXIT_BROKEN; // a report that was asked for is missing
    }
    return status;
}

int
cmd_test(int argc, char **argv)
{
    struct test_command command = {0};
    int status = 0;
    if (!command_configure(COMMAND_TEST, argc, argv, &command.settings,
                           &status)) {
        return status;
    }
    struct err err = {0};
    status = run_command(&command, &err);
    int signo = command.engine != NULL ? engine_signal(command.engine) : 0;
    if (command.fanout != NULL) {
        command.fanout->ops->free(command.fanout);
    }
    engine_free(command.engine);
    settings_release(&command.settings);
    if (err_is_set(&err)) {
        status = command_fail(&err);
    }
    if (signo != 0) {
        signals_die_of(signo);
    }
    return status;
}
