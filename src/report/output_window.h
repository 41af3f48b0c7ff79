/*
 * What tests printed, as lines of a recording: each has a number, and one
 * that equals one of the last two frames stands there once. Bounded; knows
 * nothing of files.
 */
#ifndef REPORT_OUTPUT_WINDOW_H
#define REPORT_OUTPUT_WINDOW_H

#include "model/outcome.h"

#define NO_OUTPUT UINT64_MAX

/* The lines that are not in a frame yet. */
struct output_lines {
    struct slice text;
    uint32_t count;
    uint32_t first; // number of the first one
};

struct output_window;
struct output_window *output_window_new(void);
void output_window_free(struct output_window *window);

/*
 * Gives the number of an output, which is added unless it is there already;
 * NO_OUTPUT: it is too large.
 */
uint64_t output_window_add(struct output_window *window,
                           const struct output *output);

struct output_lines output_window_lines(const struct output_window *window);

/* Those lines are a frame now, and the last one. */
void output_window_turn(struct output_window *window);

#endif
