#include "store/ranking.h"

#include "store/builds.h"
#include "store/database.h"
#include "store/results.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/distance.h"

#include <stdlib.h>
#include <string.h>

static uint32_t
column_count(sqlite3_stmt *statement, int column)
{
    int64_t count = sqlite3_column_int64(statement, column);
    return count > 0 && count < UINT32_MAX ? (uint32_t)count : 0;
}

static enum state
column_state(sqlite3_stmt *statement, int column)
{
    int state = sqlite3_column_int(statement, column);
    return state > STATE_NONE && state < STATE_COUNT ? (enum state)state
                                                     : STATE_NONE;
}

/* number, name, us, state, runs, bad, flaky */
static void
read_ranked(sqlite3_stmt *statement, struct ranked *ranked)
{
    int64_t us = sqlite3_column_int64(statement, 2);
    const char *name = (const char *)sqlite3_column_text(statement, 1);
    *ranked = (struct ranked){
        .test = sqlite3_column_int64(statement, 0),
        .name = name != NULL ? name : "",
        .us = us > 0 ? (uint64_t)us : 0,
        .state = column_state(statement, 3),
        .runs = column_count(statement, 4),
        .bad = column_count(statement, 5),
        .flaky = column_count(statement, 6),
    };
}

#define RANKED_COLUMNS "SELECT number, name, us, state, runs, bad, flaky "

bool
ranking_slowest(struct store *store, uint32_t count, ranked_fn each, void *ctx,
                struct err *err)
{
    sqlite3_stmt *statement =
        database_prepare(store_database(store),
                         RANKED_COLUMNS "FROM tests WHERE basis > 0 "
                                        "ORDER BY us DESC, name LIMIT ?1",
                         err);
    bool fine = statement != NULL;
    bool row = fine;
    if (fine) {
        sqlite3_bind_int64(statement, 1, count);
    }
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            struct ranked ranked;
            read_ranked(statement, &ranked);
            each(ctx, &ranked);
        }
    }
    sqlite3_finalize(statement);
    return fine || err_wrap(err, "reading the tests");
}

// ----------------------------------------------------------------- flaky

struct suspect {
    struct ranked ranked;
    char *name;
    uint32_t flaky_seen;
    enum state before; // in the build that was looked at before
};

struct suspects {
    struct store *store;
    struct suspect *items; // by number of the test
    size_t count;
    size_t capacity;
    uint32_t limit; // builds that are looked at; 0: all
    struct err err;
};

static bool
read_suspects(struct suspects *suspects, struct err *err)
{
    sqlite3_stmt *statement = database_prepare(
        store_database(suspects->store),
        RANKED_COLUMNS "FROM tests WHERE flaky > 0 OR (bad > 0 AND bad < runs)"
                       " ORDER BY number",
        err);
    bool fine = statement != NULL;
    bool row = fine;
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            ARRAY_ADD_ZERO(suspects);
            struct suspect *suspect = &ARRAY_LAST(suspects);
            read_ranked(statement, &suspect->ranked);
            suspect->name = alloc_dup(suspect->ranked.name);
            suspect->ranked.name = suspect->name;
            if (suspects->limit > 0) { // counted in these builds instead
                suspect->ranked.runs = 0;
                suspect->ranked.bad = 0;
                suspect->ranked.flaky = 0;
            }
        }
    }
    sqlite3_finalize(statement);
    return fine;
}

static int
compare_numbers(const void *key, const void *element)
{
    int64_t test = *(const int64_t *)key;
    const struct suspect *suspect = element;
    return (test > suspect->ranked.test) - (test < suspect->ranked.test);
}

/* The same counts as those of a test's row, which are of all its builds. */
static void
count_result(struct ranked *ranked, const struct result *result)
{
    bool flaky = (result->flags & RESULT_FLAKY) != 0;
    ranked->runs +=
        result->state != STATE_NOT_RUN && result->state != STATE_SKIPPED;
    ranked->bad += state_is_bad(result->state) || flaky;
    ranked->flaky += flaky;
}

/* From the newest build to the oldest. */
static void
note_suspect(struct suspect *suspect, const struct result *result,
             int64_t wall_ms)
{
    if ((result->flags & RESULT_DECIDED) == 0) {
        return;
    }
    if ((result->flags & RESULT_FLAKY) != 0 && suspect->ranked.wall_ms == 0) {
        suspect->ranked.wall_ms = wall_ms;
    }
    bool passed = result->state == STATE_PASSED;
    if (!passed && !state_is_bad(result->state)) {
        return; // skipped, not run: that says nothing
    }
    suspect->ranked.turns += suspect->before != STATE_NONE &&
                             (suspect->before == STATE_PASSED) != passed;
    suspect->before = result->state;
}

static bool
look_at_build(void *ctx, const struct build_entry *entry)
{
    struct suspects *suspects = ctx;
    struct results *results =
        results_open(suspects->store, entry->number, &suspects->err);
    struct result result;
    while (results != NULL &&
           results_next(results, 0, &result, &suspects->err)) {
        struct suspect *suspect =
            bsearch(&result.test, suspects->items, suspects->count,
                    sizeof(*suspects->items), compare_numbers);
        if (suspect != NULL) {
            note_suspect(suspect, &result, entry->began_ms);
        }
        if (suspect != NULL && suspects->limit > 0 &&
            (result.flags & RESULT_DECIDED) != 0) {
            count_result(&suspect->ranked, &result);
        }
    }
    results_free(results);
    return !err_is_set(&suspects->err);
}

