#include "store/prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/database.h"
#include "store/forget.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/path.h"

// A build, or a recording without one.
struct kept {
    int64_t number; // 0: no build
    int64_t suite;
    char *id;
    char *parent;    // or NULL
    char *recording; // name of its file, or NULL
    int64_t date_ms;
    uint64_t bytes; // with its recording
    uint64_t file_bytes;
    bool whole;
    bool stays; // must not go
    bool goes;
};

struct pruning {
    struct store *store;
    sqlite3 *db;
    char *recordings; // the folder
    ARRAY(struct kept) kept;
};

enum {
    VACUUM_PAGES = 2000, // at a time, when nobody asked for more
};

static void
release(struct pruning *pruning)
{
    for (size_t i = 0; i < pruning->kept.count; i++) {
        free(pruning->kept.items[i].id);
        free(pruning->kept.items[i].parent);
        free(pruning->kept.items[i].recording);
    }
    ARRAY_RELEASE(&pruning->kept);
    free(pruning->recordings);
}

// ----------------------------------------------------------- what there is

static uint64_t
recording_size(const struct pruning *pruning, const char *name)
{
    struct stat status;
    char *path = path_join(pruning->recordings, name);
    bool there = lstat(path, &status) == 0 && S_ISREG(status.st_mode);

    free(path);
    return there ? (uint64_t)status.st_size : 0;
}

/* Who writes a recording holds its lock. */
static bool
is_being_written(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool locked = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0;

    if (file >= 0) {
        close(file);
    }
    return locked;
}

static char *
column_text(sqlite3_stmt *rows, int column)
{
    struct slice text = database_text(rows, column);

    return text.data != NULL ? slice_dup(text) : NULL;
}

static void
take_build(struct pruning *pruning, sqlite3_stmt *rows)
{
    struct kept kept = {
        .number = sqlite3_column_int64(rows, 0),
        .suite = sqlite3_column_int64(rows, 1),
        .id = column_text(rows, 2),
        .parent = column_text(rows, 3),
        .recording = column_text(rows, 4),
        .date_ms = sqlite3_column_int64(rows, 5),
        .whole = sqlite3_column_int(rows, 6) != 0,
        .bytes = (uint64_t)sqlite3_column_int64(rows, 7),
    };

    // A name, not a path: what the database says opens no other file.
    if (kept.recording != NULL && strchr(kept.recording, '/') != NULL) {
        free(kept.recording);
        kept.recording = NULL;
    }
    if (kept.recording != NULL) {
        kept.file_bytes = recording_size(pruning, kept.recording);
        kept.bytes += kept.file_bytes;
    }
    ARRAY_ADD(&pruning->kept, kept);
}

static bool
list_builds(struct pruning *pruning, struct err *err)
{
    bool row = false;
    sqlite3_stmt *rows = database_prepare(
        pruning->db,
        "SELECT number, suite, id, parent, recording, began_ms, whole,"
        " (SELECT total(length(data)) FROM parts WHERE build = builds.number)"
        " FROM builds ORDER BY number",
        err);
    bool fine = rows != NULL && database_step(rows, &row, err);

    while (fine && row) {
        take_build(pruning, rows);
        fine = database_step(rows, &row, err);
    }
    sqlite3_finalize(rows);
    return fine;
}

static bool
is_known(const struct pruning *pruning, const char *name, size_t builds)
{
    for (size_t i = 0; i < builds; i++) {
        const char *recording = pruning->kept.items[i].recording;
        if (recording != NULL && strcmp(recording, name) == 0) {
            return true;
        }
    }
    return false;
}

static void
take_file(struct pruning *pruning, const char *name, size_t builds)
{
    struct stat status;
    char *path = path_join(pruning->recordings, name);

    // The name is looked at first: most are known, and cost no system call.
    if (slice_ends_with(slice_of(name), SLICE(STORE_RECORDING_END)) &&
        !is_known(pruning, name, builds) && lstat(path, &status) == 0 &&
        S_ISREG(status.st_mode)) {
        struct kept kept = {
            .recording = alloc_dup(name),
            .date_ms = (int64_t)status.st_mtim.tv_sec * 1000,
            .bytes = (uint64_t)status.st_size,
            .file_bytes = (uint64_t)status.st_size,
            .stays = is_being_written(path),
        };
        ARRAY_ADD(&pruning->kept, kept);
    }
    free(path);
}

