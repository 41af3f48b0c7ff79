/*
 * From the jobs that were collected to those that are given out: a job as it
 * is, or, where each test is to have a process of its own, a job for each of
 * its tests.
 */
#ifndef RUN_DIVISION_H
#define RUN_DIVISION_H

#include "model/items.h"
#include "model/settings.h"
#include "schedule/queue.h"

/* Fills the queue with all that is selected and has no state. */
void division_fill(struct queue *queue, const struct settings *settings,
                   struct items *items);

#endif
