/*
 * JUnit XML in the dialect that the common CI servers agree on: one file a
 * TestCase class in a folder, or one document. Tests are spooled to an
 * unlinked file beside the target while they end, so that a million of them
 * costs little memory; the reports are written at the end of the run, or when
 * the sink is freed before it, each under another name and then renamed.
 *
 * Totals count elements: `failures` and `errors` are what unittest counts (a
 * test with two failing subtests has two), where an unexpected success is a
 * failure; `skipped` counts skips, expected failures and what did not run.
 */
#ifndef REPORT_JUNIT_H
#define REPORT_JUNIT_H

#include "model/event.h"

/*
 * `target` is a document when it ends in ".xml", else a folder, which is made.
 * NULL with err, and a hint, when nothing can be written there.
 */
struct event_sink *junit_new(const char *target, struct err *err);

#endif
