/*
 * The words for states and places that people read, in one place: letter of a
 * dot row, word of a line, heading of a failure, style.
 */
#ifndef REPORT_WORDING_H
#define REPORT_WORDING_H

#include "model/event.h"
#include "report/sheet.h"

struct wording {
    char letter;         // '\0': none
    const char *word;    // at most eight columns
    const char *heading; // as unittest heads it
    enum style style;
};

/* Static. */
const struct wording *wording_of(enum state state);

/* "stopping: ..." in words a user knows. Static. */
const char *wording_stop(enum stop_reason reason);

/*
 * Where the trouble is, "file:line" or "file": of the first finding that
 * knows it, else of the test. Adds nothing where nobody knows. Raw text.
 */
void wording_place(struct buf *buf, const struct event_test *test);

/* One line that says why: the reason, else the first finding's message. */
struct slice wording_reason(const struct outcome *outcome);

#endif
