#include "util/escape.h"

#include "check.h"

#define FFFD "\xef\xbf\xbd"

typedef bool (*escape_fn)(struct buf *, struct slice);

static void
check_escape(escape_fn escape, struct slice text, const char *expected)
{
    struct buf buf = BUF_INIT(1000);

    assert_true(escape(&buf, text));
    assert_string_equal(buf_text(&buf), expected);
    // It must be told, too, where the result does not fit.
    for (size_t max = 1; max < strlen(expected); max++) {
        struct buf small = BUF_INIT(max);
        assert_false(escape(&small, text));
        buf_release(&small);
    }
    buf_release(&buf);
}

static void
xml_gets_its_references(void **state)
{
    (void)state;
    check_escape(escape_xml, SLICE("a<b> & \"c\" ]]>\n\t"),
                 "a&lt;b&gt; &amp; \"c\" ]]&gt;\n\t");
    check_escape(escape_xml, SLICE("a\r\nb"), "a&#13;\nb");
    check_escape(escape_xml_attribute, SLICE("\"a\"\n\t<"),
                 "&quot;a&quot;&#10;&#9;&lt;");
}

static void
xml_drops_what_it_does_not_know(void **state)
{
    (void)state;
    check_escape(escape_xml, SLICE("a\0b\x01\x08\x1f"), "ab");
    check_escape(escape_xml, SLICE("\xef\xbf\xbe\xef\xbf\xbf."), ".");
    check_escape(escape_xml, SLICE("\x1b[1;31mred\x1b[0m"), "red");
    check_escape(escape_xml, SLICE("\x1b]0;title\x07text"), "text");
    check_escape(escape_xml, SLICE("\xff<"), FFFD "&lt;");
}

static void
json_is_quoted_and_whole(void **state)
{
    (void)state;
    check_escape(escape_json, SLICE("a\"b\\c\n\r\t"),
                 "\"a\\\"b\\\\c\\n\\r\\t\"");
    check_escape(escape_json, SLICE("\0\x1b\x7f"), "\"\\u0000\\u001b\\u007f\"");
    check_escape(escape_json, SLICE("\xff\xc3\xa4"), "\"" FFFD "\xc3\xa4\"");
    check_escape(escape_json, SLICE(""), "\"\"");
}

static void
a_plain_word_needs_no_quotes_in_a_shell(void **state)
{
    (void)state;
    check_escape(escape_shell, SLICE("pkg/test_a.py"), "pkg/test_a.py");
    check_escape(escape_shell, SLICE(""), "''");
    check_escape(escape_shell, SLICE("two words"), "'two words'");
    check_escape(escape_shell, SLICE("it's"), "'it'\\''s'");
    check_escape(escape_shell, SLICE("'"), "''\\'''");
    check_escape(escape_shell, SLICE("$HOME*"), "'$HOME*'");
    check_escape(escape_shell, SLICE("~"), "'~'");
    check_escape(escape_shell, SLICE("\xff"), "'\xff'");
}

static bool
one_line(struct buf *buf, struct slice text)
{
    return escape_terminal(buf, text, ESCAPE_ONE_LINE);
}

static bool
keep_lines(struct buf *buf, struct slice text)
{
    return escape_terminal(buf, text, ESCAPE_KEEP_LINES);
}

static void
a_terminal_is_not_driven_by_what_a_test_prints(void **state)
{
    (void)state;
    check_escape(keep_lines, SLICE("\x1b[2Ja\x07\x7f\n\tb"),
                 "a\\x07\\x7f\n\tb");
    check_escape(keep_lines, SLICE("\x1b\x1b[1mx"), "x");
    check_escape(keep_lines,
                 SLICE("\xc2\x9b"
                       "1m"),
                 "\\x9b1m");
    check_escape(keep_lines,
                 SLICE("\xe2\x80\xae"
                       "evil"),
                 "\\u202eevil");
    check_escape(one_line, SLICE("a\nb\tc"), "a\\x0ab\\x09c");
}

static void
line_ends_of_other_systems_are_line_ends(void **state)
{
    (void)state;
    check_escape(keep_lines, SLICE("a\r\nb\rc\r"), "a\nb\\x0dc\\x0d");
    check_escape(one_line, SLICE("a\r\n"), "a\\x0d\\x0a");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(xml_gets_its_references),
    cmocka_unit_test(xml_drops_what_it_does_not_know),
    cmocka_unit_test(json_is_quoted_and_whole),
    cmocka_unit_test(a_plain_word_needs_no_quotes_in_a_shell),
    cmocka_unit_test(a_terminal_is_not_driven_by_what_a_test_prints),
    cmocka_unit_test(line_ends_of_other_systems_are_line_ends),
};

CHECK_MAIN(tests)
