#include "model/pending.h"

#include <stdlib.h>

#include "util/alloc.h"

static struct slice
key_of(const uint32_t *item)
{
    return slice_make((const char *)item, sizeof(*item));
}

void
pendings_init(struct pendings *pendings)
{
    *pendings = (struct pendings){0};
    map_init(&pendings->items, MAP_BORROWS_KEYS);
}

void
pendings_release(struct pendings *pendings)
{
    const struct map_entry *entry = NULL;
    size_t at = 0;

    while ((entry = map_next(&pendings->items, &at)) != NULL) {
        struct pending *pending = entry->value;
        kept_free(pending->kept);
        free(pending);
    }
    map_release(&pendings->items);
}

const struct pending *
pendings_find(const struct pendings *pendings, uint32_t item)
{
    return map_find(&pendings->items, key_of(&item));
}

void
pendings_keep(struct pendings *pendings, uint32_t item,
              const struct outcome *outcome)
{
    struct pending *pending = map_find(&pendings->items, key_of(&item));

    if (pending == NULL) {
        pending = ALLOC(struct pending);
        pending->item = item;
        map_set(&pendings->items, key_of(&pending->item), pending);
    }
    pending->retries++;
    if (pending->kept == NULL || state_is_bad(outcome->state) ||
        !state_is_bad(pending->kept->outcome.state)) {
        kept_free(pending->kept);
        pending->kept = kept_new(outcome);
    }
}

struct kept *
pendings_take(struct pendings *pendings, uint32_t item)
{
    struct pending *pending = map_remove(&pendings->items, key_of(&item));

    if (pending == NULL) {
        return NULL;
    }
    struct kept *kept = pending->kept;
    free(pending);
    return kept;
}
