/*
 * What the targets for reports have in common: any bytes give sound events and
 * a sound verdict, and the same ones however the bytes are cut.
 */
#ifndef TESTS_FUZZ_FUZZ_REPORT_H
#define TESTS_FUZZ_FUZZ_REPORT_H

#include "adapter/report_reader.h"
#include "fuzz.h"
#include "util/buf.h"

struct fuzz_report {
    struct buf log; // states and ids
    size_t points;
    size_t bad;
    size_t plans;
    size_t bails;
};

static inline void
fuzz_check_outcome(const struct outcome *outcome)
{
    FUZZ_CHECK(outcome->state > STATE_NONE && outcome->state < STATE_COUNT);
    FUZZ_CHECK(outcome->out.cut == 0 || outcome->out.tail.len > 0);
    for (size_t i = 0; i < outcome->finding_count; i++) {
        FUZZ_CHECK(outcome->findings[i].kind < FINDING_KIND_COUNT);
        FUZZ_CHECK(outcome->findings[i].where.len > 0);
    }
}

static inline void
fuzz_on_plan(void *ctx, const struct report_plan *plan)
{
    struct fuzz_report *report = ctx;

    for (size_t i = 0; plan->ids != NULL && i < plan->count; i++) {
        FUZZ_CHECK(plan->ids[i].len > 0);
    }
    report->plans++;
}

static inline void
fuzz_on_point(void *ctx, const struct report_point *point)
{
    struct fuzz_report *report = ctx;

    FUZZ_CHECK(point->id.len > 0);
    fuzz_check_outcome(point->outcome);
    report->points++;
    report->bad += state_is_bad(point->outcome->state) ? 1 : 0;
    buf_addf(&report->log, "%s ", state_name(point->outcome->state));
    buf_add_slice(&report->log, point->id);
    buf_add_char(&report->log, '\n');
}

static inline void
fuzz_on_bail(void *ctx, struct slice reason)
{
    struct fuzz_report *report = ctx;

    buf_add_slice(&report->log, reason);
    report->bails++;
}

static inline void
fuzz_read(struct fuzz_report *report, enum output_format format,
          struct slice bytes, size_t piece, int status)
{
    static const struct report_events events = {
        .on_plan = fuzz_on_plan,
        .on_point = fuzz_on_point,
        .on_bail = fuzz_on_bail,
    };
    struct report_reader *reader = report_reader_new(&(struct report_params){
        .format = format,
        .output_limit = 100,
        .events = &events,
        .ctx = report,
    });

    buf_init(&report->log, 16 << 20);
    while (bytes.len > 0) {
        report_reader_feed(reader, slice_first(bytes, piece));
        bytes = slice_skip(bytes, piece);
    }
    struct report_verdict verdict = report_reader_end(reader, status, 0);
    fuzz_check_outcome(verdict.outcome);
    FUZZ_CHECK(verdict.points == report->points);
    FUZZ_CHECK(report->plans <= 1 && report->bails <= 1);
    // Nothing that went wrong may be lost between points and verdict.
    FUZZ_CHECK(report->bad == 0 || verdict.outcome->state != STATE_PASSED);
    FUZZ_CHECK(status == 0 || status == 77 << 8 || report->bad > 0 ||
               (verdict.counts && state_is_bad(verdict.outcome->state)));
    FUZZ_CHECK(report->points > 0 || verdict.counts);
    report_reader_free(reader);
}

/* The first byte chooses pieces and exit status, the rest is output. */
static inline int
fuzz_report(enum output_format format, const uint8_t *data, size_t size)
{
    static const int statuses[] = {0, 1 << 8, 77 << 8, 99 << 8, 11, 134};
    struct fuzz_report whole = {.points = 0};
    struct fuzz_report cut = {.points = 0};

    if (size < 1) {
        return 0;
    }
    int status = statuses[data[0] % 6];
    size_t piece = (size_t)data[0] / 6 + 1;
    struct slice bytes = slice_make((const char *)data + 1, size - 1);
    fuzz_read(&whole, format, bytes, bytes.len, status);
    fuzz_read(&cut, format, bytes, piece, status);
    FUZZ_CHECK(slice_equals(buf_slice(&whole.log), buf_slice(&cut.log)));
    buf_release(&whole.log);
    buf_release(&cut.log);
    return 0;
}

#endif
