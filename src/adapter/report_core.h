/*
 * What the readers of all formats tell, and what is made of it in the end
 * together with the exit status: the half of report_reader.h that does not
 * depend on the format.
 */
#ifndef ADAPTER_REPORT_CORE_H
#define ADAPTER_REPORT_CORE_H

#include "adapter/clip.h"
#include "adapter/keep.h"
#include "adapter/outcome_codec.h"
#include "adapter/report_reader.h"

struct report_core {
    const struct report_events *events;
    void *ctx;
    size_t limit;        // bytes of one text
    bool guessed;        // nobody said that the program reports at all
    struct clip printed; // what is no report and belongs to no point yet
    size_t points;
    size_t bad; // points that make a build red
    bool planned;
    bool bailed;
    bool skipped; // the program said that it skips everything
    struct slice skip_reason;
    struct keep keep; // texts of the verdict
    struct findings problems;
    struct findings findings; // of the verdict
    struct outcome outcome;
};

/* One way to read a report. */
struct report_format {
    void *(*start)(struct report_core *core); // borrows it until free
    void (*feed)(void *self, struct slice bytes);
    void (*end)(void *self, int status); // tells what is missing
    void (*free)(void *self);
};
extern const struct report_format report_format_tap;
extern const struct report_format report_format_junit;
extern const struct report_format report_format_stream;

void report_core_init(struct report_core *core,
                      const struct report_params *params);
void report_core_release(struct report_core *core);

/* Bytes that are no report. */
void report_core_printed(struct report_core *core, struct slice bytes);

/* A plan; only the first one is told. */
void report_core_plan(struct report_core *core, const struct report_plan *plan);

/*
 * A point. With `takes_printed` it gets what was printed since the last one
 * as its output, unless it has one.
 */
void report_core_point(struct report_core *core,
                       const struct report_point *point, bool takes_printed);

/* A point that was planned and did not come. */
void report_core_missing(struct report_core *core, struct slice id);

/* The program gave up; copies the reason. */
void report_core_bail(struct report_core *core, struct slice reason);

/* The program skips everything it has; copies the reason. */
void report_core_skip(struct report_core *core, struct slice reason);

/* Something is wrong with the report itself; after a few, no more is added. */
void report_core_problem(struct report_core *core, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is to be said about the whole program. */
struct report_verdict report_core_end(struct report_core *core, int status,
                                      uint64_t us);

#endif
