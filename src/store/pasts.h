/*
 * How chosen tests ended in the last builds of their suite, all of them in
 * one pass over what is stored. Reads only.
 */
#ifndef STORE_PASTS_H
#define STORE_PASTS_H

#include "model/outcome.h"
#include "store/store.h"

#define PASTS_MOST 20 // builds that are looked at

struct past_point {
    int64_t wall_ms; // when the build began
    uint64_t us;
    enum state state;
    bool flaky;
};

struct past_test {
    struct slice name; // which one; borrowed
    struct past_point points[PASTS_MOST];
    size_t count; // of points, newest first
    int64_t number;
};

/*
 * Fills in the points of `tests`, of builds that began before `before_ms`.
 * Tests that the store does not know have none. False with err.
 */
bool pasts_read(struct store *store, int64_t suite, int64_t before_ms,
                struct past_test *tests, size_t count, struct err *err);

#endif
