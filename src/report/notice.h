/*
 * What a person is told while a run goes on, one line or a few for an event.
 * How tests end is told by failure.h and the terminal, the end by summary.h.
 */
#ifndef REPORT_NOTICE_H
#define REPORT_NOTICE_H

#include "model/event.h"
#include "report/sheet.h"

/* Whether the event is worth telling at this verbosity. */
bool notice_is_due(const struct event *event, int verbosity);

/* Tells it. `merged`: stdout and stderr were captured as one stream. */
void notice_print(struct sheet *sheet, const struct event *event, int verbosity,
                  bool merged);

/* One line about an attempt that went wrong and does not decide its test. */
void notice_print_retry(struct sheet *sheet, const struct event_test *test);

/* "      ok     0.012s  pkg.Class.test_x": how a test ended. */
void notice_print_test(struct sheet *sheet, const struct event_test *test);

#endif
