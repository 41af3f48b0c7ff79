#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/database.h"
#include "store/schema.h"
#include "store/site.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"

struct store {
    sqlite3 *db;
    char *folder;
    int lock; // held shared while the database is open; -1: it cannot be had
};

// What is left of the log once it is in the database.
#define LOG_BYTES "4194304"

enum {
    PATH_MAX_BYTES = 16 * 1024,
    WAIT_STEP_MS = 10,
    BROKEN_MAX = 1000, // names that are tried
    CACHE_KIB = 4 * 1024,
    AUTO_VACUUM_INCREMENTAL = 2, // as SQLite numbers them
};

static const char *const parts[] = {"", "-wal", "-shm", "-journal"};

// ---------------------------------------------------------------- the folder

bool
store_make_folder(const char *folder, struct err *err)
{
    static const char text[] = "*\n";

    if (!path_make_folders(folder, 0777, err)) {
        return err_hint(err, "name another folder with --store, or do without: "
                             "--no-store");
    }
    char *path = path_join(folder, ".gitignore");
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool fine = file >= 0 || errno == EEXIST;
    if (file >= 0) {
        fine = write(file, text, sizeof(text) - 1) == sizeof(text) - 1;
        fine = close(file) == 0 && fine;
    }
    if (!fine) {
        err_set_errno(err, ERR_SYSTEM, errno, "make %s", path);
        err_hint(err, "name another folder with --store, or do without: "
                      "--no-store");
    }
    free(path);
    return fine;
}

char *
store_recordings(const char *folder)
{
    return path_join(folder, STORE_RECORDINGS);
}

// ------------------------------------------------------------------ the lock

/* Shared by all who have the database open; alone: by who moves it. */
static int
open_lock(const char *folder, enum store_use use)
{
    char *path = path_join(folder, "lock");
    int flags = use == STORE_WRITES ? O_RDWR | O_CREAT : O_RDONLY;
    int lock = open(path, flags | O_CLOEXEC, 0666);

    free(path);
    return lock;
}

/* Waits with an end: whoever holds it may hang. */
static bool
take_lock(int lock, int how)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};

    for (int waited = 0; waited < STORE_BUSY_MS; waited += WAIT_STEP_MS) {
        if (flock(lock, how | LOCK_NB) == 0) {
            return true;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return false;
        }
        nanosleep(&step, NULL);
    }
    return false;
}

// -------------------------------------------------------------- the database

static char *
database_path(const char *folder, const char *end)
{
    char *path = path_join(folder, STORE_DATABASE);
    char *whole = alloc_printf("%s%s", path, end);

    free(path);
    return whole;
}

static uint64_t
size_of(const char *folder, const char *end)
{
    struct stat status;
    char *path = database_path(folder, end);
    bool there = stat(path, &status) == 0;

    free(path);
    return there ? (uint64_t)status.st_size : 0;
}

/* A name for SQLite, with what it must know of a file that stays as it is. */
static char *
make_uri(const char *path, const char *more)
{
    struct buf uri = BUF_INIT(PATH_MAX_BYTES);

    buf_add_text(&uri, "file:");
    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '%' || *at == '?' || *at == '#') {
            buf_addf(&uri, "%%%02X", (unsigned)(unsigned char)*at);
        } else {
            buf_add_char(&uri, *at);
        }
    }
    buf_add_text(&uri, more);
    return buf_take(&uri);
}

/* Where nothing may be written, only what is there can be looked at. */
static const char *
choose_mode(const char *folder, const char *path, enum store_use use)
{
    if (use == STORE_WRITES ||
        (access(folder, W_OK) == 0 && access(path, W_OK) == 0)) {
        return use == STORE_WRITES ? "?mode=rwc" : "?mode=rw";
    }
    return size_of(folder, "-wal") > 0 ? "?mode=ro" : "?immutable=1";
}

