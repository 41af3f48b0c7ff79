/*
 * The one way to read what a stored build's tests and jobs did. They lie in
 * packed blobs (see results_codec.h); names are those of the memory of the
 * suite, by number. Rows of tests that nobody has run for a year are gone: a
 * number may have no name any more.
 */
#ifndef STORE_RESULTS_H
#define STORE_RESULTS_H

#include "model/event.h"
#include "store/store.h"

/* What is kept of the first finding of a bad end: one line. */
#define RESULT_MESSAGE_MAX 200

enum result_flags {
    RESULT_DECIDED = 1,     // its state in this build; else an earlier attempt
    RESULT_FLAKY = 2,       // passed after it had failed
    RESULT_QUARANTINED = 4, // does not decide the exit status
};

/* One end of one test. In the order in which they ended. */
struct result {
    int64_t test; // tests.id
    int64_t job;  // jobs.id
    uint64_t began_us;
    uint64_t us;
    uint32_t process; // unique in the build; 0: not known
    int slot;         // -1: nowhere
    int tries;        // how often it had run by then
    unsigned flags;   // enum result_flags
    enum state state;
    struct slice message; // borrowed: valid as results_next says
};

/* One job that ran in one piece, in the order in which they ended. */
struct result_job {
    int64_t job; // jobs.id
    uint64_t began_us;
    uint64_t us;
    uint64_t expect_us; // 0: was not known
    struct usage usage;
    uint32_t process;
    uint32_t items;
    int slot;
    int attempt;
    enum job_kind kind;
    struct slice worker; // borrowed; empty: this machine's
};

struct results;
/* `build`: builds.number. NULL with err. */
struct results *results_open(struct store *store, int64_t build,
                             struct err *err);
void results_free(struct results *results);

/*
 * The next one; false at the end, or with err. Texts live until the next call.
 * With `test` > 0 only those of that test, which is quick.
 */
bool results_next(struct results *results, int64_t test, struct result *result,
                  struct err *err);
/* The same for jobs, from the beginning, independent of the tests. */
bool results_next_job(struct results *results, struct result_job *job,
                      struct err *err);

#endif
