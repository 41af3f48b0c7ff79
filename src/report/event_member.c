#include "report/event_member.h"

#include <string.h>

const char *const event_member_names[M_COUNT] = {
    [M_EVENT] = "event",
    [M_AT_US] = "at_us",
    [M_WALL_MS] = "wall_ms",
    [M_ATTEMPT] = "attempt",
    [M_BASE] = "base",
    [M_BEGAN_US] = "began_us",
    [M_BUILD] = "build",
    [M_COMMAND] = "command",
    [M_COUNTED] = "counted",
    [M_CUT] = "cut",
    [M_CWD] = "cwd",
    [M_DURATIONS] = "durations",
    [M_ERR] = "err",
    [M_ERRORS] = "errors",
    [M_EXCLUDED] = "excluded",
    [M_EXCUSED] = "excused",
    [M_EXIT_STATUS] = "exit_status",
    [M_EXPECT_US] = "expect_us",
    [M_FAILURES] = "failures",
    [M_FILE] = "file",
    [M_FINDINGS] = "findings",
    [M_FLAKY] = "flaky",
    [M_HASH_SEED] = "hash_seed",
    [M_HEAD] = "head",
    [M_HINT] = "hint",
    [M_HOST] = "host",
    [M_HOSTNAME] = "hostname",
    [M_ID] = "id",
    [M_ISOLATION] = "isolation",
    [M_ITEM] = "item",
    [M_ITEMS] = "items",
    [M_JOB] = "job",
    [M_JOB_NAME] = "job_name",
    [M_JOBS] = "jobs",
    [M_KIND] = "kind",
    [M_LATE] = "late",
    [M_LEAKS] = "leaks",
    [M_LEVEL] = "level",
    [M_LINE] = "line",
    [M_MAXRSS_KIB] = "maxrss_kib",
    [M_MERGED] = "merged",
    [M_MESSAGE] = "message",
    [M_MODULE] = "module",
    [M_NAME] = "name",
    [M_OK] = "ok",
    [M_ORDER] = "order",
    [M_OUT] = "out",
    [M_OUTPUT] = "output",
    [M_OUTSTANDING] = "outstanding",
    [M_PARENT] = "parent",
    [M_PID] = "pid",
    [M_PROBLEM] = "problem",
    [M_PROCESS] = "process",
    [M_PYTHON] = "python",
    [M_PYTHON_ORIGIN] = "python_origin",
    [M_QUARANTINED] = "quarantined",
    [M_RAN] = "ran",
    [M_REASON] = "reason",
    [M_REF] = "ref",
    [M_REFUSED] = "refused",
    [M_RERUN] = "rerun",
    [M_RETRIED] = "retried",
    [M_SCRIPT] = "script",
    [M_SEED] = "seed",
    [M_SELECTED] = "selected",
    [M_SELECTION] = "selection",
    [M_SHARD] = "shard",
    [M_SKIPS] = "skips",
    [M_SLOT] = "slot",
    [M_SLOTS] = "slots",
    [M_STATE] = "state",
    [M_STATES] = "states",
    [M_STOP] = "stop",
    [M_SUB] = "sub",
    [M_SYSTEM_US] = "system_us",
    [M_TAIL] = "tail",
    [M_TESTS] = "tests",
    [M_TEXT] = "text",
    [M_TRACE] = "trace",
    [M_TRIES] = "tries",
    [M_TYPE] = "type",
    [M_US] = "us",
    [M_USAGE] = "usage",
    [M_USER_US] = "user_us",
    [M_VERSION] = "version",
    [M_WHAT] = "what",
    [M_WHERE] = "where",
    [M_WORKER] = "worker",
    [M_WORKSPACE] = "workspace",
    [M_XFAILS] = "xfails",
    [M_XPASSES] = "xpasses",
};

bool
event_member_has(const struct event_members *set, enum event_member member)
{
    return set->values[member].kind != SCAN_NOTHING;
}

void
event_member_refuse(const struct event_members *set, const char *name,
                    const char *what)
{
    if (!err_is_set(set->err)) {
        err_set(set->err, ERR_PROTOCOL, "\"%s\" is not %s", name, what);
    }
}

uint64_t
event_member_number(const struct event_members *set,
                    const struct scan_value *value, const char *name,
                    uint64_t max)
{
    if (value->kind == SCAN_NOTHING) {
        return 0;
    }
    if (value->kind != SCAN_NUMBER || value->odd || value->number > max ||
        (value->negative && value->number > 0)) {
        event_member_refuse(set, name, "a number that can be");
        return 0;
    }
    return value->number;
}

uint64_t
event_member_uint(const struct event_members *set, enum event_member member,
                  uint64_t max)
{
    return event_member_number(set, &set->values[member],
                               event_member_names[member], max);
}

uint32_t
event_member_count(const struct event_members *set, enum event_member member)
{
    return (uint32_t)event_member_uint(set, member, UINT32_MAX);
}

uint64_t
event_member_us(const struct event_members *set, enum event_member member)
{
    return event_member_uint(set, member, EVENT_US_MAX);
}

int64_t
event_member_int(const struct event_members *set, enum event_member member,
                 uint64_t max)
{
    const struct scan_value *value = &set->values[member];

    if (value->kind == SCAN_NUMBER && value->negative && !value->odd &&
        value->number <= max) {
        return -(int64_t)value->number;
    }
    return (int64_t)event_member_uint(set, member, max);
}

bool
event_member_bool(const struct event_members *set, enum event_member member,
                  bool otherwise)
{
    enum scan_kind kind = set->values[member].kind;

    if (kind == SCAN_NOTHING) {
        return otherwise;
    }
    if (kind != SCAN_TRUE && kind != SCAN_FALSE) {
        event_member_refuse(set, event_member_names[member], "true or false");
    }
    return kind == SCAN_TRUE;
}

struct slice
event_member_slice(const struct event_members *set, enum event_member member)
{
    const struct scan_value *value = &set->values[member];

    if (value->kind == SCAN_TEXT) {
        return slice_make(value->start, value->len);
    }
    if (value->kind != SCAN_NOTHING) {
        event_member_refuse(set, event_member_names[member], "a text");
    }
    return (struct slice){0};
}

// Terminated; a NUL within it would hide the rest.
const char *
event_member_text(const struct event_members *set, enum event_member member,
                  const char *otherwise)
{
    const struct scan_value *value = &set->values[member];

    if (event_member_slice(set, member).data == NULL) {
        return otherwise;
    }
    for (char *at = value->start;
         (at = memchr(at, '\0', value->len - (size_t)(at - value->start))) !=
         NULL;) {
        *at = '?';
    }
    return value->start;
}

// The number of a name among `count` ones, or refuses and gives 0.
int
event_member_choice(const struct event_members *set, enum event_member member,
                    const char *const *names, int count)
{
    struct slice name = event_member_slice(set, member);

    for (int i = 0; i < count; i++) {
        if (names[i] != NULL && slice_equals_text(name, names[i])) {
            return i;
        }
    }
    event_member_refuse(set, event_member_names[member],
                        "a word that is known");
    return 0;
}
