#include "schedule/fingerprint.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

/* A job and its name, to be sorted. */
struct entry {
    struct slice name;
    uint32_t job;
};

/* The ids of a job. */
struct ids {
    struct buf text; // one behind the other, each with its NUL
    ARRAY(size_t) ends;
    struct slice *sorted;
    size_t room;
};

static int
compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = slice_compare(a->name, b->name);
    return order != 0 ? order : (a->job < b->job ? -1 : a->job > b->job);
}

static int
compare_ids(const void *left, const void *right)
{
    const struct slice *a = left;
    const struct slice *b = right;
    return slice_compare(*a, *b);
}

static void
gather_ids(struct ids *ids, const struct items *items, uint32_t job)
{
    uint32_t count = items_peek_job(items, job)->count;
    buf_reset(&ids->text);
    ARRAY_CLEAR(&ids->ends);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(items, job, i);
        if ((items_peek(items, item)->flags & ITEM_SELECTED) != 0) {
            items_id(items, item, &ids->text);
            buf_add_char(&ids->text, '\0');
            ARRAY_ADD(&ids->ends, ids->text.len);
        }
    }
}

static void
add_ids(struct ids *ids, struct sha256 *sha256)
{
    size_t count = ids->ends.count;
    struct slice text = buf_slice(&ids->text);
    if (count > ids->room) {
        ids->room = alloc_grow(ids->room, count);
        ids->sorted =
            alloc_resize(ids->sorted, ids->room, sizeof(*ids->sorted));
    }
    for (size_t i = 0, begin = 0; i < count; i++) {
        size_t end = ids->ends.items[i];
        ids->sorted[i] = slice_make(text.data + begin, end - begin);
        begin = end;
    }
    qsort(ids->sorted, count, sizeof(*ids->sorted), compare_ids);
    for (size_t i = 0; i < count; i++) {
        sha256_add(sha256, ids->sorted[i]);
    }
}

static void
add_job(struct ids *ids, struct sha256 *sha256, const struct items *items,
        const struct entry *entry)
{
    static const char end = '\0';
    gather_ids(ids, items, entry->job);
    if (ids->ends.count == 0) {
        return;
    }
    sha256_add(sha256, entry->name);
    sha256_add(sha256, slice_make(&end, 1));
    add_ids(ids, sha256);
    sha256_add(sha256, slice_make(&end, 1));
}

void
fingerprint_selected(const struct items *items, char text[static SHA256_SIZE])
{
    uint32_t jobs = items_job_count(items);
    struct entry *entries = alloc_zero((size_t)jobs + 1, sizeof(*entries));
    for (uint32_t job = 0; job < jobs; job++) {
        entries[job].name = slice_of(items_job_name(items, job));
        entries[job].job = job;
    }
    qsort(entries, jobs, sizeof(*entries), compare_entries);
    struct ids ids = {0};
    buf_init(&ids.text, (size_t)1 << 31);
    struct sha256 *sha256 = sha256_new();
    for (uint32_t i = 0; i < jobs; i++) {
        add_job(&ids, sha256, items, &entries[i]);
    }
    sha256_end(sha256, text);
    sha256_free(sha256);
    ARRAY_RELEASE(&ids.ends);
    buf_release(&ids.text);
    free(ids.sorted);
    free(entries);
}
