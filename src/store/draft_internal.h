/*
 * The inside of a draft, for the files it is made of: draft.c (what is
 * remembered), draft_store.c (the build's own rows), draft_learn.c (what is
 * known of its tests from then on). Nobody else includes it.
 */
#ifndef STORE_DRAFT_INTERNAL_H
#define STORE_DRAFT_INTERNAL_H

#include <sqlite3.h>

#include "store/draft.h"
#include "util/array.h"

enum {
    DRAFT_SLOTS_MAX = 1 << 20,
    DRAFT_MESSAGES_MAX = 64 << 20, // bytes; what comes later has none
};

/* One end of one test. `test` and `job` are places in the memory. */
struct draft_end {
    uint64_t began_us;
    uint64_t us;
    uint32_t test;
    uint32_t job;
    uint32_t process;
    uint32_t message_at;
    int slot;
    uint16_t tries;
    uint8_t message_len;
    uint8_t flags;
    uint8_t state;
};

struct draft_job {
    uint32_t job;
    char *worker; // or NULL
    uint64_t beside_us;
    struct result_job result;
};

struct draft {
    struct memory *memory;
    ARRAY(struct draft_end) ends;
    ARRAY(struct draft_job) jobs;
    ARRAY(char) messages;
    ARRAY(uint64_t) spent; // by slot
};

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
