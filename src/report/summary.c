#include "report/summary.h"

#include <inttypes.h>
#include <stdlib.h>

#include "report/balance.h"
#include "report/flaky_tests.h"
#include "report/reasons.h"
#include "report/wording.h"
#include "util/alloc.h"
#include "util/array.h"

enum {
    MOST_TEXT = 400, // bytes kept of any text
    MOST_BAD = 1000,
    MOST_LEAKS = 20,
    MOST_WORKERS = 12, // named
    FAST_US = 10000,   // not worth naming among the slowest
};

struct bad {
    enum state state;
    char *id;
    char *place;
};

// Kinds of tests that ended badly, each under a heading of its own.
enum bad_kind {
    BAD_FAILED,
    BAD_QUARANTINED,
    BAD_KINDS
};
struct bads {
    ARRAY(struct bad) items;
    uint32_t count;
};

struct slow {
    uint64_t us;
    char *id;
};

struct summary {
    bool all;
    struct reasons *skipped;
    struct reasons *not_run;
    struct balance *balance;
    struct bads bads[BAD_KINDS];
    struct flaky_tests flaky;
    struct slow *slowest; // the longest first
    int slowest_count;
    int slowest_max;
    ARRAY(char *) leaks;
    uint32_t leak_count;
    ARRAY(char *) workers; // of a fleet: who joined
    uint32_t worker_count;
    uint32_t lost_count;
};

struct summary *
summary_new(int slowest, bool all)
{
    struct summary *summary = ALLOC(struct summary);

    summary->all = all;
    summary->skipped = reasons_new();
    summary->not_run = reasons_new();
    summary->balance = balance_new();
    flaky_tests_init(&summary->flaky);
    summary->slowest_max = slowest > 0 ? slowest : 0;
    summary->slowest =
        alloc_zero((size_t)summary->slowest_max + 1, sizeof(struct slow));
    return summary;
}

static void
release_bads(struct bads *bads)
{
    for (size_t i = 0; i < bads->items.count; i++) {
        free(bads->items.items[i].id);
        free(bads->items.items[i].place);
    }
    ARRAY_RELEASE(&bads->items);
}

void
summary_free(struct summary *summary)
{
    if (summary == NULL) {
        return;
    }
    reasons_free(summary->skipped);
    reasons_free(summary->not_run);
    balance_free(summary->balance);
    for (int kind = 0; kind < BAD_KINDS; kind++) {
        release_bads(&summary->bads[kind]);
    }
    flaky_tests_release(&summary->flaky);
    for (int i = 0; i < summary->slowest_count; i++) {
        free(summary->slowest[i].id);
    }
    free(summary->slowest);
    for (size_t i = 0; i < summary->leaks.count; i++) {
        free(summary->leaks.items[i]);
    }
    ARRAY_RELEASE(&summary->leaks);
    for (size_t i = 0; i < summary->workers.count; i++) {
        free(summary->workers.items[i]);
    }
    ARRAY_RELEASE(&summary->workers);
    free(summary);
}

// A copy of text from outside, which may be of any length.
static char *
keep(struct slice text)
{
    return slice_dup(slice_first(text, MOST_TEXT));
}

static void
add_bad(struct summary *summary, const struct event_test *test)
{
    struct buf place = BUF_INIT(MOST_TEXT);
    struct bads *bads =
        &summary->bads[test->quarantined ? BAD_QUARANTINED : BAD_FAILED];

    bads->count++;
    if (bads->items.count >= MOST_BAD) {
        return;
    }
    wording_place(&place, test);
    struct bad bad = {test->outcome->state, keep(slice_of(test->id)),
                      alloc_dup(buf_text(&place))};
    ARRAY_ADD(&bads->items, bad);
    buf_release(&place);
}

static void
add_slow(struct summary *summary, const struct event_test *test)
{
    struct slow *slowest = summary->slowest;
    int at = summary->slowest_count;

    if (test->us < FAST_US || summary->slowest_max == 0 ||
        (at == summary->slowest_max && test->us <= slowest[at - 1].us)) {
        return;
    }
    while (at > 0 && slowest[at - 1].us < test->us) {
        slowest[at] = slowest[at - 1];
        at--;
    }
    slowest[at] = (struct slow){test->us, keep(slice_of(test->id))};
    if (summary->slowest_count < summary->slowest_max) {
        summary->slowest_count++;
    } else {
        free(slowest[summary->slowest_max].id);
    }
}

