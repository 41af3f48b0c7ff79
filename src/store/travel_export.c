#include "store/travel.h"

#include "store/database.h"
#include "util/alloc.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// SQLite takes no larger blob.
#define RECORDING_BYTES_MAX ((off_t)900 << 20)

/* The copy has no free pages and needs no other file beside it. */
static bool
copy_database(struct store *store, const char *path, struct err *err)
{
    sqlite3 *db = store_database(store);
    sqlite3_stmt *copy = database_prepare(db, "VACUUM INTO ?1", err);
    if (copy == NULL) {
        return false;
    }
    database_bind_text(copy, 1, path);
    // A store that is only read refuses to write anywhere, else.
    bool fine = database_run(db, "PRAGMA query_only = 0", err) &&
                database_do(copy, err) &&
                database_run(db, "PRAGMA query_only = 1", err);
    sqlite3_finalize(copy);
    return fine;
}

/* The bytes of a file that is there and of a size; NULL: it is not. */
static char *
read_whole(const char *path, size_t *len)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size > RECORDING_BYTES_MAX) {
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    char *bytes = alloc_bytes((size_t)status.st_size);
    size_t done = 0;
    ssize_t got = 1;
    while (done < (size_t)status.st_size && got > 0) {
        got = read(fd, bytes + done, (size_t)status.st_size - done);
        done += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    *len = done;
    return bytes;
}

static bool
add_recording(sqlite3_stmt *add, const char *folder, struct slice name,
              struct travelled *travelled, struct err *err)
{
    char *text = slice_dup(name);
    char *path = path_join(folder, path_base(text));
    size_t len = 0;
    char *bytes = read_whole(path, &len);
    bool fine = true;
    if (bytes != NULL) {
        database_bind_slice(add, 1, name);
        sqlite3_bind_blob64(add, 2, bytes, len, SQLITE_STATIC);
        fine = database_do(add, err);
        travelled->recordings++;
    }
    free(bytes);
    free(path);
    free(text);
    return fine;
}

static bool
add_all(struct store *store, sqlite3 *copy, struct travelled *travelled,
        struct err *err)
{
    char *folder = store_recordings(store_folder(store));
    sqlite3_stmt *names = database_prepare(
        copy, "SELECT DISTINCT recording FROM builds WHERE recording > ''",
        err);
    sqlite3_stmt *add =
        names == NULL
            ? NULL
            : database_prepare(
                  copy, "INSERT INTO recordings (name, data) VALUES (?1, ?2)",
                  err);
    bool fine = add != NULL;
    bool row = fine;
    while (fine && row) {
        fine = database_step(names, &row, err);
        if (fine && row) {
            fine = add_recording(add, folder, database_text(names, 0),
                                 travelled, err);
        }
    }
    sqlite3_finalize(add);
    sqlite3_finalize(names);
    free(folder);
    return fine;
}

static bool
count(sqlite3 *copy, struct travelled *travelled, struct err *err)
{
    int64_t builds = 0;
    bool fine =
        database_number(copy, "SELECT count(*) FROM builds", 0, &builds, err);
    travelled->builds = (uint32_t)builds;
    return fine;
}

/* What the copy has beside the tables of the store. */
static bool
complete(struct store *store, const char *path, bool recordings,
         struct travelled *travelled, struct err *err)
{
    sqlite3 *copy = NULL;
    bool fine = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE, NULL) ==
                    SQLITE_OK ||
                database_fail(copy, "open the copy", err);
    fine = fine && database_run(copy, "PRAGMA journal_mode = DELETE", err) &&
           database_run(copy,
                        "CREATE TABLE IF NOT EXISTS recordings"
                        " (name TEXT PRIMARY KEY, data BLOB NOT NULL)",
                        err);
    if (fine && recordings) {
        fine = database_begin(copy, err) &&
               add_all(store, copy, travelled, err) &&
               database_commit(copy, err);
    }
    fine = fine && count(copy, travelled, err);
    sqlite3_close_v2(copy);
    return fine;
}

/* So that a place that cannot be written to is told from a store. */
static bool
try_file(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_set_errno(err, ERR_SYSTEM, errno, "make %s", path);
    }
    close(fd);
    return true;
}

/* Where the file goes in the end, owned; NULL: it cannot go there. */
static char *
find_place(struct store *store, const char *path, struct err *err)
{
    struct stat there;
    struct stat own;
    if (stat(path, &there) != 0) {
        return alloc_dup(path);
    }
    if (!S_ISREG(there.st_mode)) {
        err_set(err, ERR_USAGE, "%s is no file", path);
        err_hint(err, "give the name of a file to make or to replace");
        return NULL;
    }
    const char *database = sqlite3_db_filename(store_database(store), NULL);
    if (stat(database, &own) == 0 && own.st_dev == there.st_dev &&
        own.st_ino == there.st_ino) {
        err_set(err, ERR_USAGE, "%s is the store itself", path);
        return NULL;
    }
    char *place = realpath(path, NULL);
    return place != NULL ? place : alloc_dup(path);
}

static bool
write_place(struct store *store, const char *path, bool recordings,
            struct travelled *travelled, struct err *err)
{
    struct stat status;
    char *part = alloc_printf("%s.part-%ld", path, (long)getpid());
    unlink(part);
    bool fine = try_file(part, err) && copy_database(store, part, err) &&
                complete(store, part, recordings, travelled, err);
    if (fine && rename(part, path) != 0) {
        fine = err_set_errno(err, ERR_SYSTEM, errno, "rename %s", part);
    }
    if (fine && stat(path, &status) == 0) {
        travelled->bytes = (uint64_t)status.st_size;
    }
    if (!fine) {
        unlink(part);
    }
    free(part);
    return fine;
}

bool
travel_export(struct store *store, const char *path, bool recordings,
              struct travelled *travelled, struct err *err)
{
    char *place = find_place(store, path, err);
    bool fine =
        place != NULL && write_place(store, place, recordings, travelled, err);
    free(place);
    return fine || err_wrap(err, "exporting to %s", path);
}
