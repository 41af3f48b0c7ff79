/*
 * What a reader of reports tells, written down as one line for each event:
 *
 *     plan 3
 *     passed 1 - first (12 us) "reason"
 *     failed 2 - second at t/a.t:7
 *       failure [sub] message | first line of the trace
 *     bail reason
 *     = failed counts
 */
#ifndef TESTS_UNIT_READING_H
#define TESTS_UNIT_READING_H

#include <string.h>

#include "adapter/report_reader.h"
#include "tests/unit/check.h"
#include "util/buf.h"

/* wait(2)'s words. */
#define EXITED(status) ((status) << 8)
#define KILLED(signal) (signal)

static inline void
reading_add_findings(struct buf *log, const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->finding_count; i++) {
        const struct finding *finding = &outcome->findings[i];
        struct slice rest = finding->trace;
        struct slice line = {0};

        buf_addf(log, "  %s ", finding_kind_name(finding->kind));
        if (finding->sub.len > 0) {
            buf_addf(log, "[%.*s] ", SLICE_ARG(finding->sub));
        }
        buf_add_slice(log, finding->message);
        if (rest.len > 0 && slice_split(&rest, '\n', &line)) {
            buf_addf(log, " | %.*s", SLICE_ARG(line));
        }
        buf_add_char(log, '\n');
    }
}

static inline void
reading_on_plan(void *ctx, const struct report_plan *plan)
{
    struct buf *log = ctx;

    buf_addf(log, "plan %zu", plan->count);
    for (size_t i = 0; plan->ids != NULL && i < plan->count; i++) {
        buf_addf(log, " %.*s", SLICE_ARG(plan->ids[i]));
    }
    buf_add_char(log, '\n');
}

static inline void
reading_on_point(void *ctx, const struct report_point *point)
{
    struct buf *log = ctx;
    const struct outcome *outcome = point->outcome;

    buf_addf(log, "%s %.*s", state_name(outcome->state), SLICE_ARG(point->id));
    if (point->file.len > 0) {
        buf_addf(log, " at %.*s:%u", SLICE_ARG(point->file), point->line);
    }
    if (outcome->us > 0) {
        buf_addf(log, " (%llu us)", (unsigned long long)outcome->us);
    }
    if (outcome->reason.len > 0) {
        buf_addf(log, " \"%.*s\"", SLICE_ARG(outcome->reason));
    }
    if (outcome->out.head.len > 0) {
        buf_addf(log, " <%.*s>", SLICE_ARG(outcome->out.head));
    }
    buf_add_char(log, '\n');
    reading_add_findings(log, outcome);
}

static inline void
reading_on_bail(void *ctx, struct slice reason)
{
    buf_addf(ctx, "bail %.*s\n", SLICE_ARG(reason));
}

static const struct report_events reading_events = {
    .on_plan = reading_on_plan,
    .on_point = reading_on_point,
    .on_bail = reading_on_bail,
};

struct reading {
    enum output_format format;
    struct slice input;
    int status;
    size_t piece; // bytes in one go; 0: all at once
};

/* Reads the input and gives the log; to be released. */
static inline struct buf
reading_log(const struct reading *reading)
{
    struct buf log = BUF_INIT(1 << 20);
    struct slice rest = reading->input;
    size_t piece = reading->piece == 0 ? rest.len : reading->piece;
    struct report_reader *reader = report_reader_new(&(struct report_params){
        .format = reading->format,
        .output_limit = 4096,
        .events = &reading_events,
        .ctx = &log,
    });

    while (rest.len > 0) {
        // A copy of its own, so that sanitizers see who reads too far.
        char *copy = slice_dup(slice_first(rest, piece));

        report_reader_feed(reader,
                           slice_make(copy, slice_first(rest, piece).len));
        free(copy);
        rest = slice_skip(rest, piece);
    }
    struct report_verdict verdict =
        report_reader_end(reader, reading->status, 0);
    buf_addf(&log, "= %s%s", state_name(verdict.outcome->state),
             verdict.counts ? " counts" : "");
    if (verdict.outcome->reason.len > 0) {
        buf_addf(&log, " \"%.*s\"", SLICE_ARG(verdict.outcome->reason));
    }
    buf_add_char(&log, '\n');
    reading_add_findings(&log, verdict.outcome);
    report_reader_free(reader);
    return log;
}

/* Asserts that the log is `expected`. */
static inline void
assert_reading(const struct reading *reading, const char *expected)
{
    struct buf log = reading_log(reading);

    assert_string_equal(buf_text(&log), expected);
    buf_release(&log);
}

#endif
