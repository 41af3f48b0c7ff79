#include "store/travel.h"

#include "store/builds.h"
#include "store/database.h"
#include "store/draft.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is known of a suite on both sides. */
struct side {
    int64_t suite; // in the file
    struct suite_key key;
    struct memory *from; // names by number
    struct memory *into;
    int64_t newest_ms; // of the builds that the store had of it
};

struct import {
    struct store *from;
    struct store *into;
    struct travelled *travelled;
    ARRAY(struct side) sides;
    bool recordings; // the file has a table of them
};

// ----------------------------------------------------------------- suites

static bool
read_key(struct import *import, struct side *side, struct err *err)
{
    sqlite3_stmt *statement = database_prepare(
        store_database(import->from),
        "SELECT folder, words FROM suites WHERE number = ?1", err);
    bool row = false;
    if (statement == NULL) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, side->suite);
    bool fine = database_step(statement, &row, err);
    if (fine && row) {
        side->key.folder = slice_dup(database_text(statement, 0));
        side->key.words = slice_dup(database_text(statement, 1));
    } else if (fine) {
        fine = err_set(err, ERR_PROTOCOL, "a build is of no suite");
    }
    sqlite3_finalize(statement);
    return fine;
}

static bool
on_newest(void *ctx, const struct build_entry *entry)
{
    struct side *side = ctx;
    side->newest_ms = entry->began_ms;
    return false;
}

static bool
load_side(struct import *import, struct side *side, struct err *err)
{
    int64_t suite = 0;
    return read_key(import, side, err) &&
           memory_load(side->from, import->from, side->suite, err) &&
           store_find_suite(import->into, &side->key, &suite, err) &&
           memory_load(side->into, import->into, suite, err) &&
           (suite == 0 ||
            builds_read(import->into, suite, 1, on_newest, side, err));
}

/* NULL with err. Valid until another one is added. */
static struct side *
find_side(struct import *import, int64_t suite, struct err *err)
{
    for (size_t i = 0; i < import->sides.count; i++) {
        if (import->sides.items[i].suite == suite) {
            return &import->sides.items[i];
        }
    }
    ARRAY_ADD_ZERO(&import->sides);
    struct side *side = &ARRAY_LAST(&import->sides);
    side->suite = suite;
    side->from = memory_new();
    side->into = memory_new();
    side->newest_ms = INT64_MIN;
    return load_side(import, side, err) ? side : NULL;
}

// ---------------------------------------------------------------- results

/* Rows of tests that nobody ran for a year are gone: so is their name. */
static struct slice
name_of(const struct memory *memory, enum memory_kind kind, int64_t number)
{
    uint32_t place = memory_find_number(memory, kind, number);
    return place != MEMORY_NONE ? memory_name(memory, kind, place)
                                : (struct slice){NULL, 0};
}

static void
add_test(struct draft *draft, const struct side *side,
         const struct result *result)
{
    struct slice id = name_of(side->from, MEMORY_TESTS, result->test);
    struct slice job = name_of(side->from, MEMORY_JOBS, result->job);
    if (id.len > 0) {
        draft_add_test(draft, id, job, result);
    }
}

/* Tests before the job that they ended in, as it was when they ran. */
static bool
add_results(struct import *import, const struct side *side, int64_t build,
            struct draft *draft, struct err *err)
{
    struct results *results = results_open(import->from, build, err);
    struct result result;
    struct result_job job;
    bool test = results != NULL && results_next(results, 0, &result, err);
    while (results != NULL && !err_is_set(err) &&
           results_next_job(results, &job, err)) {
        while (test && result.began_us + result.us <= job.began_us + job.us) {
            add_test(draft, side, &result);
            test = results_next(results, 0, &result, err);
        }
        struct slice name = name_of(side->from, MEMORY_JOBS, job.job);
        if (name.len > 0) {
            draft_add_job(draft, name, &job);
        }
    }
    while (test && !err_is_set(err)) {
        add_test(draft, side, &result);
        test = results_next(results, 0, &result, err);
    }
    results_free(results);
    return !err_is_set(err);
}

// ----------------------------------------------------------------- builds

static const char build_query[] =
    "SELECT number, suite, id, parent, version, hostname, cwd, command,"
    " isolation, hash_seed, python, ordering, seed, shard, selection,"
    " durations, recording, asked, whole, began_ms, us, slots, jobs, excluded,"
    " stop, exit_status, selected, passed, failed, error, skipped, xfailed,"
    " xpassed, timeout, crashed, lost, not_run, flaky, quarantined, retried,"
    " user_us, system_us, maxrss_kib FROM builds ORDER BY began_ms, number";

