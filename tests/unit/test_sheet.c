#include "check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/sheet.h"
#include "util/text.h"

static struct sheet
sheet_of(int width)
{
    struct sheet sheet = {.width = width};

    writer_init(&sheet.writer, -1);
    return sheet;
}

static void
expect(struct sheet *sheet, const char *expected)
{
    assert_string_equal(buf_text(&sheet->writer.buf), expected);
    writer_release(&sheet->writer);
}

static void
colours_are_there_only_where_they_are_wanted(void **state)
{
    struct sheet sheet = sheet_of(80);

    (void)state;
    sheet_add(&sheet, STYLE_BAD, "%d", 1);
    sheet_text(&sheet, STYLE_WARN, SLICE("x"));
    sheet.colour = true;
    sheet_add(&sheet, STYLE_BAD, "%d", 2);
    sheet_add(&sheet, STYLE_PLAIN, "%d", 3);
    sheet_text(&sheet, STYLE_WARN, SLICE("x"));
    expect(&sheet, "1x\x1b[1;31m2\x1b[0m3\x1b[33mx\x1b[0m");
}

static void
a_long_name_is_cut_in_its_middle(void **state)
{
    static const char name[] = "tests.test_shop.Cart.test_total";

    (void)state;
    for (size_t columns = 0; columns < 40; columns++) {
        struct sheet sheet = sheet_of(80);
        size_t used =
            sheet_text_fit(&sheet, STYLE_PLAIN,
                           SLICE("tests.test_shop.Cart.test_total"), columns);
        struct slice text = buf_slice(&sheet.writer.buf);
        assert_true(used <= columns);
        assert_int_equal(text_width(text), used);
        if (columns >= strlen(name)) {
            assert_true(slice_equals_text(text, name));
        } else if (columns > 8) {
            assert_true(slice_ends_with(text, SLICE("otal")));
            assert_int_equal(used, columns);
        }
        writer_release(&sheet.writer);
    }
}

static void
wide_characters_are_cut_whole(void **state)
{
    (void)state;
    for (size_t columns = 0; columns < 30; columns++) {
        struct sheet sheet = sheet_of(80);
        size_t used = sheet_text_fit(
            &sheet, STYLE_PLAIN,
            SLICE("\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd"
                  "\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd"),
            columns);
        assert_true(used <= columns);
        assert_true(text_is_valid(buf_slice(&sheet.writer.buf)));
        writer_release(&sheet.writer);
    }
}

static void
rules_are_as_wide_as_unittests_or_the_terminal(void **state)
{
    (void)state;
    for (int width = 1; width < 200; width++) {
        struct sheet sheet = sheet_of(width);
        sheet_rule(&sheet, STYLE_PLAIN, '=', NULL);
        size_t len = sheet.writer.buf.len - 1;
        assert_true(len == 70 || len == (size_t)width - 1 || width < 12);
        buf_reset(&sheet.writer.buf);
        sheet_rule(&sheet, STYLE_PLAIN, '-', "stdout");
        assert_true(width < 12 || sheet.writer.buf.len - 1 == len);
        assert_true(slice_starts_with(buf_slice(&sheet.writer.buf),
                                      SLICE("-- stdout ")));
        writer_release(&sheet.writer);
    }
}

static void
a_block_ends_its_last_line_and_keeps_empty_ones(void **state)
{
    struct sheet sheet = sheet_of(80);

    (void)state;
    sheet_block(&sheet, SLICE(""), 2);
    sheet_block(&sheet, SLICE("a\r\n\n\tb"), 2);
    sheet_block(&sheet, SLICE("c\n"), 0);
    expect(&sheet, "  a\n\n  \tb\nc\n");
}

static void
spans_and_numbers_read_well(void **state)
{
    char text[SHEET_SPAN_SIZE];

    (void)state;
    assert_string_equal(sheet_seconds(text, 0), "0.000s");
    assert_string_equal(sheet_seconds(text, 1234567), "1.235s");
    assert_string_equal(sheet_seconds(text, 999999), "1.000s");
    assert_string_equal(sheet_clock(text, 59999999), "0:59");
    assert_string_equal(sheet_clock(text, 3599000000), "59:59");
    assert_string_equal(sheet_clock(text, 3600000000), "1:00:00");
    assert_string_equal(sheet_number(text, 0), "0");
    assert_string_equal(sheet_number(text, 999), "999");
    assert_string_equal(sheet_number(text, 1000), "1,000");
    assert_string_equal(sheet_number(text, UINT64_MAX),
                        "18,446,744,073,709,551,615");
}

static void
a_bar_is_as_long_as_it_should_be(void **state)
{
    struct sheet sheet = sheet_of(80);

    (void)state;
    sheet_bar(&sheet, STYLE_GOOD, 0, 0, 4);
    sheet_bar(&sheet, STYLE_GOOD, 1, 2, 4);
    sheet_bar(&sheet, STYLE_GOOD, 9, 2, 4);
    sheet.unicode = true;
    sheet_bar(&sheet, STYLE_GOOD, 1, 2, 2);
    expect(&sheet, "....==..====━─");
}

static void
a_writer_that_must_not_block_waits_for_room(void **state)
{
    int ends[2];
    struct writer writer;
    char chunk[8192];
    size_t got = 0;

    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        // Reads all of it, from a process of its own.
        ssize_t len = 0;
        close(ends[1]);
        fcntl(ends[0], F_SETFL, 0);
        while ((len = read(ends[0], chunk, sizeof(chunk))) > 0) {
            got += (size_t)len;
        }
        _exit(got == (size_t)1 << 20 ? 0 : 1);
    }
    close(ends[0]);
    writer_init(&writer, ends[1]);
    for (int i = 0; i < 128; i++) {
        buf_add(&writer.buf, chunk, sizeof(chunk));
    }
    assert_true(writer_flush(&writer));
    assert_int_equal(writer.written, 1 << 20);
    writer_release(&writer);
    close(ends[1]);
    int status = -1;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(colours_are_there_only_where_they_are_wanted),
    cmocka_unit_test(a_long_name_is_cut_in_its_middle),
    cmocka_unit_test(wide_characters_are_cut_whole),
    cmocka_unit_test(rules_are_as_wide_as_unittests_or_the_terminal),
    cmocka_unit_test(a_block_ends_its_last_line_and_keeps_empty_ones),
    cmocka_unit_test(spans_and_numbers_read_well),
    cmocka_unit_test(a_bar_is_as_long_as_it_should_be),
    cmocka_unit_test(a_writer_that_must_not_block_waits_for_room),
};

CHECK_MAIN(tests)
