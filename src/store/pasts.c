#include "store/pasts.h"

#include <stdlib.h>

#include "store/builds.h"
#include "store/database.h"
#include "store/results.h"
#include "store/suite_range.h"
#include "util/alloc.h"
#include "util/map.h"

struct pasts {
    struct store *store;
    int64_t before_ms;
    struct past_test **known; // those with a number, which they are sorted by
    size_t count;
    uint32_t builds;
    struct err err;
};

static int
compare_numbers(const void *a, const void *b)
{
    int64_t first = (*(struct past_test *const *)a)->number;
    int64_t second = (*(struct past_test *const *)b)->number;
    return (first > second) - (first < second);
}

static int
compare_key(const void *key, const void *element)
{
    int64_t first = *(const int64_t *)key;
    int64_t second = (*(struct past_test *const *)element)->number;
    return (first > second) - (first < second);
}

/* Names have no index: one pass over all is quicker than some hundred. */
static bool
find_numbers(struct pasts *pasts, int64_t suite, const struct map *wanted,
             struct err *err)
{
    sqlite3_stmt *statement = database_prepare(
        store_database(pasts->store),
        "SELECT number, name FROM tests WHERE number >= ?1 AND number < ?2",
        err);
    bool fine = statement != NULL;
    bool row = fine;
    if (fine) {
        sqlite3_bind_int64(statement, 1, suite_range_first(suite));
        sqlite3_bind_int64(statement, 2, suite_range_first(suite + 1));
    }
    while (fine && row) {
        fine = database_step(statement, &row, err);
        struct past_test *test =
            fine && row ? map_find(wanted, database_text(statement, 1)) : NULL;
        if (test != NULL && test->number == 0) {
            test->number = sqlite3_column_int64(statement, 0);
            pasts->known[pasts->count++] = test;
        }
    }
    sqlite3_finalize(statement);
    return fine;
}

static void
note_result(struct pasts *pasts, const struct result *result, int64_t wall_ms)
{
    struct past_test **found =
        bsearch(&result->test, pasts->known, pasts->count,
                sizeof(*pasts->known), compare_key);
    if (found != NULL && (*found)->count < PASTS_MOST &&
        (result->flags & RESULT_DECIDED) != 0 &&
        result->state != STATE_NOT_RUN) {
        (*found)->points[(*found)->count++] = (struct past_point){
            .wall_ms = wall_ms,
            .us = result->us,
            .state = result->state,
            .flaky = (result->flags & RESULT_FLAKY) != 0,
        };
    }
}

static bool
look_at_build(void *ctx, const struct build_entry *entry)
{
    struct pasts *pasts = ctx;
    struct result result;
    if (entry->began_ms >= pasts->before_ms) {
        return true;
    }
    struct results *results =
        results_open(pasts->store, entry->number, &pasts->err);
    while (results != NULL && results_next(results, 0, &result, &pasts->err)) {
        note_result(pasts, &result, entry->began_ms);
    }
    results_free(results);
    return !err_is_set(&pasts->err) && ++pasts->builds < PASTS_MOST;
}

bool
pasts_read(struct store *store, int64_t suite, int64_t before_ms,
           struct past_test *tests, size_t count, struct err *err)
{
    struct pasts pasts = {.store = store, .before_ms = before_ms};
    struct map wanted = {.keys = MAP_BORROWS_KEYS};
    pasts.known = alloc_zero(count + 1, sizeof(*pasts.known));
    for (size_t i = 0; i < count; i++) {
        map_set(&wanted, tests[i].name, &tests[i]);
    }
    bool fine = find_numbers(&pasts, suite, &wanted, err);
    if (fine && pasts.count > 0) {
        qsort(pasts.known, pasts.count, sizeof(*pasts.known), compare_numbers);
        fine = builds_read(store, suite, 0, look_at_build, &pasts, err);
    }
    if (fine && err_is_set(&pasts.err)) {
        *err = pasts.err;
        fine = false;
    }
    map_release(&wanted);
    free(pasts.known);
    return fine || err_wrap(err, "looking for past ends of tests");
}
