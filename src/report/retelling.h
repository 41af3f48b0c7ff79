/*
 * A recording -> the same events to the same listeners, at once. Where it is
 * not whole, that is told too: a note; tests that were selected and have no
 * end as `not run`; and an end that adds up what is there.
 */
#ifndef REPORT_RETELLING_H
#define REPORT_RETELLING_H

#include "model/event.h"

struct retold {
    int exit_status;  // of the build; ENDED_BROKEN where its end is missing
    bool whole;       // nothing was missing
    uint32_t missing; // tests that were selected and have no result
};

/* `sink` is a fan-out, borrowed. False with err: it cannot be read at all. */
bool retelling_tell(const char *path, struct event_sink *sink,
                    struct retold *retold, struct err *err);

/* Tells what is missing, if something is, as a note about `path`. */
struct ended;
struct recording_gaps;
void retelling_tell_gaps(const struct recording_gaps *gaps, const char *path,
                         const struct ended *ended, struct event_sink *sink);

#endif
