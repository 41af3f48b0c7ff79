#include "util/lines.h"

#include <assert.h>

void
lines_init(struct lines *lines, size_t max)
{
    assert(max > 0);
    *lines = (struct lines){.max = max};
    buf_init(&lines->partial, max);
}

void
lines_release(struct lines *lines)
{
    buf_release(&lines->partial);
    lines_init(lines, lines->max);
}

void
lines_feed(struct lines *lines, struct slice piece)
{
    assert(lines->piece.len == 0); // the last one must be used up
    lines->piece = piece;
}

// Drops what is left of a line that is too long; false where its end is still
// to come.
static bool
skip_rest(struct lines *lines)
{
    size_t end = slice_find(lines->piece, '\n');

    lines->skipping = end == lines->piece.len;
    lines->piece = slice_skip(lines->piece, end + 1);
    return !lines->skipping;
}

// A line that does not fit: gives its first `max` bytes.
static enum lines_result
give_too_long(struct lines *lines, struct slice *line)
{
    size_t missing = lines->max - lines->partial.len;

    buf_add_slice(&lines->partial, slice_first(lines->piece, missing));
    lines->piece = slice_skip(lines->piece, missing);
    lines->skipping = true;
    lines->given = true;
    *line = buf_slice(&lines->partial);
    return LINES_TOO_LONG;
}

enum lines_result
lines_next(struct lines *lines, struct slice *line)
{
    if (lines->given) {
        lines->given = false;
        buf_reset(&lines->partial);
    }
    if (lines->skipping && !skip_rest(lines)) {
        return LINES_MORE;
    }
    size_t end = slice_find(lines->piece, '\n');
    if (lines->partial.len + end > lines->max) {
        return give_too_long(lines, line);
    }
    struct slice part = slice_first(lines->piece, end);
    if (end == lines->piece.len) {
        buf_add_slice(&lines->partial, part);
        lines->piece = slice_of("");
        return LINES_MORE;
    }
    lines->piece = slice_skip(lines->piece, end + 1);
    if (lines->partial.len == 0) {
        *line = part;
        return LINES_LINE;
    }
    buf_add_slice(&lines->partial, part);
    lines->given = true;
    *line = buf_slice(&lines->partial);
    return LINES_LINE;
}

enum lines_result
lines_end(struct lines *lines, struct slice *line)
{
    assert(lines->piece.len == 0);
    if (lines->given || lines->partial.len == 0) {
        return LINES_MORE;
    }
    lines->given = true;
    *line = buf_slice(&lines->partial);
    return LINES_LINE;
}
