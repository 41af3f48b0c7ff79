#include "util/escape.h"

#include <stdint.h>
#include <string.h>

#include "util/text.h"

// The number of bytes at the start that mean themselves: printable ASCII but
// for the special ones of the format.
static size_t
plain_len(struct slice text, const char *special)
{
    size_t len = 0;

    while (len < text.len && text.data[len] >= ' ' && text.data[len] <= '~' &&
           strchr(special, text.data[len]) == NULL) {
        len++;
    }
    return len;
}

// Adds what means itself and takes it off the front. Gives false where the
// buffer is full.
static bool
add_plain(struct buf *buf, struct slice *text, const char *special)
{
    size_t len = plain_len(*text, special);

    if (!buf_add_slice(buf, slice_first(*text, len))) {
        return false;
    }
    *text = slice_skip(*text, len);
    return true;
}

static bool
is_xml(uint32_t character)
{
    if (character < 0x20) {
        return character == '\t' || character == '\n' || character == '\r';
    }
    return character != 0xFFFE && character != 0xFFFF;
}

// One character of XML, in content or in an attribute.
static bool
add_xml(struct buf *buf, uint32_t character, bool attribute)
{
    if (!is_xml(character)) {
        return true;
    }
    switch (character) {
    case '&':
        return buf_add_text(buf, "&amp;");
    case '<':
        return buf_add_text(buf, "&lt;");
    case '>':
        return buf_add_text(buf, "&gt;");
    case '"':
        return buf_add_text(buf, attribute ? "&quot;" : "\"");
    case '\r': // would be read as a line feed
        return buf_add_text(buf, "&#13;");
    case '\n':
        return buf_add_text(buf, attribute ? "&#10;" : "\n");
    case '\t':
        return buf_add_text(buf, attribute ? "&#9;" : "\t");
    default:
        return text_add(buf, character);
    }
}

static bool
add_all_xml(struct buf *buf, struct slice text, bool attribute)
{
    while (text.len > 0) {
        if (!add_plain(buf, &text, "&<>\"")) {
            return false;
        }
        size_t sequence = text_sequence(text);
        text = slice_skip(text, sequence);
        if (sequence == 0 && text.len > 0 &&
            !add_xml(buf, text_take(&text), attribute)) {
            return false;
        }
    }
    return true;
}

bool
escape_xml(struct buf *buf, struct slice text)
{
    return add_all_xml(buf, text, false);
}

bool
escape_xml_attribute(struct buf *buf, struct slice text)
{
    return add_all_xml(buf, text, true);
}

static bool
add_json(struct buf *buf, uint32_t character)
{
    switch (character) {
    case '"':
        return buf_add_text(buf, "\\\"");
    case '\\':
        return buf_add_text(buf, "\\\\");
    case '\n':
        return buf_add_text(buf, "\\n");
    case '\t':
        return buf_add_text(buf, "\\t");
    case '\r':
        return buf_add_text(buf, "\\r");
    default:
        break;
    }
    if (character < 0x20 || character == 0x7F) {
        char code[] = {'\\', 'u', '0', '0', '0', '0'};
        code[4] = "01234567"[character >> 4];
        code[5] = "0123456789abcdef"[character & 15];
        return buf_add(buf, code, sizeof(code));
    }
    return text_add(buf, character);
}

// Most of all that is written is text: it is looked at byte by byte once.
static size_t
plain_json_len(struct slice text)
{
    size_t len = 0;

    while (len < text.len && text.data[len] >= ' ' && text.data[len] <= '~' &&
           text.data[len] != '"' && text.data[len] != '\\') {
        len++;
    }
    return len;
}

bool
escape_json(struct buf *buf, struct slice text)
{
    bool fits = buf_add_char(buf, '"');

    while (fits && text.len > 0) {
        size_t plain = plain_json_len(text);
        fits = buf_add_slice(buf, slice_first(text, plain));
        text = slice_skip(text, plain);
        if (fits && text.len > 0) {
            fits = add_json(buf, text_take(&text));
        }
    }
    return fits && buf_add_char(buf, '"');
}

static bool
is_plain_word(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        char byte = word.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') ||
                      (byte >= 'A' && byte <= 'Z') ||
                      (byte >= '0' && byte <= '9');
        if (!letter && (byte == '\0' || strchr("@%+=:,./_-", byte) == NULL)) {
            return false;
        }
    }
    return word.len > 0;
}

bool
escape_shell(struct buf *buf, struct slice word)
{
    struct slice part;

    if (is_plain_word(word)) {
        return buf_add_slice(buf, word);
    }
    // Within single quotes everything means itself but the quote, which is
    // written outside of them.
    bool fits = buf_add_char(buf, '\'');
    bool first = true;
    while (fits && slice_split(&word, '\'', &part)) {
        fits =
            (first || buf_add_text(buf, "'\\''")) && buf_add_slice(buf, part);
        first = false;
    }
    return fits && buf_add_char(buf, '\'');
}

// Characters that change the order in which their neighbours are shown, and
// line ends that are not shown as such.
static bool
is_reordering(uint32_t character)
{
    return character == 0x061C || character == 0x200E || character == 0x200F ||
           (character >= 0x2028 && character <= 0x202E) ||
           (character >= 0x2066 && character <= 0x2069);
}

static bool
add_terminal(struct buf *buf, uint32_t character, enum escape_lines lines)
{
    if (lines == ESCAPE_KEEP_LINES &&
        (character == '\n' || character == '\t')) {
        return buf_add_char(buf, (char)character);
    }
    if (character < 0x20 || (character >= 0x7F && character < 0xA0)) {
        return buf_addf(buf, "\\x%02x", (unsigned int)character);
    }
    if (is_reordering(character)) {
        return buf_addf(buf, "\\u%04x", (unsigned int)character);
    }
    return text_add(buf, character);
}

bool
escape_terminal(struct buf *buf, struct slice text, enum escape_lines lines)
{
    while (text.len > 0) {
        if (!add_plain(buf, &text, "")) {
            return false;
        }
        size_t sequence = text_sequence(text);
        text = slice_skip(text, sequence);
        if (lines == ESCAPE_KEEP_LINES &&
            slice_starts_with(text, SLICE("\r\n"))) {
            text = slice_skip(text, 1);
        }
        if (sequence == 0 && text.len > 0 &&
            !add_terminal(buf, text_take(&text), lines)) {
            return false;
        }
    }
    return true;
}