/* What no build knows. A folder that is not there has none. */
static void
list_files(struct pruning *pruning)
{
    size_t builds = pruning->kept.count;
    DIR *folder = opendir(pruning->recordings);
    const struct dirent *entry = NULL;

    // One thread, one folder.
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        take_file(pruning, entry->d_name, builds);
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static bool
database_size(sqlite3 *db, uint64_t *bytes, struct err *err)
{
    int64_t pages = 0;
    int64_t unused = 0;
    int64_t size = 0;

    if (!database_number(db, "PRAGMA page_count", 0, &pages, err) ||
        !database_number(db, "PRAGMA freelist_count", 0, &unused, err) ||
        !database_number(db, "PRAGMA page_size", 0, &size, err)) {
        return false;
    }
    *bytes = (uint64_t)((pages - unused) * size);
    return true;
}

/* The database and what recordings stay. */
static bool
measure(const struct pruning *pruning, uint64_t *bytes, struct err *err)
{
    if (!database_size(pruning->db, bytes, err)) {
        return false;
    }
    for (size_t i = 0; i < pruning->kept.count; i++) {
        const struct kept *kept = &pruning->kept.items[i];
        *bytes += kept->goes ? 0 : kept->file_bytes;
    }
    return true;
}

static bool
look_around(struct pruning *pruning, uint64_t *bytes, struct err *err)
{
    if (!list_builds(pruning, err)) {
        return false;
    }
    list_files(pruning);
    return measure(pruning, bytes, err);
}

// -------------------------------------------------------------- what is to go

/* A clock that jumped ahead makes no build younger than those after it. */
static void
straighten_dates(struct pruning *pruning)
{
    int64_t next = INT64_MAX;

    for (size_t i = pruning->kept.count; i > 0; i--) {
        struct kept *kept = &pruning->kept.items[i - 1];
        if (kept->number > 0) {
            kept->date_ms = kept->date_ms < next ? kept->date_ms : next;
            next = kept->date_ms;
        }
    }
}

/* The build that was there under that id before. */
static struct kept *
find_parent(struct pruning *pruning, const struct kept *child)
{
    struct kept *found = NULL;

    for (size_t i = 0; child->parent != NULL && i < pruning->kept.count; i++) {
        struct kept *kept = &pruning->kept.items[i];
        if (kept->number > 0 && kept->number < child->number &&
            kept->suite == child->suite && kept->id != NULL &&
            strcmp(kept->id, child->parent) == 0) {
            found = kept;
        }
    }
    return found;
}

static bool
is_newest(const struct pruning *pruning, const struct kept *kept, bool whole)
{
    for (size_t i = 0; i < pruning->kept.count; i++) {
        const struct kept *other = &pruning->kept.items[i];
        if (other->number > kept->number && other->suite == kept->suite &&
            (other->whole || !whole)) {
            return false;
        }
    }
    return true;
}

static void
mark_what_stays(struct pruning *pruning)
{
    for (size_t i = 0; i < pruning->kept.count; i++) {
        struct kept *kept = &pruning->kept.items[i];
        if (kept->number > 0 && kept->whole && is_newest(pruning, kept, true)) {
            kept->stays = true;
        }
        if (kept->number == 0 || !is_newest(pruning, kept, false)) {
            continue;
        }
        // A chain is as long as the number of builds, as they go down.
        while (kept != NULL) {
            kept->stays = true;
            kept = find_parent(pruning, kept);
        }
    }
}

static int
compare_age(const void *left, const void *right)
{
    const struct kept *a = left;
    const struct kept *b = right;

    if (a->date_ms != b->date_ms) {
        return a->date_ms < b->date_ms ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool
choose(struct pruning *pruning, const struct bounds *bounds, uint64_t bytes)
{
    size_t count = pruning->kept.count;
    bool any = false;

    if (count == 0) {
        return false;
    }
    straighten_dates(pruning);
    mark_what_stays(pruning);
    qsort(pruning->kept.items, count, sizeof(struct kept), compare_age);
    for (size_t i = 0; i < pruning->kept.count; i++) {
        struct kept *kept = &pruning->kept.items[i];
        bool many = bounds->builds > 0 && count > bounds->builds;
        bool large = bounds->bytes > 0 && bytes > bounds->bytes;
        if (kept->stays || !(many || large)) {
            continue;
        }
        kept->goes = true;
        any = true;
        count--;
        bytes -= kept->bytes < bytes ? kept->bytes : bytes;
    }
    return any;
}

// ----------------------------------------------------------------- it goes

static bool
delete_builds(struct pruning *pruning, struct err *err)
{
    static const char *const sql[] = {"DELETE FROM parts WHERE build = ?1",
                                      "DELETE FROM builds WHERE number = ?1"};
    bool fine = database_begin(pruning->db, err);

    for (size_t step = 0; fine && step < 2; step++) {
        sqlite3_stmt *statement = database_prepare(pruning->db, sql[step], err);
        fine = statement != NULL;
        for (size_t i = 0; fine && i < pruning->kept.count; i++) {
            const struct kept *kept = &pruning->kept.items[i];
            if (kept->goes && kept->number > 0) {
                sqlite3_bind_int64(statement, 1, kept->number);
                fine = database_do(statement, err);
            }
        }
        sqlite3_finalize(statement);
    }
    fine = fine && database_commit(pruning->db, err);
    if (!fine) {
        database_rollback(pruning->db);
    }
    return fine;
}

/* After the commit: a build without its recording is better than the reverse.
 */
static bool
delete_files(struct pruning *pruning, struct pruned *pruned, struct err *err)
{
    for (size_t i = 0; i < pruning->kept.count; i++) {
        const struct kept *kept = &pruning->kept.items[i];
        if (!kept->goes) {
            continue;
        }
        pruned->builds += kept->number > 0 ? 1 : 0;
        if (kept->recording == NULL) {
            continue;
        }
        char *path = path_join(pruning->recordings, kept->recording);
        if (unlink(path) == 0) {
            pruned->recordings++;
        } else if (errno != ENOENT && !err_is_set(err)) {
            err_set_errno(err, ERR_SYSTEM, errno, "remove %s", path);
            err_hint(err, "remove it by hand");
        }
        free(path);
    }
    return !err_is_set(err);
}

/* Free pages go back to the file system: few at a time, unless asked. */
static bool
give_back(sqlite3 *db, bool all, struct err *err)
{
    char sql[64];

    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA incremental_vacuum(%d)",
                     all ? 0 : VACUUM_PAGES);
    return database_run(db, sql, err);
}

static bool
carry_out(struct pruning *pruning, const struct bounds *bounds,
          struct pruned *pruned, struct err *err)
{
    uint64_t bytes = 0;

    if (!look_around(pruning, &bytes, err)) {
        return false;
    }
    pruned->size = bytes;
    bool any = choose(pruning, bounds, bytes);
    if (any &&
        (!delete_builds(pruning, err) || !delete_files(pruning, pruned, err))) {
        return false;
    }
    if (bounds->thorough &&
        !forget_tests(pruning->store, &pruned->tests, err)) {
        return false;
    }
    if (!any && !bounds->thorough) {
        return true;
    }
    if (!give_back(pruning->db, bounds->thorough, err) ||
        !measure(pruning, &pruned->size, err)) {
        return false;
    }
    pruned->bytes = pruned->size < bytes ? bytes - pruned->size : 0;
    return true;
}

bool
prune(struct store *store, const struct bounds *bounds, struct pruned *pruned,
      struct err *err)
{
    struct pruning pruning = {
        .store = store,
        .db = store_database(store),
        .recordings = store_recordings(store_folder(store)),
    };

    *pruned = (struct pruned){0};
    bool fine = carry_out(&pruning, bounds, pruned, err);
    if (!fine) {
        err_wrap(err, "keeping %s small", store_folder(store));
    }
    release(&pruning);
    return fine;
}

bool
prune_measure(struct store *store, uint64_t *bytes, struct err *err)
{
    struct pruning pruning = {
        .store = store,
        .db = store_database(store),
        .recordings = store_recordings(store_folder(store)),
    };
    bool fine = look_around(&pruning, bytes, err);

    release(&pruning);
    return fine;
}
