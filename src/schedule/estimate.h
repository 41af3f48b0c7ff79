/*
 * How long jobs should take, from what is known of their items and of jobs
 * like them. First all jobs are told, each with its items; then it answers.
 *
 * A job takes the sum of its items and what it took beside them. An item of
 * which nothing is known takes the median of its job; when nothing is known of
 * a whole job, what somebody declared for it, else its items take the median
 * of their module, else that of all. 0: nothing is known of anything.
 */
#ifndef SCHEDULE_ESTIMATE_H
#define SCHEDULE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/history.h"
#include "util/slice.h"

/* No job takes longer, whatever is said: a year. */
#define ESTIMATE_MOST_US (UINT64_C(365) * 24 * 3600 * 1000000)

struct estimate;
struct estimate *estimate_new(void);
void estimate_free(struct estimate *estimate);

/*
 * Begins the next job and gives its number, from 0. `module` is what it has in
 * common with its like; copied. `declared_us` is what mule.yaml says of it; 0:
 * nothing.
 */
uint32_t estimate_add_job(struct estimate *estimate, struct slice module,
                          uint64_t declared_us);
/* An item of the job that was added last; NULL: nothing is known of it. */
void estimate_add_item(struct estimate *estimate, const struct past *past);
/* What is known of that job beside its items: fixtures, a fork. */
void estimate_add_beside(struct estimate *estimate, const struct past *past);

/* All jobs were added: finds the medians. */
void estimate_settle(struct estimate *estimate);

/* After estimate_settle: how long a job should take; 0: not known. */
uint64_t estimate_of_job(const struct estimate *estimate, uint32_t number);
/* Whether one of its items ended badly the last time, or it did beside them. */
bool estimate_failed(const struct estimate *estimate, uint32_t number);

#endif
