/*
 * A store as one file that can be copied: a plain SQLite database with the
 * same tables, and recordings in one more, if they are wanted. And back:
 * builds of such a file are added to a store, each once. Nothing in a file is
 * executed or trusted to be whole.
 */
#ifndef STORE_TRAVEL_H
#define STORE_TRAVEL_H

#include "store/store.h"

struct travelled {
    uint32_t builds;
    uint32_t known; // import: builds that were there already
    uint32_t recordings;
    uint64_t bytes; // export: of the file
};

/*
 * Makes the file, or replaces it; it appears whole or not at all. Through a
 * symbolic link. Refuses what is no file, and the store's own.
 */
bool travel_export(struct store *store, const char *path, bool recordings,
                   struct travelled *travelled, struct err *err);

/*
 * Adds to *travelled. What a build teaches counts unless the suite has a
 * newer one: give the oldest file first. Each build is one transaction, so
 * that what was there stays whole when a later one fails.
 */
bool travel_import(struct store *store, const char *path,
                   struct travelled *travelled, struct err *err);

#endif
