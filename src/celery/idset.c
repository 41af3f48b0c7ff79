#include "celery/idset.h"

#include <stdlib.h>

#include "celery/wire_json.h"
#include "util/alloc.h"

#define ID_MAX 1024

struct entry {
    struct list_link link;
    msec added;
    size_t len;
    char id[];
};

void
idset_init(struct idset *set, size_t max, msec life)
{
    *set = (struct idset){.max = max, .life = life};
    map_init(&set->entries, MAP_BORROWS_KEYS);
    list_init(&set->by_age);
}

static void
drop(struct idset *set, struct entry *entry)
{
    list_remove(&entry->link);
    (void)map_remove(&set->entries, slice_make(entry->id, entry->len));
    free(entry);
}

static struct entry *
oldest(const struct idset *set)
{
    struct list_link *link = list_first(&set->by_age);

    return link == NULL ? NULL : LIST_ENTRY(link, struct entry, link);
}

void
idset_release(struct idset *set)
{
    struct entry *entry = NULL;

    while (set->max > 0 && (entry = oldest(set)) != NULL) {
        drop(set, entry);
    }
    map_release(&set->entries);
    set->max = 0;
}

static void
age(struct idset *set, msec now)
{
    struct entry *entry = NULL;

    while ((entry = oldest(set)) != NULL && now - entry->added > set->life) {
        drop(set, entry);
    }
}

void
idset_add(struct idset *set, struct slice id, msec now)
{
    if (id.len == 0 || id.len > ID_MAX) {
        return;
    }
    idset_remove(set, id);
    age(set, now);
    struct entry *first = oldest(set);
    if (first != NULL && set->entries.count >= set->max) {
        drop(set, first);
    }
    struct entry *entry = alloc_bytes(sizeof(*entry) + id.len);
    *entry = (struct entry){.added = now, .len = id.len};
    memcpy(entry->id, id.data, id.len);
    list_add(&set->by_age, &entry->link);
    map_set(&set->entries, slice_make(entry->id, entry->len), entry);
}

bool
idset_has(struct idset *set, struct slice id, msec now)
{
    age(set, now);
    return map_find(&set->entries, id) != NULL;
}

void
idset_remove(struct idset *set, struct slice id)
{
    struct entry *entry = map_find(&set->entries, id);

    if (entry != NULL) {
        drop(set, entry);
    }
}

json_t *
idset_json(struct idset *set, msec now)
{
    json_t *list = json_array();

    age(set, now);
    for (const struct list_link *link = set->by_age.head.next;
         link != &set->by_age.head; link = link->next) {
        const struct entry *entry = (const void *)link; // its first member
        json_array_append_new(
            list, wire_json_text(slice_make(entry->id, entry->len)));
    }
    return list;
}
