/*
 * Attempts at tests that did not decide them, until they are decided: what
 * went wrong in each, for those who tell of it later.
 */
#ifndef REPORT_ATTEMPTS_H
#define REPORT_ATTEMPTS_H

#include "model/event.h"
#include "model/kept.h"
#include "util/array.h"
#include "util/map.h"

struct attempt {
    int number;
    struct kept *kept;
};

/* Of one test, in order. */
struct attempts {
    struct attempt *items;
    size_t count;
    size_t capacity;
};

struct attempts_map {
    struct map tests;
};

void attempts_init(struct attempts_map *map);
void attempts_release(struct attempts_map *map);

/* A test ended badly, and runs again. The first few of a test are kept. */
void attempts_add(struct attempts_map *map, const struct event_test *test);

/*
 * The test is decided: those before the one that decided it, to be freed with
 * attempts_free. Most often there are none.
 */
struct attempts attempts_take(struct attempts_map *map,
                              const struct event_test *test);
void attempts_free(struct attempts *attempts);

#endif
