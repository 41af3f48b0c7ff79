/*
 * Chrome trace events on their way to a file, one call for each kind. Knows
 * their form and not what they are about.
 */
#ifndef REPORT_TRACE_OUT_H
#define REPORT_TRACE_OUT_H

#include "report/writer.h"
#include "util/slice.h"

#define TRACE_RUN_THREAD 1     // of a process: what is not a slot's
#define TRACE_FIRST_THREAD 100 // that of slot 0

struct trace_place {
    uint32_t process;
    uint32_t thread;
};

struct trace_out {
    struct writer writer;
    uint32_t spans; // so far
    bool begun;     // an event was written: the next one needs a comma
};

/* Opens an event, to which members may be added; `phase` is its "ph". */
struct buf *trace_out_open(struct trace_out *out, const char *phase,
                           struct slice name, struct trace_place place,
                           uint64_t us);
void trace_out_close(struct trace_out *out);

/* An instant with "args", to which members may be added; `scope` is "g" for
 * the whole trace, "p" for a process. */
struct buf *trace_out_instant(struct trace_out *out, uint32_t process,
                              struct slice name, const char *scope,
                              uint64_t us);
void trace_out_close_instant(struct trace_out *out);

/* Something that took `us` up to `end_us` and belongs to no slot. */
void trace_out_span(struct trace_out *out, uint32_t process, struct slice name,
                    uint64_t end_us, uint64_t us);

/* How a process or a thread is called, and where it is shown. */
void trace_out_process(struct trace_out *out, struct slice name,
                       uint32_t process);
void trace_out_thread(struct trace_out *out, struct slice name, uint32_t index,
                      struct trace_place place);

#endif
