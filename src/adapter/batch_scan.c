#include "adapter/batch_scan.h"

#include "adapter/adapter_codec.h"
#include "util/text.h"

// What is left of the line, and whether bytes beyond ASCII were among what is
// gone: those have to be UTF-8.
struct scan {
    const char *at;
    const char *end;
    bool wide;
};

static void
skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t')) {
        scan->at++;
    }
}

static bool
scan_byte(struct scan *scan, char byte)
{
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != byte) {
        return false;
    }
    scan->at++;
    return true;
}

// A string without escapes, so that it can be borrowed as it is.
static bool
scan_text(struct scan *scan, struct slice *text)
{
    if (!scan_byte(scan, '"')) {
        return false;
    }
    const char *start = scan->at;
    unsigned char seen = 0;
    for (; scan->at < scan->end; scan->at++) {
        unsigned char byte = (unsigned char)*scan->at;

        if (byte == '"') {
            *text = slice_make(start, (size_t)(scan->at++ - start));
            scan->wide |= (seen & 0x80U) != 0;
            return true;
        }
        if (byte < ' ' || byte == '\\') {
            return false;
        }
        seen |= byte;
    }
    return false;
}

static bool
scan_number(struct scan *scan, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    skip_blanks(scan);
    const char *start = scan->at;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
         scan->at++) {
        value = value * 10 + (uint64_t)(*scan->at - '0');
        if (value > max) {
            return false; // max is far below where this could wrap
        }
    }
    *number = value;
    return scan->at > start && (*start != '0' || scan->at == start + 1);
}

static bool
scan_bool(struct scan *scan, bool *value)
{
    skip_blanks(scan);
    struct slice rest = slice_make(scan->at, (size_t)(scan->end - scan->at));
    *value = slice_take(&rest, SLICE("true"));
    if (!*value && !slice_take(&rest, SLICE("false"))) {
        return false;
    }
    scan->at = rest.data;
    return true;
}

// The end of an object, and nothing behind it.
static bool
scan_end(struct scan *scan)
{
    if (!scan_byte(scan, '}')) {
        return false;
    }
    skip_blanks(scan);
    return scan->at == scan->end;
}

// ,"items":[[7,183],[8,90]]}
static bool
scan_passed(struct scan *scan, struct adapter_message *message)
{
    struct slice name = {0};

    ARRAY_CLEAR(&message->passes);
    if (!scan_byte(scan, ',') || !scan_text(scan, &name) ||
        !slice_equals(name, SLICE("items")) || !scan_byte(scan, ':') ||
        !scan_byte(scan, '[')) {
        return false;
    }
    do {
        uint64_t item = 0;
        uint64_t us = 0;

        if (message->passes.count == ADAPTER_PASSED_MAX ||
            !scan_byte(scan, '[') || !scan_number(scan, ITEM_NONE - 1, &item) ||
            !scan_byte(scan, ',') || !scan_number(scan, UINT32_MAX, &us) ||
            !scan_byte(scan, ']')) {
            return false;
        }
        ARRAY_ADD(&message->passes,
                  ((struct adapter_pass){(uint32_t)item, us}));
    } while (scan_byte(scan, ','));
    message->kind = ADAPTER_PASSED;
    message->passed.items = message->passes.items;
    message->passed.count = message->passes.count;
    return scan_byte(scan, ']') && scan_end(scan);
}

// [[".test_a",12],[".test_b",20]]
static bool
scan_items(struct scan *scan, struct adapter_message *message)
{
    ARRAY_CLEAR(&message->items);
    if (!scan_byte(scan, '[')) {
        return false;
    }
    do {
        struct slice id = {0};
        uint64_t line = 0;

        if (!scan_byte(scan, '[') || !scan_text(scan, &id) || id.len == 0 ||
            !scan_byte(scan, ',') || !scan_number(scan, UINT32_MAX, &line) ||
            !scan_byte(scan, ']')) {
            return false;
        }
        ARRAY_ADD(&message->items, ((struct adapter_item){id, (uint32_t)line}));
    } while (scan_byte(scan, ','));
    return scan_byte(scan, ']');
}

