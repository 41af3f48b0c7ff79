/*
 * One event to many sinks, in the order in which they were added. A sink that
 * fails is freed and named to the others in a note, and the run goes on
 * without it. Add the terminal last: it then hears of a report that could not
 * be written before it says its last word.
 */
#ifndef REPORT_FANOUT_H
#define REPORT_FANOUT_H

#include "model/event.h"

/* Free it as any sink: with it go all that were added. It never fails. */
struct event_sink *fanout_new(void);

/* Takes `sink`; NULL adds nothing. */
void fanout_add(struct event_sink *self, struct event_sink *sink);

/* How many sinks failed so far. */
int fanout_failed(const struct event_sink *self);

/* How the first of them failed, named; borrowed, not set while none did. */
const struct err *fanout_failure(const struct event_sink *self);

/* Whether `sink` is still told. One that failed is freed: forget it then. */
bool fanout_has(const struct event_sink *self, const struct event_sink *sink);

#endif
