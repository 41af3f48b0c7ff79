/*
 * One test in full, for people: heading, place, what was found, what it
 * printed, and how to run just this one again. In one piece, so that tests
 * that fail at the same time do not mix.
 */
#ifndef REPORT_FAILURE_H
#define REPORT_FAILURE_H

#include "model/event.h"
#include "report/sheet.h"

/* `merged`: stdout and stderr were captured as one stream. */
void failure_print(struct sheet *sheet, const struct event_test *test,
                   bool merged);

/* What was printed, each stream under its own rule; nothing for nothing. */
void failure_print_output(struct sheet *sheet, const struct output *out,
                          const struct output *err, bool merged);

/* Whether anything was printed. */
bool failure_has_output(const struct output *output);

#endif
