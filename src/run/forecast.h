/*
 * How long each job of this run should take, and what of it failed the last
 * time: asks whoever knows the past, once for each item.
 */
#ifndef RUN_FORECAST_H
#define RUN_FORECAST_H

#include "model/history.h"
#include "run/terms.h"
#include "schedule/estimate.h"

/* Zeroed = nothing is known. */
struct forecast {
    struct history *history; // borrowed, or NULL
    struct items *items;
    struct estimate *estimate;
    uint32_t *known; // by job: its number in `estimate` + 1; 0: none
    size_t count;
};

/* What a job has in common with its like: its file, or a part of its name. */
struct slice forecast_module_of(const struct items *items, uint32_t job);

/* Borrows both; `history` may be NULL. */
void forecast_init(struct forecast *forecast, struct history *history,
                   struct items *items);
void forecast_release(struct forecast *forecast);

/* A job that is to be given out. `terms` are those of the job. */
void forecast_add(struct forecast *forecast, uint32_t job,
                  const struct terms *terms);
/* All were added. */
void forecast_settle(struct forecast *forecast);

/*
 * After forecast_settle. Of a part of a job that was not added: its share of
 * the whole. 0: nobody knows.
 */
uint64_t forecast_us(const struct forecast *forecast, uint32_t job);
bool forecast_failed(const struct forecast *forecast, uint32_t job);

#endif
