/*
 * What the processes of one slot print: a pair of files that they open in
 * append mode, read here by places. Mule asks its own descriptors how long
 * the files are, so that a test may truncate or close what it likes. Bounded:
 * of each item at most `limit` bytes of each stream are kept, the middle of
 * more is given back to the disk while the item still runs.
 */
#ifndef RUN_CAPTURE_H
#define RUN_CAPTURE_H

#include "model/outcome.h"
#include "util/buf.h"
#include "util/err.h"

enum stream {
    STREAM_OUT,
    STREAM_ERR,
    STREAM_COUNT
};

/* Places in both files. */
struct capture_mark {
    uint64_t at[STREAM_COUNT];
};

struct capture {
    char *paths[STREAM_COUNT]; // the same text twice where merged
    int fds[STREAM_COUNT];     // -1: not open
    uint64_t limit;
    struct capture_mark forgotten;  // given back to the disk up to here
    uint64_t punched[STREAM_COUNT]; // end of the last hole in a long output
    struct buf read[STREAM_COUNT];  // what capture_read gave last
};

/*
 * Makes the files FOLDER/SLOT.out and .err; with `merged`, both streams share
 * one. `limit` is in bytes a stream.
 */
bool capture_open(struct capture *capture, const char *folder, int slot,
                  bool merged, uint64_t limit, struct err *err);

/* Closes and removes the files. Zeroed memory is not open, and allowed. */
void capture_release(struct capture *capture);

bool capture_is_merged(const struct capture *capture);

/* The end of both files now. */
struct capture_mark capture_end(const struct capture *capture);

/*
 * What stands between two places, cut in the middle when it is too long.
 * Places that make no sense (the file was truncated) give what is there.
 * Valid until the next read of the same stream.
 */
struct output capture_read(struct capture *capture, enum stream stream,
                           uint64_t from, uint64_t to);

/* Nothing before `mark` is needed any more. */
void capture_forget(struct capture *capture, struct capture_mark mark);

/*
 * What began to print at `mark` goes on: keeps its output within bounds. At
 * least `slack` bytes more than the limit stay at the end.
 */
void capture_bound(struct capture *capture, struct capture_mark mark,
                   uint64_t slack);

#endif
