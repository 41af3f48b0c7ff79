#include "store/forget.h"

#include <stddef.h>

#include "store/database.h"
#include "store/suite_range.h"

// The highest number of each suite stays, so that it is not given out again.
#define NOT_THE_LAST(table)                                      \
    " AND number NOT IN (SELECT (SELECT max(number) FROM " table \
    "   WHERE number < (suites.number + 1) << 40 AND"            \
    "   number >= suites.number << 40) FROM suites"              \
    "   WHERE EXISTS (SELECT 1 FROM " table                      \
    "   WHERE number < (suites.number + 1) << 40 AND"            \
    "   number >= suites.number << 40))"

_Static_assert(SUITE_RANGE_BITS == 40, "the statements below say so");

// ?1: what was seen before goes.
static const char *const forget_old[] = {
    "DELETE FROM tests WHERE seen_ms < ?1" NOT_THE_LAST("tests"),
    "DELETE FROM jobs WHERE seen_ms < ?1" NOT_THE_LAST("jobs"),
};
// ?1: so many of them go, those seen longest ago.
static const char *const forget_many[] = {
    "DELETE FROM tests WHERE number IN (SELECT number FROM tests"
    " ORDER BY seen_ms LIMIT ?1)" NOT_THE_LAST("tests"),
    "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs"
    " ORDER BY seen_ms LIMIT ?1)" NOT_THE_LAST("jobs"),
};
static const char *const count_rows[] = {
    "SELECT count(*) FROM tests",
    "SELECT count(*) FROM jobs",
};

static bool
run(sqlite3 *db, const char *sql, int64_t number, int *gone, struct err *err)
{
    sqlite3_stmt *statement = database_prepare(db, sql, err);

    if (statement == NULL) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, number);
    bool fine = database_do(statement, err);
    *gone = fine ? sqlite3_changes(db) : 0;
    sqlite3_finalize(statement);
    return fine;
}

static bool
forget(sqlite3 *db, size_t table, int64_t before, uint32_t *rows,
       struct err *err)
{
    int64_t count = 0;
    int gone = 0;

    if (!run(db, forget_old[table], before, &gone, err) ||
        !database_number(db, count_rows[table], 0, &count, err)) {
        return false;
    }
    *rows += (uint32_t)gone;
    if (count <= FORGET_ROWS) {
        return true;
    }
    if (!run(db, forget_many[table], count - FORGET_ROWS, &gone, err)) {
        return false;
    }
    *rows += (uint32_t)gone;
    return true;
}

bool
forget_tests(struct store *store, uint32_t *tests, struct err *err)
{
    sqlite3 *db = store_database(store);
    int64_t date = 0;
    uint32_t jobs = 0;

    *tests = 0;
    if (!database_number(
            db,
            "SELECT began_ms FROM builds ORDER BY number DESC LIMIT 1 OFFSET 1",
            0, &date, err)) {
        return false;
    }
    int64_t before = date > FORGET_MS ? date - FORGET_MS : 0;
    bool fine = database_begin(db, err) && forget(db, 0, before, tests, err) &&
                forget(db, 1, before, &jobs, err) &&
                database_run(db,
                             "DELETE FROM outstanding WHERE test NOT IN"
                             " (SELECT number FROM tests)",
                             err) &&
                database_commit(db, err);
    if (!fine) {
        database_rollback(db);
    }
    return fine;
}
