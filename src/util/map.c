#include "util/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

// Open addressing with linear probing; a removed entry is closed by moving
// back what was pushed past it, so there are no tombstones.

void
map_init(struct map *map, enum map_keys keys)
{
    *map = (struct map){.keys = keys};
}

static void
free_key(const struct map *map, const struct map_entry *entry)
{
    if (map->keys == MAP_COPIES_KEYS) {
        // The copy is ours; the field is const for those who borrow it.
        union {
            const char *borrowed;
            char *owned;
        } key = {.borrowed = entry->key};
        free(key.owned);
    }
}

void
map_release(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].key != NULL) {
            free_key(map, &map->entries[i]);
        }
    }
    free(map->entries);
    map_init(map, map->keys);
}

uint64_t
map_hash(struct slice key)
{
    const uint64_t multiplier = 0x9FB21C651E98DF25U;
    uint64_t hash = 0x2D358DCCAA6C78A5U ^ key.len;
    size_t at = 0;

    // Eight bytes at a time, put together by hand so that the order of bytes
    // of the machine does not matter.
    while (at < key.len) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8 && at < key.len; i++, at++) {
            word |= (uint64_t)(unsigned char)key.data[at] << (8 * i);
        }
        hash = (hash ^ word) * multiplier;
        hash ^= hash >> 32;
    }
    hash *= multiplier;
    return hash ^ (hash >> 29);
}

static bool
is_entry(const struct map_entry *entry, struct slice key, uint32_t hash)
{
    return entry->hash == hash &&
           slice_equals(slice_make(entry->key, entry->len), key);
}

// The place of the key, or the empty place where it would be put.
static size_t
find_place(const struct map *map, struct slice key, uint32_t hash)
{
    size_t mask = map->capacity - 1;
    size_t place = hash & mask;

    while (map->entries[place].key != NULL &&
           !is_entry(&map->entries[place], key, hash)) {
        place = (place + 1) & mask;
    }
    return place;
}

void *
map_find(const struct map *map, struct slice key)
{
    if (map->count == 0) {
        return NULL;
    }
    size_t place = find_place(map, key, (uint32_t)map_hash(key));
    return map->entries[place].value;
}

static void
grow(struct map *map)
{
    struct map_entry *old = map->entries;
    size_t old_capacity = map->capacity;

    map->capacity = old_capacity > 0 ? old_capacity * 2 : 16;
    map->entries = alloc_zero(map->capacity, sizeof(*map->entries));
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].key != NULL) {
            struct slice key = slice_make(old[i].key, old[i].len);
            map->entries[find_place(map, key, old[i].hash)] = old[i];
        }
    }
    free(old);
}

void *
map_set(struct map *map, struct slice key, void *value)
{
    assert(value != NULL);
    assert(key.len <= UINT32_MAX);
    if ((map->count + 1) * 4 > map->capacity * 3) {
        grow(map);
    }
    uint32_t hash = (uint32_t)map_hash(key);
    struct map_entry *entry = &map->entries[find_place(map, key, hash)];
    void *replaced = entry->value;
    if (entry->key == NULL) {
        // An empty slice may have no address, but an entry needs one.
        const char *data = key.len > 0 ? key.data : "";
        if (map->keys == MAP_COPIES_KEYS) {
            data = alloc_dup_bytes(data, key.len);
        }
        *entry = (struct map_entry){data, (uint32_t)key.len, hash, NULL};
        map->count++;
    }
    entry->value = value;
    return replaced;
}

// Closes the gap at `hole`: whatever was pushed past it is moved back.
static void
close_gap(struct map *map, size_t hole)
{
    size_t mask = map->capacity - 1;
    size_t place = hole;

    for (;;) {
        place = (place + 1) & mask;
        const struct map_entry *entry = &map->entries[place];
        if (entry->key == NULL) {
            break;
        }
        size_t home = entry->hash & mask;
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            map->entries[hole] = *entry;
            hole = place;
        }
    }
    map->entries[hole] = (struct map_entry){0};
}

void *
map_remove(struct map *map, struct slice key)
{
    if (map->count == 0) {
        return NULL;
    }
    size_t place = find_place(map, key, (uint32_t)map_hash(key));
    struct map_entry *entry = &map->entries[place];
    if (entry->key == NULL) {
        return NULL;
    }
    void *value = entry->value;
    free_key(map, entry);
    map->count--;
    close_gap(map, place);
    return value;
}

const struct map_entry *
map_next(const struct map *map, size_t *at)
{
    while (*at < map->capacity) {
        const struct map_entry *entry = &map->entries[(*at)++];
        if (entry->key != NULL) {
            return entry;
        }
    }
    return NULL;
}
