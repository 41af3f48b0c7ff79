#include "util/text.h"

#include "check.h"

#define FFFD "\xef\xbf\xbd"

static void
check_repaired(struct slice text, const char *expected)
{
    struct buf buf = BUF_INIT(1000);

    assert_true(text_add_repaired(&buf, text));
    assert_string_equal(buf_text(&buf), expected);
    assert_true(text_is_valid(buf_slice(&buf)));
    buf_release(&buf);
}

static void
what_is_utf8_stays_as_it_is(void **state)
{
    (void)state;
    check_repaired(SLICE("plain"), "plain");
    check_repaired(SLICE("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
                   "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    check_repaired(SLICE(""), "");
}

static void
what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    check_repaired(SLICE("a\xff"
                         "b"),
                   "a" FFFD "b");
    check_repaired(SLICE("\x80\x80"), FFFD FFFD);
    check_repaired(SLICE("\xe2\x82"), FFFD);
    check_repaired(SLICE("\xe2\x82"
                         "a"),
                   FFFD "a");
    check_repaired(SLICE("\xf0\x9f\x98"), FFFD);
}

static void
overlong_forms_and_surrogates_are_not_utf8(void **state)
{
    (void)state;
    check_repaired(SLICE("\xc0\xaf"), FFFD FFFD);
    check_repaired(SLICE("\xe0\x80\xaf"), FFFD FFFD FFFD);
    check_repaired(SLICE("\xed\xa0\x80"), FFFD FFFD FFFD);
    check_repaired(SLICE("\xf4\x90\x80\x80"), FFFD FFFD FFFD FFFD);
    check_repaired(SLICE("\xf5"), FFFD);
}

static void
every_character_survives_writing_and_reading(void **state)
{
    (void)state;
    for (uint32_t character = 1; character <= 0x10FFFF; character += 61) {
        struct buf buf = BUF_INIT(8);
        if (character >= 0xD800 && character <= 0xDFFF) {
            continue;
        }
        assert_true(text_add(&buf, character));
        struct slice rest = buf_slice(&buf);
        assert_int_equal(text_take(&rest), character);
        assert_int_equal(rest.len, 0);
        buf_release(&buf);
    }
}

static void
a_full_buffer_refuses_what_is_repaired(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(4);

    assert_false(text_add_repaired(&buf, SLICE("ab\xff")));
    buf_release(&buf);
}

static void
columns_are_counted_as_terminals_draw_them(void **state)
{
    (void)state;
    assert_int_equal(text_width(SLICE("abc")), 3);
    assert_int_equal(text_width(SLICE("\xc3\xa4")), 1);
    assert_int_equal(text_width(SLICE("a\xcc\x88")), 1);
    assert_int_equal(text_width(SLICE("\xe6\x97\xa5\xe6\x9c\xac")), 4);
    assert_int_equal(text_width(SLICE("\xf0\x9f\x98\x80")), 2);
    assert_int_equal(text_width(SLICE("\xe2\x80\x8b")), 0);
    assert_int_equal(text_width(SLICE("\xff")), 1);
    assert_int_equal(text_char_width('\a'), 0);
    assert_int_equal(text_char_width(0xAD), 1);
    assert_int_equal(text_char_width(0x10FFFF), 1);
}

static void
a_wide_character_is_not_cut_in_half(void **state)
{
    (void)state;
    struct slice text = SLICE("a\xe6\x97\xa5"
                              "b");

    assert_int_equal(text_fit(text, 0).len, 0);
    assert_int_equal(text_fit(text, 1).len, 1);
    assert_int_equal(text_fit(text, 2).len, 1);
    assert_int_equal(text_fit(text, 3).len, 4);
    assert_int_equal(text_fit(text, 9).len, 5);
}

static void
combining_marks_stay_with_their_letter(void **state)
{
    (void)state;
    assert_int_equal(text_fit(SLICE("a\xcc\x88"
                                    "b"),
                              1)
                         .len,
                     3);
}

static void
escape_sequences_have_their_length(void **state)
{
    (void)state;
    assert_int_equal(text_sequence(SLICE("plain")), 0);
    assert_int_equal(text_sequence(SLICE("")), 0);
    assert_int_equal(text_sequence(SLICE("\x1b[31mred")), 5);
    assert_int_equal(text_sequence(SLICE("\x1b[38;5;12mx")), 10);
    assert_int_equal(text_sequence(SLICE("\x1b[?25l")), 6);
    assert_int_equal(text_sequence(SLICE("\x1b]0;title\x07x")), 10);
    assert_int_equal(text_sequence(SLICE("\x1b]8;;http://x\x1b\\y")), 15);
    assert_int_equal(text_sequence(SLICE("\x1b(Bx")), 3);
    assert_int_equal(text_sequence(SLICE("\x1b"
                                         "7x")),
                     2);
}

static void
a_sequence_without_an_end_takes_no_more_than_its_line(void **state)
{
    (void)state;
    assert_int_equal(text_sequence(SLICE("\x1b")), 1);
    assert_int_equal(text_sequence(SLICE("\x1b[31")), 4);
    assert_int_equal(text_sequence(SLICE("\x1b[3\nx")), 3);
    assert_int_equal(text_sequence(SLICE("\x1b]0;ti\nnext")), 6);
    assert_int_equal(text_sequence(SLICE("\x1b\n")), 1);
}

static void
a_character_may_be_open_at_the_end(void **state)
{
    static const struct {
        const char *text;
        size_t open;
    } rows[] = {
        {"", 0},         {"a", 0},
        {"\xc3", 1},     {"a\xc3\xa9", 0},
        {"\xe2\x82", 2}, {"\xe2\x82\xac", 0},
        {"\xf0", 1},     {"\xf0\x9f\x90", 3},
        {"\x90", 0},     {"\x90\x90\x90\x90", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(text_open_end(slice_of(rows[i].text)), rows[i].open);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_character_may_be_open_at_the_end),
    cmocka_unit_test(what_is_utf8_stays_as_it_is),
    cmocka_unit_test(what_is_not_utf8_is_replaced),
    cmocka_unit_test(overlong_forms_and_surrogates_are_not_utf8),
    cmocka_unit_test(every_character_survives_writing_and_reading),
    cmocka_unit_test(a_full_buffer_refuses_what_is_repaired),
    cmocka_unit_test(columns_are_counted_as_terminals_draw_them),
    cmocka_unit_test(a_wide_character_is_not_cut_in_half),
    cmocka_unit_test(combining_marks_stay_with_their_letter),
    cmocka_unit_test(escape_sequences_have_their_length),
    cmocka_unit_test(a_sequence_without_an_end_takes_no_more_than_its_line),
};

CHECK_MAIN(tests)
