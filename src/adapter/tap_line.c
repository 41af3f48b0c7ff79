#include "adapter/tap_line.h"

#include <strings.h>

static bool
is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool
is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

static bool
take_anycase(struct slice *rest, const char *word)
{
    size_t len = slice_of(word).len;

    if (rest->len < len || strncasecmp(rest->data, word, len) != 0) {
        return false;
    }
    *rest = slice_skip(*rest, len);
    return true;
}

// Digits up to a blank or the end.
static bool
take_number(struct slice *rest, struct tap_line *line)
{
    size_t len = 0;
    uint64_t number = 0;

    while (len < rest->len && rest->data[len] >= '0' &&
           rest->data[len] <= '9') {
        number = number * 10 + (uint64_t)(rest->data[len] - '0');
        if (number > TAP_NUMBER_MAX) {
            number = TAP_NUMBER_MAX;
            line->too_big = true;
        }
        len++;
    }
    if (len == 0 || (len < rest->len && !is_blank(rest->data[len]))) {
        line->too_big = false;
        return false;
    }
    line->number = (uint32_t)number;
    *rest = slice_skip(*rest, len);
    return true;
}

// What stands behind a "#": "SKIP reason", "Skipped: reason", "TODO reason".
static enum tap_directive
take_directive(struct slice rest, struct slice *reason)
{
    enum tap_directive directive = TAP_NO_DIRECTIVE;

    rest = slice_trim(rest);
    if (take_anycase(&rest, "skip")) {
        directive = TAP_SKIP;
        while (rest.len > 0 && is_word(rest.data[0])) {
            rest = slice_skip(rest, 1);
        }
    } else if (take_anycase(&rest, "todo")) {
        directive = TAP_TODO;
    }
    slice_take(&rest, SLICE(":"));
    if (directive == TAP_NO_DIRECTIVE ||
        (rest.len > 0 && is_word(rest.data[0]))) {
        return TAP_NO_DIRECTIVE;
    }
    *reason = slice_trim(rest);
    return directive;
}

// Splits "description # SKIP reason" at the first "#" that makes a directive.
static void
parse_description(struct slice rest, struct tap_line *line)
{
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.data[i] == '\\') {
            i++;
            continue;
        }
        if (rest.data[i] != '#' || (i > 0 && !is_blank(rest.data[i - 1]))) {
            continue;
        }
        line->directive =
            take_directive(slice_skip(rest, i + 1), &line->reason);
        if (line->directive != TAP_NO_DIRECTIVE) {
            rest = slice_first(rest, i);
            break;
        }
    }
    rest = slice_trim(rest);
    if (rest.len == 1 || (rest.len > 1 && is_blank(rest.data[1]))) {
        slice_take(&rest, SLICE("-"));
    }
    line->text = slice_trim(rest);
}

static bool
parse_point(struct slice rest, struct tap_line *line)
{
    bool ok = true;

    if (slice_take(&rest, SLICE("not"))) {
        struct slice trimmed = slice_trim(rest);
        if (trimmed.len == rest.len) {
            return false;
        }
        rest = trimmed;
        ok = false;
    }
    if (!slice_take(&rest, SLICE("ok")) ||
        (rest.len > 0 && is_word(rest.data[0]))) {
        return false;
    }
    *line = (struct tap_line){.kind = TAP_POINT, .ok = ok};
    rest = slice_trim(rest);
    line->numbered = take_number(&rest, line);
    parse_description(rest, line);
    return true;
}

static bool
parse_plan(struct slice rest, struct tap_line *line)
{
    struct tap_line plan = {.kind = TAP_PLAN};

    if (!slice_take(&rest, SLICE("1..")) || !take_number(&rest, &plan)) {
        return false;
    }
    rest = slice_trim(rest);
    if (slice_take(&rest, SLICE("#")) || plan.number == 0) {
        struct slice reason = slice_trim(rest);
        plan.directive = take_directive(rest, &reason);
        if (plan.directive == TAP_TODO || plan.number == 0) {
            plan.directive = plan.number == 0 ? TAP_SKIP : TAP_NO_DIRECTIVE;
        }
        plan.reason = reason;
    }
    *line = plan;
    return true;
}

static bool
parse_version(struct slice rest, struct tap_line *line)
{
    if (!slice_take(&rest, SLICE("TAP version ")) ||
        !take_number(&rest, line)) {
        return false;
    }
    line->kind = TAP_VERSION;
    return true;
}

struct tap_line
tap_line_parse(struct slice line)
{
    struct tap_line parsed = {.kind = TAP_TEXT, .text = line};
    struct slice rest = slice_trim_end(line);

    if (rest.len == 0) {
        parsed.kind = TAP_BLANK;
        return parsed;
    }
    if (parse_point(rest, &parsed) || parse_plan(rest, &parsed) ||
        parse_version(rest, &parsed)) {
        return parsed;
    }
    if (slice_take(&rest, SLICE("#"))) {
        parsed.kind = TAP_COMMENT;
        slice_take(&rest, SLICE(" "));
        parsed.text = rest;
    } else if (take_anycase(&rest, "bail out!")) {
        parsed.kind = TAP_BAIL;
        parsed.reason = slice_trim(rest);
    } else if (slice_take(&rest, SLICE("pragma "))) {
        parsed.kind = TAP_PRAGMA;
    } else if (slice_equals(rest, SLICE("  ---"))) {
        parsed.kind = TAP_YAML;
    }
    return parsed;
}

unsigned
tap_line_depth(struct slice line)
{
    unsigned depth = 0;

    while (slice_take(&line, SLICE("    "))) {
        depth++;
    }
    return depth;
}
