// Reads the Test Anything Protocol, versions 12 to 14. A point is told when
// the line behind it shows that nothing more belongs to it, or when no more
// bytes are there for now.

#include "adapter/report_core.h"
#include "adapter/tap_facts.h"
#include "adapter/tap_line.h"
#include "adapter/tap_subs.h"
#include "util/alloc.h"
#include "util/lines.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)
#define NOTES_MAX ((size_t)64 << 10) // of one point
#define DEPTH_MAX 10                 // subtests deeper than this are text
#define MISSING_MAX 1000             // points that are told one by one

// What comments and YAML blocks belong to at the moment.
enum subject {
    SUBJECT_NONE, // nothing that is still to be told
    SUBJECT_POINT,
    SUBJECT_SUB, // the last of `subs`
};

struct tap {
    struct report_core *core;
    struct lines lines;

    // The document.
    bool planned;
    bool plan_last; // it came after points
    bool told_late; // points after such a plan: it was said
    uint32_t plan;
    uint32_t last; // number of the last point
    uint32_t highest;
    ARRAY(uint8_t) seen; // a bit for each number

    // The point that was read last and not told yet.
    bool pending;
    struct tap_line point; // its texts are kept
    uint32_t number;
    struct clip notes;
    struct tap_facts facts;

    struct tap_subs subs; // since the last point
    bool in_subtest;

    enum subject subject;
    bool in_yaml;
    unsigned yaml_depth;
    struct keep keep; // all of this until the point is told
};

static void *
tap_start(struct report_core *core)
{
    struct tap *tap = ALLOC(struct tap);

    tap->core = core;
    lines_init(&tap->lines, LINE_MAX_BYTES);
    clip_init(&tap->notes, NOTES_MAX);
    return tap;
}

static void
tap_free(void *self)
{
    struct tap *tap = self;

    tap_subs_release(&tap->subs);
    ARRAY_RELEASE(&tap->seen);
    clip_release(&tap->notes);
    keep_release(&tap->keep);
    lines_release(&tap->lines);
    free(tap);
}

static struct slice
text_of(struct tap *tap, const struct clip *notes)
{
    struct buf buf = BUF_INIT(2 * NOTES_MAX);

    clip_add_to(notes, &buf);
    struct slice text = keep_text(&tap->keep, buf_slice(&buf));
    buf_release(&buf);
    return text;
}

static struct finding
make_finding(struct tap *tap, const struct clip *notes,
             const struct tap_facts *facts)
{
    return (struct finding){
        .kind = FINDING_FAILURE,
        .where = SLICE("test"),
        .message = facts->message.len > 0 ? facts->message : SLICE("not ok"),
        .trace = text_of(tap, notes),
        .file = facts->file,
        .line = facts->line,
    };
}

// The findings of a point that failed: those of its subtest, and its own.
static void
add_findings(struct tap *tap, struct findings *findings)
{
    struct finding finding;

    for (size_t i = 0; i < tap->subs.count; i++) {
        struct tap_sub *sub = &tap->subs.items[i];

        finding = make_finding(tap, &sub->notes, &sub->facts);
        finding.where = SLICE("subtest");
        finding.sub = sub->name;
        if (tap->subs.dropped > 0 && i + 1 == tap->subs.count) {
            finding.trace =
                keep_printf(&tap->keep, "%.*s\n%zu more points of it failed\n",
                            SLICE_ARG(finding.trace), tap->subs.dropped);
        }
        ARRAY_ADD(findings, finding);
    }
    if (tap->subs.count == 0 || tap->notes.head.len > 0) {
        finding = make_finding(tap, &tap->notes, &tap->facts);
        ARRAY_ADD(findings, finding);
    }
}

// A point that did not fail shows its notes as something it printed.
static void
print_notes(struct tap *tap)
{
    struct output notes = clip_output(&tap->notes);

    report_core_printed(tap->core, notes.head);
    report_core_printed(tap->core, notes.tail);
}

