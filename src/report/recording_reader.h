/*
 * A recording -> what was told while it was made, event by event, in memory
 * for a few frames. A file that was cut off, is damaged or still grows gives
 * all that can be read; what is missing is counted. Outputs that are not
 * wanted are passed over unread.
 *
 *     while (recording_reader_next(reader, &entry)) ...
 *     recording_reader_gaps(reader)
 */
#ifndef REPORT_RECORDING_READER_H
#define REPORT_RECORDING_READER_H

#include "model/event.h"

/* One test that was selected, told before the first test runs. */
struct recording_selected {
    uint32_t item; // its number, as in events
    uint32_t job;  // likewise
    const char *id;
    const char *job_name;
    const char *file; // "" when not known
    enum job_kind kind;
};

enum recording_entry_kind {
    RECORDING_EVENT,
    RECORDING_SELECTED,
};

/* Texts live until the next call. */
struct recording_entry {
    enum recording_entry_kind kind;
    union {
        struct event event;
        struct recording_selected selected;
    };
};

enum recording_end {
    RECORDING_COMPLETE,
    RECORDING_GROWING, // its build is under way
    RECORDING_CUT,     // whoever wrote it was killed, or it was cut off
};

/* What could not be given. Whole once recording_reader_next gave false. */
struct recording_gaps {
    enum recording_end end;
    uint64_t given;    // events
    uint64_t events;   // known to be missing; a cut end may hide more
    uint64_t outputs;  // that events name and that are not there
    uint64_t selected; // lines of the list of tests
    uint64_t strange;  // lines that are not what they should be
    uint64_t damaged;  // stretches of the file that are not frames, or wrong
    struct err first;  // why, of the first damage
};

enum recording_want {
    RECORDING_WANT_OUTPUTS = 1,  // else outputs are empty
    RECORDING_WANT_SELECTED = 2, // else only events are given
};

struct recording_reader;

/* `wants` of enum recording_want. NULL with err: no such file, no recording. */
struct recording_reader *recording_reader_open(const char *path, unsigned wants,
                                               struct err *err);
/* The same of a file that is open, which it takes; `name` is for errors. */
struct recording_reader *recording_reader_take(int fd, const char *name,
                                               unsigned wants, struct err *err);
void recording_reader_free(struct recording_reader *reader);

/* The next entry, or false: that was all. */
bool recording_reader_next(struct recording_reader *reader,
                           struct recording_entry *entry);

const struct recording_gaps *
recording_reader_gaps(const struct recording_reader *reader);

/* True when nothing is missing. */
bool recording_gaps_none(const struct recording_gaps *gaps);

/* "it was cut off; 12 events are missing": a sentence without its stop. */
void recording_gaps_say(const struct recording_gaps *gaps, struct buf *buf);

#endif
