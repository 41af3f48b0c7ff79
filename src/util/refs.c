#include "util/refs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

void
refs_init(struct refs *refs, const struct refs_kind *kind, const void *records)
{
    *refs = (struct refs){.kind = kind, .records = records};
}

void
refs_release(struct refs *refs)
{
    free(refs->slots);
    refs_init(refs, refs->kind, refs->records);
}

void
refs_moved(struct refs *refs, const void *records)
{
    refs->records = records;
}

uint32_t
refs_find(const struct refs *refs, uint64_t hash, const void *key)
{
    if (refs->count == 0) {
        return REFS_NONE;
    }
    size_t mask = refs->capacity - 1;
    for (size_t place = (uint32_t)hash & mask;
         refs->slots[place].ref != REFS_NONE; place = (place + 1) & mask) {
        const struct refs_slot *slot = &refs->slots[place];
        if (slot->hash == (uint32_t)hash &&
            refs->kind->is(refs->records, slot->ref, key)) {
            return slot->ref;
        }
    }
    return REFS_NONE;
}

static void
put(struct refs *refs, struct refs_slot slot)
{
    size_t mask = refs->capacity - 1;
    size_t place = slot.hash & mask;

    while (refs->slots[place].ref != REFS_NONE) {
        place = (place + 1) & mask;
    }
    refs->slots[place] = slot;
}

static void
grow(struct refs *refs)
{
    struct refs_slot *old = refs->slots;
    size_t old_capacity = refs->capacity;

    refs->capacity = old_capacity > 0 ? old_capacity * 2 : 16;
    refs->slots = alloc_resize(NULL, refs->capacity, sizeof(*refs->slots));
    memset(refs->slots, 0xFF, refs->capacity * sizeof(*refs->slots));
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].ref != REFS_NONE) {
            put(refs, old[i]);
        }
    }
    free(old);
}

void
refs_add(struct refs *refs, uint32_t ref, uint64_t hash)
{
    assert(ref != REFS_NONE);
    if ((refs->count + 1) * 4 > refs->capacity * 3) {
        grow(refs);
    }
    put(refs, (struct refs_slot){ref, (uint32_t)hash});
    refs->count++;
}
