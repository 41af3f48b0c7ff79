/*
 * The tests that a page names: each of them while there are few, and beyond
 * that what ended badly, what is flaky and the slowest ones. Memory is
 * bounded for any number of tests, and so is what is kept of their output;
 * what had to be left out is counted.
 */
#ifndef REPORT_ROWS_H
#define REPORT_ROWS_H

#include "model/event.h"

#define ROWS_MOST 20000         // up to so many tests each has a row
#define ROWS_MOST_NOTABLE 10000 // beyond: bad and flaky ones
#define ROWS_MOST_SLOW 1000     // beyond: the slowest others
#define ROWS_MOST_ATTEMPTS 20000
#define ROWS_MOST_DETAIL ((size_t)3 << 20) // bytes of all that is whole
#define ROWS_MOST_TEXT 400                 // bytes of a name

struct row {
    char *id;
    const char *job;  // behind the id, in the same piece of memory
    const char *file; // likewise
    char *detail;     // see detail.h; NULL: there is none
    uint64_t began_us;
    uint64_t us;
    uint32_t item;
    uint32_t line;
    uint32_t lane;
    uint32_t process;
    int tries;
    uint8_t state; // enum state
    bool flaky;
    bool quarantined;
};

/* One end of a test that did not decide it. */
struct row_attempt {
    char *detail; // NULL: there is none
    uint64_t began_us;
    uint64_t us;
    uint32_t item;
    uint32_t lane;
    uint8_t state;
};

struct rows_left_out {
    uint64_t plain;   // tests that are only counted
    uint64_t notable; // bad and flaky ones that are only counted
    uint64_t attempts;
    uint64_t details; // rows and attempts whose output is not there
};

struct rows;
struct rows *rows_new(void);
void rows_free(struct rows *rows);

void rows_add(struct rows *rows, const struct event_test *test, uint32_t lane);
void rows_add_attempt(struct rows *rows, const struct event_test *test,
                      uint32_t lane);

/* Orders them by when they began; to be called when the run is over. */
void rows_settle(struct rows *rows);

size_t rows_count(const struct rows *rows);
const struct row *rows_get(const struct rows *rows, size_t place);
size_t rows_attempt_count(const struct rows *rows);
const struct row_attempt *rows_attempt(const struct rows *rows, size_t place);
const struct rows_left_out *rows_left_out(const struct rows *rows);

/* Whether all tests have a row. */
bool rows_are_all(const struct rows *rows);

#endif
