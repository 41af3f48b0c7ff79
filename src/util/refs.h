/*
 * A set of small numbers that stand for records kept elsewhere (an index into
 * a table), found by the content of the record. It costs about eight bytes a
 * record, where a map would cost forty and a copy of the key. Knows of the
 * records only what its two functions tell it.
 */
#ifndef UTIL_REFS_H
#define UTIL_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Never a member; what refs_find gives when there is none. */
#define REFS_NONE UINT32_MAX

struct refs_kind {
    /* The hash of a record that is in the set (map_hash() of its key). */
    uint64_t (*hash)(const void *records, uint32_t ref);
    /* Whether the record is the one that is looked for. */
    bool (*is)(const void *records, uint32_t ref, const void *key);
};

struct refs {
    const struct refs_kind *kind; // borrowed: make it static
    const void *records;          // borrowed, handed to `kind`
    uint32_t *slots;
    size_t count;
    size_t capacity; // a power of two, or 0
};

void refs_init(struct refs *refs, const struct refs_kind *kind,
               const void *records);
void refs_release(struct refs *refs);

/* The records moved to another place in memory; their numbers did not. */
void refs_moved(struct refs *refs, const void *records);

/* The record with this key, whose hash is `hash`, or REFS_NONE. */
uint32_t refs_find(const struct refs *refs, uint64_t hash, const void *key);

/* Adds a record, which must be there already and not equal to a member. */
void refs_add(struct refs *refs, uint32_t ref);

#endif
