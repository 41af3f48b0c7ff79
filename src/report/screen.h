/*
 * What the other side of a descriptor can show: whether it is a terminal, how
 * wide it is, whether colours are wanted there. Reads no environment itself:
 * the variables that matter are handed in.
 */
#ifndef REPORT_SCREEN_H
#define REPORT_SCREEN_H

#include "model/settings.h"
#include "report/terminal.h"

/* Values of environment variables; NULL: not set. Borrowed. */
struct screen_environment {
    const char *term;           // TERM
    const char *columns;        // COLUMNS
    const char *no_color;       // NO_COLOR
    const char *clicolor;       // CLICOLOR
    const char *clicolor_force; // CLICOLOR_FORCE
    const char *ci;             // CI
    const char *github_actions; // GITHUB_ACTIONS
    const char *lc_all;         // LC_ALL
    const char *lc_ctype;       // LC_CTYPE
    const char *lang;           // LANG
};

/* Fills in fd, live, width, height, colour, unicode, workflow. */
void screen_describe(struct terminal_params *params, int fd,
                     enum color_mode color,
                     const struct screen_environment *environment);

/* Reads the size again: SIGWINCH. `params` keeps what it cannot tell. */
void screen_measure(int fd, int *width, int *height);

#endif
