/*
 * What a program says on its standard output about single tests: one way to
 * read them all (TAP, JUnit XML, mule's own lines, or nothing at all), so that
 * whoever runs programs need not know which it is. Is fed bytes and the exit
 * status; no I/O.
 *
 * How an exit status counts, in every format: 0 is good, 77 a skip, 99 a hard
 * error, any other is a failure even where every point passed; a signal is a
 * crash.
 */
#ifndef ADAPTER_REPORT_READER_H
#define ADAPTER_REPORT_READER_H

#include "model/outcome.h"
#include "model/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One test that a program told of. Borrowed for the call. */
struct report_point {
    struct slice id;   // unique in a well-behaved report; never empty
    struct slice file; // empty: not known
    uint32_t line;     // 0: not known
    const struct outcome *outcome; // `out`: what the program printed for it
};

/* What is going to be told of. */
struct report_plan {
    size_t count;
    const struct slice *ids; // `count` of them, or NULL: not known yet
};

/*
 * Called while bytes are fed and from report_reader_end; none of them may
 * free the reader. Points come in the order in which they ended. Every point
 * of a plan that does not come is told at the end, as an error.
 */
struct report_events {
    void (*on_plan)(void *ctx, const struct report_plan *plan); // at most once
    void (*on_point)(void *ctx, const struct report_point *point);
    /* The program gave up and wants everything to stop. At most once. */
    void (*on_bail)(void *ctx, struct slice reason);
};

/* What is to be said about the program as a whole; last of all. */
struct report_verdict {
    /*
     * Of the whole program. Valid until the reader is freed. `out` is what it
     * printed after its last point (all, if it has no points) besides its
     * report.
     */
    const struct outcome *outcome;
    /*
     * False: its points say everything. True: the program is an item beside
     * them, because it has none or because something went wrong with it that
     * no point shows.
     */
    bool counts;
    size_t points; // how many were told, with those that were missing
};

struct report_params {
    enum output_format format;
    uint64_t output_limit; // bytes kept of one text; 0: the reader's own
    const struct report_events *events; // borrowed: make it static
    void *ctx;
};

struct report_reader;
struct report_reader *report_reader_new(const struct report_params *params);
void report_reader_free(struct report_reader *reader);

/* Takes the next bytes of standard output, in pieces of any size. */
void report_reader_feed(struct report_reader *reader, struct slice bytes);

/*
 * The program ended with `status` (wait(2)'s word) after `us` microseconds
 * and all its output was fed. To be called once; nothing may be fed after it.
 */
struct report_verdict report_reader_end(struct report_reader *reader,
                                        int status, uint64_t us);

/*
 * What was found out about the format: FORMAT_AUTO as long as the question is
 * open.
 */
enum output_format report_reader_format(const struct report_reader *reader);

#endif
