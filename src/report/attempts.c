#include "report/attempts.h"

#include <stdlib.h>

#include "util/alloc.h"

enum {
    MOST_ATTEMPTS = 20 // of a test
};

struct entry {
    uint32_t test; // the key
    struct attempts attempts;
};

static struct slice
key_of(const uint32_t *number)
{
    return slice_make((const char *)number, sizeof(*number));
}

void
attempts_init(struct attempts_map *map)
{
    map_init(&map->tests, MAP_BORROWS_KEYS);
}

void
attempts_free(struct attempts *attempts)
{
    for (size_t i = 0; i < attempts->count; i++) {
        kept_free(attempts->items[i].kept);
    }
    ARRAY_RELEASE(attempts);
}

void
attempts_release(struct attempts_map *map)
{
    const struct map_entry *found = NULL;
    size_t at = 0;

    while ((found = map_next(&map->tests, &at)) != NULL) {
        struct entry *entry = found->value;
        attempts_free(&entry->attempts);
        free(entry);
    }
    map_release(&map->tests);
}

void
attempts_add(struct attempts_map *map, const struct event_test *test)
{
    struct entry *entry = map_find(&map->tests, key_of(&test->number));

    if (!state_is_bad(test->outcome->state)) {
        return;
    }
    if (entry == NULL) {
        entry = ALLOC(struct entry);
        entry->test = test->number;
        map_set(&map->tests, key_of(&entry->test), entry);
    }
    if (entry->attempts.count < MOST_ATTEMPTS) {
        struct attempt attempt = {test->attempt, kept_new(test->outcome)};
        ARRAY_ADD(&entry->attempts, attempt);
    }
}

struct attempts
attempts_take(struct attempts_map *map, const struct event_test *test)
{
    struct entry *entry = map_remove(&map->tests, key_of(&test->number));
    struct attempts attempts = {0};

    if (entry == NULL) {
        return attempts;
    }
    attempts = entry->attempts;
    free(entry);
    // One that was to run again and did not is decided by its last attempt.
    if (attempts.count > 0 && ARRAY_LAST(&attempts).number == test->attempt) {
        kept_free(ARRAY_POP(&attempts).kept);
    }
    return attempts;
}
