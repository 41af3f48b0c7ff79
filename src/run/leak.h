/*
 * From a process that outlived its job to the job it belonged to.
 */
#ifndef RUN_LEAK_H
#define RUN_LEAK_H

#include "loop/guardians.h"
#include "model/event.h"

/*
 * Fills in the event. Borrows the leak and the texts of `items`. The job is
 * known where MULE_JOB, BUILD.JOB.ATTEMPT, is of this build.
 */
void leak_describe(struct event_leak *event, const struct guardian_leak *leak,
                   const struct items *items, const char *build_id);

#endif
