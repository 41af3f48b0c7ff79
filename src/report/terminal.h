/*
 * The run for people, on a terminal or in a log: lines as tests end, a live
 * line below them on a TTY, the summary at the end. It asks no clock: times
 * come with events, and with the ticks that keep the live line moving.
 *
 * Verbosity 0 shows the summary only; 1 a dot a test, failures in full as
 * they happen; 2 a line a test with its time; 3 all that every test printed.
 */
#ifndef REPORT_TERMINAL_H
#define REPORT_TERMINAL_H

#include "model/event.h"
#include "model/settings.h"

struct terminal_params {
    int fd;     // borrowed
    bool live;  // the last lines can be drawn again: it is a terminal
    int width;  // columns
    int height; // rows; 0: not known
    bool colour;
    bool unicode;  // more than ASCII can be shown
    bool merged;   // stdout and stderr of tests were captured as one
    bool workflow; // a GitHub log: groups, annotations, nothing obeyed
    int verbosity; // 0 to 3
    int slowest;   // how many of the slowest tests the end names
};

struct event_sink *terminal_new(const struct terminal_params *params);

/*
 * To be called about ten times a second: draws the live line, if there is
 * one, and writes what was held back. `now_us` is since the run began.
 */
void terminal_tick(struct event_sink *sink, uint64_t now_us);

/* Lists what is running: Enter, SIGUSR1. */
void terminal_show_running(struct event_sink *sink, uint64_t now_us);

/* The terminal has another size: SIGWINCH. */
void terminal_resize(struct event_sink *sink, int width, int height);

/* Takes the live line away until the next tick: Ctrl-Z, a debugger. */
void terminal_hide(struct event_sink *sink);

#endif
