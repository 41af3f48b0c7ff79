/*
 * Where a host keeps what its builds share, below one folder: mirrors/ of git,
 * ships/ (archives), trees/BUILD/NODE, locks/ and trash/. Names of things, and
 * which of them have been kept for long enough. See host_lock.h for who may
 * touch what.
 */
#ifndef FLEET_STOREHOUSE_H
#define FLEET_STOREHOUSE_H

#include <stdbool.h>

#include "util/err.h"
#include "util/now.h"

enum {
    STOREHOUSE_SHIPS_KEPT = 4, // archives, at most
};
#define STOREHOUSE_SHIP_AGE (INT64_C(7) * 24 * 3600)    // seconds unused
#define STOREHOUSE_MIRROR_AGE (INT64_C(30) * 24 * 3600) // likewise
#define STOREHOUSE_TREE_AGE (INT64_C(24) * 3600) // of one that nobody uses

/* Behind the path of something that is not whole yet; it has the same lock. */
#define STOREHOUSE_PART ".part"

/* Makes the folders, for this user alone. */
bool storehouse_make(const char *home, struct err *err);

/* All to be freed. */
char *storehouse_tree(const char *home, const char *build, const char *node);
char *storehouse_mirror(const char *home, const char *url);
char *storehouse_ship(const char *home, const char *hash);
/* The lock of a thing, by its path; `use`: the one that is held to use it. */
char *storehouse_lock(const char *home, const char *path, bool use);

/* The thing is being used now. */
void storehouse_touch(const char *path);

/*
 * Moves what is too old and not in use to trash/, and gives whether there is
 * something in it. `now` is the wall clock, in seconds.
 */
bool storehouse_prune(const char *home, int64_t now);

/* The folder whose content can go; to be freed. */
char *storehouse_trash(const char *home);

#endif
