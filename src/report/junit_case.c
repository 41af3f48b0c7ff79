#include "report/junit_case.h"

#include <inttypes.h>

#include "util/escape.h"
#include "util/now.h"

#define MOST_ATTRIBUTE 8192 // bytes; the text of the element has it all
#define MOST_TRACES ((size_t)64 << 20)

// The place of the last dot before anything that cannot be a dotted name;
// text.len if there is none.
static size_t
last_dot(struct slice text)
{
    size_t place = text.len;

    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '.') {
            place = i;
        } else if (byte == ' ' || byte == '(' || byte == '[' || byte == '<' ||
                   byte == '\'' || byte == '"' || byte == '/') {
            break;
        }
    }
    return place;
}

// "setUpClass (pkg.Class)", and with a serial number "... (pkg.Class)#2".
static bool
split_fixture(struct slice id, struct junit_name *name)
{
    size_t blank = slice_find_part(id, SLICE(" ("));
    struct slice word = slice_first(id, blank);
    struct slice rest = slice_skip(id, blank + 2);

    if (blank + 2 >= id.len || slice_has(word, '.') ||
        !slice_ends_with(rest, SLICE(")"))) {
        return false;
    }
    *name = (struct junit_name){slice_first(rest, rest.len - 1), word};
    return rest.len > 1;
}

struct junit_name
junit_case_name(const char *id, const char *job)
{
    struct slice text = slice_of(id);
    struct slice start = slice_of(job);
    struct junit_name name = {start, text};

    if (start.len > 0 && slice_starts_with(text, start) &&
        text.len > start.len + 1 && text.data[start.len] == '.') {
        // A job of a whole module has classes in it.
        struct slice rest = slice_skip(text, start.len + 1);
        size_t dot = last_dot(rest);
        size_t end = dot < rest.len ? start.len + 1 + dot : start.len;
        name.classname = slice_first(text, end);
        name.name = slice_skip(text, end + 1);
    } else if (start.len > 0 && slice_starts_with(text, start) &&
               slice_starts_with(slice_skip(text, start.len), SLICE(": "))) {
        // A point of a TAP program.
        name.name = slice_skip(text, start.len + 2);
    } else if (!split_fixture(text, &name) && start.len == 0) {
        size_t dot = last_dot(text);
        if (dot > 0 && dot + 1 < text.len) {
            name.classname = slice_first(text, dot);
            name.name = slice_skip(text, dot + 1);
        }
    }
    return name;
}

