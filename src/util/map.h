/*
 * Bytes -> pointer. Owns its table and, if it copies them, its keys; never the
 * values. The order of visiting is the table's own and means nothing. Adding
 * and removing move other entries.
 */
#ifndef UTIL_MAP_H
#define UTIL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

enum map_keys {
    MAP_COPIES_KEYS,
    MAP_BORROWS_KEYS, // they must live as long as their entry
};

struct map_entry {
    const char *key; // NULL: nothing here
    uint32_t len;
    uint32_t hash;
    void *value; // never NULL
};

/* Zeroed = an empty map that copies its keys. */
struct map {
    struct map_entry *entries;
    size_t count;
    size_t capacity; // a power of two, or 0
    enum map_keys keys;
};

void map_init(struct map *map, enum map_keys keys);

/* Frees the table and copied keys; the map is empty and may be used again. */
void map_release(struct map *map);

/* The value, or NULL: there is no such key. */
void *map_find(const struct map *map, struct slice key);

/* Sets a value, never NULL, and gives the one it replaces, or NULL. */
void *map_set(struct map *map, struct slice key, void *value);

/* Takes the key out and gives its value, or NULL: there was none. */
void *map_remove(struct map *map, struct slice key);

/*
 * Visits all entries: size_t at = 0; while ((entry = map_next(&map, &at)))
 * The map must not be changed meanwhile.
 */
const struct map_entry *map_next(const struct map *map, size_t *at);

/* A hash of bytes; the same in every run and on every machine. */
uint64_t map_hash(struct slice key);

#endif
