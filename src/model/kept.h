/*
 * A copy of an outcome that outlives the call in which it was told: of an item
 * that waits to run again, or that a report shows later. Findings are kept
 * whole, what was printed up to a limit.
 */
#ifndef MODEL_KEPT_H
#define MODEL_KEPT_H

#include "model/outcome.h"

/* Bytes of each stream that are kept: half of its start, half of its end. */
#define KEPT_OUTPUT ((size_t)64 << 10)

struct kept {
    struct outcome outcome;
};

/* A copy that owns its texts. */
struct kept *kept_new(const struct outcome *outcome);
void kept_free(struct kept *kept); // NULL is allowed

#endif
