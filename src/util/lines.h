/*
 * Bytes in pieces of any size -> lines of a bounded length. A line that is
 * too long is told once, with its beginning; its rest is dropped up to the
 * next newline, where lines begin again. Copies only what is split between
 * two pieces.
 *
 *     lines_feed(&lines, piece);
 *     while ((result = lines_next(&lines, &line)) != LINES_MORE) ...
 */
#ifndef UTIL_LINES_H
#define UTIL_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/slice.h"

enum lines_result {
    LINES_MORE = 1, // the piece is used up
    LINES_LINE,
    LINES_TOO_LONG, // *line is the first `max` bytes of it
};

struct lines {
    struct buf partial; // the beginning of a line whose end has not come
    struct slice piece; // borrowed: what is still to be looked at
    size_t max;
    bool given;    // `partial` was given out and is to be emptied
    bool skipping; // dropping the rest of a line that is too long
};

/* `max`: the longest line in bytes, without its newline. */
void lines_init(struct lines *lines, size_t max);
void lines_release(struct lines *lines);

/* Borrows the piece until lines_next() has said LINES_MORE. */
void lines_feed(struct lines *lines, struct slice piece);

/*
 * The next line, without its newline; a carriage return stays. It is valid
 * until the next call.
 */
enum lines_result lines_next(struct lines *lines, struct slice *line);

/*
 * At the end of the input: a last line without a newline, or LINES_MORE,
 * there is none. To be called once.
 */
enum lines_result lines_end(struct lines *lines, struct slice *line);

#endif
