/*
 * The run as a Chrome trace, which Perfetto, chrome://tracing and Speedscope
 * show: a process a host, a thread a slot; on it each job, and in the job each
 * attempt of a test with its state and where it is written. Preparations are
 * asynchronous slices, slots and states counters, workers that come and go
 * instants. Written while the run goes on, so that memory does not grow with
 * the number of tests; the file takes its name when the run ends.
 */
#ifndef REPORT_TRACE_H
#define REPORT_TRACE_H

#include "model/event.h"

/* NULL with err and a hint when no file can be written there. */
struct event_sink *trace_new(const char *path, struct err *err);

#endif