static bool
open_file(struct store *store, enum store_use use, struct err *err)
{
    char *path = database_path(store->folder, "");
    char *uri = make_uri(path, choose_mode(store->folder, path, use));
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;

    if (use == STORE_WRITES) {
        flags |= SQLITE_OPEN_CREATE;
    }
    int code = sqlite3_open_v2(uri, &store->db, flags, NULL);
    free(uri);
    free(path);
    if (store->db == NULL) {
        alloc_failed(0);
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    // The last one who closes would wait for the disk four times. The log goes
    // into the database when it is long enough, a build in many.
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return code == SQLITE_OK ||
           database_fail(store->db, "open the database", err);
}

/*
 * The order matters: how a database gives room back is decided before its
 * first page is written. Where there can be no WAL (a network file system)
 * SQLite stays with a journal.
 */
static bool
set_up_writing(sqlite3 *db, struct err *err)
{
    char cache[64];
    int64_t vacuum = 0;

    // Setting what is set already would write, and wait for the disk.
    if (!database_run(db, "PRAGMA synchronous = NORMAL", err) ||
        !database_number(db, "PRAGMA auto_vacuum", 0, &vacuum, err)) {
        return false;
    }
    sqlite3_snprintf(sizeof(cache), cache, "PRAGMA cache_size = -%d",
                     CACHE_KIB);
    return (vacuum == AUTO_VACUUM_INCREMENTAL ||
            database_run(db, "PRAGMA auto_vacuum = INCREMENTAL", err)) &&
           database_run(db, "PRAGMA journal_mode = WAL", err) &&
           database_run(db, "PRAGMA journal_size_limit = " LOG_BYTES, err) &&
           database_run(db, cache, err) && schema_migrate(db, err);
}

static bool
open_database(struct store *store, enum store_use use, struct err *err)
{
    if (!open_file(store, use, err)) {
        return false;
    }
    if (use == STORE_READS) {
        return database_run(store->db, "PRAGMA query_only = 1", err) &&
               schema_check(store->db, err);
    }
    return set_up_writing(store->db, err);
}

/* A new database is made by one alone. */
static bool
lock_and_open(struct store *store, enum store_use use, struct err *err)
{
    bool is_new = use == STORE_WRITES && size_of(store->folder, "") == 0;

    if (store->lock >= 0 &&
        !take_lock(store->lock, is_new ? LOCK_EX : LOCK_SH)) {
        err_set(err, ERR_SYSTEM, "another program holds its lock");
        return err_hint(err, "let it finish, or do without: --no-store");
    }
    bool fine = open_database(store, use, err);
    if (fine && is_new && store->lock >= 0) {
        flock(store->lock, LOCK_SH);
    }
    return fine;
}

struct store *
store_open(const char *folder, enum store_use use, struct err *err)
{
    if (use == STORE_WRITES && !store_make_folder(folder, err)) {
        err_wrap(err, "the store in %s", folder);
        return NULL;
    }
    if (use == STORE_READS && size_of(folder, "") == 0) {
        err_set(err, ERR_NOTHING, "there is no history in %s", folder);
        err_hint(err, "`mule test` keeps one from its first run on");
        return NULL;
    }
    struct store *store = ALLOC(struct store);
    store->folder = alloc_dup(folder);
    store->lock = open_lock(folder, use);
    if (!lock_and_open(store, use, err)) {
        err_wrap(err, "the store in %s", folder);
        store_close(store);
        return NULL;
    }
    return store;
}

void
store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    sqlite3_close_v2(store->db);
    if (store->lock >= 0) {
        close(store->lock);
    }
    free(store->folder);
    free(store);
}

const char *
store_folder(const struct store *store)
{
    return store->folder;
}

struct sqlite3 *
store_database(const struct store *store)
{
    return store->db;
}

// ------------------------------------------------------------ what is broken

