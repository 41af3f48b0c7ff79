/*
 * A set of small numbers that stand for records kept elsewhere (an index into
 * a table), found by the content of the record. It costs about 16 bytes a
 * record, where a map would cost forty and a copy of the key. Hashes are kept,
 * so that a record is looked at only when it is almost certainly the one.
 */
#ifndef UTIL_REFS_H
#define UTIL_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Never a member; what refs_find gives when there is none. */
#define REFS_NONE UINT32_MAX

struct refs_kind {
    /* Whether the record is the one that is looked for. */
    bool (*is)(const void *records, uint32_t ref, const void *key);
};

struct refs_slot {
    uint32_t ref;
    uint32_t hash;
};

struct refs {
    const struct refs_kind *kind; // borrowed: make it static
    const void *records;          // borrowed, handed to `kind`
    struct refs_slot *slots;
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

/* Adds a record that is not equal to a member, with the hash of its key. */
void refs_add(struct refs *refs, uint32_t ref, uint64_t hash);

#endif
