#include "report/scan.h"

#include <assert.h>
#include <string.h>

#include "util/text.h"

// Nothing of ours is deeper than four.
#define DEEPEST 16

struct scan {
    char *at;
    char *end;
    struct err *err;
};

static unsigned
hash_name(struct slice name)
{
    unsigned first = (unsigned char)name.data[0];
    unsigned last = (unsigned char)name.data[name.len - 1];
    unsigned middle = (unsigned char)name.data[name.len / 2];

    return (unsigned)name.len * 71 + first * 31 + last * 113 + middle * 7;
}

void
scan_keys_init(struct scan_keys *keys, const char *const *names, int count)
{
    *keys = (struct scan_keys){.names = names, .count = count};

    assert(count <= SCAN_KEYS_MAX);
    for (int i = 0; i < count; i++) {
        unsigned place = hash_name(slice_of(names[i]));
        while (keys->places[place % sizeof(keys->places)] != 0) {
            place++;
        }
        keys->places[place % sizeof(keys->places)] = (uint8_t)(i + 1);
    }
}

// The number of a name, or -1.
static int
find_name(const struct scan_keys *keys, struct slice name)
{
    if (name.len == 0) {
        return -1;
    }
    for (unsigned place = hash_name(name);; place++) {
        int number = keys->places[place % sizeof(keys->places)];
        if (number == 0 || slice_equals_text(name, keys->names[number - 1])) {
            return number - 1;
        }
    }
}

static bool
refuse(struct scan *scan, const char *what)
{
    if (!err_is_set(scan->err)) {
        err_set(scan->err, ERR_PROTOCOL, "not JSON: %s", what);
    }
    return false;
}

static void
skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' ||
                                    *scan->at == '\r' || *scan->at == '\n')) {
        scan->at++;
    }
}

// What comes next, or NUL at the end.
static char
peek(struct scan *scan)
{
    skip_blanks(scan);
    return (char)(scan->at < scan->end ? *scan->at : '\0');
}

static bool
expect(struct scan *scan, char byte, const char *what)
{
    if (peek(scan) != byte) {
        return refuse(scan, what);
    }
    scan->at++;
    return true;
}

// ------------------------------------------------------------------- texts

// Four hexadecimal digits at `at`, or -1.
static int
read_code(const char *at, const char *end)
{
    int code = 0;

    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        char digit = at[i];
        if (digit >= '0' && digit <= '9') {
            code = code * 16 + (digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            code = code * 16 + (digit - 'a' + 10);
        } else if (digit >= 'A' && digit <= 'F') {
            code = code * 16 + (digit - 'A' + 10);
        } else {
            return -1;
        }
    }
    return code;
}

static char *
put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    } else {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

// After "\u". Half of a pair alone becomes U+FFFD.
static char *
take_code(struct scan *scan, char *out)
{
    int code = read_code(scan->at, scan->end);

    if (code < 0) {
        refuse(scan, "a \\u without its digits");
        return NULL;
    }
    scan->at += 4;
    if (code >= 0xD800 && code < 0xDC00 && scan->end - scan->at >= 6 &&
        scan->at[0] == '\\' && scan->at[1] == 'u') {
        int low = read_code(scan->at + 2, scan->end);
        if (low >= 0xDC00 && low < 0xE000) {
            scan->at += 6;
            return put_utf8(out, 0x10000 + ((uint32_t)(code - 0xD800) << 10) +
                                     (uint32_t)(low - 0xDC00));
        }
    }
    bool half = code >= 0xD800 && code < 0xE000;
    return put_utf8(out, half ? TEXT_REPLACEMENT : (uint32_t)code);
}

// After a backslash. What it stands for is never longer than it is.
static char *
take_escape(struct scan *scan, char *out)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char byte = (char)(scan->at < scan->end ? *scan->at : '\0');
    const char *found = byte != '\0' ? strchr(escapes, byte) : NULL;

    scan->at++;
    if (found != NULL) {
        *out++ = meanings[found - escapes];
        return out;
    }
    if (byte == 'u') {
        return take_code(scan, out);
    }
    refuse(scan, "a text with an unknown escape");
    return NULL;
}

static bool
is_plain(char byte)
{
    return byte != '"' && byte != '\\' && (unsigned char)byte >= ' ';
}

static bool
take_text(struct scan *scan, struct scan_value *value)
{
    char *out = ++scan->at;

    value->kind = SCAN_TEXT;
    value->start = out;
    for (;;) {
        char *from = scan->at;
        while (scan->at < scan->end && is_plain(*scan->at)) {
            scan->at++;
        }
        if (out != from) {
            memmove(out, from, (size_t)(scan->at - from));
        }
        out += scan->at - from;
        if (scan->at == scan->end) {
            return refuse(scan, "a text without its end");
        }
        if (*scan->at == '"') {
            value->len = (size_t)(out - value->start);
            *out = '\0';
            scan->at++;
            return true;
        }
        if (*scan->at++ != '\\') {
            return refuse(scan, "a control character in a text");
        }
        out = take_escape(scan, out);
        if (out == NULL) {
            return false;
        }
    }
}

static bool
skip_text(struct scan *scan)
{
    scan->at++;
    while (scan->at < scan->end && *scan->at != '"') {
        scan->at += *scan->at == '\\' ? 2 : 1;
    }
    if (scan->at >= scan->end) {
        scan->at = scan->end;
        return refuse(scan, "a text without its end");
    }
    scan->at++;
    return true;
}