/* True when SQLite, too, finds something wrong in what lies there. */
static bool
is_broken(const char *folder)
{
    struct store store = {.folder = alloc_dup(folder), .lock = -1};
    struct err err = {0};
    sqlite3_stmt *check = NULL;
    bool row = false;
    bool fine = open_file(&store, STORE_READS, &err);

    if (fine) {
        check = database_prepare(store.db, "PRAGMA quick_check(1)", &err);
    }
    fine = check != NULL && database_step(check, &row, &err);
    if (fine && row) {
        fine = slice_equals_text(database_text(check, 0), "ok");
    } else {
        fine = err.kind != ERR_PROTOCOL; // locked, say: that proves nothing
    }
    sqlite3_finalize(check);
    sqlite3_close_v2(store.db);
    free(store.folder);
    return !fine;
}

/* history.db.broken-N that is not there yet; NULL: too many are. */
static char *
choose_name(const char *folder)
{
    for (int i = 1; i <= BROKEN_MAX; i++) {
        char end[32];
        snprintf(end, sizeof(end), ".broken-%d", i);
        char *path = database_path(folder, end);
        if (!path_is_file(path)) {
            return path;
        }
        free(path);
    }
    return NULL;
}

static char *
move_aside(const char *folder, struct err *err)
{
    char *target = choose_name(folder);

    if (target == NULL) {
        err_set(err, ERR_SYSTEM, "too many broken databases lie in %s", folder);
        err_hint(err, "remove history.db.broken-*");
        return NULL;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char *from = database_path(folder, parts[i]);
        char *to = alloc_printf("%s%s", target, parts[i]);
        if (rename(from, to) != 0 && errno != ENOENT && !err_is_set(err)) {
            err_set_errno(err, ERR_SYSTEM, errno, "rename %s", from);
            err_hint(err, "remove it, or do without: --no-store");
        }
        free(from);
        free(to);
    }
    if (err_is_set(err)) {
        free(target);
        return NULL;
    }
    return target;
}

char *
store_heal(const char *folder, struct err *err)
{
    int lock = open_lock(folder, STORE_WRITES);
    char *moved = NULL;

    if (lock < 0) {
        err_set_errno(err, ERR_SYSTEM, errno,
                      "the database in %s is broken, and cannot be moved",
                      folder);
        err_hint(err, "name another folder with --store, or do without: "
                      "--no-store");
        return NULL;
    }
    if (!take_lock(lock, LOCK_EX)) {
        err_set(err, ERR_SYSTEM,
                "the database in %s is broken, and another program has it open",
                folder);
        err_hint(err, "run again when that has ended");
    } else if (is_broken(folder)) {
        moved = move_aside(folder, err);
    }
    close(lock);
    return moved;
}

// -------------------------------------------------------------------- suites

bool
store_find_suite(struct store *store, const struct suite_key *key,
                 int64_t *suite, struct err *err)
{
    bool row = false;
    sqlite3_stmt *statement = database_prepare(
        store->db, "SELECT number FROM suites WHERE folder = ?1 AND words = ?2",
        err);

    *suite = 0;
    if (statement == NULL) {
        return false;
    }
    database_bind_text(statement, 1, key->folder);
    database_bind_text(statement, 2, key->words);
    bool fine = database_step(statement, &row, err);
    if (fine && row) {
        *suite = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return fine;
}

bool
store_make_suite(struct store *store, const struct suite_key *key,
                 int64_t *suite, struct err *err)
{
    if (!store_find_suite(store, key, suite, err) || *suite != 0) {
        return !err_is_set(err);
    }
    sqlite3_stmt *statement = database_prepare(
        store->db, "INSERT INTO suites (folder, words) VALUES (?1, ?2)", err);
    if (statement == NULL) {
        return false;
    }
    database_bind_text(statement, 1, key->folder);
    database_bind_text(statement, 2, key->words);
    bool fine = database_do(statement, err);
    *suite = sqlite3_last_insert_rowid(store->db);
    sqlite3_finalize(statement);
    return fine;
}
