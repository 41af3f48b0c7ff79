/*
 * Recordings of the shards of a build -> one build, to any listener. Numbers
 * of tests, jobs, slots and processes of different shards are kept apart;
 * what no shard ran is told as `not run`. Shards that do not belong together
 * are refused.
 */
#ifndef REPORT_MERGING_H
#define REPORT_MERGING_H

#include "report/retelling.h"

/*
 * `sink` is a fan-out, borrowed, and is told nothing when this gives false.
 * retold->exit_status is the worst of all, and at least 1 when a test has no
 * result.
 */
bool merging_tell(char *const *paths, int count, struct event_sink *sink,
                  struct retold *retold, struct err *err);

#endif
