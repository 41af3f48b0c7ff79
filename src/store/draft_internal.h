/*
 * The inside of a draft, for the files it is made of: draft.c (what is
 * remembered), draft_store.c (the build's own rows), draft_learn.c (what is
 * known of its tests from then on). Nobody else includes it.
 */
#ifndef STORE_DRAFT_INTERNAL_H
#define STORE_DRAFT_INTERNAL_H

#include <sqlite3.h>

#include "store/draft.h"
#include "store/results_codec.h"
#include "util/array.h"

// What would be more is not kept.
#define DRAFT_ENDS_MAX ((size_t)1 << 30)

// What is repeated until it fails has no end: of what decides nothing, no more
// is kept.
enum {
    DRAFT_ATTEMPTS_MAX = 32 << 20, // bytes of `ends`
    DRAFT_ROUNDS_MAX = 1 << 18,    // jobs
};

enum {
    DRAFT_SLOTS_MAX = 1 << 20,
    DRAFT_MESSAGES_MAX = 64 << 20, // bytes; what comes later has none
};

struct draft_job {
    uint32_t job;
    char *worker; // or NULL
    uint64_t beside_us;
    struct result_job result;
};

struct draft {
    struct memory *memory;
    struct buf ends; // packed as in results_codec.h, but places for numbers
    struct results_place last; // in `ends`
    uint64_t messages;         // bytes
    uint32_t last_job;         // of `ends`; MEMORY_NONE: there is none
    ARRAY(struct draft_job) jobs;
    ARRAY(uint64_t) spent; // by slot
};

/*
 * One step through the ends of tests; zeroed = at the first. `test` and `job`
 * are places in the memory. False at the end.
 */
struct draft_walk {
    size_t at;
    struct results_place place;
};
bool draft_next(const struct draft *draft, struct draft_walk *walk,
                struct result *end);

/* What both halves of storing need. */
struct draft_target {
    struct draft *draft;
    const struct draft_params *params;
    sqlite3 *db;
    int64_t suite;
    int64_t build;
    int64_t now_ms; // the date of the build
    // The first numbers that are not in the tables yet, by memory_kind.
    int64_t new_number[MEMORY_KINDS];
};

/*
 * Gives numbers to names that have none, and brings rows of tests and jobs
 * and what is outstanding up to date. Within the transaction; before the parts
 * are written, which need the numbers.
 */
bool draft_learn(struct draft_target *target, struct err *err);

#endif
