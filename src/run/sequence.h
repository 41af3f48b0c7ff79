/*
 * Tests in an order of their own, as one process ran them: cut into jobs
 * wherever the next test belongs to another job than the one before it, so
 * that what runs one job after another runs just that order. Knows no place
 * that runs anything.
 */
#ifndef RUN_SEQUENCE_H
#define RUN_SEQUENCE_H

#include "model/settings.h"
#include "run/filter.h"
#include "schedule/queue.h"
#include "util/array.h"

/* Items by number, or jobs. */
struct numbers {
    uint32_t *items;
    size_t count;
    size_t capacity;
};

/*
 * Adds jobs to `jobs` that run these items, in this order. Their places in the
 * tables of `items` are used for nothing else.
 */
void sequence_cut(struct items *items, const uint32_t *list, size_t count,
                  struct numbers *jobs);

/*
 * Adds the items of these ids, or of jobs of these names, to `list`, each
 * once; gives how many of them are not there (any more).
 */
uint32_t sequence_find(const struct items *items, const struct texts *ids,
                       struct numbers *list);

/* As the filter of a run: selects what it names, and nothing else. */
struct sequence {
    struct filter filter;
    const struct texts *ids; // borrowed
    struct numbers list;
};

void sequence_init(struct sequence *sequence, const struct texts *ids);
void sequence_release(struct sequence *sequence);

/* Once the filter was asked: adds its jobs at the end of the queue. */
void sequence_fill(const struct sequence *sequence, struct queue *queue,
                   struct items *items);

#endif