static bool
scan_flag(struct scan *scan, unsigned flag, unsigned *flags)
{
    bool value = false;

    if (!scan_bool(scan, &value)) {
        return false;
    }
    *flags |= value ? flag : 0;
    return true;
}

static bool
scan_rank(struct scan *scan, unsigned *flags)
{
    uint64_t rank = 0;

    if (!scan_number(scan, JOB_RANK_MAX, &rank)) {
        return false;
    }
    *flags |= (unsigned)rank << JOB_RANK_SHIFT;
    return true;
}

enum member {
    MEMBER_NAME,
    MEMBER_KIND,
    MEMBER_ITEMS,
    MEMBER_FILE,
    MEMBER_LOAD,
    MEMBER_ALONE,
    MEMBER_SPAWN,
    MEMBER_RANK,
    MEMBER_COUNT, // none of these
};

// Without these it is no job.
#define MEMBERS_NEEDED \
    (1U << MEMBER_NAME | 1U << MEMBER_KIND | 1U << MEMBER_ITEMS)

static enum member
find_member(struct slice name)
{
    static const char *const names[MEMBER_COUNT] = {
        [MEMBER_NAME] = "name",   [MEMBER_KIND] = "kind",
        [MEMBER_ITEMS] = "items", [MEMBER_FILE] = "file",
        [MEMBER_LOAD] = "load",   [MEMBER_ALONE] = "alone",
        [MEMBER_SPAWN] = "spawn", [MEMBER_RANK] = "rank",
    };
    int i = 0;

    while (i < MEMBER_COUNT && !slice_equals_text(name, names[i])) {
        i++;
    }
    return (enum member)i;
}

static bool
scan_kind(struct scan *scan, enum job_kind *kind)
{
    struct slice name = {0};

    return scan_text(scan, &name) && job_kind_find(name, kind) &&
           *kind != JOB_COMMAND;
}

static bool
scan_value(struct scan *scan, enum member member,
           struct adapter_message *message)
{
    struct job_params *params = &message->job.params;

    switch (member) {
    case MEMBER_NAME:
        return scan_text(scan, &params->name) && params->name.len > 0;
    case MEMBER_KIND:
        return scan_kind(scan, &params->kind);
    case MEMBER_ITEMS:
        return scan_items(scan, message);
    case MEMBER_FILE:
        return scan_text(scan, &params->file);
    case MEMBER_LOAD:
        return scan_text(scan, &params->load);
    case MEMBER_ALONE:
        return scan_flag(scan, JOB_ALONE, &params->flags);
    case MEMBER_SPAWN:
        return scan_flag(scan, JOB_SPAWN, &params->flags);
    case MEMBER_RANK:
        return scan_rank(scan, &params->flags);
    case MEMBER_COUNT:
        break;
    }
    return false;
}

static bool
scan_job(struct scan *scan, struct adapter_message *message)
{
    unsigned seen = 0;

    message->job = (struct adapter_job){0};
    while (scan_byte(scan, ',')) {
        struct slice name = {0};

        if (!scan_text(scan, &name) || !scan_byte(scan, ':')) {
            return false;
        }
        enum member member = find_member(name);
        if ((seen & 1U << member) != 0 || !scan_value(scan, member, message)) {
            return false;
        }
        seen |= 1U << member;
    }
    message->kind = ADAPTER_JOB;
    message->job.items = message->items.items;
    message->job.count = message->items.count;
    return (seen & MEMBERS_NEEDED) == MEMBERS_NEEDED && scan_end(scan);
}

bool
batch_scan(struct adapter_message *message, struct slice line)
{
    struct scan scan = {line.data, line.data + line.len, false};
    struct slice name = {0};
    struct slice kind = {0};

    if (line.len == 0 || !scan_byte(&scan, '{') || !scan_text(&scan, &name) ||
        !slice_equals(name, SLICE("msg")) || !scan_byte(&scan, ':') ||
        !scan_text(&scan, &kind)) {
        return false;
    }
    if (slice_equals(kind, SLICE("passed"))) {
        return scan_passed(&scan, message);
    }
    return slice_equals(kind, SLICE("job")) && scan_job(&scan, message) &&
           (!scan.wide || text_is_valid(line));
}
