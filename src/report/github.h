/*
 * What GitHub's runner and pages understand: annotations and groups within
 * the log, and a table for the page of a run. The first are written by the
 * terminal, which owns the log; the table is a sink of its own.
 */
#ifndef REPORT_GITHUB_H
#define REPORT_GITHUB_H

#include "model/event.h"
#include "util/buf.h"

/*
 * "::error file=...,line=...,title=...::message" for a test gone wrong; a
 * warning for one that is flaky or quarantined.
 */
void github_annotate(struct buf *buf, const struct event_test *test);

void github_begin_group(struct buf *buf, const char *heading,
                        struct slice name);
void github_end_group(struct buf *buf);

/*
 * Appends a table in Markdown to the file that GITHUB_STEP_SUMMARY names,
 * when the run is over. NULL with err when it cannot be opened.
 */
struct event_sink *github_new(const char *path, struct err *err);

#endif
