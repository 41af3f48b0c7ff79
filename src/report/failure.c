#include "report/failure.h"

#include <inttypes.h>

#include "report/wording.h"

bool
failure_has_output(const struct output *output)
{
    return output->head.len > 0 || output->tail.len > 0 || output->cut > 0;
}

static void
print_stream(struct sheet *sheet, const struct output *output,
             const char *label)
{
    char number[SHEET_SPAN_SIZE];

    if (!failure_has_output(output)) {
        return;
    }
    sheet_rule(sheet, STYLE_DIM, '-', label);
    sheet_block(sheet, output->head, 0);
    if (output->cut > 0) {
        sheet_add(sheet, STYLE_WARN, "[%s bytes are left out here]\n",
                  sheet_number(number, output->cut));
    }
    sheet_block(sheet, output->tail, 0);
}

void
failure_print_output(struct sheet *sheet, const struct output *out,
                     const struct output *err, bool merged)
{
    print_stream(sheet, out, merged ? "output" : "stdout");
    print_stream(sheet, err, "stderr");
}

static void
print_heading(struct sheet *sheet, const struct event_test *test)
{
    const struct wording *wording = wording_of(test->outcome->state);
    struct buf place = BUF_INIT(4096);
    char span[SHEET_SPAN_SIZE];

    sheet_rule(sheet, STYLE_DIM, '=', NULL);
    sheet_add(sheet, test->flaky ? STYLE_WARN : wording->style, "%s%s: ",
              test->flaky         ? "FLAKY, "
              : test->quarantined ? "QUARANTINED, "
                                  : "",
              wording->heading);
    sheet_text(sheet, STYLE_BOLD, slice_of(test->id));
    sheet_add(sheet, STYLE_PLAIN, "\n");
    wording_place(&place, test);
    if (place.len > 0) {
        sheet_text(sheet, STYLE_PLAIN, buf_slice(&place));
        sheet_add(sheet, STYLE_PLAIN, ", ");
    }
    sheet_add(sheet, STYLE_DIM, "%s", sheet_seconds(span, test->us));
    if (test->slot >= 0) {
        sheet_add(sheet, STYLE_DIM, ", slot %d", test->slot);
    }
    if (test->worker != NULL && test->worker[0] != '\0') {
        sheet_add(sheet, STYLE_DIM, " of ");
        sheet_text(sheet, STYLE_DIM, slice_of(test->worker));
    }
    if (test->attempt > 1) {
        sheet_add(sheet, STYLE_DIM, ", attempt %d", test->attempt);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
    buf_release(&place);
}

// "failure in tearDown, subtest (i=3), at tests/test_a.py:12"
static void
print_finding_heading(struct sheet *sheet, const struct finding *finding)
{
    sheet_add(sheet, STYLE_BOLD, "%s", finding_kind_name(finding->kind));
    if (finding->where.len > 0) {
        sheet_add(sheet, STYLE_BOLD, " in ");
        sheet_text(sheet, STYLE_BOLD, finding->where);
    }
    if (finding->sub.len > 0) {
        sheet_add(sheet, STYLE_BOLD, " ");
        sheet_text(sheet, STYLE_BOLD, finding->sub);
    }
    if (finding->file.len > 0) {
        sheet_add(sheet, STYLE_PLAIN, ", ");
        sheet_text(sheet, STYLE_PLAIN, finding->file);
        if (finding->line > 0) {
            sheet_add(sheet, STYLE_PLAIN, ":%" PRIu32, finding->line);
        }
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static bool
is_plain(const struct finding *finding)
{
    return finding->sub.len == 0 && (finding->where.len == 0 ||
                                     slice_equals_text(finding->where, "test"));
}

// The message, unless the trace has it already.
static void
print_message(struct sheet *sheet, const struct finding *finding)
{
    struct slice message = slice_trim(finding->message);
    bool has_type = finding->type.len > 0;

    if (slice_find_part(finding->trace, message) < finding->trace.len) {
        return;
    }
    if (finding->trace.len > 0 && message.len == 0) {
        return;
    }
    sheet_text(sheet, STYLE_PLAIN, finding->type);
    if (message.len > 0) {
        sheet_add(sheet, STYLE_PLAIN, has_type ? ": " : "");
        sheet_block(sheet, message, 0);
    } else if (has_type) {
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
}

static void
print_finding(struct sheet *sheet, const struct finding *finding, bool alone)
{
    sheet_rule(sheet, STYLE_DIM, '-', NULL);
    if (!alone || !is_plain(finding)) {
        print_finding_heading(sheet, finding);
    }
    sheet_block(sheet, slice_trim_end(finding->trace), 0);
    print_message(sheet, finding);
}

void
failure_print(struct sheet *sheet, const struct event_test *test, bool merged)
{
    const struct outcome *outcome = test->outcome;

    print_heading(sheet, test);
    if (outcome->reason.len > 0) {
        sheet_rule(sheet, STYLE_DIM, '-', NULL);
        sheet_block(sheet, slice_trim(outcome->reason), 0);
    }
    for (size_t i = 0; i < outcome->finding_count; i++) {
        print_finding(sheet, &outcome->findings[i],
                      outcome->finding_count == 1);
    }
    failure_print_output(sheet, &outcome->out, &outcome->err, merged);
    if (test->rerun != NULL && test->rerun[0] != '\0') {
        sheet_rule(sheet, STYLE_DIM, '-', NULL);
        sheet_add(sheet, STYLE_DIM, "run again: ");
        sheet_block(sheet, slice_of(test->rerun), 0);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}
