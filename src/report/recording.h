/*
 * One build in one file while it happens: docs/protocol/recording.md. A sink;
 * it writes frames of compressed lines, each whole, so that a mule that is
 * killed leaves a file that can be read as far as it goes. The file is locked
 * (flock) until the sink is freed: one that is not locked and has no end was
 * cut off. Decides nothing about where recordings lie or how long they stay.
 */
#ifndef REPORT_RECORDING_H
#define REPORT_RECORDING_H

#include "model/event.h"
#include "model/items.h"

/* A recording larger than this leaves out outputs first, then events. */
#define RECORDING_MAX_BYTES ((uint64_t)256 << 20)

struct recording_params {
    const char *path; // is emptied; copied
    /*
     * What is selected once EVENT_COLLECTED was told: written before the
     * first test, so that it is known what a killed build never ran.
     * Borrowed; NULL: no such list.
     */
    const struct items *items;
    uint64_t max_bytes; // 0: RECORDING_MAX_BYTES
};

/* NULL with err and a hint when the file cannot be opened or is in use. */
struct event_sink *recording_new(const struct recording_params *params,
                                 struct err *err);

/*
 * To be called now and then, as terminal_tick: writes what has waited for a
 * second. What a recording is told is never older than that in its file.
 */
void recording_tick(struct event_sink *sink, uint64_t now_us);

#endif