static int
compare_suspects(const void *a, const void *b)
{
    const struct ranked *first = &((const struct suspect *)a)->ranked;
    const struct ranked *second = &((const struct suspect *)b)->ranked;
    if (first->flaky != second->flaky) {
        return first->flaky > second->flaky ? -1 : 1;
    }
    if (first->turns != second->turns) {
        return first->turns > second->turns ? -1 : 1;
    }
    return strcmp(first->name, second->name);
}

bool
ranking_flaky(struct store *store, uint32_t limit, ranked_fn each, void *ctx,
              struct err *err)
{
    struct suspects suspects = {.store = store, .limit = limit};
    bool fine = read_suspects(&suspects, err);
    if (fine && suspects.count > 0) {
        fine = builds_read(store, 0, limit, look_at_build, &suspects, err);
    }
    if (fine && err_is_set(&suspects.err)) {
        *err = suspects.err;
        fine = false;
    }
    if (fine && suspects.count > 0) {
        qsort(suspects.items, suspects.count, sizeof(*suspects.items),
              compare_suspects);
    }
    for (size_t i = 0; i < suspects.count; i++) {
        const struct ranked *ranked = &suspects.items[i].ranked;
        if (fine && (ranked->flaky > 0 || ranked->turns >= RANKING_TURNS)) {
            each(ctx, ranked);
        }
        free(suspects.items[i].name);
    }
    free(suspects.items);
    return fine || err_wrap(err, "looking for flaky tests");
}

// --------------------------------------------------------------- one test

struct search {
    struct store *store;
    ARRAY(int64_t) tests; // numbers of that name, one a suite
    uint32_t limit;
    uint32_t given;
    seen_fn each;
    void *ctx;
    struct err err;
};

/* Whose slot it was; "" when that is not known. To be freed. */
static char *
find_worker(struct search *search, int64_t build, const struct result *result)
{
    struct results *results = results_open(search->store, build, &search->err);
    struct result_job job;
    char *worker = NULL;
    while (results != NULL && worker == NULL && result->slot >= 0 &&
           results_next_job(results, &job, &search->err)) {
        if (job.slot == result->slot && job.worker.len > 0) {
            worker = slice_dup(job.worker);
        }
    }
    results_free(results);
    return worker != NULL ? worker : alloc_dup("");
}

static void
give_seen(struct search *search, const struct build_entry *entry,
          const struct result *result)
{
    char *message = slice_dup(result->message);
    char *worker = find_worker(search, entry->number, result);
    struct seen seen = {
        .build = entry->id,
        .wall_ms = entry->began_ms,
        .state = result->state,
        .us = result->us,
        .slot = result->slot,
        .tries = result->tries,
        .flaky = (result->flags & RESULT_FLAKY) != 0,
        .quarantined = (result->flags & RESULT_QUARANTINED) != 0,
        .worker = worker,
        .message = message,
    };
    search->each(search->ctx, &seen);
    search->given++;
    free(worker);
    free(message);
}

static bool
look_for_test(void *ctx, const struct build_entry *entry)
{
    struct search *search = ctx;
    for (size_t i = 0; i < search->tests.count; i++) {
        struct results *results =
            results_open(search->store, entry->number, &search->err);
        struct result result;
        while (results != NULL && results_next(results, search->tests.items[i],
                                               &result, &search->err)) {
            if ((result.flags & RESULT_DECIDED) != 0) {
                give_seen(search, entry, &result);
                break;
            }
        }
        results_free(results);
    }
    return !err_is_set(&search->err) &&
           (search->limit == 0 || search->given < search->limit);
}

static bool
find_numbers(struct search *search, const char *name, struct err *err)
{
    sqlite3_stmt *statement =
        database_prepare(store_database(search->store),
                         "SELECT number FROM tests WHERE name = ?1", err);
    bool fine = statement != NULL;
    bool row = fine;
    if (fine) {
        database_bind_text(statement, 1, name);
    }
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            ARRAY_ADD(&search->tests, sqlite3_column_int64(statement, 0));
        }
    }
    sqlite3_finalize(statement);
    return fine;
}

bool
ranking_of_test(struct store *store, struct ranking_test *wanted,
                struct err *err)
{
    struct search search = {
        .store = store,
        .limit = wanted->limit,
        .each = wanted->each,
        .ctx = wanted->ctx,
    };
    bool fine = find_numbers(&search, wanted->name, err);
    wanted->found = search.tests.count > 0;
    if (fine && wanted->found) {
        fine = builds_read(store, 0, 0, look_for_test, &search, err);
    }
    if (fine && err_is_set(&search.err)) {
        *err = search.err;
        fine = false;
    }
    ARRAY_RELEASE(&search.tests);
    return fine || err_wrap(err, "looking for a test");
}

char *
ranking_nearest(struct store *store, const char *name, struct err *err)
{
    sqlite3_stmt *statement =
        database_prepare(store_database(store), "SELECT name FROM tests", err);
    struct distance_nearest nearest = {.wanted = slice_of(name)};
    char *kept = NULL; // what `nearest` borrows
    bool fine = statement != NULL;
    bool row = fine;
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            char *copy = slice_dup(database_text(statement, 0));
            distance_offer(&nearest, slice_of(copy));
            if (nearest.best.data == copy) {
                free(kept);
                kept = copy;
            } else {
                free(copy);
            }
        }
    }
    sqlite3_finalize(statement);
    if (!fine || distance_best(&nearest).len == 0) {
        free(kept);
        kept = NULL;
    }
    return kept;
}
