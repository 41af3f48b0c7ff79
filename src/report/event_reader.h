/*
 * A line of docs/protocol/events.md -> struct event: the other way of
 * event_codec.h. Reads in place and copies nothing. Unknown events and
 * members are passed over; a known one of the wrong type is an error. Knows
 * nothing of files.
 */
#ifndef REPORT_EVENT_READER_H
#define REPORT_EVENT_READER_H

#include "model/event.h"

enum event_reading {
    EVENT_READ,
    EVENT_UNKNOWN, // JSON, but an event of a later version
    EVENT_WRONG,   // not JSON, or not what events.md has: err says why
};

/* A reference that stands in an event in place of an output. */
struct event_refs {
    bool has_out;
    bool has_err;
    uint64_t out;
    uint64_t err;
};

struct event_reader;
struct event_reader *event_reader_new(void);
void event_reader_free(struct event_reader *reader);

/*
 * Reads one line, without its line feed, and overwrites it: all texts of
 * `event` lie in it, or in the reader, until the next call. Texts that the
 * model has as `const char *` are terminated; a NUL in them becomes `?`.
 * Members that are missing are what an event without them has: 0, "", NULL
 * where the model says so. `refs` says which outputs stand elsewhere.
 */
enum event_reading event_reader_read(struct event_reader *reader, char *line,
                                     size_t len, struct event *event,
                                     struct event_refs *refs, struct err *err);

/* {"output": N, "head": ..., "cut": ..., "tail": ...}, likewise. */
bool event_reader_read_output(struct event_reader *reader, char *line,
                              size_t len, uint64_t *number,
                              struct output *output, struct err *err);

/* Some tests of a job that were selected: a line of a list, see below. */
struct event_selected {
    uint32_t number; // of the job
    const char *job; // its name
    const char *file;
    enum job_kind kind;
    uint32_t first; // item number of the first of `ids`; they go on from it
    const struct slice *ids; // those that begin with a dot follow `job`
    size_t count;
};

/* {"selected": JOB, "name": ..., "item": N, "tests": [...]}, likewise. */
bool event_reader_read_selected(struct event_reader *reader, char *line,
                                size_t len, struct event_selected *selected,
                                struct err *err);

#endif
