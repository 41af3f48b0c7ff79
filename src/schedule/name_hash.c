#include "schedule/name_hash.h"

#define FNV_BASIS UINT64_C(0xCBF29CE484222325)
#define FNV_PRIME UINT64_C(0x00000100000001B3)

/* Every bit of the answer depends on every bit of the number. */
static uint64_t
mix(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xFF51AFD7ED558CCD);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xC4CEB9FE1A85EC53);
    return hash ^ (hash >> 33);
}

uint64_t
name_hash(struct slice name, uint64_t seed)
{
    // The step gives 0 for 0. Seeds that are near must not be near behind it.
    uint64_t hash = FNV_BASIS ^ mix(seed);
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ (unsigned char)name.data[i]) * FNV_PRIME;
    }
    return mix(hash);
}
