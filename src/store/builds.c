#include "store/builds.h"

#include "store/database.h"

enum {
    FIRST_STATE_COLUMN = 12,
};

static const char query[] =
    "SELECT number, suite, id, parent, command, hostname, recording,"
    " began_ms, us, exit_status, stop, flaky,"
    " passed, failed, error, skipped, xfailed, xpassed, timeout, crashed,"
    " lost, not_run, slots "
    "FROM builds WHERE ?1 = 0 OR suite = ?1 "
    "ORDER BY began_ms DESC, number DESC LIMIT ?2";

// A column that is terminated by SQLite.
static const char *
column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text != NULL ? text : "";
}

// What a damaged row says must not be more than there can be.
static uint32_t
column_count(sqlite3_stmt *statement, int column)
{
    int64_t count = sqlite3_column_int64(statement, column);

    return count > 0 && count < UINT32_MAX ? (uint32_t)count : 0;
}

static void
read_entry(sqlite3_stmt *statement, struct build_entry *entry)
{
    int64_t us = sqlite3_column_int64(statement, 8);

    *entry = (struct build_entry){
        .number = sqlite3_column_int64(statement, 0),
        .suite = sqlite3_column_int64(statement, 1),
        .id = column_text(statement, 2),
        .parent = column_text(statement, 3),
        .command = column_text(statement, 4),
        .hostname = column_text(statement, 5),
        .recording = column_text(statement, 6),
        .began_ms = sqlite3_column_int64(statement, 7),
        .us = us > 0 ? (uint64_t)us : 0,
        .exit_status = sqlite3_column_int(statement, 9),
        .stop = stop_reason_find(column_text(statement, 10)),
        .flaky = column_count(statement, 11),
        .slots = column_count(statement, 22),
    };
    for (int state = STATE_PASSED; state < STATE_COUNT; state++) {
        entry->states[state] =
            column_count(statement, FIRST_STATE_COLUMN + state - STATE_PASSED);
    }
}

bool
builds_read(struct store *store, int64_t suite, uint32_t limit,
            build_entry_fn each, void *ctx, struct err *err)
{
    sqlite3_stmt *statement =
        database_prepare(store_database(store), query, err);
    bool fine = statement != NULL;
    bool row = fine;

    if (fine) {
        sqlite3_bind_int64(statement, 1, suite);
        sqlite3_bind_int64(statement, 2, limit > 0 ? (int64_t)limit : -1);
    }
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            struct build_entry entry;
            read_entry(statement, &entry);
            row = each(ctx, &entry);
        }
    }
    sqlite3_finalize(statement);
    return fine || err_wrap(err, "reading the builds");
}

bool
builds_read_recordings(struct store *store,
                       void (*each)(void *ctx, struct slice name), void *ctx,
                       struct err *err)
{
    sqlite3_stmt *statement = database_prepare(
        store_database(store),
        "SELECT recording FROM builds WHERE recording > ''", err);
    bool fine = statement != NULL;
    bool row = fine;

    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            each(ctx, database_text(statement, 0));
        }
    }
    sqlite3_finalize(statement);
    return fine || err_wrap(err, "reading the builds");
}

bool
builds_has(struct store *store, const char *id, int64_t began_ms, bool *has,
           struct err *err)
{
    sqlite3_stmt *statement = database_prepare(
        store_database(store),
        "SELECT 1 FROM builds WHERE id = ?1 AND began_ms = ?2", err);

    if (statement == NULL) {
        return false;
    }
    database_bind_text(statement, 1, id);
    sqlite3_bind_int64(statement, 2, began_ms);
    bool fine = database_step(statement, has, err);
    sqlite3_finalize(statement);
    return fine;
}