static void
note_test(struct summary *summary, const struct event_test *test)
{
    enum state state = test->outcome->state;

    if (state == STATE_NOT_RUN) {
        // By job: after Ctrl-C there may be thousands of them.
        reasons_add(summary->not_run, wording_reason(test->outcome),
                    slice_of(test->id), slice_of(test->job));
        return;
    }
    balance_add_test(summary->balance, test->slot);
    add_slow(summary, test);
    if (state == STATE_SKIPPED) {
        reasons_add(summary->skipped, wording_reason(test->outcome),
                    slice_of(test->id), (struct slice){NULL, 0});
    } else if (state_is_bad(state)) {
        add_bad(summary, test);
    }
}

static void
note_leak(struct summary *summary, const struct event_leak *leak)
{
    summary->leak_count++;
    if (summary->leaks.count < MOST_LEAKS) {
        const char *whose = leak->id[0] != '\0' ? leak->id : leak->job;
        char *text = alloc_printf("%.*s (process %d) of %.*s", MOST_TEXT,
                                  leak->command, leak->pid, MOST_TEXT,
                                  whose[0] != '\0' ? whose : "an unknown job");
        ARRAY_ADD(&summary->leaks, text);
    }
}

static void
note_worker(struct summary *summary, const struct event_worker *worker)
{
    summary->lost_count += worker->what == WORKER_LOST;
    if (worker->what != WORKER_JOINED) {
        return;
    }
    summary->worker_count++;
    if (summary->workers.count < MOST_WORKERS) {
        ARRAY_ADD(&summary->workers, keep(slice_of(worker->node)));
    }
}

