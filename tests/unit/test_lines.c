#include "util/lines.h"

#include "check.h"

// Feeds the text in pieces of `size` bytes and writes what comes out as
// "line|line|", a line that is too long as "<line>".
static void
read_lines(struct lines *lines, struct slice text, size_t size,
           struct buf *seen)
{
    while (text.len > 0) {
        struct slice line;
        enum lines_result result = LINES_MORE;
        lines_feed(lines, slice_first(text, size));
        text = slice_skip(text, size);
        while ((result = lines_next(lines, &line)) != LINES_MORE) {
            buf_add_text(seen, result == LINES_TOO_LONG ? "<" : "");
            buf_add_slice(seen, line);
            buf_add_text(seen, result == LINES_TOO_LONG ? ">" : "|");
        }
    }
}

// The same story must come out however the bytes are cut.
static void
check_lines(size_t max, struct slice text, const char *expected,
            const char *rest)
{
    for (size_t size = 1; size <= text.len + 1; size++) {
        struct lines lines;
        struct buf seen = BUF_INIT(10000);
        struct slice line = {NULL, 0};

        lines_init(&lines, max);
        read_lines(&lines, text, size, &seen);
        assert_string_equal(buf_text(&seen), expected);
        enum lines_result result = lines_end(&lines, &line);
        assert_int_equal(result, rest != NULL ? LINES_LINE : LINES_MORE);
        if (rest != NULL) {
            assert_true(slice_equals_text(line, rest));
        }
        lines_release(&lines);
        buf_release(&seen);
    }
}

static void
lines_are_the_same_however_the_bytes_are_cut(void **state)
{
    (void)state;
    check_lines(10, SLICE("one\ntwo\n\nfour\n"), "one|two||four|", NULL);
}

static void
a_last_line_without_a_newline_is_told_at_the_end(void **state)
{
    (void)state;
    check_lines(10, SLICE("one\ntw"), "one|", "tw");
}

static void
a_line_longer_than_the_limit_is_an_error(void **state)
{
    (void)state;
    check_lines(4, SLICE("12345\n"), "<1234>", NULL);
    check_lines(4, SLICE("1234567890123\n"), "<1234>", NULL);
}

static void
a_line_as_long_as_the_limit_is_none(void **state)
{
    (void)state;
    check_lines(4, SLICE("1234\n1234"), "1234|", "1234");
}

static void
lines_go_on_behind_one_that_was_too_long(void **state)
{
    (void)state;
    check_lines(4, SLICE("1\n12345678\nok\n123456"), "1|<1234>ok|<1234>", NULL);
}

static void
carriage_returns_and_nul_stay(void **state)
{
    (void)state;
    struct lines lines;
    struct slice line;

    lines_init(&lines, 10);
    lines_feed(&lines, SLICE("a\0b\r\n"));
    assert_int_equal(lines_next(&lines, &line), LINES_LINE);
    assert_true(slice_equals(line, SLICE("a\0b\r")));
    assert_int_equal(lines_next(&lines, &line), LINES_MORE);
    lines_release(&lines);
}

static void
memory_does_not_grow_with_a_line_that_is_too_long(void **state)
{
    (void)state;
    struct lines lines;
    struct slice line;
    char piece[4096];
    int too_long = 0;

    memset(piece, 'x', sizeof(piece));
    lines_init(&lines, 10000);
    for (int i = 0; i < 1000; i++) {
        lines_feed(&lines, slice_make(piece, sizeof(piece)));
        while (lines_next(&lines, &line) != LINES_MORE) {
            too_long++;
        }
    }
    assert_int_equal(too_long, 1);
    assert_true(lines.partial.capacity <= 16384);
    lines_release(&lines);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_are_the_same_however_the_bytes_are_cut),
    cmocka_unit_test(a_last_line_without_a_newline_is_told_at_the_end),
    cmocka_unit_test(a_line_longer_than_the_limit_is_an_error),
    cmocka_unit_test(a_line_as_long_as_the_limit_is_none),
    cmocka_unit_test(lines_go_on_behind_one_that_was_too_long),
    cmocka_unit_test(carriage_returns_and_nul_stay),
    cmocka_unit_test(memory_does_not_grow_with_a_line_that_is_too_long),
};

CHECK_MAIN(tests)
