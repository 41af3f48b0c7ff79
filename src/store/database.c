#include "store/database.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

bool
database_is_broken(int code)
{
    int primary = code & 0xff;

    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

// What a user can do about it. NULL: nothing comes to mind.
static const char *
advise(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "make room on the disk, keep less (--keep-builds, --keep-size), "
               "or do without: --no-store";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program writes to it; let it finish, or do without: "
               "--no-store";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return "name a folder that can be written to with --store, or do "
               "without: --no-store";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "`mule test` moves it aside and begins a new one";
    default:
        return "name another folder with --store, or do without: --no-store";
    }
}

bool
database_fail(sqlite3 *db, const char *doing, struct err *err)
{
    int code = sqlite3_extended_errcode(db);

    err_set(err, database_is_broken(code) ? ERR_PROTOCOL : ERR_SYSTEM, "%s: %s",
            doing, sqlite3_errmsg(db));
    return err_hint(err, advise(code));
}

bool
database_run(sqlite3 *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           database_fail(db, "change the database", err);
}

sqlite3_stmt *
database_prepare(sqlite3 *db, const char *sql, struct err *err)
{
    sqlite3_stmt *statement = NULL;

    // Whoever prepares several looks once, after the last one.
    if (!err_is_set(err) &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        database_fail(db, "read the database", err);
    }
    return statement;
}

bool
database_do(sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        return database_fail(sqlite3_db_handle(statement),
                             "write to the database", err);
    }
    return sqlite3_reset(statement) == SQLITE_OK ||
           database_fail(sqlite3_db_handle(statement), "write to the database",
                         err);
}

bool
database_step(sqlite3_stmt *statement, bool *row, struct err *err)
{
    int code = sqlite3_step(statement);

    *row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ||
           database_fail(sqlite3_db_handle(statement), "read the database",
                         err);
}

bool
database_number(sqlite3 *db, const char *sql, int64_t missing, int64_t *number,
                struct err *err)
{
    sqlite3_stmt *statement = database_prepare(db, sql, err);
    bool row = false;
    bool fine = statement != NULL && database_step(statement, &row, err);

    *number = row ? sqlite3_column_int64(statement, 0) : missing;
    sqlite3_finalize(statement);
    return fine;
}

void
database_bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    if (text == NULL) {
        sqlite3_bind_null(statement, place);
    } else {
        database_bind_slice(statement, place, slice_of(text));
    }
}

void
database_bind_slice(sqlite3_stmt *statement, int place, struct slice slice)
{
    // Not copied: who binds keeps it until the step is done.
    if (slice.data == NULL) {
        sqlite3_bind_text64(statement, place, "", 0, SQLITE_STATIC,
                            SQLITE_UTF8);
    } else {
        sqlite3_bind_text64(statement, place, slice.data, slice.len,
                            SQLITE_STATIC, SQLITE_UTF8);
    }
}

struct slice
database_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    int len = sqlite3_column_bytes(statement, column);

    return slice_make(text, text != NULL ? (size_t)len : 0);
}

struct slice
database_blob(sqlite3_stmt *statement, int column)
{
    const char *data = sqlite3_column_blob(statement, column);
    int len = sqlite3_column_bytes(statement, column);

    return slice_make(data, data != NULL ? (size_t)len : 0);
}

bool
database_begin(sqlite3 *db, struct err *err)
{
    return database_run(db, "BEGIN IMMEDIATE", err);
}

bool
database_commit(sqlite3 *db, struct err *err)
{
    return database_run(db, "COMMIT", err);
}

void
database_rollback(sqlite3 *db)
{
    // Many errors have rolled it back already.
    if (sqlite3_get_autocommit(db) == 0) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
}