static struct outcome
judge_point(struct tap *tap, struct findings *findings)
{
    const struct tap_line *point = &tap->point;
    struct outcome outcome = {
        .us = tap->facts.us,
        .reason = point->reason,
        .ran = true,
        .counted = true,
    };

    if (point->directive == TAP_SKIP) {
        outcome.state = STATE_SKIPPED;
    } else if (!point->ok && point->directive == TAP_TODO) {
        outcome.state = STATE_XFAILED;
        add_findings(tap, findings);
        for (size_t i = 0; i < findings->count; i++) {
            findings->items[i].kind = FINDING_XFAIL;
        }
    } else if (!point->ok) {
        outcome.state = STATE_FAILED;
        add_findings(tap, findings);
    } else {
        outcome.state = STATE_PASSED;
        if (point->directive == TAP_TODO) {
            outcome.reason =
                keep_printf(&tap->keep, "TODO, but it passes: %.*s",
                            SLICE_ARG(slice_first(point->reason, 1000)));
        } else if (tap->subs.count > 0) {
            outcome.reason =
                keep_printf(&tap->keep, "ok, though its subtest failed: %.*s",
                            SLICE_ARG(tap->subs.items[0].name));
        }
    }
    if (findings->count == 0) {
        print_notes(tap);
    }
    outcome.findings = findings->items;
    outcome.finding_count = findings->count;
    return outcome;
}

// Tells the pending point, if there is one.
static void
flush(struct tap *tap)
{
    struct findings findings = {0};

    tap->subject = SUBJECT_NONE;
    if (!tap->pending) {
        return;
    }
    tap->pending = false;
    struct outcome outcome = judge_point(tap, &findings);
    report_core_point(
        tap->core,
        &(struct report_point){
            .id = tap_name(&tap->keep, tap->number, tap->point.text),
            .file = tap->facts.file,
            .line = tap->facts.line,
            .outcome = &outcome,
        },
        true);
    ARRAY_RELEASE(&findings);
    clip_reset(&tap->notes);
    tap_subs_clear(&tap->subs);
    keep_drop(&tap->keep);
}

static bool
was_seen(const struct tap *tap, uint32_t number)
{
    return number / 8 < tap->seen.count &&
           (tap->seen.items[number / 8] >> (number % 8) & 1U) != 0;
}

static void
note_number(struct tap *tap, uint32_t number)
{
    if (number == 0 || number > TAP_NUMBER_MAX) {
        report_core_problem(tap->core, "a point has the number %u", number);
        return;
    }
    if (was_seen(tap, number)) {
        report_core_problem(tap->core, "point %u came twice", number);
        return;
    }
    while (tap->seen.count <= number / 8) {
        ARRAY_ADD(&tap->seen, 0);
    }
    tap->seen.items[number / 8] |= (uint8_t)(1U << (number % 8));
    tap->highest = number > tap->highest ? number : tap->highest;
}

static void
read_point(struct tap *tap, const struct tap_line *line)
{
    flush(tap);
    tap->number = line->numbered ? line->number : tap->last + 1;
    if (line->too_big) {
        tap->number = TAP_NUMBER_MAX + 1;
    } else {
        tap->last = tap->number;
    }
    note_number(tap, tap->number);
    if (tap->plan_last && !tap->told_late) {
        tap->told_late = true;
        report_core_problem(tap->core, "points came before and after the plan");
    }
    tap->pending = true;
    tap->point = *line;
    tap->point.text = keep_text(&tap->keep, line->text);
    tap->point.reason = keep_text(&tap->keep, line->reason);
    tap->facts = (struct tap_facts){0};
    tap->subject = SUBJECT_POINT;
    tap->in_subtest = false;
}

