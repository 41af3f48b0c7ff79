// Whatever a test prints, what leaves must be well-formed: for expat, for
// jansson, for a terminal and for a shell.
#include <string.h>

#include <expat.h>
#include <jansson.h>

#include "fuzz.h"
#include "util/escape.h"
#include "util/text.h"

#define ROOM(size) ((size)*8 + 64)

static void
check_xml(struct slice text)
{
    struct buf buf = BUF_INIT(ROOM(text.len) * 2);
    XML_Parser parser = XML_ParserCreate("UTF-8");

    FUZZ_CHECK(parser != NULL);
    buf_add_text(&buf, "<a b=\"");
    FUZZ_CHECK(escape_xml_attribute(&buf, text));
    buf_add_text(&buf, "\">");
    FUZZ_CHECK(escape_xml(&buf, text));
    buf_add_text(&buf, "</a>");
    FUZZ_CHECK(XML_Parse(parser, buf.data, (int)buf.len, 1) == XML_STATUS_OK);
    XML_ParserFree(parser);
    buf_release(&buf);
}

static void
check_json(struct slice text)
{
    struct buf buf = BUF_INIT(ROOM(text.len));
    struct buf repaired = BUF_INIT(ROOM(text.len));

    FUZZ_CHECK(escape_json(&buf, text));
    FUZZ_CHECK(text_add_repaired(&repaired, text));
    FUZZ_CHECK(text_is_valid(buf_slice(&repaired)));
    json_t *value =
        json_loadb(buf.data, buf.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    FUZZ_CHECK(json_is_string(value));
    FUZZ_CHECK(slice_equals(
        slice_make(json_string_value(value), json_string_length(value)),
        buf_slice(&repaired)));
    json_decref(value);
    buf_release(&repaired);
    buf_release(&buf);
}

static void
check_terminal(struct slice text, enum escape_lines lines)
{
    struct buf buf = BUF_INIT(ROOM(text.len));

    FUZZ_CHECK(escape_terminal(&buf, text, lines));
    FUZZ_CHECK(text_is_valid(buf_slice(&buf)));
    struct slice rest = buf_slice(&buf);
    while (rest.len > 0) {
        uint32_t character = text_take(&rest);
        bool kept = lines == ESCAPE_KEEP_LINES &&
                    (character == '\n' || character == '\t');
        FUZZ_CHECK(kept || (character >= 0x20 && character != 0x7F));
        FUZZ_CHECK(character < 0x80 || character >= 0xA0);
    }
    buf_release(&buf);
}

// Reads a word as a shell does, as far as our own quoting goes.
static void
check_shell(struct slice text)
{
    struct buf buf = BUF_INIT(ROOM(text.len));
    struct buf read = BUF_INIT(ROOM(text.len));
    bool quoted = false;

    FUZZ_CHECK(escape_shell(&buf, text));
    for (size_t i = 0; i < buf.len; i++) {
        if (buf.data[i] == '\'') {
            quoted = !quoted;
        } else if (!quoted && buf.data[i] == '\\') {
            buf_add_char(&read, buf.data[++i]);
        } else {
            FUZZ_CHECK(quoted ||
                       strchr(" $`*?&;<>()|\"#~\n", buf.data[i]) == NULL);
            buf_add_char(&read, buf.data[i]);
        }
    }
    FUZZ_CHECK(!quoted);
    FUZZ_CHECK(slice_equals(buf_slice(&read), text));
    buf_release(&read);
    buf_release(&buf);
}

static void
check_measures(struct slice text)
{
    size_t width = text_width(text);
    struct slice half = text_fit(text, width / 2);

    FUZZ_CHECK(text_width(half) <= width / 2);
    FUZZ_CHECK(slice_starts_with(text, half));
    FUZZ_CHECK(text_fit(text, width).len == text.len);
    for (struct slice rest = text; rest.len > 0; rest = slice_skip(rest, 1)) {
        size_t sequence = text_sequence(rest);
        FUZZ_CHECK(sequence <= rest.len);
        FUZZ_CHECK((sequence > 0) == (rest.data[0] == '\x1b'));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);

    if (size > 4096) {
        return 0;
    }
    check_xml(text);
    check_json(text);
    check_terminal(text, ESCAPE_ONE_LINE);
    check_terminal(text, ESCAPE_KEEP_LINES);
    check_shell(text);
    check_measures(text);
    return 0;
}
