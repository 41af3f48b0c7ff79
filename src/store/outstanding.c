#include "store/outstanding.h"

#include "store/database.h"
#include "store/suite_range.h"
#include "util/escape.h"
#include "util/map.h"

#define SCOPE_MAX ((size_t)64 << 20)

static const char *
column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}

static sqlite3_stmt *
prepare_for(struct store *store, int64_t suite, const char *sql,
            struct err *err)
{
    sqlite3_stmt *statement = database_prepare(store_database(store), sql, err);
    if (statement != NULL) {
        sqlite3_bind_int64(statement, 1, suite_range_first(suite));
        sqlite3_bind_int64(statement, 2, suite_range_first(suite + 1));
    }
    return statement;
}

/* One that is here and ended well once did not run since. */
static enum state
find_state(int state)
{
    return state > STATE_NONE && state < STATE_COUNT &&
                   state_is_bad((enum state)state)
               ? (enum state)state
               : STATE_NOT_RUN;
}

bool
outstanding_load(struct store *store, int64_t suite, struct chain *chain,
                 struct err *err)
{
    sqlite3_stmt *statement = prepare_for(
        store, suite,
        "SELECT tests.name, jobs.name, builds.id, tests.state "
        "FROM outstanding JOIN tests ON tests.number = outstanding.test "
        "LEFT JOIN jobs ON jobs.number = outstanding.job "
        "LEFT JOIN builds ON builds.number = outstanding.since "
        "WHERE outstanding.test >= ?1 AND outstanding.test < ?2 "
        "ORDER BY outstanding.test",
        err);
    bool fine = statement != NULL;
    bool row = fine;
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            chain_add(chain,
                      &(struct chain_entry){
                          .id = column_text(statement, 0),
                          .job = column_text(statement, 1),
                          .build = column_text(statement, 2),
                          .state = find_state(sqlite3_column_int(statement, 3)),
                      });
        }
    }
    sqlite3_finalize(statement);
    return fine || err_wrap(err, "reading what is still to pass");
}

bool
outstanding_scope(struct store *store, int64_t suite, struct buf *scope,
                  struct err *err)
{
    sqlite3_stmt *statement =
        database_prepare(store_database(store),
                         "SELECT scope FROM suites WHERE number = ?1", err);
    bool row = false;
    if (statement == NULL) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, suite);
    bool fine = database_step(statement, &row, err);
    if (fine && row) {
        buf_add_slice(scope, database_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return fine;
}

// --------------------------------------------------------------- mending

static bool
drop_rows(struct store *store, int64_t suite, const struct map *gone,
          struct err *err)
{
    sqlite3_stmt *statement =
        prepare_for(store, suite,
                    "SELECT tests.name, outstanding.test FROM outstanding "
                    "JOIN tests ON tests.number = outstanding.test "
                    "WHERE outstanding.test >= ?1 AND outstanding.test < ?2",
                    err);
    sqlite3_stmt *drop = database_prepare(
        store_database(store), "DELETE FROM outstanding WHERE test = ?1", err);
    sqlite3_stmt *unlearn =
        database_prepare(store_database(store),
                         "UPDATE tests SET state = 0 WHERE number = ?1"
                         " AND state IN " OUTSTANDING_WELL,
                         err);
    bool fine = statement != NULL && drop != NULL && unlearn != NULL;
    bool row = fine;
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row &&
            map_find(gone, database_text(statement, 0)) != NULL) {
            int64_t test = sqlite3_column_int64(statement, 1);
            sqlite3_bind_int64(drop, 1, test);
            sqlite3_bind_int64(unlearn, 1, test);
            fine = database_do(drop, err) && database_do(unlearn, err);
        }
    }
    sqlite3_finalize(unlearn);
    sqlite3_finalize(drop);
    sqlite3_finalize(statement);
    return fine;
}

static bool
drop_gone(struct store *store, int64_t suite, const struct chain *chain,
          struct err *err)
{
    struct map gone;
    const struct chain_entry *entry = NULL;
    uint32_t at = 0;
    map_init(&gone, MAP_BORROWS_KEYS);
    while ((entry = chain_next_gone(chain, &at)) != NULL) {
        map_set(&gone, slice_of(entry->id), &gone);
    }
    bool fine = gone.count == 0 || drop_rows(store, suite, &gone, err);
    map_release(&gone);
    return fine;
}

static bool
write_scope(struct store *store, int64_t suite, const char *scope,
            struct err *err)
{
    sqlite3_stmt *statement =
        database_prepare(store_database(store),
                         "UPDATE suites SET scope = ?2 WHERE number = ?1", err);
    if (statement == NULL) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, suite);
    database_bind_text(statement, 2, scope);
    bool fine = database_do(statement, err);
    sqlite3_finalize(statement);
    return fine;
}

static bool
change_scope(struct store *store, int64_t suite,
             const struct outstanding_changes *changes, struct err *err)
{
    struct buf kept = BUF_INIT(SCOPE_MAX);
    struct buf scope = BUF_INIT(SCOPE_MAX);
    bool fine = outstanding_scope(store, suite, &kept, err);
    if (fine) {
        changes->scope(changes->ctx, buf_slice(&kept), &scope);
        fine = slice_equals(buf_slice(&kept), buf_slice(&scope)) ||
               write_scope(store, suite, buf_text(&scope), err);
    }
    buf_release(&scope);
    buf_release(&kept);
    return fine;
}

bool
outstanding_mend(struct store *store, int64_t suite,
                 const struct outstanding_changes *changes, struct err *err)
{
    sqlite3 *db = store_database(store);
    bool fine = database_begin(db, err) &&
                drop_gone(store, suite, changes->chain, err) &&
                change_scope(store, suite, changes, err) &&
                database_commit(db, err);
    if (!fine) {
        database_rollback(db);
        err_wrap(err, "keeping what is still to pass");
    }
    return fine;
}

// ------------------------------------------------------------ other suites

bool
outstanding_last_words(struct store *store, struct buf *words, struct err *err)
{
    sqlite3_stmt *statement = database_prepare(
        store_database(store),
        "SELECT suites.folder, suites.words "
        "FROM builds JOIN suites ON suites.number = builds.suite "
        "ORDER BY builds.number DESC LIMIT 1",
        err);
    bool row = false;
    if (statement == NULL) {
        return false;
    }
    bool fine = database_step(statement, &row, err);
    if (fine && row) {
        struct slice text = database_text(statement, 1);
        buf_add_text(words, "by ");
        escape_terminal(words, slice_first(text, 120), ESCAPE_ONE_LINE);
        text = database_text(statement, 0);
        buf_add_text(words, " in folder ");
        escape_terminal(words, slice_first(text, 60), ESCAPE_ONE_LINE);
    }
    sqlite3_finalize(statement);
    return fine;
}
