/*
 * Which job runs next. Knows jobs by their numbers, what each takes of the
 * named resources while it runs, and whether it wants to be alone. It starts
 * nothing, waits for nothing and knows no time.
 *
 * Jobs leave in the order in which they were added, what came back before what
 * has not been tried. A job whose resources are taken is passed over by those
 * behind it, but none of them gets a unit that it waits for, so that it is
 * never overtaken by its like. Jobs that want to be alone go last, one at a
 * time, when nothing else runs.
 */
#ifndef SCHEDULE_QUEUE_H
#define SCHEDULE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many units of a resource; both count from 0. */
struct queue_need {
    uint32_t resource;
    uint32_t units;
};

/* What a job asks for. Zeroed = nothing. */
struct queue_wants {
    bool alone;
    uint32_t needs; // what queue_needs gave
};

struct queue;
/*
 * `units[i]` is how many there are of resource i. Copied; may be NULL when
 * `count` is 0.
 */
struct queue *queue_new(const uint32_t *units, uint32_t count);
void queue_free(struct queue *queue);

/*
 * A number for this set of needs, the same for the same set; 0 for none at
 * all. No resource twice, and never more units than there are: whoever reads
 * them from outside has made sure of that.
 */
uint32_t queue_needs(struct queue *queue, const struct queue_need *needs,
                     size_t count);

/* Adds a job at the end. */
void queue_add(struct queue *queue, uint32_t job, struct queue_wants wants);

/* Adds a job that goes before all that were added with queue_add. */
void queue_add_again(struct queue *queue, uint32_t job,
                     struct queue_wants wants);

/*
 * The job to start now, or JOB_NONE: nothing is left, or what is left has to
 * wait. From here on it holds what it needs. Unless a place is `idle`, so that
 * it begins at once, no job is given that needs something: it would hold it
 * while it waits there. queue_peek gives the same job, and leaves it there.
 */
uint32_t queue_peek(struct queue *queue, bool idle);
uint32_t queue_next(struct queue *queue, bool idle);

/* A job that queue_next gave is over: once for each time it was given. */
void queue_done(struct queue *queue, uint32_t job);

/* How many jobs have not been given out. */
uint32_t queue_waiting(const struct queue *queue);

/* How many were given out and are not done. */
uint32_t queue_running(const struct queue *queue);

/* Units of a resource that nobody holds. */
uint32_t queue_free_units(const struct queue *queue, uint32_t resource);

/* Takes out a job that has not been given out; JOB_NONE: none is left. */
uint32_t queue_drop(struct queue *queue);

#endif