static uint64_t
column_positive(sqlite3_stmt *statement, int column)
{
    int64_t number = sqlite3_column_int64(statement, column);
    return number > 0 ? (uint64_t)number : 0;
}

static uint32_t
column_count(sqlite3_stmt *statement, int column)
{
    uint64_t number = column_positive(statement, column);
    return number < UINT32_MAX ? (uint32_t)number : 0;
}

static void
read_tally(sqlite3_stmt *statement, struct tally *tally)
{
    tally->selected = column_count(statement, 26);
    for (int state = STATE_PASSED; state < STATE_COUNT; state++) {
        tally->states[state] =
            column_count(statement, 27 + state - STATE_PASSED);
    }
    tally->flaky = column_count(statement, 37);
    tally->quarantined = column_count(statement, 38);
    tally->retried = column_count(statement, 39);
}

/* Texts live until the next step. */
static void
read_row(sqlite3_stmt *statement, struct build_row *row)
{
    const char **const texts[] = {
        &row->id,        &row->parent,    &row->version,   &row->hostname,
        &row->cwd,       &row->command,   &row->isolation, &row->hash_seed,
        &row->python,    &row->order,     &row->seed,      &row->shard,
        &row->selection, &row->durations, &row->recording, &row->asked,
    };
    *row = (struct build_row){0};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = (const char *)sqlite3_column_text(statement, (int)i + 2);
    }
    row->whole = sqlite3_column_int(statement, 18) != 0;
    row->began_ms = sqlite3_column_int64(statement, 19);
    row->us = column_positive(statement, 20);
    row->slots = (int)(column_count(statement, 21) & INT32_MAX);
    row->jobs = column_count(statement, 22);
    row->excluded = column_count(statement, 23);
    row->stop =
        stop_reason_find((const char *)sqlite3_column_text(statement, 24));
    row->exit_status = sqlite3_column_int(statement, 25);
    read_tally(statement, &row->tally);
    row->usage.user_us = column_positive(statement, 40);
    row->usage.system_us = column_positive(statement, 41);
    row->usage.maxrss_kib = column_positive(statement, 42);
}

static bool
write_file(const char *path, struct slice bytes, struct err *err)
{
    struct path_writer writer = {0};
    if (!path_writer_open(&writer, path, err)) {
        return false;
    }
    if (fwrite(bytes.data, 1, bytes.len, writer.file) != bytes.len) {
        path_writer_abort(&writer);
        return err_set(err, ERR_SYSTEM, "%s could not be written", path);
    }
    return path_writer_commit(&writer, err);
}

/* A name from elsewhere must not lead out of the folder. */
static bool
is_plain_name(const char *name)
{
    return name[0] != '.' && strchr(name, '/') == NULL &&
           slice_ends_with(slice_of(name), SLICE(STORE_RECORDING_END));
}

static bool
copy_recording(struct import *import, const char *name, struct err *err)
{
    if (!import->recordings || name == NULL || !is_plain_name(name)) {
        return true;
    }
    sqlite3_stmt *statement =
        database_prepare(store_database(import->from),
                         "SELECT data FROM recordings WHERE name = ?1", err);
    if (statement == NULL) {
        return false;
    }
    bool row = false;
    database_bind_text(statement, 1, name);
    bool fine = database_step(statement, &row, err);
    if (fine && row) {
        char *folder = store_recordings(store_folder(import->into));
        char *path = path_join(folder, name);
        fine = path_make_folders(folder, 0777, err);
        if (fine && !path_is_file(path)) {
            fine = write_file(path, database_blob(statement, 0), err);
            import->travelled->recordings += fine;
        }
        free(path);
        free(folder);
    }
    sqlite3_finalize(statement);
    return fine;
}

