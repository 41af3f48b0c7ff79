#include "util/text.h"

#include <assert.h>

#include "util/width_table.h"

#define ESC '\x1b'

// How a first byte begins a character: the length, the bits it gives, and the
// bounds of the second byte, which rule out overlong forms, surrogates and
// what lies beyond U+10FFFF.
struct start {
    unsigned char low, high; // bounds of the first byte
    unsigned char len;
    unsigned char bits;
    unsigned char second_low, second_high;
};

static const struct start starts[] = {
    {0xC2, 0xDF, 2, 0x1F, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0x0F, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x0F, 0x80, 0xBF}, {0xED, 0xED, 3, 0x0F, 0x80, 0x9F},
    {0xEE, 0xEF, 3, 0x0F, 0x80, 0xBF}, {0xF0, 0xF0, 4, 0x07, 0x90, 0xBF},
    {0xF1, 0xF3, 4, 0x07, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x07, 0x80, 0x8F},
};

static const struct start *
find_start(unsigned char byte)
{
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (byte >= starts[i].low && byte <= starts[i].high) {
            return &starts[i];
        }
    }
    return NULL;
}

// Reads one character; *len is the bytes it takes, or those that are wrong.
static bool
decode(struct slice text, uint32_t *character, size_t *len)
{
    unsigned char first = (unsigned char)text.data[0];

    *len = 1;
    *character = first;
    if (first < 0x80) {
        return true;
    }
    *character = TEXT_REPLACEMENT;
    const struct start *start = find_start(first);
    if (start == NULL) {
        return false;
    }
    uint32_t value = first & start->bits;
    unsigned char low = start->second_low;
    unsigned char high = start->second_high;
    for (; *len < start->len; (*len)++) {
        unsigned char byte =
            *len < text.len ? (unsigned char)text.data[*len] : 0;
        if (byte < low || byte > high) {
            return false;
        }
        value = value << 6 | (byte & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    *character = value;
    return true;
}

uint32_t
text_take(struct slice *rest)
{
    uint32_t character = 0;
    size_t len = 0;

    assert(rest->len > 0);
    decode(*rest, &character, &len);
    *rest = slice_skip(*rest, len);
    return character;
}

// The length of the beginning that is UTF-8.
static size_t
valid_len(struct slice text)
{
    struct slice rest = text;
    uint32_t character = 0;
    size_t len = 0;

    while (rest.len > 0 && decode(rest, &character, &len)) {
        rest = slice_skip(rest, len);
    }
    return text.len - rest.len;
}

bool
text_is_valid(struct slice text)
{
    return valid_len(text) == text.len;
}

size_t
text_open_end(struct slice text)
{
    for (size_t back = 1; back <= 3 && back <= text.len; back++) {
        unsigned char byte = (unsigned char)text.data[text.len - back];
        if (byte < 0x80) {
            return 0;
        }
        if (byte >= 0xC0) {
            size_t whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
            return whole > back ? back : 0;
        }
    }
    return 0;
}

bool
text_add(struct buf *buf, uint32_t character)
{
    char bytes[4];
    size_t len = 0;

    assert(character <= 0x10FFFF);
    if (character < 0x80) {
        bytes[len++] = (char)character;
    } else if (character < 0x800) {
        bytes[len++] = (char)(0xC0 | character >> 6);
        bytes[len++] = (char)(0x80 | (character & 0x3F));
    } else if (character < 0x10000) {
        bytes[len++] = (char)(0xE0 | character >> 12);
        bytes[len++] = (char)(0x80 | (character >> 6 & 0x3F));
        bytes[len++] = (char)(0x80 | (character & 0x3F));
    } else {
        bytes[len++] = (char)(0xF0 | character >> 18);
        bytes[len++] = (char)(0x80 | (character >> 12 & 0x3F));
        bytes[len++] = (char)(0x80 | (character >> 6 & 0x3F));
        bytes[len++] = (char)(0x80 | (character & 0x3F));
    }
    return buf_add(buf, bytes, len);
}

bool
text_add_repaired(struct buf *buf, struct slice text)
{
    for (;;) {
        size_t valid = valid_len(text);
        if (!buf_add_slice(buf, slice_first(text, valid))) {
            return false;
        }
        text = slice_skip(text, valid);
        if (text.len == 0) {
            return true;
        }
        if (!text_add(buf, text_take(&text))) {
            return false;
        }
    }
}

static bool
is_in(const struct width_range *ranges, size_t count, uint32_t character)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (character > ranges[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && character >= ranges[low].first;
}

int
text_char_width(uint32_t character)
{
    if (character < 0x20 || (character >= 0x7F && character < 0xA0)) {
        return 0;
    }
    if (character < 0x300) {
        return 1;
    }
    if (is_in(zero_width, sizeof(zero_width) / sizeof(zero_width[0]),
              character)) {
        return 0;
    }
    return is_in(two_columns, sizeof(two_columns) / sizeof(two_columns[0]),
                 character)
               ? 2
               : 1;
}

size_t
text_width(struct slice text)
{
    size_t width = 0;

    while (text.len > 0) {
        width += (size_t)text_char_width(text_take(&text));
    }
    return width;
}

struct slice
text_fit(struct slice text, size_t columns)
{
    struct slice rest = text;
    size_t fits = 0;

    while (rest.len > 0) {
        size_t width = (size_t)text_char_width(text_take(&rest));
        if (width > columns) {
            break;
        }
        columns -= width;
        fits = text.len - rest.len;
    }
    return slice_first(text, fits);
}

// The number of bytes from `at` on that lie between `low` and `high`.
static size_t
run_of(struct slice text, size_t at, char low, char high)
{
    size_t end = at;

    while (end < text.len && text.data[end] >= low && text.data[end] <= high) {
        end++;
    }
    return end - at;
}

// A string sequence (a window title, a link) ends with BEL or ESC backslash.
// A line end or another control character means that it was none.
static size_t
string_sequence(struct slice text)
{
    size_t at = 2;

    while (at < text.len && ((unsigned char)text.data[at] >= 0x20)) {
        at++;
    }
    if (at < text.len && text.data[at] == '\a') {
        return at + 1;
    }
    if (at + 1 < text.len && text.data[at] == ESC &&
        text.data[at + 1] == '\\') {
        return at + 2;
    }
    return at;
}

size_t
text_sequence(struct slice text)
{
    size_t at = 1;

    if (text.len == 0 || text.data[0] != ESC) {
        return 0;
    }
    if (text.len == 1) {
        return 1;
    }
    switch (text.data[1]) {
    case ']': // OSC
    case 'P': // DCS
    case 'X': // SOS
    case '^': // PM
    case '_': // APC
        return string_sequence(text);
    case '[': // CSI: parameters, then intermediate bytes, then the last one
        at = 2;
        at += run_of(text, at, '0', '?');
        at += run_of(text, at, ' ', '/');
        return at + (run_of(text, at, '@', '~') > 0 ? 1 : 0);
    default:
        at += run_of(text, at, ' ', '/');
        return at + (run_of(text, at, '0', '~') > 0 ? 1 : 0);
    }
}