void
junit_case_seconds(struct buf *buf, uint64_t us)
{
    uint64_t ms = (us + 500) / 1000;

    buf_addf(buf, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
}

// What fits, without half a character at its end.
static struct slice
shorten(struct slice text)
{
    size_t len = MOST_ATTRIBUTE;

    if (text.len <= len) {
        return text;
    }
    while (len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80) {
        len--;
    }
    return slice_first(text, len);
}

void
junit_case_attribute(struct buf *buf, const char *name, struct slice value)
{
    buf_add_char(buf, ' ');
    buf_add_text(buf, name);
    buf_add_text(buf, "=\"");
    escape_xml_attribute(buf, shorten(value));
    buf_add_char(buf, '"');
}

// Line by line: no text is too long for memory, and an escape sequence
// without an end hides no more than its line.
static void
add_content(struct writer *writer, struct slice text)
{
    struct slice line;
    bool first = true;

    while (slice_split(&text, '\n', &line)) {
        if (!first) {
            buf_add_char(&writer->buf, '\n');
        }
        first = false;
        escape_xml(&writer->buf, line);
        writer_relieve(writer);
    }
}

struct element {
    const char *name;
    struct slice type;
    struct slice message;
    struct slice text;
};

static void
add_element(struct writer *writer, const struct element *element)
{
    struct buf *buf = &writer->buf;

    buf_addf(buf, "<%s", element->name);
    if (element->type.len > 0) {
        junit_case_attribute(buf, "type", element->type);
    }
    if (element->message.len > 0) {
        junit_case_attribute(buf, "message", element->message);
    }
    if (element->text.len == 0) {
        buf_add_text(buf, "/>\n");
        return;
    }
    buf_add_char(buf, '>');
    add_content(writer, element->text);
    buf_addf(buf, "</%s>\n", element->name);
}

static uint32_t
count_findings(const struct outcome *outcome, enum finding_kind kind)
{
    uint32_t count = 0;

    for (size_t i = 0; i < outcome->finding_count; i++) {
        count += outcome->findings[i].kind == kind ? 1 : 0;
    }
    return count;
}

static struct junit_counts
count_outcome(const struct outcome *outcome)
{
    struct junit_counts counts = {
        .failures = count_findings(outcome, FINDING_FAILURE) +
                    count_findings(outcome, FINDING_XPASS),
        .errors = count_findings(outcome, FINDING_ERROR),
    };

    if (counts.failures + counts.errors > 0) {
        return counts;
    }
    // A state without a finding speaks for itself.
    switch (outcome->state) {
    case STATE_FAILED:
    case STATE_XPASSED:
        counts.failures = 1;
        break;
    case STATE_ERROR:
    case STATE_TIMEOUT:
    case STATE_CRASHED:
    case STATE_LOST:
    case STATE_NONE:
        counts.errors = 1;
        break;
    case STATE_SKIPPED:
    case STATE_XFAILED:
    case STATE_NOT_RUN:
        counts.skipped = 1;
        break;
    case STATE_PASSED:
        counts.skipped = count_findings(outcome, FINDING_SKIP) > 0 ? 1 : 0;
        break;
    case STATE_COUNT:
        break;
    }
    return counts;
}

struct junit_counts
junit_case_count(const struct event_test *test)
{
    bool bad = state_is_bad(test->outcome->state);

    if (test->quarantined && bad) {
        return (struct junit_counts){.skipped = 1};
    }
    struct junit_counts counts = count_outcome(test->outcome);
    counts.failures += test->refused ? 1 : 0;
    return counts;
}

static void
add_finding(struct writer *writer, const struct finding *finding,
            const struct outcome *outcome)
{
    bool error = finding->kind == FINDING_ERROR;
    struct element element = {
        .name = error ? "error" : "failure",
        .type = finding->type,
        .message = finding->message,
        .text = finding->trace.len > 0 ? finding->trace : finding->message,
    };

    if (element.type.len == 0) {
        element.type = finding->kind == FINDING_XPASS
                           ? SLICE("UnexpectedSuccess")
                           : slice_of(state_name(outcome->state));
    }
    if (element.message.len == 0) {
        element.message = finding->kind == FINDING_XPASS
                              ? SLICE("unexpected success")
                              : outcome->reason;
    }
    if (finding->sub.len > 0) {
        // Which subtest it was stands in front of the message.
        struct buf message = BUF_INIT((size_t)2 * MOST_ATTRIBUTE);
        buf_add_slice(&message, shorten(finding->sub));
        buf_add_text(&message, element.message.len > 0 ? ": " : "");
        buf_add_slice(&message, shorten(element.message));
        element.message = buf_slice(&message);
        add_element(writer, &element);
        buf_release(&message);
    } else {
        add_element(writer, &element);
    }
}

static void
add_kind(struct writer *writer, const struct outcome *outcome, bool errors)
{
    for (size_t i = 0; i < outcome->finding_count; i++) {
        enum finding_kind kind = outcome->findings[i].kind;
        bool fits = errors ? kind == FINDING_ERROR
                           : kind == FINDING_FAILURE || kind == FINDING_XPASS;
        if (fits) {
            add_finding(writer, &outcome->findings[i], outcome);
        }
    }
}

// Of a test without findings that say it.
static void
add_state(struct writer *writer, const struct outcome *outcome)
{
    bool failure =
        outcome->state == STATE_FAILED || outcome->state == STATE_XPASSED;
    struct element element = {
        .name = failure ? "failure" : "error",
        .type = slice_of(state_name(outcome->state)),
        .message = outcome->reason,
        .text = outcome->reason,
    };

    if (outcome->state == STATE_XPASSED) {
        element.type = SLICE("UnexpectedSuccess");
        element.message = SLICE("unexpected success");
    }
    add_element(writer, &element);
}

static void
add_skipped(struct writer *writer, const struct outcome *outcome)
{
    struct element element = {.name = "skipped", .message = outcome->reason};

    for (size_t i = 0; i < outcome->finding_count; i++) {
        if (element.message.len == 0) {
            element.message = outcome->findings[i].message;
        }
        if (element.text.len == 0) {
            element.text = outcome->findings[i].trace;
        }
    }
    if (outcome->state == STATE_XFAILED) {
        element.type = SLICE("xfail");
    } else if (outcome->state == STATE_NOT_RUN) {
        element.type = SLICE("not-run");
    } else {
        element.type = SLICE("skip");
    }
    add_element(writer, &element);
}

static void
add_output(struct writer *writer, const struct output *output, const char *name)
{
    if (output->head.len == 0 && output->tail.len == 0 && output->cut == 0) {
        return;
    }
    buf_addf(&writer->buf, "<%s>", name);
    add_content(writer, output->head);
    if (output->cut > 0) {
        buf_addf(&writer->buf, "\n[%" PRIu64 " bytes are left out here]\n",
                 output->cut);
    }
    add_content(writer, output->tail);
    buf_addf(&writer->buf, "</%s>\n", name);
}

static void
add_head(struct buf *buf, const struct junit_name *name,
         const struct event_test *test, int64_t began_ms)
{
    char began[NOW_ISO8601_SIZE];

    buf_add_text(buf, "<testcase");
    junit_case_attribute(buf, "name", name->name);
    junit_case_attribute(buf, "classname", name->classname);
    buf_add_text(buf, " time=\"");
    junit_case_seconds(buf, test->us);
    now_iso8601(began_ms * 1000, began);
    buf_addf(buf, "\" timestamp=\"%s\"", began);
    struct slice file = slice_of(test->file);
    if (file.len > 0) {
        junit_case_attribute(buf, "file", file);
        if (test->line > 0) {
            buf_addf(buf, " line=\"%" PRIu32 "\"", test->line);
        }
    }
    buf_add_text(buf, ">\n<properties>");
    if (test->slot >= 0) {
        buf_addf(buf, "<property name=\"slot\" value=\"%d\"/>", test->slot);
        if (test->worker != NULL && test->worker[0] != '\0') {
            buf_add_text(buf, "<property name=\"worker\"");
            junit_case_attribute(buf, "value", slice_of(test->worker));
            buf_add_text(buf, "/>");
        }
    }
    buf_addf(buf, "<property name=\"attempt\" value=\"%d\"/></properties>\n",
             test->attempt);
}

// All that went wrong, as one text.
static void
join_traces(const struct outcome *outcome, struct buf *text)
{
    for (size_t i = 0; i < outcome->finding_count; i++) {
        const struct finding *finding = &outcome->findings[i];
        struct slice trace =
            finding->trace.len > 0 ? finding->trace : finding->message;
        buf_add_text(text, text->len > 0 ? "\n" : "");
        buf_add_slice(text, slice_trim_end(trace));
    }
    if (text->len == 0) {
        buf_add_slice(text, outcome->reason);
    }
}

static struct element
describe(const char *name, const struct outcome *outcome,
         const struct buf *text)
{
    struct element element = {
        .name = name,
        .type = slice_of(state_name(outcome->state)),
        .message = outcome->reason,
        .text = buf_slice(text),
    };

    if (outcome->finding_count > 0) {
        const struct finding *first = &outcome->findings[0];
        element.type = first->type.len > 0 ? first->type : element.type;
        element.message = first->message;
    }
    return element;
}

// It runs, and decides nothing: to a CI server that is a skip.
static void
add_quarantined(struct writer *writer, const struct outcome *outcome)
{
    struct buf text = BUF_INIT(MOST_TRACES);

    join_traces(outcome, &text);
    struct element element = describe("skipped", outcome, &text);
    element.type = SLICE("quarantined");
    add_element(writer, &element);
    buf_release(&text);
}

// As Surefire has it: the trace twice, for those who read the one or the other.
static void
add_attempt(struct writer *writer, const char *name,
            const struct outcome *outcome)
{
    struct buf *buf = &writer->buf;
    struct buf text = BUF_INIT(MOST_TRACES);

    join_traces(outcome, &text);
    struct element element = describe(name, outcome, &text);
    buf_addf(buf, "<%s", name);
    junit_case_attribute(buf, "type", element.type);
    junit_case_attribute(buf, "message", element.message);
    buf_add_char(buf, '>');
    add_content(writer, element.text);
    buf_add_text(buf, "<stackTrace>");
    add_content(writer, element.text);
    buf_add_text(buf, "</stackTrace>\n");
    add_output(writer, &outcome->out, "system-out");
    add_output(writer, &outcome->err, "system-err");
    buf_addf(buf, "</%s>\n", name);
    buf_release(&text);
}

static void
add_problems(struct writer *writer, const struct outcome *outcome)
{
    bool found = count_findings(outcome, FINDING_FAILURE) +
                     count_findings(outcome, FINDING_XPASS) +
                     count_findings(outcome, FINDING_ERROR) >
                 0;

    if (found) {
        add_kind(writer, outcome, false);
        add_kind(writer, outcome, true);
    } else {
        add_state(writer, outcome);
    }
}

static void
add_refused(struct writer *writer)
{
    const struct element element = {
        .name = "failure",
        .type = SLICE("flaky"),
        .message = SLICE("passed after it had failed (--flaky fail)"),
    };

    add_element(writer, &element);
}

void
junit_case_write(struct writer *writer, const struct junit_name *name,
                 const struct event_test *test, const struct attempts *attempts,
                 int64_t began_ms)
{
    const struct outcome *outcome = test->outcome;
    struct junit_counts counts = count_outcome(outcome);
    bool bad = state_is_bad(outcome->state);

    add_head(&writer->buf, name, test, began_ms);
    if (test->quarantined && bad) {
        add_quarantined(writer, outcome);
    } else if (counts.skipped > 0) {
        add_skipped(writer, outcome);
    } else if (counts.failures + counts.errors > 0) {
        add_problems(writer, outcome);
    } else if (test->refused) {
        add_refused(writer);
    }
    for (size_t i = 0; i < attempts->count; i++) {
        add_attempt(writer, bad ? "rerunFailure" : "flakyFailure",
                    &attempts->items[i].kept->outcome);
    }
    add_output(writer, &outcome->out, "system-out");
    add_output(writer, &outcome->err, "system-err");
    buf_add_text(&writer->buf, "</testcase>\n");
}
