/*
 * Past builds as people read them: builds, one test over time, slow tests,
 * flaky ones. On a sheet of 80 columns or more; a narrower one wraps. Values
 * and texts are borrowed; where they come from is not decided here. Dates are
 * in local time.
 */
#ifndef REPORT_LOOKBACK_H
#define REPORT_LOOKBACK_H

#include "model/event.h"
#include "report/sheet.h"

struct lookback_build {
    const char *id;
    const char *command; // "" when not known
    int64_t wall_ms;     // when it began
    uint64_t us;
    uint32_t states[STATE_COUNT];
    uint32_t flaky;
    int exit_status;
    enum stop_reason stop;
    bool recorded; // its recording is there
    bool cut;      // it has no end: only what the recording has is known
    bool running;  // likewise, as it is under way
};

/* A line for the verdict and one for the command, for each build. */
void lookback_builds(struct sheet *sheet, const struct lookback_build *builds,
                     size_t count);

/* A test in one build. */
struct lookback_attempt {
    const char *build;
    int64_t wall_ms; // when the build began
    enum state state;
    uint64_t us;
    int slot;           // -1: nowhere
    int tries;          // how often it ran
    const char *worker; // "": this machine's
    bool flaky;
};

/* `attempts` from the newest build to the oldest. */
void lookback_test(struct sheet *sheet, const char *id,
                   const struct lookback_attempt *attempts, size_t count);

/* A test in all builds that are kept. */
struct lookback_rank {
    const char *id;
    uint64_t us;      // how long it is expected to take
    enum state state; // how it ended last
    uint32_t runs;    // builds that ran it
    uint32_t flaky;   // builds in which it passed after it had failed
    uint32_t turns;   // how often it passed in a build and not in the next, or
                      // the other way round
    int64_t wall_ms;  // when the build began in which it was flaky last; or 0
};

void lookback_slowest(struct sheet *sheet, const struct lookback_rank *ranks,
                      size_t count);
void lookback_flaky(struct sheet *sheet, const struct lookback_rank *ranks,
                    size_t count);

/* Adds "409 passed, 2 failed, 1 flaky": what there is of each state. */
void lookback_counts(struct buf *buf, const uint32_t states[STATE_COUNT],
                     uint32_t flaky);

/* "2026-11-23 07:55" */
#define LOOKBACK_DATE_SIZE 32
const char *lookback_date(char text[static LOOKBACK_DATE_SIZE],
                          int64_t wall_ms);

#endif
