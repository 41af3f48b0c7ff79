#include "adapter/tap_facts.h"

// Longer values say nothing to a reader.
#define VALUE_MAX 4096

static struct slice
unquote(struct slice value)
{
    if (value.len < 2) {
        return value;
    }
    char quote = value.data[0];
    if ((quote == '"' || quote == '\'') && value.data[value.len - 1] == quote) {
        return slice_make(value.data + 1, value.len - 2);
    }
    return value;
}

static void
set(struct slice *fact, struct keep *keep, struct slice value)
{
    if (fact->len == 0) {
        *fact = keep_text(keep, slice_first(value, VALUE_MAX));
    }
}

void
tap_facts_read_yaml(struct tap_facts *facts, struct keep *keep,
                    struct slice line)
{
    struct slice value = slice_trim(line);
    struct slice key = {0};
    uint64_t number = 0;
    double ms = 0;

    if (facts->message_follows) {
        facts->message_follows = false;
        set(&facts->message, keep, value);
        return;
    }
    if (!slice_has(value, ':')) {
        return;
    }
    slice_split(&value, ':', &key);
    value = unquote(slice_trim(value));
    if (slice_equals(key, SLICE("message")) ||
        slice_equals(key, SLICE("error"))) {
        bool block = value.len > 0 && value.len <= 2 &&
                     (value.data[0] == '|' || value.data[0] == '>');
        facts->message_follows = block;
        set(&facts->message, keep, block ? (struct slice){0} : value);
    } else if (slice_equals(key, SLICE("file"))) {
        set(&facts->file, keep, value);
    } else if (slice_equals(key, SLICE("line")) && facts->line == 0 &&
               slice_to_uint(value, UINT32_MAX, &number)) {
        facts->line = (uint32_t)number;
    } else if (slice_equals(key, SLICE("duration_ms")) &&
               slice_to_double(value, 0, 1e12, &ms)) {
        facts->us = (uint64_t)(ms * 1000);
    }
}

void
tap_facts_read_comment(struct tap_facts *facts, struct keep *keep,
                       struct slice text)
{
    struct slice rest = slice_trim(text);
    uint64_t number = 0;

    if (!slice_take(&rest, SLICE("at ")) ||
        !slice_ends_with(rest, SLICE("."))) {
        return;
    }
    rest.len--;
    size_t at = slice_find_part(rest, SLICE(" line "));
    if (slice_to_uint(slice_skip(rest, at + strlen(" line ")), UINT32_MAX,
                      &number) &&
        facts->file.len == 0) {
        set(&facts->file, keep, slice_first(rest, at));
        facts->line = (uint32_t)number;
    }
}
