/*
 * SQLite with our errors: statements, transactions, and the codes that mean
 * broken, full, locked or read-only in words with a hint. For store/ alone.
 */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include <sqlite3.h>

#include "util/err.h"
#include "util/slice.h"

/*
 * Sets err from the last error of `db`, which `doing` names ("read the
 * tests"); ERR_PROTOCOL when the file is broken. Returns false.
 */
bool database_fail(sqlite3 *db, const char *doing, struct err *err);

/* True for codes that say that the file is no good: CORRUPT, NOTADB. */
bool database_is_broken(int code);

bool database_run(sqlite3 *db, const char *sql, struct err *err);

/* NULL with err, also one that was set before. For sqlite3_finalize. */
sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql, struct err *err);

/* One step of a statement that gives no rows; resets it. */
bool database_do(sqlite3_stmt *statement, struct err *err);

/* One step: *row says whether there is a row. False with err. */
bool database_step(sqlite3_stmt *statement, bool *row, struct err *err);

/* The first column of the first row; `missing` when there is no row. */
bool database_number(sqlite3 *db, const char *sql, int64_t missing,
                     int64_t *number, struct err *err);

/* Binds, borrowed until the statement was run; NULL binds NULL. */
void database_bind_text(sqlite3_stmt *statement, int place, const char *text);
void database_bind_slice(sqlite3_stmt *statement, int place,
                         struct slice slice);
/* Valid until the next step; NULL is empty. */
struct slice database_text(sqlite3_stmt *statement, int column);
struct slice database_blob(sqlite3_stmt *statement, int column);

/* BEGIN IMMEDIATE; whoever else writes is waited for. */
bool database_begin(sqlite3 *db, struct err *err);
bool database_commit(sqlite3 *db, struct err *err);
void database_rollback(sqlite3 *db);

#endif