static bool
import_build(struct import *import, sqlite3_stmt *statement, struct err *err)
{
    struct build_row row;
    bool has = false;
    read_row(statement, &row);
    if (row.id == NULL || row.id[0] == '\0') {
        return err_set(err, ERR_PROTOCOL, "a build has no id");
    }
    if (!builds_has(import->into, row.id, row.began_ms, &has, err)) {
        return false;
    }
    if (has) {
        import->travelled->known++;
        return copy_recording(import, row.recording, err);
    }
    struct side *side =
        find_side(import, sqlite3_column_int64(statement, 1), err);
    if (side == NULL || !copy_recording(import, row.recording, err)) {
        return false;
    }
    struct draft *draft = draft_new(side->into);
    struct draft_params params = {
        .suite = &side->key,
        .row = &row,
        .learn = row.began_ms > side->newest_ms,
        .once = true,
    };
    int64_t number = 0;
    bool fine = add_results(import, side, sqlite3_column_int64(statement, 0),
                            draft, err) &&
                draft_store(draft, import->into, &params, &number, err);
    draft_free(draft);
    if (fine && number != 0) {
        import->travelled->builds++;
    } else if (fine) {
        import->travelled->known++;
    }
    return fine;
}

/*
 * Where --failed looks: what was asked for there and here, or, where that is
 * not the same, all. Programs are named by whoever runs them.
 */
static bool
take_scopes(struct import *import, struct err *err)
{
    sqlite3_stmt *from =
        database_prepare(store_database(import->from),
                         "SELECT folder, words, scope FROM suites", err);
    sqlite3_stmt *into =
        from == NULL
            ? NULL
            : database_prepare(store_database(import->into),
                               "UPDATE suites SET scope ="
                               " CASE WHEN scope IS NULL THEN ?3 ELSE '{}' END"
                               " WHERE folder = ?1 AND words = ?2 AND"
                               " (scope IS NULL OR scope <> ?3 AND"
                               "  instr(scope, '\"programs\"') = 0)",
                               err);
    bool fine = into != NULL;
    bool row = fine;
    while (fine && row) {
        fine = database_step(from, &row, err);
        if (fine && row) {
            database_bind_slice(into, 1, database_text(from, 0));
            database_bind_slice(into, 2, database_text(from, 1));
            database_bind_slice(into, 3, database_text(from, 2));
            fine = database_do(into, err);
        }
    }
    sqlite3_finalize(into);
    sqlite3_finalize(from);
    return fine;
}

static bool
import_builds(struct import *import, struct err *err)
{
    int64_t tables = 0;
    sqlite3 *db = store_database(import->from);
    if (!database_number(
            db, "SELECT count(*) FROM sqlite_master WHERE name = 'recordings'",
            0, &tables, err)) {
        return false;
    }
    import->recordings = tables > 0;
    sqlite3_stmt *statement = database_prepare(db, build_query, err);
    bool fine = statement != NULL;
    bool row = fine;
    while (fine && row) {
        fine = database_step(statement, &row, err);
        if (fine && row) {
            fine = import_build(import, statement, err);
        }
    }
    sqlite3_finalize(statement);
    return fine && take_scopes(import, err);
}

// ----------------------------------------------------------- from outside

/* The file under the name that a store has, in a folder of its own. */
static struct store *
open_file(const char *folder, const char *path, struct err *err)
{
    char *whole = path_absolute(path, err);
    char *link = path_join(folder, STORE_DATABASE);
    struct store *store = NULL;
    if (whole != NULL && !path_is_file(whole)) {
        err_set(err, ERR_USAGE, "there is no such file");
    } else if (whole != NULL && symlink(whole, link) != 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "make %s", link);
    } else if (whole != NULL) {
        store = store_open(folder, STORE_READS, err);
    }
    free(whole);
    free(link);
    return store;
}

static void
release_sides(struct import *import)
{
    for (size_t i = 0; i < import->sides.count; i++) {
        memory_free(import->sides.items[i].from);
        memory_free(import->sides.items[i].into);
        suite_key_release(&import->sides.items[i].key);
    }
    ARRAY_RELEASE(&import->sides);
}

bool
travel_import(struct store *store, const char *path,
              struct travelled *travelled, struct err *err)
{
    struct import import = {.into = store, .travelled = travelled};
    char *folder = path_make_private("mule-import-", 4096, err);
    if (folder == NULL) {
        return false;
    }
    import.from = open_file(folder, path, err);
    bool fine = import.from != NULL && import_builds(&import, err);
    release_sides(&import);
    store_close(import.from);
    struct err removing = {0};
    path_remove_tree(folder, &removing);
    free(folder);
    if (!fine) {
        err->hint = NULL; // those of a store do not fit
        err->advice[0] = '\0';
        err_hint(err, "it takes files that `mule history export` wrote");
        err_wrap(err, "importing %s", path);
    }
    return fine;
}
