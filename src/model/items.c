#include "model/items.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"
#include "util/refs.h"

/*
 * Texts lie in blocks that never move, so that what is given out stays where
 * it is. A text is named by 32 bits: the block's place in a table, and the
 * byte in it. One that is longer than a block gets several places in a row.
 */
#define BLOCK_BITS 20
#define BLOCK_SIZE ((size_t)1 << BLOCK_BITS)
#define BLOCKS_MAX ((size_t)1 << (32 - BLOCK_BITS))

// The longest id that can be looked up; longer ones are not told apart.
#define ID_MAX ((size_t)64 << 20)

struct pool {
    ARRAY(char *) places;
    ARRAY(char *) blocks; // to be freed
    uint64_t used;        // the next free byte
    uint64_t end;         // of the newest block
};

struct items {
    struct pool pool;
    ARRAY(struct item) items;
    ARRAY(struct job) jobs;
    ARRAY(uint32_t) lists;
    struct refs ids;      // every item by its whole id
    struct buf scratch;   // an id that is being looked up
    uint32_t scratch_job; // whose name `scratch` begins with
    size_t scratch_name;  // how long that name is
};

static const char *
pool_at(const struct pool *pool, uint32_t text)
{
    return pool->places.items[text >> BLOCK_BITS] + (text & (BLOCK_SIZE - 1));
}

static void
pool_release(struct pool *pool)
{
    for (size_t i = 0; i < pool->blocks.count; i++) {
        free(pool->blocks.items[i]);
    }
    ARRAY_RELEASE(&pool->blocks);
    ARRAY_RELEASE(&pool->places);
    pool->used = pool->end = 0;
}

// Room for `len` bytes in a row, named in *text; NULL when the pool is full.
static char *
pool_room(struct pool *pool, size_t len, uint32_t *text)
{
    if (pool->end - pool->used < len) {
        size_t places = (len + BLOCK_SIZE - 1) >> BLOCK_BITS;
        if (places > BLOCKS_MAX - pool->places.count) {
            return NULL;
        }
        char *block = alloc_bytes(places << BLOCK_BITS);
        ARRAY_ADD(&pool->blocks, block);
        pool->used = (uint64_t)pool->places.count << BLOCK_BITS;
        pool->end = pool->used + ((uint64_t)places << BLOCK_BITS);
        for (size_t i = 0; i < places; i++) {
            ARRAY_ADD(&pool->places, block + (i << BLOCK_BITS));
        }
    }
    *text = (uint32_t)pool->used;
    pool->used += len;
    return pool->places.items[*text >> BLOCK_BITS] + (*text & (BLOCK_SIZE - 1));
}

// A terminated text; a NUL in it becomes a question mark.
static bool
pool_add_name(struct pool *pool, struct slice name, uint32_t *text)
{
    char *room = pool_room(pool, name.len + 1, text);

    if (room == NULL) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        room[i] = name.data[i];
        if (room[i] == '\0') {
            room[i] = '?';
        }
    }
    room[name.len] = '\0';
    return true;
}

