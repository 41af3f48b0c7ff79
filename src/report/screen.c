#include "report/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "util/slice.h"

enum {
    USUAL_WIDTH = 80,
    MOST_WIDTH = 10000,
};

static bool
is_set(const char *value)
{
    return value != NULL && value[0] != '\0';
}

// Set, and not to a word that means no.
static bool
is_true(const char *value)
{
    struct slice text = slice_of(value);

    return text.len > 0 && !slice_equals_text(text, "0") &&
           !slice_equals_text(text, "false");
}

static bool
is_dumb(const struct screen_environment *environment)
{
    struct slice term = slice_of(environment->term);

    return term.len == 0 || slice_equals_text(term, "dumb");
}

// A choice on the command line wins; then NO_COLOR, whatever its value
// (https://no-color.org); then CLICOLOR_FORCE; then what the terminal can do.
static bool
wants_colour(enum color_mode color, bool is_terminal,
             const struct screen_environment *environment)
{
    switch (color) {
    case COLOR_ALWAYS:
        return true;
    case COLOR_NEVER:
        return false;
    case COLOR_AUTO:
        break;
    }
    if (is_set(environment->no_color)) {
        return false;
    }
    if (is_true(environment->clicolor_force)) {
        return true;
    }
    return is_terminal && !is_dumb(environment) &&
           !slice_equals_text(slice_of(environment->clicolor), "0");
}

// The first of the three that is set decides, as in every C library.
static bool
is_utf8(const struct screen_environment *environment)
{
    const char *const values[] = {environment->lc_all, environment->lc_ctype,
                                  environment->lang};

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        if (is_set(values[i])) {
            struct slice value = slice_of(values[i]);
            return slice_find_part(value, SLICE("UTF-8")) < value.len ||
                   slice_find_part(value, SLICE("utf8")) < value.len ||
                   slice_find_part(value, SLICE("utf-8")) < value.len ||
                   slice_find_part(value, SLICE("UTF8")) < value.len;
        }
    }
    return false;
}

void
screen_measure(int fd, int *width, int *height)
{
    struct winsize size = {0};

    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        *width = size.ws_col;
        *height = size.ws_row;
    }
}

void
screen_describe(struct terminal_params *params, int fd, enum color_mode color,
                const struct screen_environment *environment)
{
    bool is_terminal = isatty(fd) == 1;
    int64_t columns = USUAL_WIDTH;

    params->fd = fd;
    params->height = 0;
    slice_to_int(slice_of(environment->columns), 1, MOST_WIDTH, &columns);
    params->width = (int)columns;
    if (is_terminal) {
        screen_measure(fd, &params->width, &params->height);
    }
    // CI servers have terminals that nobody looks at while the run goes on.
    params->live =
        is_terminal && !is_dumb(environment) && !is_true(environment->ci);
    params->colour = wants_colour(color, is_terminal, environment);
    params->unicode = is_terminal && is_utf8(environment);
    params->workflow = is_true(environment->github_actions);
}
