/*
 * The tables, and how those of an older version become those of this one.
 * Times are microseconds, dates milliseconds since 1970 in UTC, states the
 * numbers of enum state (they are never given out anew).
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <sqlite3.h>

#include "util/err.h"

/* PRAGMA user_version of what this mule writes. */
#define SCHEMA_VERSION 1
/* PRAGMA application_id: "mule" in ASCII. */
#define SCHEMA_APPLICATION 0x6d756c65

/*
 * Brings an empty or older database up to date, each version in one
 * transaction. ERR_CONFIG when it is newer, or not ours.
 */
bool schema_migrate(sqlite3 *db, struct err *err);

/* The same without changing anything: an older one is fine, if not empty. */
bool schema_check(sqlite3 *db, struct err *err);

/* The steps, for tests: script `version` makes that version of the one before.
 */
const char *schema_script(int version);

#endif