// ------------------------------------------------------------ other values

static bool
take_number(struct scan *scan, struct scan_value *value)
{
    const char *first = scan->at;

    value->kind = SCAN_NUMBER;
    value->number = 0;
    value->negative = *scan->at == '-';
    value->odd = false;
    scan->at += value->negative ? 1 : 0;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
         scan->at++) {
        uint64_t digit = (uint64_t)(*scan->at - '0');
        value->odd = value->odd || value->number > (UINT64_MAX - digit) / 10;
        value->number = value->odd ? 0 : value->number * 10 + digit;
    }
    if (scan->at == first + (value->negative ? 1 : 0)) {
        return refuse(scan, "a value that is none");
    }
    while (scan->at < scan->end && *scan->at != '\0' &&
           strchr("0123456789.eE+-", *scan->at) != NULL) {
        value->odd = true;
        scan->at++;
    }
    return true;
}

static bool
take_word(struct scan *scan, struct scan_value *value)
{
    static const struct {
        struct slice word;
        enum scan_kind kind;
    } words[] = {
        {{"true", 4}, SCAN_TRUE},
        {{"false", 5}, SCAN_FALSE},
        {{"null", 4}, SCAN_NULL},
    };
    struct slice rest = {scan->at, (size_t)(scan->end - scan->at)};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (slice_starts_with(rest, words[i].word)) {
            scan->at += words[i].word.len;
            value->kind = words[i].kind;
            return true;
        }
    }
    return refuse(scan, "a value that is none");
}

// The brackets that are open, as what closes them.
struct depth {
    char closing[DEEPEST];
    int count;
};

static bool
note_bracket(struct scan *scan, struct depth *depth, char byte)
{
    if (byte == '{' || byte == '[') {
        if (depth->count == DEEPEST) {
            return refuse(scan, "too deep");
        }
        depth->closing[depth->count++] = (char)(byte == '{' ? '}' : ']');
    } else if (byte == '}' || byte == ']') {
        if (depth->closing[--depth->count] != byte) {
            return refuse(scan, "brackets that do not match");
        }
    }
    return true;
}

// To the bracket that closes this one. What lies in it is only counted: who
// wants it scans it, and then it must be right.
static bool
take_nested(struct scan *scan, struct scan_value *value)
{
    struct depth depth = {.count = 0};

    value->kind = *scan->at == '{' ? SCAN_OBJECT : SCAN_ARRAY;
    value->start = scan->at;
    do {
        if (scan->at >= scan->end) {
            return refuse(scan, "a bracket that is not closed");
        }
        bool fine = *scan->at == '"' ? skip_text(scan)
                                     : note_bracket(scan, &depth, *scan->at++);
        if (!fine) {
            return false;
        }
    } while (depth.count > 0);
    value->len = (size_t)(scan->at - value->start);
    return true;
}

static bool
take_value(struct scan *scan, struct scan_value *value)
{
    switch (peek(scan)) {
    case '"':
        return take_text(scan, value);
    case '{':
    case '[':
        return take_nested(scan, value);
    case 't':
    case 'f':
    case 'n':
        return take_word(scan, value);
    case '\0':
        return refuse(scan, "a value that is missing");
    default:
        return take_number(scan, value);
    }
}

static bool
take_member(struct scan *scan, const struct scan_keys *keys,
            struct scan_value *values)
{
    struct scan_value name = {0};
    struct scan_value unknown = {0};

    if (peek(scan) != '"') {
        return refuse(scan, "a member without its name");
    }
    if (!take_text(scan, &name) || !expect(scan, ':', "a name without `:`")) {
        return false;
    }
    int number = find_name(keys, slice_make(name.start, name.len));
    return take_value(scan, number >= 0 ? &values[number] : &unknown);
}

// Its texts are decoded in place.
// NOLINTBEGIN(readability-non-const-parameter)
bool
scan_object(const struct scan_keys *keys, char *text, size_t len,
            struct scan_value *values, struct err *err)
{
    struct scan scan = {.at = text, .end = text + len, .err = err};

    for (int i = 0; i < keys->count; i++) {
        values[i].kind = SCAN_NOTHING;
    }
    if (!expect(&scan, '{', "no object")) {
        return false;
    }
    if (peek(&scan) != '}') {
        do {
            if (!take_member(&scan, keys, values)) {
                return false;
            }
        } while (peek(&scan) == ',' && scan.at++ != NULL);
    }
    if (!expect(&scan, '}', "an object that is not closed")) {
        return false;
    }
    return peek(&scan) == '\0' && scan.at == scan.end
               ? true
               : refuse(&scan, "text behind the object");
}

// NOLINTEND(readability-non-const-parameter)

bool
scan_next(struct scan_value *rest, struct scan_value *value, struct err *err)
{
    struct scan scan = {
        .at = rest->start, .end = rest->start + rest->len, .err = err};
    char first = peek(&scan);

    if (first != '[' && first != ',' && first != ']') {
        return refuse(&scan, "an array without `,`");
    }
    scan.at++;
    if (first == ']' || (first == '[' && peek(&scan) == ']')) {
        return false;
    }
    if (!take_value(&scan, value)) {
        return false;
    }
    rest->len = (size_t)(scan.end - scan.at);
    rest->start = scan.at;
    return true;
}
