/*
 * What of a build has ended, from what is told of it: which tests, and what
 * they add up to. Where the end of a recording is missing, the tests without
 * one are told from here.
 */
#ifndef REPORT_ENDED_H
#define REPORT_ENDED_H

#include "model/event.h"

/* mule's exit status where it could not do its work. */
#define ENDED_BROKEN 3

/* Zeroed = nothing has ended. */
struct ended {
    uint64_t *items; // a bit each
    size_t words;
    bool finished;                // the run has, and then:
    struct event_finished finish; // its tally is in `final`
    struct tally final;
    struct tally tally; // of the tests that have ended
    uint64_t us;        // of the newest event
    int64_t wall_ms;    // likewise
};

void ended_release(struct ended *ended);

void ended_note(struct ended *ended, const struct event *event);
bool ended_has(const struct ended *ended, uint32_t item);

/*
 * Reads the list of what was selected from a recording and tells each test
 * that has no end as `not run`, for `reason`; `shift` is added to its number.
 * Gives how many; they are counted in `tally`.
 */
struct ended_rest {
    const char *path;
    const char *reason;
    uint32_t shift;
    struct event_sink *sink;
    struct tally *tally;
};
uint32_t ended_tell_rest(const struct ended *ended,
                         const struct ended_rest *rest);

/* Tells one test that did not run. Counted in `tally`. */
void ended_tell_unrun(const struct ended *ended, const struct ended_rest *rest,
                      const struct event_test *test);

/* Tells a note, at the time of the newest event. */
void ended_tell_note(const struct ended *ended, struct event_sink *sink,
                     const char *text, const char *hint);

/* Tells that the run has finished, at that time. */
void ended_tell_finish(const struct ended *ended, struct event_sink *sink,
                       const struct event_finished *finish);

#endif
