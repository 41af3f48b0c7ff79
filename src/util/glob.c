#include "util/glob.h"

#include <stdint.h>

#include "util/text.h"

// text_take(), at once for the characters that names are made of.
static uint32_t
take(struct slice *text)
{
    unsigned char first = (unsigned char)text->data[0];

    if (first >= 0x80) {
        return text_take(text);
    }
    *text = slice_skip(*text, 1);
    return first;
}

// Where behind a star the pattern can go on at all: its next character, if it
// stands for itself, must be there.
static struct slice
next_candidate(struct slice pattern, struct slice text)
{
    if (pattern.len == 0 || (unsigned char)pattern.data[0] >= 0x80 ||
        pattern.data[0] == '*' || pattern.data[0] == '?' ||
        pattern.data[0] == '[') {
        return text;
    }
    return slice_skip(text, slice_find(text, pattern.data[0]));
}

// The length of the bracket expression at the start of the pattern, 0 if it
// is never closed. A `]` that comes first is a member.
static size_t
bracket_len(struct slice pattern)
{
    size_t at = 1;

    if (at < pattern.len &&
        (pattern.data[at] == '!' || pattern.data[at] == '^')) {
        at++;
    }
    if (at < pattern.len && pattern.data[at] == ']') {
        at++;
    }
    at += slice_find(slice_skip(pattern, at), ']');
    return at < pattern.len ? at + 1 : 0;
}

// Whether the character is among the members, as in "a-z0-9_".
static bool
is_member(struct slice members, uint32_t character)
{
    while (members.len > 0) {
        uint32_t low = text_take(&members);
        uint32_t high = low;
        if (members.len > 1 && members.data[0] == '-') {
            members = slice_skip(members, 1);
            high = text_take(&members);
        }
        if (character >= low && character <= high) {
            return true;
        }
    }
    return false;
}

// Matches one character against the pattern's first element, which is no
// star, and takes both off the front.
static bool
match_one(struct slice *pattern, struct slice *text)
{
    if (pattern->len == 0 || text->len == 0) {
        return false;
    }
    uint32_t character = take(text);
    size_t len = pattern->data[0] == '[' ? bracket_len(*pattern) : 0;
    if (len > 0) {
        struct slice members = slice_make(pattern->data + 1, len - 2);
        bool others = slice_take(&members, SLICE("!")) ||
                      slice_take(&members, SLICE("^"));
        *pattern = slice_skip(*pattern, len);
        return is_member(members, character) != others;
    }
    if (pattern->data[0] == '?') {
        *pattern = slice_skip(*pattern, 1);
        return true;
    }
    return take(pattern) == character;
}

bool
glob_match(struct slice pattern, struct slice text)
{
    // Only the last star ever needs to be tried again: what came before it
    // has matched as early as it can.
    struct slice star_pattern = {NULL, 0};
    struct slice star_text = {NULL, 0};
    bool starred = false;

    while (pattern.len > 0 || text.len > 0) {
        if (slice_take(&pattern, SLICE("*"))) {
            if (pattern.len == 0) {
                return true;
            }
            starred = true;
            star_pattern = pattern;
            star_text = text = next_candidate(pattern, text);
            continue;
        }
        if (match_one(&pattern, &text)) {
            continue;
        }
        if (!starred || star_text.len == 0) {
            return false;
        }
        (void)take(&star_text);
        star_text = next_candidate(star_pattern, star_text);
        pattern = star_pattern;
        text = star_text;
    }
    return true;
}

bool
glob_is_pattern(struct slice text)
{
    return slice_has(text, '*') || slice_has(text, '?') || slice_has(text, '[');
}
