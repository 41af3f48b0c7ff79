/*
 * Tests counted by job, for a page that cannot name each of them: how many,
 * how they ended, how long they took. When there are too many jobs, those
 * whose names begin alike become one, part by part of the name, so that
 * memory is bounded. Knows nothing of pages.
 */
#ifndef REPORT_GROUPS_H
#define REPORT_GROUPS_H

#include "model/outcome.h"
#include "util/buf.h"

struct groups;
/* At most `most` groups, or a few hundred more. */
struct groups *groups_new(size_t most);
void groups_free(struct groups *groups);

/* A test of that job ended. */
void groups_add(struct groups *groups, struct slice job, uint64_t us,
                enum state state);

size_t groups_count(const struct groups *groups);

/*
 * Adds all as JSON arrays, longest first: [name, whether it stands for several
 * jobs (0 or 1), tests, us, longest us, passed, bad, skipped, other].
 */
void groups_write(struct groups *groups, struct buf *buf);

#endif