void
summary_note(struct summary *summary, const struct event *event)
{
    switch (event->kind) {
    case EVENT_TEST_FINISHED:
        flaky_tests_note_end(&summary->flaky, &event->test);
        note_test(summary, &event->test);
        break;
    case EVENT_TEST_ATTEMPT:
        flaky_tests_note_attempt(&summary->flaky, &event->test);
        break;
    case EVENT_JOB_STARTED:
        balance_begin(summary->balance, event->job.slot, event->us);
        break;
    case EVENT_JOB_FINISHED:
        balance_add_job(summary->balance, event->job.slot, event->job.us);
        break;
    case EVENT_LEAKED:
        note_leak(summary, &event->leak);
        break;
    case EVENT_WORKER:
        note_worker(summary, &event->worker);
        break;
    case EVENT_RUN_STARTED:
    case EVENT_COLLECTING:
    case EVENT_COLLECTED:
    case EVENT_PREPARING:
    case EVENT_PREPARED:
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_ELSEWHERE:
    case EVENT_NOTE:
    case EVENT_STOPPING:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

static void
print_slowest(const struct summary *summary, struct sheet *sheet)
{
    char span[SHEET_SPAN_SIZE];

    if (summary->slowest_count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_BOLD, "Slowest:\n");
    for (int i = 0; i < summary->slowest_count; i++) {
        sheet_add(sheet, STYLE_PLAIN, "%10s  ",
                  sheet_seconds(span, summary->slowest[i].us));
        sheet_text(sheet, STYLE_PLAIN, slice_of(summary->slowest[i].id));
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_workers(const struct summary *summary, struct sheet *sheet)
{
    if (summary->worker_count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_BOLD, "Fleet: ");
    sheet_add(sheet, STYLE_PLAIN, "%" PRIu32 " worker%s", summary->worker_count,
              summary->worker_count == 1 ? "" : "s");
    if (summary->lost_count > 0) {
        sheet_add(sheet, STYLE_WARN, ", %" PRIu32 " lost", summary->lost_count);
    }
    for (size_t i = 0; i < summary->workers.count; i++) {
        sheet_add(sheet, STYLE_PLAIN, "%s", i == 0 ? ": " : ", ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(summary->workers.items[i]));
    }
    if (summary->worker_count > summary->workers.count) {
        sheet_add(sheet, STYLE_DIM, " and %" PRIu32 " more",
                  summary->worker_count - (uint32_t)summary->workers.count);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n\n");
}

static void
print_leaks(const struct summary *summary, struct sheet *sheet)
{
    if (summary->leak_count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_WARN, "Leaked processes: %" PRIu32 "\n",
              summary->leak_count);
    for (size_t i = 0; i < summary->leaks.count; i++) {
        sheet_add(sheet, STYLE_PLAIN, "  ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(summary->leaks.items[i]));
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
    if (summary->leak_count > summary->leaks.count) {
        sheet_add(sheet, STYLE_DIM, "  and %zu more\n",
                  summary->leak_count - summary->leaks.count);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_bad(const struct bads *bads, struct sheet *sheet, enum style style,
          const char *heading)
{
    char number[SHEET_SPAN_SIZE];

    if (bads->count == 0) {
        return;
    }
    sheet_add(sheet, style, "%s: %s\n", heading,
              sheet_number(number, bads->count));
    for (size_t i = 0; i < bads->items.count; i++) {
        const struct bad *bad = &bads->items.items[i];
        sheet_add(sheet, style, "%9s", wording_of(bad->state)->word);
        sheet_add(sheet, STYLE_PLAIN, "  ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(bad->id));
        if (bad->place[0] != '\0') {
            sheet_add(sheet, STYLE_PLAIN, "  ");
            sheet_text(sheet, STYLE_DIM, slice_of(bad->place));
        }
        sheet_add(sheet, STYLE_PLAIN, "\n");
        writer_relieve(&sheet->writer);
    }
    if (bads->count > bads->items.count) {
        sheet_add(sheet, STYLE_DIM, "%9s  and %zu more\n", "",
                  bads->count - bads->items.count);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

void
summary_print_attempts(const struct summary *summary, struct sheet *sheet,
                       bool merged, bool workflow)
{
    flaky_tests_print_attempts(&summary->flaky, sheet, merged, workflow);
}

void
summary_print(struct summary *summary, struct sheet *sheet, uint64_t us)
{
    print_slowest(summary, sheet);
    balance_print(summary->balance, sheet, us);
    print_workers(summary, sheet);
    print_leaks(summary, sheet);
    reasons_print(summary->skipped, "Skipped", summary->all, sheet);
    reasons_print(summary->not_run, "Not run", summary->all, sheet);
    flaky_tests_print(&summary->flaky, sheet);
    print_bad(&summary->bads[BAD_QUARANTINED], sheet, STYLE_WARN,
              "Quarantined");
    print_bad(&summary->bads[BAD_FAILED], sheet, STYLE_BAD, "Failed");
}

/* What a run of --failed leaves for the next one. */
static void
print_outstanding(struct sheet *sheet, const struct event_finished *finished)
{
    char number[SHEET_SPAN_SIZE];

    if (!finished->chained) {
        return;
    }
    if (finished->outstanding == 0) {
        sheet_add(sheet, STYLE_GOOD, "Nothing is left: all has passed\n");
        return;
    }
    sheet_add(sheet, STYLE_WARN, "%s still to pass; --failed runs %s\n",
              sheet_number(number, finished->outstanding),
              finished->outstanding == 1 ? "it" : "them");
}

void
summary_print_verdict(struct sheet *sheet,
                      const struct event_finished *finished)
{
    const struct tally *tally = finished->tally;
    struct buf line = BUF_INIT(1024);
    char span[SHEET_SPAN_SIZE];

    if (finished->stop != STOP_NONE) {
        sheet_add(sheet, STYLE_WARN, "Stopped early: %s\n",
                  wording_stop(finished->stop));
    }
    sheet_rule(sheet, STYLE_PLAIN, '-', NULL);
    sheet_add(sheet, STYLE_PLAIN, "Ran %" PRIu32 " test%s in %s\n\n",
              tally->ran, tally->ran == 1 ? "" : "s",
              sheet_seconds(span, finished->us));
    tally_unittest_line(tally, &line);
    enum style style = STYLE_BAD;
    if (slice_starts_with(buf_slice(&line), SLICE("OK"))) {
        style = STYLE_GOOD;
    } else if (!slice_starts_with(buf_slice(&line), SLICE("FAILED"))) {
        style = STYLE_WARN;
    }
    sheet_add(sheet, style, "%s", buf_text(&line));
    buf_reset(&line);
    tally_line(tally, &line);
    sheet_add(sheet, STYLE_PLAIN, "\n%s\n", buf_text(&line));
    buf_release(&line);
    print_outstanding(sheet, finished);
}
