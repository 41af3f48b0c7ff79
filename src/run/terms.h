/*
 * On what terms a job runs: its limits, what it needs, and whether anything
 * may run beside it. From the settings, the overrides of mule.yaml that fit
 * the job or its file, and what its adapter said of it. Of each member the
 * first override counts that fits and says it.
 *
 * An index finds them once for all jobs: no pattern is looked at while jobs
 * are given out.
 */
#ifndef RUN_TERMS_H
#define RUN_TERMS_H

#include "model/items.h"
#include "model/settings.h"
#include "schedule/queue.h"
#include "util/array.h"
#include "util/slice.h"

struct terms {
    uint32_t timeout_ms;      // of the job; 0: none
    uint32_t test_timeout_ms; // of an item; 0: none
    uint32_t slow_ms;         // 0: no notice
    uint32_t expect_ms;       // what mule.yaml says it takes; 0: nothing
    uint32_t retries;         // of an item that ended badly
    uint32_t retry_delay_ms;  // before the first
    bool alone;
    int need_count;
    const struct need *needs; // borrowed from the settings
    uint32_t queue_needs;     // in an index: their number in the queue
};

/* Of one job, now. */
void terms_of_job(struct terms *terms, const struct settings *settings,
                  const struct items *items, uint32_t job);

/* The same of a job of which only its texts are known, as in a recording. */
void terms_of_name(struct terms *terms, const struct settings *settings,
                   struct slice name, struct slice file);

/* Zeroed = of no job. */
struct terms_index {
    ARRAY(struct terms) kinds; // each that occurs, once
    ARRAY(uint32_t) of;        // by job: its place in `kinds`
};

/*
 * Of all jobs that there are. Those that are split from them later have the
 * same. Borrows the settings' needs, and makes them known to the queue.
 */
void terms_index_build(struct terms_index *index,
                       const struct settings *settings,
                       const struct items *items, struct queue *queue);
void terms_index_release(struct terms_index *index);

/* Valid as long as the index. */
const struct terms *terms_index_find(const struct terms_index *index,
                                     const struct items *items, uint32_t job);

/* What the queue is to be told of a job with these terms. */
struct queue_wants terms_wants(const struct terms *terms);

#endif
