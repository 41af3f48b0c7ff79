#include "report/wording.h"

#include <inttypes.h>

static const struct wording wordings[STATE_COUNT] = {
    [STATE_NONE] = {'?', "?", "NO STATE", STYLE_BAD},
    [STATE_PASSED] = {'.', "ok", "OK", STYLE_GOOD},
    [STATE_FAILED] = {'F', "FAIL", "FAIL", STYLE_BAD},
    [STATE_ERROR] = {'E', "ERROR", "ERROR", STYLE_BAD},
    [STATE_SKIPPED] = {'s', "skipped", "SKIPPED", STYLE_WARN},
    [STATE_XFAILED] = {'x', "xfailed", "EXPECTED FAILURE", STYLE_WARN},
    [STATE_XPASSED] = {'u', "XPASSED", "UNEXPECTED SUCCESS", STYLE_BAD},
    [STATE_TIMEOUT] = {'T', "TIMEOUT", "TIMEOUT", STYLE_BAD},
    [STATE_CRASHED] = {'C', "CRASHED", "CRASHED", STYLE_BAD},
    [STATE_LOST] = {'L', "LOST", "LOST", STYLE_BAD},
    [STATE_NOT_RUN] = {'\0', "not run", "NOT RUN", STYLE_DIM},
};

const struct wording *
wording_of(enum state state)
{
    return &wordings[state];
}

const char *
wording_stop(enum stop_reason reason)
{
    switch (reason) {
    case STOP_NONE:
        return "";
    case STOP_FAILURES:
        return "enough tests have failed";
    case STOP_ASKED:
        return "as you asked";
    case STOP_TIME:
        return "the time for this run is up (--max-time)";
    case STOP_INTERRUPTED:
        return "interrupted";
    case STOP_BROKEN:
        return "mule cannot go on";
    case STOP_BAILED:
        return "a program said \"Bail out!\"";
    }
    return "";
}

static void
add_place(struct buf *buf, struct slice file, uint32_t line)
{
    buf_add_slice(buf, file);
    if (line > 0) {
        buf_addf(buf, ":%" PRIu32, line);
    }
}

void
wording_place(struct buf *buf, const struct event_test *test)
{
    const struct outcome *outcome = test->outcome;

    for (size_t i = 0; outcome != NULL && i < outcome->finding_count; i++) {
        if (outcome->findings[i].file.len > 0) {
            add_place(buf, outcome->findings[i].file,
                      outcome->findings[i].line);
            return;
        }
    }
    struct slice file = slice_of(test->file);
    if (file.len > 0) {
        add_place(buf, file, test->line);
    }
}

struct slice
wording_reason(const struct outcome *outcome)
{
    struct slice text = slice_trim(outcome->reason);

    for (size_t i = 0; text.len == 0 && i < outcome->finding_count; i++) {
        text = slice_trim(outcome->findings[i].message);
    }
    return slice_first(text, slice_find(text, '\n'));
}
