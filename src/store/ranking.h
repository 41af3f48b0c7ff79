/*
 * Tests of a store beside each other: those that take longest, those that are
 * not the same in each build; and one test in each build. Reads only.
 */
#ifndef STORE_RANKING_H
#define STORE_RANKING_H

#include "model/outcome.h"
#include "store/store.h"

/* A test that passed in one build and not in the next so often is listed. */
#define RANKING_TURNS 3

struct ranked {
    int64_t test;     // tests.number
    const char *name; // borrowed
    uint64_t us;      // expected
    enum state state; // how it ended last
    uint32_t runs;    // builds that ran it
    uint32_t bad;     // of these: it ended badly
    uint32_t flaky;   // of these: it passed after it had failed
    uint32_t turns;   // in the builds that are kept, see above; flaky only
    int64_t wall_ms;  // of the build it was flaky in last; 0: none is kept
};
typedef void (*ranked_fn)(void *ctx, const struct ranked *ranked);

/* The `count` that are expected to take longest, the longest first. */
bool ranking_slowest(struct store *store, uint32_t count, ranked_fn each,
                     void *ctx, struct err *err);

/*
 * Flaky ones, and those that changed often, in the last `limit` builds; the
 * flakiest first. 0: in all that are kept, and runs, bad and flaky count those
 * that are not kept any more, too.
 */
bool ranking_flaky(struct store *store, uint32_t limit, ranked_fn each,
                   void *ctx, struct err *err);

/* A test in one build. */
struct seen {
    const char *build;
    int64_t wall_ms;
    enum state state;
    uint64_t us;
    int slot;
    int tries;
    bool flaky;
    bool quarantined;
    const char *worker;  // "": this machine's
    const char *message; // first line of what was wrong, or ""
};
typedef void (*seen_fn)(void *ctx, const struct seen *seen);

/*
 * A test in the last `limit` builds (0: in all) that had it, newest first.
 * Suites that have a test of the same name are shown as one. `found` is set
 * when a build knows it.
 */
struct ranking_test {
    const char *name;
    uint32_t limit;
    seen_fn each;
    void *ctx;
    bool found;
};
bool ranking_of_test(struct store *store, struct ranking_test *wanted,
                     struct err *err);

/* The name that may have been meant, to be freed; NULL: none is near. */
char *ranking_nearest(struct store *store, const char *name, struct err *err);

#endif
