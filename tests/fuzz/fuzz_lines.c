// Lines must be the same however the bytes are cut, and what a simple search
// for newlines finds. The first two bytes choose the limit and the pieces.
#include "fuzz.h"
#include "util/lines.h"

// The next line as it must come out of `rest`, the plain way.
static enum lines_result
expect_line(struct slice *rest, size_t max, struct slice *line)
{
    size_t end = slice_find(*rest, '\n');

    if (end > max) {
        *line = slice_first(*rest, max);
        *rest = slice_skip(*rest, end + 1);
        return LINES_TOO_LONG;
    }
    if (end == rest->len) {
        return LINES_MORE;
    }
    *line = slice_first(*rest, end);
    *rest = slice_skip(*rest, end + 1);
    return LINES_LINE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lines lines;
    struct slice line;
    struct slice expected = {NULL, 0};

    if (size < 2) {
        return 0;
    }
    size_t max = (size_t)data[0] + 1;
    size_t piece = (size_t)data[1] + 1;
    struct slice input = slice_make((const char *)data + 2, size - 2);
    struct slice rest = input;

    lines_init(&lines, max);
    while (input.len > 0) {
        enum lines_result result = LINES_MORE;
        lines_feed(&lines, slice_first(input, piece));
        input = slice_skip(input, piece);
        while ((result = lines_next(&lines, &line)) != LINES_MORE) {
            FUZZ_CHECK(result == expect_line(&rest, max, &expected));
            FUZZ_CHECK(slice_equals(line, expected));
        }
    }
    if (lines_end(&lines, &line) == LINES_LINE) {
        FUZZ_CHECK(slice_equals(line, rest));
    } else {
        FUZZ_CHECK(rest.len == 0);
    }
    lines_release(&lines);
    return 0;
}