// Any bytes, with their length in front: seven bits a byte, low ones first.
static bool
pool_add_bytes(struct pool *pool, struct slice bytes, uint32_t *text)
{
    unsigned char head[10];
    size_t head_len = 0;

    for (size_t rest = bytes.len; head_len == 0 || rest > 0; rest >>= 7) {
        head[head_len++] =
            (unsigned char)((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
    }
    char *room = pool_room(pool, head_len + bytes.len, text);
    if (room == NULL) {
        return false;
    }
    memcpy(room, head, head_len);
    if (bytes.len > 0) {
        memcpy(room + head_len, bytes.data, bytes.len);
    }
    return true;
}

static struct slice
pool_bytes(const struct pool *pool, uint32_t text)
{
    const char *at = pool_at(pool, text);
    size_t len = 0;
    unsigned shift = 0;

    while ((*at & 0x80) != 0) {
        len |= (size_t)(*at++ & 0x7F) << shift;
        shift += 7;
    }
    len |= (size_t)*at++ << shift;
    return slice_make(at, len);
}

// The end of a whole id that tells it from others: "#2", or nothing.
struct serial {
    char text[16];
    size_t len;
};

static struct serial
serial_text(uint32_t serial)
{
    struct serial ending = {.len = 0};

    if (serial > 0) {
        ending.len =
            (size_t)snprintf(ending.text, sizeof(ending.text), "#%u", serial);
    }
    return ending;
}

static bool
item_is(const void *records, uint32_t ref, const void *key)
{
    const struct items *items = records;
    const struct item *item = &items->items.items[ref];
    struct slice id = *(const struct slice *)key;
    struct slice text = pool_bytes(&items->pool, item->text);
    struct serial serial = serial_text(item->serial);

    if (text.len > 0 && text.data[0] == '.') {
        struct slice name = slice_of(items_job_name(items, item->job));
        if (!slice_take(&id, name)) {
            return false;
        }
    }
    return slice_take(&id, text) &&
           slice_equals(id, slice_make(serial.text, serial.len));
}

static const struct refs_kind ids_kind = {.is = item_is};

struct items *
items_new(void)
{
    struct items *items = ALLOC(struct items);

    refs_init(&items->ids, &ids_kind, items);
    buf_init(&items->scratch, ID_MAX);
    items->scratch_job = JOB_NONE;
    return items;
}

static void
release_all(struct items *items)
{
    pool_release(&items->pool);
    ARRAY_RELEASE(&items->items);
    ARRAY_RELEASE(&items->jobs);
    ARRAY_RELEASE(&items->lists);
    refs_release(&items->ids);
    buf_release(&items->scratch);
    items->scratch_job = JOB_NONE;
}

void
items_free(struct items *items)
{
    if (items != NULL) {
        release_all(items);
        free(items);
    }
}

void
items_clear(struct items *items)
{
    release_all(items);
}

// The same text as the job before has it is stored once.
static bool
add_shared(struct items *items, struct slice name, uint32_t before,
           uint32_t *text)
{
    if (items->jobs.count > 0 &&
        slice_equals_text(name, pool_at(&items->pool, before))) {
        *text = before;
        return true;
    }
    return pool_add_name(&items->pool, name, text);
}

uint32_t
items_add_job(struct items *items, const struct job_params *params)
{
    struct job before = {0};
    struct job job = {
        .first = (uint32_t)items->items.count,
        .origin = (uint32_t)items->jobs.count,
        .kind = (uint8_t)params->kind,
        .flags = (uint8_t)params->flags,
    };

    if (items->jobs.count > 0) {
        before = ARRAY_LAST(&items->jobs);
    }
    if (items->jobs.count >= ITEMS_MAX ||
        !add_shared(items, params->name, before.name, &job.name) ||
        !add_shared(items, params->file, before.file, &job.file) ||
        !add_shared(items, params->load, before.load, &job.load)) {
        return JOB_NONE;
    }
    ARRAY_ADD(&items->jobs, job);
    return job.origin;
}

// Puts the id that `id` means in `job` into the scratch buffer.
static struct slice
whole_id(struct items *items, uint32_t job, struct slice id)
{
    struct buf *scratch = &items->scratch;

    if (id.len > 0 && id.data[0] == '.') {
        if (items->scratch_job != job) {
            buf_reset(scratch);
            buf_add_text(scratch, items_job_name(items, job));
            items->scratch_job = job;
            items->scratch_name = scratch->len;
        }
        buf_cut(scratch, items->scratch_name);
    } else {
        buf_reset(scratch);
        items->scratch_job = JOB_NONE;
    }
    buf_add_slice(scratch, id);
    return buf_slice(scratch);
}

static bool
has_serial(struct items *items, size_t plain, uint32_t serial)
{
    struct serial ending = serial_text(serial);

    buf_cut(&items->scratch, plain);
    buf_add(&items->scratch, ending.text, ending.len);
    return items_find(items, buf_slice(&items->scratch)) != ITEM_NONE;
}

// The first serial number that is free, for an id whose own is taken. They
// are given in order, so that it need not try them all.
static uint32_t
free_serial(struct items *items, size_t plain)
{
    uint32_t taken = 1;
    uint32_t vacant = 2;

    while (has_serial(items, plain, vacant)) {
        taken = vacant;
        vacant *= 2;
    }
    while (vacant - taken > 1) {
        uint32_t middle = taken + (vacant - taken) / 2;
        if (has_serial(items, plain, middle)) {
            taken = middle;
        } else {
            vacant = middle;
        }
    }
    return vacant;
}

uint32_t
items_add(struct items *items, uint32_t job, struct slice id, uint32_t line)
{
    assert(job < items->jobs.count);
    struct job *owner = &items->jobs.items[job];
    uint32_t number = (uint32_t)items->items.count;
    struct item item = {
        .job = owner->origin, .line = line, .flags = ITEM_SELECTED};

    if (number >= ITEMS_MAX || !pool_add_bytes(&items->pool, id, &item.text)) {
        return ITEM_NONE;
    }
    struct slice whole = whole_id(items, owner->origin, id);
    uint64_t hash = map_hash(whole);
    if (refs_find(&items->ids, hash, &whole) != REFS_NONE) {
        item.serial = free_serial(items, whole.len);
        has_serial(items, whole.len, item.serial);
        hash = map_hash(buf_slice(&items->scratch));
    }
    if (job == items->jobs.count - 1 && owner->origin == job &&
        owner->first + owner->count == number) {
        owner->count++;
    }
    ARRAY_ADD(&items->items, item);
    refs_add(&items->ids, number, hash);
    return number;
}

uint32_t
items_split_job(struct items *items, uint32_t job, const uint32_t *list,
                uint32_t count)
{
    struct job part = *items_peek_job(items, job);
    bool is_range = true;
    bool is_sorted = true;

    for (uint32_t i = 0; i < count; i++) {
        assert(list[i] < items->items.count);
        is_range = is_range && list[i] == list[0] + i;
        is_sorted = is_sorted && (i == 0 || list[i - 1] < list[i]);
    }
    part.first = count > 0 ? list[0] : 0;
    part.count = count;
    part.attempt = 0;
    part.list = 0;
    part.flags &= (uint8_t)~JOB_SORTED;
    if (!is_range) {
        part.list = (uint32_t)items->lists.count + 1;
        part.flags |= is_sorted ? JOB_SORTED : 0;
        for (uint32_t i = 0; i < count; i++) {
            ARRAY_ADD(&items->lists, list[i]);
        }
    }
    ARRAY_ADD(&items->jobs, part);
    return (uint32_t)items->jobs.count - 1;
}

uint32_t
items_count(const struct items *items)
{
    return (uint32_t)items->items.count;
}

uint32_t
items_job_count(const struct items *items)
{
    return (uint32_t)items->jobs.count;
}

struct item *
items_get(struct items *items, uint32_t item)
{
    assert(item < items->items.count);
    return &items->items.items[item];
}

const struct item *
items_peek(const struct items *items, uint32_t item)
{
    assert(item < items->items.count);
    return &items->items.items[item];
}

struct job *
items_job(struct items *items, uint32_t job)
{
    assert(job < items->jobs.count);
    return &items->jobs.items[job];
}

const struct job *
items_peek_job(const struct items *items, uint32_t job)
{
    assert(job < items->jobs.count);
    return &items->jobs.items[job];
}

bool
items_is_due(const struct items *items, uint32_t item)
{
    const struct item *it = items_peek(items, item);
    unsigned wanted = ITEM_SELECTED | ITEM_APPEARED | ITEM_ANSWERED;

    return it->state == STATE_NONE && (it->flags & wanted) == ITEM_SELECTED;
}

uint32_t
items_of_job(const struct items *items, uint32_t job, uint32_t place)
{
    const struct job *found = items_peek_job(items, job);

    assert(place < found->count);
    if (found->list > 0) {
        return items->lists.items[found->list - 1 + place];
    }
    return found->first + place;
}

static bool
is_in_range(const struct job *job, uint32_t item)
{
    return item >= job->first && item - job->first < job->count;
}

static int
compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static bool
is_in_list(const struct items *items, const struct job *job, uint32_t item)
{
    const uint32_t *list = items->lists.items + job->list - 1;

    if ((job->flags & JOB_SORTED) != 0) {
        return bsearch(&item, list, job->count, sizeof(item),
                       compare_numbers) != NULL;
    }
    for (uint32_t i = 0; i < job->count; i++) {
        if (list[i] == item) {
            return true;
        }
    }
    return false;
}

bool
items_job_has(const struct items *items, uint32_t job, uint32_t item)
{
    const struct job *found = items_peek_job(items, job);

    if (item >= items->items.count) {
        return false;
    }
    // What appeared while a part of a job ran belongs to all its parts.
    const struct item *it = &items->items.items[item];
    if (it->job == found->origin &&
        ((it->flags & ITEM_APPEARED) != 0 ||
         !is_in_range(&items->jobs.items[found->origin], item))) {
        return true;
    }
    return found->list > 0 ? is_in_list(items, found, item)
                           : is_in_range(found, item);
}

void
items_plain_id(const struct items *items, uint32_t item, struct buf *buf)
{
    const struct item *found = items_peek(items, item);
    struct slice text = pool_bytes(&items->pool, found->text);

    if (text.len > 0 && text.data[0] == '.') {
        buf_add_text(buf, items_job_name(items, found->job));
    }
    buf_add_slice(buf, text);
}

void
items_id(const struct items *items, uint32_t item, struct buf *buf)
{
    struct serial serial = serial_text(items_peek(items, item)->serial);

    items_plain_id(items, item, buf);
    buf_add(buf, serial.text, serial.len);
}

const char *
items_job_name(const struct items *items, uint32_t job)
{
    return pool_at(&items->pool, items_peek_job(items, job)->name);
}

const char *
items_job_file(const struct items *items, uint32_t job)
{
    return pool_at(&items->pool, items_peek_job(items, job)->file);
}

const char *
items_job_load(const struct items *items, uint32_t job)
{
    return pool_at(&items->pool, items_peek_job(items, job)->load);
}

uint32_t
items_find(const struct items *items, struct slice id)
{
    return refs_find(&items->ids, map_hash(id), &id);
}

static const char *const job_kind_names[JOB_KIND_COUNT] = {
    [JOB_CLASS] = "class", [JOB_MODULE] = "module", [JOB_SUITE] = "suite",
    [JOB_FILE] = "file",   [JOB_IMPORT] = "import", [JOB_COMMAND] = "command",
};

const char *
job_kind_name(enum job_kind kind)
{
    assert(kind >= 0 && kind < JOB_KIND_COUNT);
    return job_kind_names[kind];
}

bool
job_kind_find(struct slice name, enum job_kind *kind)
{
    for (int i = 0; i < JOB_KIND_COUNT; i++) {
        if (slice_equals_text(name, job_kind_names[i])) {
            *kind = (enum job_kind)i;
            return true;
        }
    }
    return false;
}
