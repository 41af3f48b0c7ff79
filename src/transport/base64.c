#include "transport/base64.h"

#include <stdint.h>

// How much is translated in one piece.
#define PIECE 3072UL

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Set in the value of each letter, and of nothing else.
#define LETTER 0x40U

// clang-format off
static const uint8_t values[256] = {
    ['A'] = 0x40, ['B'] = 0x41, ['C'] = 0x42, ['D'] = 0x43,
    ['E'] = 0x44, ['F'] = 0x45, ['G'] = 0x46, ['H'] = 0x47,
    ['I'] = 0x48, ['J'] = 0x49, ['K'] = 0x4a, ['L'] = 0x4b,
    ['M'] = 0x4c, ['N'] = 0x4d, ['O'] = 0x4e, ['P'] = 0x4f,
    ['Q'] = 0x50, ['R'] = 0x51, ['S'] = 0x52, ['T'] = 0x53,
    ['U'] = 0x54, ['V'] = 0x55, ['W'] = 0x56, ['X'] = 0x57,
    ['Y'] = 0x58, ['Z'] = 0x59, ['a'] = 0x5a, ['b'] = 0x5b,
    ['c'] = 0x5c, ['d'] = 0x5d, ['e'] = 0x5e, ['f'] = 0x5f,
    ['g'] = 0x60, ['h'] = 0x61, ['i'] = 0x62, ['j'] = 0x63,
    ['k'] = 0x64, ['l'] = 0x65, ['m'] = 0x66, ['n'] = 0x67,
    ['o'] = 0x68, ['p'] = 0x69, ['q'] = 0x6a, ['r'] = 0x6b,
    ['s'] = 0x6c, ['t'] = 0x6d, ['u'] = 0x6e, ['v'] = 0x6f,
    ['w'] = 0x70, ['x'] = 0x71, ['y'] = 0x72, ['z'] = 0x73,
    ['0'] = 0x74, ['1'] = 0x75, ['2'] = 0x76, ['3'] = 0x77,
    ['4'] = 0x78, ['5'] = 0x79, ['6'] = 0x7a, ['7'] = 0x7b,
    ['8'] = 0x7c, ['9'] = 0x7d, ['+'] = 0x7e, ['/'] = 0x7f,
};
// clang-format on

// At most three bytes -> four letters.
static void
encode_group(const char *bytes, size_t len, char text[static 4])
{
    uint32_t group = 0;

    for (size_t i = 0; i < 3; i++) {
        group = group << 8 | (i < len ? (unsigned char)bytes[i] : 0U);
    }
    text[0] = letters[group >> 18 & 63];
    text[1] = letters[group >> 12 & 63];
    text[2] = '=';
    text[3] = '=';
    if (len > 1) {
        text[2] = letters[group >> 6 & 63];
    }
    if (len > 2) {
        text[3] = letters[group & 63];
    }
}

bool
base64_encode(struct buf *buf, struct slice bytes)
{
    char text[PIECE / 3 * 4];
    bool fits = true;

    while (bytes.len > 0 && fits) {
        struct slice piece = slice_first(bytes, PIECE);
        size_t len = 0;
        for (size_t i = 0; i < piece.len; i += 3, len += 4) {
            encode_group(piece.data + i, piece.len - i, text + len);
        }
        fits = buf_add(buf, text, len);
        bytes = slice_skip(bytes, piece.len);
    }
    return fits;
}

// Four letters -> three bytes; false where one is no letter.
static bool
decode_group(const char *text, char bytes[static 3])
{
    const unsigned char *in = (const unsigned char *)text;
    uint8_t a = values[in[0]];
    uint8_t b = values[in[1]];
    uint8_t c = values[in[2]];
    uint8_t d = values[in[3]];
    uint32_t group =
        (a & 63U) << 18 | (b & 63U) << 12 | (c & 63U) << 6 | (d & 63U);

    bytes[0] = (char)(group >> 16 & 255);
    bytes[1] = (char)(group >> 8 & 255);
    bytes[2] = (char)(group & 255);
    return (a & b & c & d & LETTER) != 0;
}

// The last group, which may be padded.
static bool
decode_last(struct buf *buf, const char *text)
{
    char group[4] = {text[0], text[1], text[2], text[3]};
    char bytes[3];
    size_t len = 3;

    if (group[3] == '=') {
        group[3] = 'A';
        len = 2;
        if (group[2] == '=') {
            group[2] = 'A';
            len = 1;
        }
    }
    return decode_group(group, bytes) && buf_add(buf, bytes, len);
}

bool
base64_decode(struct buf *buf, struct slice text)
{
    char bytes[PIECE];

    if (text.len == 0 || text.len % 4 != 0) {
        return text.len == 0;
    }
    const char *last = text.data + text.len - 4;
    const char *at = text.data;
    while (at < last) {
        size_t len = 0;
        for (; at < last && len < PIECE; at += 4, len += 3) {
            if (!decode_group(at, bytes + len)) {
                return false;
            }
        }
        if (!buf_add(buf, bytes, len)) {
            return false;
        }
    }
    return decode_last(buf, last);
}
