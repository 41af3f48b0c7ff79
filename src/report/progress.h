/*
 * Where a run stands: how much is done, what runs in each slot and since
 * when, how long it may still take. Knows how to draw that, not where: the
 * terminal decides when, and takes it away again.
 */
#ifndef REPORT_PROGRESS_H
#define REPORT_PROGRESS_H

#include "model/event.h"
#include "report/sheet.h"
#include "util/array.h"

struct progress_slot {
    struct buf name; // of its test or, while that is not known, of its job
    uint32_t number; // of the test
    bool busy;
    bool test; // it is a test that is named
    bool slow;
    uint64_t began_us;
};

struct progress {
    uint32_t total;   // 0: not known yet
    uint32_t highest; // numbers of tests from here on appeared while running
    uint32_t done;
    uint32_t bad;
    uint32_t skipped;
    uint32_t running; // slots that are busy
    bool stopping;
    uint64_t began_us; // when the tests began
    uint64_t activity_us;
    struct buf activity; // what is done while no test runs
    ARRAY(struct progress_slot) slots;
};

void progress_init(struct progress *progress);
void progress_release(struct progress *progress);

/* Takes notice of any event. */
void progress_note(struct progress *progress, const struct event *event);

/*
 * Adds the live lines: the line of progress, and up to `most` of what has been
 * running for a while, the longest first. Each is shorter than the sheet's
 * width and ended by a line feed. Gives their number.
 */
int progress_draw(const struct progress *progress, struct sheet *sheet,
                  uint64_t now_us, int most);

/* Adds a full list of what is running now, for somebody who asked. */
void progress_list(const struct progress *progress, struct sheet *sheet,
                   uint64_t now_us);

#endif
