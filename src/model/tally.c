#include "model/tally.h"

#include <inttypes.h>

// What unittest would have counted for one test: lists of a TestResult grow
// by one with each finding, so that a test with two failing subtests counts
// two failures.
struct counts {
    uint32_t of[FINDING_KIND_COUNT];
};

static struct counts
count_findings(const struct outcome *outcome)
{
    struct counts counts = {{0}};

    for (size_t i = 0; i < outcome->finding_count; i++) {
        counts.of[outcome->findings[i].kind]++;
    }
    return counts;
}

// A state speaks for itself where no finding does: a crash brings none along.
static void
complete(struct counts *counts, enum state state)
{
    uint32_t *expected = NULL;

    switch (state) {
    case STATE_FAILED:
        if (counts->of[FINDING_ERROR] == 0) {
            expected = &counts->of[FINDING_FAILURE];
        }
        break;
    case STATE_ERROR:
    case STATE_TIMEOUT:
    case STATE_CRASHED:
    case STATE_LOST:
        if (counts->of[FINDING_FAILURE] == 0) {
            expected = &counts->of[FINDING_ERROR];
        }
        break;
    case STATE_SKIPPED:
        expected = &counts->of[FINDING_SKIP];
        break;
    case STATE_XFAILED:
        expected = &counts->of[FINDING_XFAIL];
        break;
    case STATE_XPASSED:
        expected = &counts->of[FINDING_XPASS];
        break;
    case STATE_NONE:
    case STATE_PASSED:
    case STATE_NOT_RUN:
    case STATE_COUNT:
        break;
    }
    if (expected != NULL && *expected == 0) {
        *expected = 1;
    }
}

static void
add(struct tally *tally, const struct outcome *outcome,
    const struct counts *found)
{
    struct counts counts = *found;

    if (!outcome->counted) {
        counts.of[FINDING_SKIP] = 0;
    }
    tally->states[outcome->state]++;
    if (outcome->ran && outcome->state != STATE_NOT_RUN) {
        tally->ran++;
    }
    tally->failures += counts.of[FINDING_FAILURE];
    tally->errors += counts.of[FINDING_ERROR];
    tally->skips += counts.of[FINDING_SKIP];
    tally->xfails += counts.of[FINDING_XFAIL];
    tally->xpasses += counts.of[FINDING_XPASS];
}

void
tally_add_test(struct tally *tally, const struct outcome *outcome,
               bool quarantined)
{
    struct counts counts = count_findings(outcome);

    complete(&counts, outcome->state);
    tally->excused += quarantined && outcome->state == STATE_NOT_RUN;
    if (quarantined && state_is_bad(outcome->state)) {
        counts.of[FINDING_FAILURE] = 0;
        counts.of[FINDING_ERROR] = 0;
        counts.of[FINDING_XPASS] = 0;
        tally->quarantined++;
    }
    add(tally, outcome, &counts);
}

void
tally_add(struct tally *tally, const struct outcome *outcome)
{
    tally_add_test(tally, outcome, false);
}

// Items that have a state.
static uint32_t
settled(const struct tally *tally)
{
    uint32_t count = 0;

    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        count += tally->states[i];
    }
    return count;
}

bool
tally_adds_up(const struct tally *tally)
{
    return settled(tally) == tally->selected;
}

bool
tally_is_green(const struct tally *tally)
{
    uint32_t bad = tally->refused;

    for (int i = 0; i < STATE_COUNT; i++) {
        if (state_is_bad((enum state)i)) {
            bad += tally->states[i];
        }
    }
    return bad <= tally->quarantined;
}

uint32_t
tally_unrun(const struct tally *tally)
{
    uint32_t unrun = tally->states[STATE_NOT_RUN];

    return unrun > tally->excused ? unrun - tally->excused : 0;
}

// In the order of the line; `always` are those that a reader looks for.
static const struct {
    enum state state;
    bool always;
    const char *one;
    const char *many;
} terms[] = {
    {STATE_PASSED, true, "passed", "passed"},
    {STATE_FAILED, true, "failed", "failed"},
    {STATE_ERROR, false, "error", "errors"},
    {STATE_TIMEOUT, false, "timeout", "timeouts"},
    {STATE_CRASHED, false, "crashed", "crashed"},
    {STATE_LOST, false, "lost", "lost"},
    {STATE_XPASSED, false, "xpassed", "xpassed"},
    {STATE_XFAILED, false, "xfailed", "xfailed"},
    {STATE_SKIPPED, true, "skipped", "skipped"},
    {STATE_NOT_RUN, true, "not run", "not run"},
};

// Adds "(3 retried", then ", 1 late duplicate"; nothing for none.
static void
add_remark(struct buf *buf, bool *opened, uint32_t count, const char *what)
{
    if (count > 0) {
        buf_addf(buf, "%s%" PRIu32 " %s", *opened ? ", " : " (", count, what);
        *opened = true;
    }
}

void
tally_line(const struct tally *tally, struct buf *buf)
{
    const char *before = "=";
    bool opened = false;

    buf_addf(buf, "%" PRIu32 " selected", tally->selected);
    for (size_t i = 0; i < sizeof(terms) / sizeof(*terms); i++) {
        uint32_t count = tally->states[terms[i].state];
        if (count > 0 || terms[i].always) {
            buf_addf(buf, " %s %" PRIu32 " %s", before, count,
                     count == 1 ? terms[i].one : terms[i].many);
            before = "+";
        }
    }
    if (settled(tally) < tally->selected) {
        buf_addf(buf, " + %" PRIu32 " without a state",
                 tally->selected - settled(tally));
    } else if (settled(tally) > tally->selected) {
        buf_addf(buf, " - %" PRIu32 " too many",
                 settled(tally) - tally->selected);
    }
    add_remark(buf, &opened, tally->retried, "retried");
    add_remark(buf, &opened, tally->flaky, "flaky");
    add_remark(buf, &opened, tally->quarantined, "quarantined");
    add_remark(buf, &opened, tally->late,
               tally->late == 1 ? "late duplicate" : "late duplicates");
    add_remark(buf, &opened, tally->leaks,
               tally->leaks == 1 ? "leaked process" : "leaked processes");
    if (opened) {
        buf_add_char(buf, ')');
    }
}

static void
add_count(struct buf *buf, const char **before, const char *what,
          uint32_t count)
{
    if (count > 0) {
        buf_addf(buf, "%s%s=%" PRIu32, *before, what, count);
        *before = ", ";
    }
}

void
tally_unittest_line(const struct tally *tally, struct buf *buf)
{
    const char *before = " (";
    bool bad = tally->failures + tally->errors + tally->xpasses > 0;

    if (bad || !tally_is_green(tally) || !tally_adds_up(tally)) {
        buf_add_text(buf, "FAILED");
    } else if (tally->selected == 0) {
        buf_add_text(buf, "NO TESTS RAN");
    } else if (tally_unrun(tally) > 0) {
        // unittest has no word for it; "OK" would be a lie.
        buf_add_text(buf, "INCOMPLETE");
    } else {
        buf_add_text(buf, "OK");
    }
    add_count(buf, &before, "failures", tally->failures);
    add_count(buf, &before, "errors", tally->errors);
    add_count(buf, &before, "skipped", tally->skips);
    add_count(buf, &before, "expected failures", tally->xfails);
    add_count(buf, &before, "unexpected successes", tally->xpasses);
    add_count(buf, &before, "flaky", tally->refused);
    if (*before == ',') {
        buf_add_char(buf, ')');
    }
}
