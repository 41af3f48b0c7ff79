/*
 * A store that is open: the database of past builds and the recordings beside
 * it. What is wrong with it is an error with a hint for whoever opened it,
 * and never more than that: it costs its history, not the run.
 *
 * Open it for as long as it is read or written and not for the length of a
 * run. Several mules may have it open at once.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

#define STORE_DATABASE "history.db"
#define STORE_RECORDINGS "recordings"
#define STORE_RECORDING_END ".mule"

/* How long one waits for another who writes. */
#define STORE_BUSY_MS 5000

enum store_use {
    STORE_READS,  // makes and changes nothing, also where it may not write
    STORE_WRITES, // makes what is missing
};

struct store;
struct sqlite3;

/*
 * `folder`: site.folder. NULL with err: ERR_NOTHING where there is none yet
 * and it is only read; ERR_CONFIG when a newer mule wrote it or it is another
 * program's; ERR_PROTOCOL when it is broken (any later call may find that,
 * too: see store_heal); else ERR_SYSTEM.
 */
struct store *store_open(const char *folder, enum store_use use,
                         struct err *err);
void store_close(struct store *store);

/*
 * After ERR_PROTOCOL: looks at the database again and, if it is broken and
 * nobody else has it open, renames it to history.db.broken-N, whose name is
 * given, to be freed. NULL without err: it is sound now. Nobody of this
 * process may have it open.
 */
char *store_heal(const char *folder, struct err *err);

const char *store_folder(const struct store *store);
/* For queries in store/ alone: see database.h. */
struct sqlite3 *store_database(const struct store *store);

/*
 * Makes the folder with its own .gitignore, so that nothing of it gets into a
 * commit. One that is there stays as it is.
 */
bool store_make_folder(const char *folder, struct err *err);

/* FOLDER/recordings; to be freed. */
char *store_recordings(const char *folder);

/* The number of a suite; 0: the store has none of that key. */
struct suite_key;
bool store_find_suite(struct store *store, const struct suite_key *key,
                      int64_t *suite, struct err *err);
/* The same, and it is made when it is missing; within a transaction. */
bool store_make_suite(struct store *store, const struct suite_key *key,
                      int64_t *suite, struct err *err);

#endif
