/*
 * From the jobs that were collected to those that are given out, in their
 * order: a job as it is, or, where each test is to have a process of its own,
 * a job for each of its tests.
 */
#ifndef RUN_DIVISION_H
#define RUN_DIVISION_H

#include <stdint.h>

#include "model/items.h"
#include "model/settings.h"
#include "run/forecast.h"
#include "run/terms.h"
#include "schedule/queue.h"

/* All borrowed. */
struct division {
    const struct settings *settings;
    struct items *items;
    const struct terms_index *terms;
    struct forecast *forecast; // is filled on the way, and settled
    struct queue *queue;
    uint32_t slots; // that there will be; 0: nobody knows
};

/* Fills the queue with all that is selected and has no state. */
void division_fill(const struct division *division);

#endif
