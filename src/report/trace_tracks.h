/*
 * The threads of a trace, one for each slot of each host, and how far each is
 * drawn: viewers want slices of one thread to nest, so that what clocks of
 * other machines say is bent where it would not. Writes nothing.
 */
#ifndef REPORT_TRACE_TRACKS_H
#define REPORT_TRACE_TRACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/slice.h"

struct track {
    uint32_t process; // number of its host, from 1
    uint32_t slot;
    bool open;       // a job runs
    uint64_t end_us; // nothing may begin before that
    struct buf job;  // the name of the one that runs
};

struct track_span {
    uint64_t began_us;
    uint64_t us;
};

struct trace_tracks;
struct trace_tracks *trace_tracks_new(void);
void trace_tracks_free(struct trace_tracks *tracks);

/* Process 1 is the machine that runs the run: this one. */
void trace_tracks_set_host(struct trace_tracks *tracks, struct slice host);

/* A worker is on that host. Gives the host's process; *first: it is new. */
uint32_t trace_tracks_join(struct trace_tracks *tracks, struct slice worker,
                           struct slice host, bool *first);

/* The process of a worker's host: 1 for "", one of its own when nobody said
 * where it is. */
uint32_t trace_tracks_process(struct trace_tracks *tracks, struct slice worker,
                              bool *first);

/* *first: it was not asked for before. NULL: too many. Lives as `tracks`. */
struct track *trace_tracks_find(struct trace_tracks *tracks, uint32_t process,
                                uint32_t slot, bool *first);

/* Visits all: size_t at = 0; while ((track = trace_tracks_next(t, &at))) */
struct track *trace_tracks_next(struct trace_tracks *tracks, size_t *at);

/* A job begins, or ends; give when it does for the trace. */
uint64_t trace_track_open(struct track *track, uint64_t us, const char *job);
uint64_t trace_track_close(struct track *track, uint64_t us);

/* A test that ended. */
struct track_span trace_track_add(struct track *track, uint64_t began_us,
                                  uint64_t us);

#endif
