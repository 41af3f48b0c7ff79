#include "report/groups.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/compose.h"
#include "util/map.h"

#define ALL_PARTS UINT32_MAX

struct group {
    char *name;
    bool merged;
    uint64_t tests;
    uint64_t us;
    uint64_t longest_us;
    uint64_t passed;
    uint64_t bad;
    uint64_t skipped;
    uint64_t other;
};

struct groups {
    ARRAY(struct group *) list;
    struct map names; // -> group; keys are the groups' names
    size_t most;
    uint32_t parts;      // of a name that count
    struct group *last;  // of the newest test: many follow of the same job
    struct buf last_job; // and its job's whole name
};

struct groups *
groups_new(size_t most)
{
    struct groups *groups = ALLOC(struct groups);

    map_init(&groups->names, MAP_BORROWS_KEYS);
    buf_init(&groups->last_job, 65536);
    groups->most = most;
    groups->parts = ALL_PARTS;
    return groups;
}

static void
free_list(struct group **list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i]->name);
        free(list[i]);
    }
    free(list);
}

void
groups_free(struct groups *groups)
{
    map_release(&groups->names);
    free_list(groups->list.items, groups->list.count);
    buf_release(&groups->last_job);
    free(groups);
}

static bool
is_border(char byte)
{
    return byte == '.' || byte == '/' || byte == ':' || byte == ' ';
}

static uint32_t
count_parts(struct slice name)
{
    uint32_t count = 1;

    for (size_t i = 0; i < name.len; i++) {
        count += is_border(name.data[i]);
    }
    return count;
}

// The first `parts` of the name.
static struct slice
shorten(struct slice name, uint32_t parts)
{
    uint32_t count = 0;

    if (parts == ALL_PARTS) {
        return name;
    }
    for (size_t i = 0; i < name.len; i++) {
        count += is_border(name.data[i]);
        if (count >= parts) {
            return slice_first(name, i);
        }
    }
    return parts == 0 ? slice_first(name, 0) : name;
}

static struct group *
find_group(struct groups *groups, struct slice job)
{
    struct slice name = shorten(job, groups->parts);
    struct group *group = map_find(&groups->names, name);

    if (group == NULL) {
        group = ALLOC(struct group);
        group->name = slice_dup(name);
        ARRAY_ADD(&groups->list, group);
        map_set(&groups->names, slice_make(group->name, name.len), group);
    }
    group->merged = group->merged || name.len < job.len;
    return group;
}

static void
add_group(struct group *into, const struct group *from)
{
    into->merged = true;
    into->tests += from->tests;
    into->us += from->us;
    into->passed += from->passed;
    into->bad += from->bad;
    into->skipped += from->skipped;
    into->other += from->other;
    if (from->longest_us > into->longest_us) {
        into->longest_us = from->longest_us;
    }
}

// Takes parts off the names until there are at most half as many.
static void
merge(struct groups *groups)
{
    uint32_t parts = 0;

    for (size_t i = 0; i < groups->list.count; i++) {
        uint32_t count = count_parts(slice_of(groups->list.items[i]->name));
        parts = count > parts ? count : parts;
    }
    while (groups->list.count > groups->most / 2 && parts > 0) {
        struct group **list = groups->list.items;
        size_t count = groups->list.count;
        groups->parts = --parts;
        map_release(&groups->names);
        groups->names.keys = MAP_BORROWS_KEYS;
        groups->list.items = NULL;
        groups->list.count = 0;
        groups->list.capacity = 0;
        for (size_t i = 0; i < count; i++) {
            bool whole = !list[i]->merged;
            size_t before = groups->list.count;
            struct group *into = find_group(groups, slice_of(list[i]->name));
            add_group(into, list[i]);
            if (whole && groups->list.count > before) {
                into->merged = shorten(slice_of(list[i]->name), parts).len <
                               slice_of(list[i]->name).len;
            }
        }
        free_list(list, count);
    }
    groups->last = NULL;
}

void
groups_add(struct groups *groups, struct slice job, uint64_t us,
           enum state state)
{
    struct group *group = groups->last;

    if (group == NULL || !slice_equals(buf_slice(&groups->last_job), job)) {
        if (groups->list.count >= groups->most) {
            merge(groups);
        }
        group = find_group(groups, job);
        groups->last = group;
        buf_reset(&groups->last_job);
        buf_add_slice(&groups->last_job, job);
    }
    group->tests++;
    group->us += us;
    group->longest_us = us > group->longest_us ? us : group->longest_us;
    group->passed += state == STATE_PASSED;
    group->bad += state_is_bad(state);
    group->skipped += state == STATE_SKIPPED;
    group->other += state == STATE_XFAILED || state == STATE_NOT_RUN;
}

size_t
groups_count(const struct groups *groups)
{
    return groups->list.count;
}

static int
compare_longest(const void *left, const void *right)
{
    const struct group *a = *(struct group *const *)left;
    const struct group *b = *(struct group *const *)right;

    if (a->us != b->us) {
        return a->us < b->us ? 1 : -1;
    }
    return slice_compare(slice_of(a->name), slice_of(b->name));
}

void
groups_write(struct groups *groups, struct buf *buf)
{
    if (groups->list.count > 1) {
        qsort(groups->list.items, groups->list.count,
              sizeof(*groups->list.items), compare_longest);
    }
    for (size_t i = 0; i < groups->list.count; i++) {
        const struct group *group = groups->list.items[i];
        compose_comma(buf);
        buf_add_char(buf, '[');
        compose_element(buf, slice_of(group->name));
        compose_number(buf, group->merged);
        compose_number(buf, group->tests);
        compose_number(buf, group->us);
        compose_number(buf, group->longest_us);
        compose_number(buf, group->passed);
        compose_number(buf, group->bad);
        compose_number(buf, group->skipped);
        compose_number(buf, group->other);
        buf_add_char(buf, ']');
    }
}
