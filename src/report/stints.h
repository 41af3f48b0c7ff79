/*
 * Jobs in their slots: which one was where, from when on, for how long. Keeps
 * the first some thousand and counts the rest: beyond that nobody could see
 * them in a picture.
 */
#ifndef REPORT_STINTS_H
#define REPORT_STINTS_H

#include "model/event.h"

#define STINTS_MOST 20000

struct stint {
    char *name;
    uint64_t began_us;
    uint64_t us;
    uint64_t expect_us;
    struct usage usage;
    uint32_t lane;
    uint32_t items;
    uint32_t process;
    int attempt;
};

struct stints;
struct stints *stints_new(void);
void stints_free(struct stints *stints);

/* A job that began at `began_us` ended at `end_us`. */
void stints_add(struct stints *stints, const struct event_job *job,
                uint32_t lane, uint64_t began_us, uint64_t end_us);

size_t stints_count(const struct stints *stints);
const struct stint *stints_get(const struct stints *stints, size_t place);
/* Jobs in all. */
uint64_t stints_seen(const struct stints *stints);

#endif
