/*
 * Sets of numbers that are tried, perhaps several times, and what came of
 * that: each set is kept once, so that what was tried is not tried again. Of a
 * set that nobody needs any more only its hash and the counts stay.
 */
#ifndef SCHEDULE_TRIALS_H
#define SCHEDULE_TRIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIAL_NONE UINT32_MAX

enum bisect_answer {
    BISECT_PASSED,
    BISECT_FAILED,
    BISECT_UNCLEAR, // it did not run, or neither passed nor failed
    BISECT_ANSWERS
};

struct trial {
    uint32_t *members; // ascending; NULL: forgotten
    uint32_t count;
    uint64_t hash;
    uint32_t counts[BISECT_ANSWERS];
    uint32_t out; // probes that have not been answered
};

/* Zeroed = none. */
struct trials {
    struct trial *items;
    size_t count;
    size_t capacity;
};

void trials_release(struct trials *trials);

/* The trial of that set, which is copied. */
uint32_t trials_of(struct trials *trials, const uint32_t *members,
                   uint32_t count);

/*
 * Of a trial whose set is divided into `parts`: part `k` by itself, or all
 * but that. The members of the trial must be there.
 */
uint32_t trials_part(struct trials *trials, uint32_t number, uint32_t parts,
                     uint32_t k);
uint32_t trials_rest(struct trials *trials, uint32_t number, uint32_t parts,
                     uint32_t k);

/* Lets go of the members of a trial, unless a probe needs them. */
void trials_forget(struct trials *trials, uint32_t number);

/* How often it was answered. */
uint32_t trial_runs(const struct trial *trial);

#endif
