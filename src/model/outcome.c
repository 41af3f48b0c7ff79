#include "model/outcome.h"

static const char *const state_names[STATE_COUNT] = {
    [STATE_NONE] = "none",       [STATE_PASSED] = "passed",
    [STATE_FAILED] = "failed",   [STATE_ERROR] = "error",
    [STATE_SKIPPED] = "skipped", [STATE_XFAILED] = "xfailed",
    [STATE_XPASSED] = "xpassed", [STATE_TIMEOUT] = "timeout",
    [STATE_CRASHED] = "crashed", [STATE_LOST] = "lost",
    [STATE_NOT_RUN] = "not run",
};

static const char *const finding_kind_names[FINDING_KIND_COUNT] = {
    [FINDING_FAILURE] = "failure", [FINDING_ERROR] = "error",
    [FINDING_SKIP] = "skip",       [FINDING_XFAIL] = "xfail",
    [FINDING_XPASS] = "xpass",
};

const char *
state_name(enum state state)
{
    return state_names[state];
}

bool
state_find(struct slice name, enum state *state)
{
    // "none" is not a state that anybody may claim.
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        if (slice_equals_text(name, state_names[i])) {
            *state = (enum state)i;
            return true;
        }
    }
    return false;
}

bool
state_is_bad(enum state state)
{
    switch (state) {
    case STATE_FAILED:
    case STATE_ERROR:
    case STATE_XPASSED:
    case STATE_TIMEOUT:
    case STATE_CRASHED:
    case STATE_LOST:
        return true;
    case STATE_NONE:
    case STATE_PASSED:
    case STATE_SKIPPED:
    case STATE_XFAILED:
    case STATE_NOT_RUN:
    case STATE_COUNT:
        break;
    }
    return false;
}

const char *
finding_kind_name(enum finding_kind kind)
{
    return finding_kind_names[kind];
}

bool
finding_kind_find(struct slice name, enum finding_kind *kind)
{
    for (int i = 0; i < FINDING_KIND_COUNT; i++) {
        if (slice_equals_text(name, finding_kind_names[i])) {
            *kind = (enum finding_kind)i;
            return true;
        }
    }
    return false;
}