static void
read_plan(struct tap *tap, const struct tap_line *line)
{
    flush(tap);
    if (tap->planned) {
        report_core_problem(tap->core, "a second plan came");
        return;
    }
    if (line->too_big) {
        report_core_problem(tap->core, "a plan of more than %u points",
                            TAP_NUMBER_MAX);
        return;
    }
    tap->planned = true;
    tap->plan = line->number;
    tap->plan_last = tap->core->points > 0;
    if (line->number == 0) {
        report_core_skip(tap->core, line->reason);
        return;
    }
    report_core_plan(tap->core, &(struct report_plan){.count = line->number});
}

static void
add_line(struct clip *clip, struct slice line)
{
    clip_add(clip, line);
    clip_add(clip, SLICE("\n"));
}

static void
print_line(struct tap *tap, struct slice line)
{
    report_core_printed(tap->core, line);
    report_core_printed(tap->core, SLICE("\n"));
}

static void
read_comment(struct tap *tap, struct slice text, struct slice line)
{
    switch (tap->subject) {
    case SUBJECT_POINT:
        add_line(&tap->notes, text);
        tap_facts_read_comment(&tap->facts, &tap->keep, text);
        break;
    case SUBJECT_SUB: {
        struct tap_sub *sub = &ARRAY_LAST(&tap->subs);
        add_line(&sub->notes, text);
        tap_facts_read_comment(&sub->facts, &sub->keep, text);
        break;
    }
    case SUBJECT_NONE:
        print_line(tap, line);
        break;
    }
}

static void
read_yaml_line(struct tap *tap, struct slice line)
{
    struct slice text = slice_skip(line, (size_t)tap->yaml_depth * 4 + 2);

    switch (tap->subject) {
    case SUBJECT_POINT:
        add_line(&tap->notes, text);
        tap_facts_read_yaml(&tap->facts, &tap->keep, text);
        break;
    case SUBJECT_SUB: {
        struct tap_sub *sub = &ARRAY_LAST(&tap->subs);
        add_line(&sub->notes, text);
        tap_facts_read_yaml(&sub->facts, &sub->keep, text);
        break;
    }
    case SUBJECT_NONE:
        break; // of a point that passed and was told
    }
}

// Gives true if the line is inside a YAML block.
static bool
continue_yaml(struct tap *tap, struct slice line)
{
    struct slice rest = line;

    if (!tap->in_yaml) {
        return false;
    }
    for (unsigned i = 0; i < tap->yaml_depth; i++) {
        slice_take(&rest, SLICE("    "));
    }
    if (slice_trim(line).len == 0) {
        return true;
    }
    if (!slice_take(&rest, SLICE("  "))) {
        tap->in_yaml = false; // it was never closed
        return false;
    }
    if (slice_equals(slice_trim_end(rest), SLICE("..."))) {
        tap->in_yaml = false;
        return true;
    }
    read_yaml_line(tap, line);
    return true;
}

static void
open_yaml(struct tap *tap, unsigned depth)
{
    tap->in_yaml = true;
    tap->yaml_depth = depth;
}

static bool
is_subtest_comment(const struct tap_line *line)
{
    return line->kind == TAP_COMMENT &&
           slice_starts_with(line->text, SLICE("Subtest"));
}

// A line that is indented by subtests. Gives false if there is none: text.
static bool
read_nested(struct tap *tap, unsigned depth, struct slice line)
{
    struct tap_line inner = tap_line_parse(slice_skip(line, 4 * (size_t)depth));
    bool opens = inner.kind == TAP_POINT || inner.kind == TAP_PLAN ||
                 inner.kind == TAP_VERSION || is_subtest_comment(&inner);

    if (!tap->in_subtest && !opens) {
        return false;
    }
    if (!tap->in_subtest) {
        flush(tap);
        tap->in_subtest = true;
    }
    switch (inner.kind) {
    case TAP_POINT:
        tap->subject = tap_subs_read(&tap->subs, depth, &inner) ? SUBJECT_SUB
                                                                : SUBJECT_NONE;
        return true;
    case TAP_COMMENT:
        if (tap->subject == SUBJECT_SUB) {
            read_comment(tap, inner.text, line);
        }
        return true;
    case TAP_YAML:
        open_yaml(tap, depth);
        return true;
    case TAP_BAIL:
        report_core_bail(tap->core, inner.reason);
        return true;
    case TAP_TEXT:
        return false;
    case TAP_BLANK:
    case TAP_VERSION:
    case TAP_PLAN:
    case TAP_PRAGMA:
        break;
    }
    return true;
}

