/*
 * Tests that passed after they had failed, for the end of a run: which, and
 * what went wrong in the last attempt that failed. Keeps a bounded part of
 * them and counts the rest.
 */
#ifndef REPORT_FLAKY_TESTS_H
#define REPORT_FLAKY_TESTS_H

#include "report/attempts.h"
#include "report/sheet.h"

/* The texts of the event are copies. */
struct flaky_test {
    struct event_test test; // its last attempt that failed
    struct kept *kept;      // NULL: not known
    int passed_at;          // attempt
};

struct flaky_tests {
    struct attempts_map attempts; // of tests that are not decided
    ARRAY(struct flaky_test) tests;
    uint32_t count;
};

void flaky_tests_init(struct flaky_tests *flaky);
void flaky_tests_release(struct flaky_tests *flaky);

void flaky_tests_note_attempt(struct flaky_tests *flaky,
                              const struct event_test *test);
void flaky_tests_note_end(struct flaky_tests *flaky,
                          const struct event_test *test);

/* Prints what went wrong, in full; with `workflow` also as annotations. */
void flaky_tests_print_attempts(const struct flaky_tests *flaky,
                                struct sheet *sheet, bool merged,
                                bool workflow);

/* Prints their names under a heading. */
void flaky_tests_print(const struct flaky_tests *flaky, struct sheet *sheet);

#endif
