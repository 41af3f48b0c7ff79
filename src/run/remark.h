/*
 * What an adapter says to the user rather than about its tests: notes, and
 * why the tests cannot be run. Passes it on as an executor's events.
 */
#ifndef RUN_REMARK_H
#define RUN_REMARK_H

#include "adapter/adapter_codec.h"
#include "run/executor.h"

void remark_note(const struct adapter_note *note,
                 const struct executor_events *events, void *ctx);

/* The run is broken, for that reason. */
void remark_unfit(const struct adapter_unfit *unfit,
                  const struct executor_events *events, void *ctx);

#endif
