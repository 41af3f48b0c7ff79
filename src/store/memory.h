/*
 * What is known of the tests and jobs of one suite: their rows, in memory, by
 * name and by number. Loaded in one pass, and then asked as the run asks
 * (struct history). New names may be added; they get a number when the build
 * is stored.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "model/history.h"
#include "store/store.h"

/* What an expected duration rests on; the better one wins. */
enum basis {
    BASIS_NONE,
    BASIS_BOUND,  // it was cut off: it takes at least that long
    BASIS_FAILED, // it ended badly each time
    BASIS_PASSED,
};

#define MEMORY_NONE UINT32_MAX

/* A test or a job. `us` of a job: what it takes beside its tests. */
struct memory_row {
    int64_t number;   // tests.id or jobs.id; 0: not in the store yet
    uint64_t us;      // expected
    uint64_t name_at; // see memory_name
    uint32_t name_len;
    uint8_t basis; // enum basis
    // How it ended last; of a job, what has to pass still: enum state.
    uint8_t state;
};

struct memory;
struct memory *memory_new(void);
void memory_free(struct memory *memory);

/*
 * Reads what the store has of the suite and memory does not: everything at
 * first, later what others added meanwhile. `suite` 0: nothing is known.
 */
bool memory_load(struct memory *memory, struct store *store, int64_t suite,
                 struct err *err);

/* Lives as long as the memory. Answers with what was loaded by then. */
struct history *memory_history(struct memory *memory);

/* Tests and jobs are told apart by `kind` in all that follows. */
enum memory_kind {
    MEMORY_TESTS,
    MEMORY_JOBS,
    MEMORY_KINDS
};

uint32_t memory_count(const struct memory *memory, enum memory_kind kind);
/* Valid until a row is added. */
struct memory_row *memory_row(struct memory *memory, enum memory_kind kind,
                              uint32_t place);
struct slice memory_name(const struct memory *memory, enum memory_kind kind,
                         uint32_t place);
/*
 * The place of a name, or of a number among those of the first memory_load;
 * MEMORY_NONE: there is none.
 */
uint32_t memory_find(const struct memory *memory, enum memory_kind kind,
                     struct slice name);
uint32_t memory_find_number(const struct memory *memory, enum memory_kind kind,
                            int64_t number);
/* The place of a name, which is added when it is new. */
uint32_t memory_add(struct memory *memory, enum memory_kind kind,
                    struct slice name);

/* Nothing has a number any more: they were those of a database that is gone. */
void memory_forget_numbers(struct memory *memory);

#endif
