/*
 * Which job runs next. Knows jobs by their numbers and whether they want to be
 * alone; it starts nothing, waits for nothing and knows no time. What came
 * back goes before what has not been tried; jobs that want to be alone go
 * last, one at a time, when nothing else runs.
 */
#ifndef SCHEDULE_QUEUE_H
#define SCHEDULE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct queue;
struct queue *queue_new(void);
void queue_free(struct queue *queue);

/* Adds a job at the end. */
void queue_add(struct queue *queue, uint32_t job, bool alone);

/* Adds a job that goes before all that were added with queue_add. */
void queue_add_again(struct queue *queue, uint32_t job, bool alone);

/*
 * The job to start now, or JOB_NONE: nothing is left, or what is left has to
 * wait. `running` is how many jobs run.
 */
uint32_t queue_next(struct queue *queue, uint32_t running);

/* A job that queue_next gave is over. */
void queue_done(struct queue *queue, uint32_t job);

/* How many jobs have not been given out. */
uint32_t queue_waiting(const struct queue *queue);

/* Takes out a job that has not been given out; JOB_NONE: none is left. */
uint32_t queue_drop(struct queue *queue);

#endif
