#include "schedule/trials.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/array.h"

void
trials_release(struct trials *trials)
{
    for (size_t i = 0; i < trials->count; i++) {
        free(trials->items[i].members);
    }
    ARRAY_RELEASE(trials);
}

/* FNV-1a over the numbers. */
static uint64_t
hash_of(const uint32_t *members, uint32_t count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < count; i++) {
        for (int shift = 0; shift < 32; shift += 8) {
            hash ^= members[i] >> shift & 0xff;
            hash *= UINT64_C(0x100000001b3);
        }
    }
    return hash;
}

static uint32_t *
copy_members(const uint32_t *members, uint32_t count)
{
    uint32_t *copy = alloc_zero(count > 0 ? count : 1, sizeof(*copy));
    if (count > 0) {
        memcpy(copy, members, count * sizeof(*copy));
    }
    return copy;
}

uint32_t
trials_of(struct trials *trials, const uint32_t *members, uint32_t count)
{
    uint64_t hash = hash_of(members, count);
    for (size_t i = 0; i < trials->count; i++) {
        struct trial *trial = &trials->items[i];
        if (trial->hash == hash && trial->count == count) {
            if (trial->members == NULL) {
                trial->members = copy_members(members, count);
            }
            return (uint32_t)i;
        }
    }
    struct trial trial = {
        .members = copy_members(members, count),
        .count = count,
        .hash = hash,
    };
    ARRAY_ADD(trials, trial);
    return (uint32_t)trials->count - 1;
}

/* Where part `k` of `parts` begins among `count`. */
static uint32_t
part_start(uint32_t count, uint32_t parts, uint32_t k)
{
    return (uint32_t)((uint64_t)count * k / parts);
}

uint32_t
trials_part(struct trials *trials, uint32_t number, uint32_t parts, uint32_t k)
{
    const struct trial *whole = &trials->items[number];
    uint32_t start = part_start(whole->count, parts, k);
    uint32_t stop = part_start(whole->count, parts, k + 1);
    return trials_of(trials, whole->members + start, stop - start);
}

uint32_t
trials_rest(struct trials *trials, uint32_t number, uint32_t parts, uint32_t k)
{
    const struct trial *whole = &trials->items[number];
    uint32_t start = part_start(whole->count, parts, k);
    uint32_t stop = part_start(whole->count, parts, k + 1);
    uint32_t left = whole->count - (stop - start);
    uint32_t *rest = copy_members(whole->members, whole->count);
    memmove(rest + start, rest + stop, (whole->count - stop) * sizeof(*rest));
    uint32_t trial = trials_of(trials, rest, left);
    free(rest);
    return trial;
}

void
trials_forget(struct trials *trials, uint32_t number)
{
    struct trial *trial = &trials->items[number];
    if (trial->out == 0) {
        free(trial->members);
        trial->members = NULL;
    }
}

uint32_t
trial_runs(const struct trial *trial)
{
    return trial->counts[BISECT_PASSED] + trial->counts[BISECT_FAILED] +
           trial->counts[BISECT_UNCLEAR];
}
