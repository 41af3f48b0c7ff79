#include "report/flaky_tests.h"

#include <stdlib.h>

#include "report/failure.h"
#include "report/github.h"

enum {
    MOST_TEXT = 400, // bytes kept of any text
    MOST_TESTS = 100,
};

void
flaky_tests_init(struct flaky_tests *flaky)
{
    *flaky = (struct flaky_tests){0};
    attempts_init(&flaky->attempts);
}

static void
free_text(const char *text)
{
    union {
        const char *given;
        char *owned;
    } both = {.given = text};
    free(both.owned);
}

void
flaky_tests_release(struct flaky_tests *flaky)
{
    for (size_t i = 0; i < flaky->tests.count; i++) {
        struct flaky_test *test = &flaky->tests.items[i];
        free_text(test->test.id);
        free_text(test->test.file);
        kept_free(test->kept);
    }
    ARRAY_RELEASE(&flaky->tests);
    attempts_release(&flaky->attempts);
}

// A copy of text from outside, which may be of any length.
static char *
keep(const char *text)
{
    return slice_dup(slice_first(slice_of(text), MOST_TEXT));
}

// Of the attempts before it the last one is told of.
static void
add(struct flaky_tests *flaky, const struct event_test *test,
    struct attempts *attempts)
{
    flaky->count++;
    if (flaky->tests.count >= MOST_TESTS) {
        return;
    }
    struct flaky_test added = {
        .test = {.id = keep(test->id),
                 .file = keep(test->file),
                 .line = test->line,
                 .slot = -1,
                 .flaky = true,
                 .quarantined = test->quarantined},
        .passed_at = test->attempt,
    };
    if (attempts->count > 0) {
        struct attempt last = ARRAY_POP(attempts);
        added.kept = last.kept;
        added.test.attempt = last.number;
        added.test.us = last.kept->outcome.us;
    }
    ARRAY_ADD(&flaky->tests, added);
}

void
flaky_tests_note_attempt(struct flaky_tests *flaky,
                         const struct event_test *test)
{
    attempts_add(&flaky->attempts, test);
}

void
flaky_tests_note_end(struct flaky_tests *flaky, const struct event_test *test)
{
    struct attempts attempts = attempts_take(&flaky->attempts, test);

    if (test->flaky) {
        add(flaky, test, &attempts);
    }
    attempts_free(&attempts);
}

void
flaky_tests_print_attempts(const struct flaky_tests *flaky, struct sheet *sheet,
                           bool merged, bool workflow)
{
    for (size_t i = 0; i < flaky->tests.count; i++) {
        struct event_test test = flaky->tests.items[i].test;
        const struct kept *kept = flaky->tests.items[i].kept;
        if (kept == NULL) {
            continue;
        }
        test.outcome = &kept->outcome;
        if (workflow) {
            github_annotate(&sheet->writer.buf, &test);
        }
        failure_print(sheet, &test, merged);
        writer_relieve(&sheet->writer);
    }
}

void
flaky_tests_print(const struct flaky_tests *flaky, struct sheet *sheet)
{
    char number[SHEET_SPAN_SIZE];

    if (flaky->count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_WARN, "Flaky: %s\n",
              sheet_number(number, flaky->count));
    for (size_t i = 0; i < flaky->tests.count; i++) {
        const struct flaky_test *test = &flaky->tests.items[i];
        sheet_add(sheet, STYLE_WARN, "%9s", "flaky");
        sheet_add(sheet, STYLE_PLAIN, "  ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(test->test.id));
        sheet_add(sheet, STYLE_DIM, "  passed at attempt %d", test->passed_at);
        if (test->test.quarantined) {
            sheet_add(sheet, STYLE_DIM, ", quarantined");
        }
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
    if (flaky->count > flaky->tests.count) {
        sheet_add(sheet, STYLE_DIM, "%9s  and %zu more\n", "",
                  flaky->count - flaky->tests.count);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}
