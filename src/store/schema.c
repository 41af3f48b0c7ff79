#include "store/schema.h"

#include <assert.h>
#include <stdint.h>

#include "store/database.h"

// Numbers of tests and jobs lie in the range of their suite: suite_range.h.
// The highest number of a suite is never taken away, so that none is given
// out twice.
static const char version_1[] =
    "CREATE TABLE suites ("
    "  number INTEGER PRIMARY KEY,"
    "  folder TEXT NOT NULL,"
    "  words TEXT NOT NULL,"
    "  scope TEXT," // what was asked for where something is to pass, as JSON
    "  UNIQUE (folder, words));"
    // What is known of each test that was seen within a year.
    "CREATE TABLE tests ("
    "  number INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  us INTEGER NOT NULL DEFAULT 0,"    // expected
    "  basis INTEGER NOT NULL DEFAULT 0," // what that rests on: enum basis
    "  state INTEGER NOT NULL DEFAULT 0," // how it ended last
    "  runs INTEGER NOT NULL DEFAULT 0,"  // builds in which it ran
    "  bad INTEGER NOT NULL DEFAULT 0,"   // of these: it ended badly
    "  flaky INTEGER NOT NULL DEFAULT 0," // of these: it passed after that
    "  added_ms INTEGER NOT NULL,"
    "  seen_ms INTEGER NOT NULL);"
    "CREATE TABLE jobs ("
    "  number INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL,"
    "  us INTEGER NOT NULL DEFAULT 0," // expected, beside its tests
    "  basis INTEGER NOT NULL DEFAULT 0,"
    "  seen_ms INTEGER NOT NULL);"
    "CREATE TABLE builds ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  suite INTEGER NOT NULL REFERENCES suites,"
    "  id TEXT NOT NULL," // --id may have given it to several
    "  parent TEXT,"      // id of the build whose rest this one ran
    "  began_ms INTEGER NOT NULL,"
    "  us INTEGER NOT NULL,"
    "  version TEXT, hostname TEXT, cwd TEXT, command TEXT, isolation TEXT,"
    "  hash_seed TEXT, python TEXT,"
    "  ordering TEXT, seed TEXT, shard TEXT, selection TEXT, durations TEXT,"
    "  recording TEXT," // its file in recordings/
    "  asked TEXT,"     // what was to run, as JSON
    "  whole INTEGER NOT NULL,"
    "  slots INTEGER NOT NULL,"
    "  jobs INTEGER NOT NULL,"
    "  excluded INTEGER NOT NULL,"
    "  stop TEXT,"
    "  exit_status INTEGER NOT NULL,"
    "  selected INTEGER NOT NULL,"
    "  passed INTEGER NOT NULL, failed INTEGER NOT NULL,"
    "  error INTEGER NOT NULL, skipped INTEGER NOT NULL,"
    "  xfailed INTEGER NOT NULL, xpassed INTEGER NOT NULL,"
    "  timeout INTEGER NOT NULL, crashed INTEGER NOT NULL,"
    "  lost INTEGER NOT NULL, not_run INTEGER NOT NULL,"
    "  flaky INTEGER NOT NULL, quarantined INTEGER NOT NULL,"
    "  retried INTEGER NOT NULL,"
    "  user_us INTEGER NOT NULL, system_us INTEGER NOT NULL,"
    "  maxrss_kib INTEGER NOT NULL);"
    "CREATE INDEX builds_suite ON builds (suite, number);"
    // What each test and job did, packed: results_codec.h.
    "CREATE TABLE parts ("
    "  number INTEGER PRIMARY KEY,"
    "  build INTEGER NOT NULL REFERENCES builds,"
    "  kind INTEGER NOT NULL,"
    "  data BLOB NOT NULL);"
    "CREATE INDEX parts_build ON parts (build);"
    // What is to pass until a suite is clean, and since which build.
    "CREATE TABLE outstanding ("
    "  test INTEGER PRIMARY KEY,"
    "  since INTEGER NOT NULL," // builds.number
    "  job INTEGER);";          // jobs.number

static const char *const scripts[] = {
    [1] = version_1,
};

_Static_assert(sizeof(scripts) / sizeof(scripts[0]) == SCHEMA_VERSION + 1,
               "a script for each version");

const char *
schema_script(int version)
{
    assert(version > 0 && version <= SCHEMA_VERSION);
    return scripts[version];
}

/* False with err where the file is not what we think it is. */
static bool
examine(sqlite3 *db, int64_t *version, struct err *err)
{
    int64_t application = 0;
    int64_t tables = 0;

    if (!database_number(db, "PRAGMA user_version", 0, version, err) ||
        !database_number(db, "PRAGMA application_id", 0, &application, err) ||
        !database_number(db, "SELECT count(*) FROM sqlite_master", 0, &tables,
                         err)) {
        return false;
    }
    if (tables == 0 && *version == 0) {
        return true; // a new one
    }
    if (application != SCHEMA_APPLICATION || *version < 1) {
        err_set(err, ERR_CONFIG, "it is a database of another program");
        return err_hint(err, "name another folder with --store, or --no-store");
    }
    if (*version > SCHEMA_VERSION) {
        err_set(err, ERR_CONFIG,
                "it was written by a newer mule (its version is %lld, this "
                "mule knows %d)",
                (long long)*version, SCHEMA_VERSION);
        return err_hint(err, "update mule, name another folder with --store, "
                             "or do without: --no-store");
    }
    return true;
}

static bool
upgrade(sqlite3 *db, int64_t version, struct err *err)
{
    char pragmas[96];

    sqlite3_snprintf(sizeof(pragmas), pragmas,
                     "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                     SCHEMA_APPLICATION, (int)version);
    return database_run(db, scripts[version], err) &&
           database_run(db, pragmas, err);
}

bool
schema_migrate(sqlite3 *db, struct err *err)
{
    int64_t version = 0;

    if (!examine(db, &version, err)) {
        return false;
    }
    while (version < SCHEMA_VERSION) {
        // Another mule may have done it while this one waited.
        bool fine = database_begin(db, err) && examine(db, &version, err);
        if (fine && version < SCHEMA_VERSION) {
            fine = upgrade(db, version + 1, err);
        }
        if (!fine || !database_commit(db, err)) {
            database_rollback(db);
            return false;
        }
        version++;
    }
    return true;
}

bool
schema_check(sqlite3 *db, struct err *err)
{
    int64_t version = 0;

    if (!examine(db, &version, err)) {
        return false;
    }
    return version > 0 || err_set(err, ERR_NOTHING, "there is no build yet");
}