static void
read_text(struct tap *tap, struct slice line)
{
    if (!tap->in_subtest) {
        flush(tap);
    }
    print_line(tap, line);
}

static void
read_line(struct tap *tap, struct slice line)
{
    if (slice_ends_with(line, SLICE("\r"))) {
        line.len--;
    }
    if (continue_yaml(tap, line)) {
        return;
    }
    unsigned depth = tap_line_depth(line);
    if (depth > 0) {
        if (depth > DEPTH_MAX || !read_nested(tap, depth, line)) {
            read_text(tap, line);
        }
        return;
    }
    struct tap_line parsed = tap_line_parse(line);
    switch (parsed.kind) {
    case TAP_POINT:
        read_point(tap, &parsed);
        break;
    case TAP_PLAN:
        read_plan(tap, &parsed);
        break;
    case TAP_COMMENT:
        if (is_subtest_comment(&parsed)) {
            flush(tap);
        } else {
            read_comment(tap, parsed.text, line);
        }
        break;
    case TAP_BAIL:
        flush(tap);
        report_core_bail(tap->core, parsed.reason);
        break;
    case TAP_YAML:
        open_yaml(tap, 0);
        break;
    case TAP_TEXT:
        read_text(tap, line);
        break;
    case TAP_BLANK:
    case TAP_VERSION:
    case TAP_PRAGMA:
        break;
    }
}

static void
tap_feed(void *self, struct slice bytes)
{
    struct tap *tap = self;
    struct slice line = {0};
    enum lines_result result = LINES_MORE;

    lines_feed(&tap->lines, bytes);
    while ((result = lines_next(&tap->lines, &line)) != LINES_MORE) {
        if (result == LINES_TOO_LONG) {
            read_text(tap, line);
        } else {
            read_line(tap, line);
        }
    }
    // A plain pass need not wait for what might still be said about it.
    if (tap->pending && tap->point.ok && !tap->in_yaml &&
        tap->notes.head.len == 0) {
        flush(tap);
    }
}

static void
check_plan(struct tap *tap)
{
    size_t told = 0;
    size_t more = 0;
    size_t surplus = 0;

    for (uint32_t i = 1; i <= tap->plan; i++) {
        if (was_seen(tap, i)) {
            continue;
        }
        if (told == MISSING_MAX) {
            more++;
            continue;
        }
        told++;
        report_core_missing(tap->core,
                            keep_printf(&tap->keep, "%u - missing", i));
    }
    if (more > 0) {
        report_core_problem(tap->core,
                            "%zu more points of the plan 1..%u did "
                            "not come",
                            more, tap->plan);
    }
    for (uint32_t i = tap->plan + 1; i <= tap->highest; i++) {
        surplus += was_seen(tap, i) ? 1 : 0;
    }
    if (surplus > 0) {
        report_core_problem(tap->core,
                            "%zu points came that the plan 1..%u does not have",
                            surplus, tap->plan);
    }
}

static void
tap_end(void *self, int status)
{
    struct tap *tap = self;
    struct slice line = {0};

    (void)status;
    if (lines_end(&tap->lines, &line) != LINES_MORE) {
        read_line(tap, line);
    }
    flush(tap);
    if (tap->planned) {
        check_plan(tap);
    } else if (!tap->core->bailed) {
        report_core_problem(tap->core, tap->core->points == 0
                                           ? "no TAP came: no plan, no point"
                                           : "no plan came");
    }
}

const struct report_format report_format_tap = {
    .start = tap_start,
    .feed = tap_feed,
    .end = tap_end,
    .free = tap_free,
};
