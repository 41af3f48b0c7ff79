#include "store/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/database.h"
#include "store/suite_range.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"

// Of the table: empty where `place` is 0, else it is one more than the place.
struct slot {
    uint32_t hash;
    uint32_t place;
};

// Rows of one kind: a growing array, their names end to end, and an open
// table by hash. Made for a hundred thousand names: util/map would make as
// many allocations.
struct shelf {
    ARRAY(struct memory_row) rows;
    ARRAY(char) names;
    struct slot *table;
    size_t capacity; // of `table`: a power of two, or 0
    uint32_t first;  // so many rows, of the first loading, ascend by number
    int64_t highest; // number that was loaded
};

struct memory {
    struct history history; // first
    struct shelf shelves[MEMORY_KINDS];
};

// Of four slots of the table, so many are used at most.
enum {
    FULL = 3
};

// ------------------------------------------------------------------- a shelf

static struct slice
name_of(const struct shelf *shelf, uint32_t place)
{
    const struct memory_row *row = &shelf->rows.items[place];

    return slice_make(shelf->names.items + row->name_at, row->name_len);
}

static void
rehash(struct shelf *shelf, size_t capacity)
{
    struct slot *old = shelf->table;

    shelf->table = alloc_zero(capacity, sizeof(*shelf->table));
    for (size_t i = 0; i < shelf->capacity; i++) {
        size_t at = old[i].hash & (capacity - 1);
        while (old[i].place != 0 && shelf->table[at].place != 0) {
            at = (at + 1) & (capacity - 1);
        }
        if (old[i].place != 0) {
            shelf->table[at] = old[i];
        }
    }
    shelf->capacity = capacity;
    free(old);
}

/* Where the name is in the table, or the free place where it would be. */
static struct slot *
look_up(const struct shelf *shelf, struct slice name, uint32_t hash)
{
    size_t mask = shelf->capacity - 1;
    size_t at = hash & mask;

    while (shelf->table[at].place != 0 &&
           (shelf->table[at].hash != hash ||
            !slice_equals(name_of(shelf, shelf->table[at].place - 1), name))) {
        at = (at + 1) & mask;
    }
    return &shelf->table[at];
}

static uint32_t
find(const struct shelf *shelf, struct slice name)
{
    if (shelf->rows.count == 0) {
        return MEMORY_NONE;
    }
    uint32_t place = look_up(shelf, name, (uint32_t)map_hash(name))->place;
    return place == 0 ? MEMORY_NONE : place - 1;
}

static uint32_t
add(struct shelf *shelf, struct slice name)
{
    if ((shelf->rows.count + 1) * 4 > shelf->capacity * FULL) {
        rehash(shelf, shelf->capacity > 0 ? shelf->capacity * 2 : 1024);
    }
    uint32_t hash = (uint32_t)map_hash(name);
    struct slot *slot = look_up(shelf, name, hash);
    if (slot->place != 0) {
        return slot->place - 1;
    }
    struct memory_row row = {
        .name_at = shelf->names.count,
        .name_len = (uint32_t)name.len,
    };
    ARRAY_RESERVE(&shelf->names, shelf->names.count + name.len);
    if (name.len > 0) {
        memcpy(shelf->names.items + shelf->names.count, name.data, name.len);
    }
    shelf->names.count += name.len;
    ARRAY_ADD(&shelf->rows, row);
    *slot = (struct slot){hash, (uint32_t)shelf->rows.count};
    return (uint32_t)shelf->rows.count - 1;
}

// ---------------------------------------------------------------- the history

static struct memory *
memory_of(struct history *history)
{
    return (struct memory *)(void *)history;
}

static bool
find_item(struct history *history, struct slice id, struct past *past)
{
    const struct shelf *shelf = &memory_of(history)->shelves[MEMORY_TESTS];
    uint32_t place = find(shelf, id);

    if (place == MEMORY_NONE || shelf->rows.items[place].number == 0) {
        return false;
    }
    const struct memory_row *row = &shelf->rows.items[place];
    *past = (struct past){
        .us = row->us,
        .timed = row->basis != BASIS_NONE,
        .state = (enum state)row->state,
    };
    return true;
}

static bool
find_job(struct history *history, struct slice name, struct past *past)
{
    const struct shelf *shelf = &memory_of(history)->shelves[MEMORY_JOBS];
    uint32_t place = find(shelf, name);

    if (place == MEMORY_NONE) {
        return false;
    }
    const struct memory_row *row = &shelf->rows.items[place];
    *past = (struct past){
        .us = row->us,
        .timed = row->basis != BASIS_NONE,
        .state = (enum state)row->state,
    };
    return past->timed || past->state != STATE_NONE;
}

static const struct history_ops history_ops = {
    .find_item = find_item,
    .find_job = find_job,
};

struct memory *
memory_new(void)
{
    struct memory *memory = ALLOC(struct memory);

    memory->history.ops = &history_ops;
    return memory;
}

void
memory_free(struct memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (int kind = 0; kind < MEMORY_KINDS; kind++) {
        ARRAY_RELEASE(&memory->shelves[kind].rows);
        ARRAY_RELEASE(&memory->shelves[kind].names);
        free(memory->shelves[kind].table);
    }
    free(memory);
}

struct history *
memory_history(struct memory *memory)
{
    return &memory->history;
}

// -------------------------------------------------------------------- loading

/* What a file says of itself is not believed: it is no larger than may be. */
static uint64_t
read_duration(sqlite3_stmt *rows, int column)
{
    int64_t us = sqlite3_column_int64(rows, column);

    if (us < 0) {
        return 0;
    }
    return us < (int64_t)DURATION_MAX ? (uint64_t)us : DURATION_MAX;
}

static uint8_t
read_small(sqlite3_stmt *rows, int column, int end)
{
    int number = sqlite3_column_int(rows, column);

    return number >= 0 && number < end ? (uint8_t)number : 0;
}

static void
take_row(struct shelf *shelf, sqlite3_stmt *rows)
{
    uint32_t place = add(shelf, database_text(rows, 1));
    struct memory_row *row = &shelf->rows.items[place];

    row->number = sqlite3_column_int64(rows, 0);
    row->us = read_duration(rows, 2);
    row->basis = read_small(rows, 3, BASIS_PASSED + 1);
    row->state = read_small(rows, 4, STATE_COUNT);
    shelf->highest = row->number;
}

static bool
load(struct shelf *shelf, sqlite3 *db, const char *sql, int64_t suite,
     struct err *err)
{
    bool first = shelf->rows.count == 0;
    int64_t after = suite_range_first(suite) - 1;
    sqlite3_stmt *rows = database_prepare(db, sql, err);
    bool row = false;

    if (rows == NULL) {
        return false;
    }
    sqlite3_bind_int64(rows, 1,
                       shelf->highest > after ? shelf->highest : after);
    sqlite3_bind_int64(rows, 2, suite_range_first(suite + 1));
    bool fine = database_step(rows, &row, err);
    while (fine && row) {
        take_row(shelf, rows);
        fine = database_step(rows, &row, err);
    }
    sqlite3_finalize(rows);
    if (first) {
        shelf->first = (uint32_t)shelf->rows.count;
    }
    return fine;
}

// Fixtures and the like are no items that a run asks for: their jobs answer.
static bool
load_states(struct memory *memory, sqlite3 *db, int64_t suite, struct err *err)
{
    sqlite3_stmt *rows = database_prepare(
        db,
        "SELECT outstanding.job, tests.state FROM outstanding"
        " JOIN tests ON tests.number = outstanding.test"
        " WHERE outstanding.test >= ?1 AND outstanding.test < ?2",
        err);
    bool fine = rows != NULL;
    bool row = fine;

    if (fine) {
        sqlite3_bind_int64(rows, 1, suite_range_first(suite));
        sqlite3_bind_int64(rows, 2, suite_range_first(suite + 1));
    }
    while (fine && row) {
        fine = database_step(rows, &row, err);
        uint32_t place = fine && row
                             ? memory_find_number(memory, MEMORY_JOBS,
                                                  sqlite3_column_int64(rows, 0))
                             : MEMORY_NONE;
        uint8_t state = read_small(rows, 1, STATE_COUNT);
        if (place != MEMORY_NONE && state_is_bad((enum state)state)) {
            memory_row(memory, MEMORY_JOBS, place)->state = state;
        }
    }
    sqlite3_finalize(rows);
    return fine;
}

bool
memory_load(struct memory *memory, struct store *store, int64_t suite,
            struct err *err)
{
    sqlite3 *db = store_database(store);

    return suite == 0 ||
           (load(&memory->shelves[MEMORY_TESTS], db,
                 "SELECT number, name, us, basis, state FROM tests"
                 " WHERE number > ?1 AND number < ?2 ORDER BY number",
                 suite, err) &&
            load(&memory->shelves[MEMORY_JOBS], db,
                 "SELECT number, name, us, basis, 0 FROM jobs"
                 " WHERE number > ?1 AND number < ?2 ORDER BY number",
                 suite, err) &&
            load_states(memory, db, suite, err));
}

// ------------------------------------------------------------------- the rows

uint32_t
memory_count(const struct memory *memory, enum memory_kind kind)
{
    return (uint32_t)memory->shelves[kind].rows.count;
}

struct memory_row *
memory_row(struct memory *memory, enum memory_kind kind, uint32_t place)
{
    assert(place < memory->shelves[kind].rows.count);
    return &memory->shelves[kind].rows.items[place];
}

struct slice
memory_name(const struct memory *memory, enum memory_kind kind, uint32_t place)
{
    assert(place < memory->shelves[kind].rows.count);
    return name_of(&memory->shelves[kind], place);
}

uint32_t
memory_find(const struct memory *memory, enum memory_kind kind,
            struct slice name)
{
    return find(&memory->shelves[kind], name);
}

uint32_t
memory_find_number(const struct memory *memory, enum memory_kind kind,
                   int64_t number)
{
    const struct shelf *shelf = &memory->shelves[kind];
    uint32_t low = 0;
    uint32_t high = shelf->first;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (shelf->rows.items[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool there = low < shelf->first && shelf->rows.items[low].number == number;
    return there ? low : MEMORY_NONE;
}

uint32_t
memory_add(struct memory *memory, enum memory_kind kind, struct slice name)
{
    return add(&memory->shelves[kind], name);
}

void
memory_forget_numbers(struct memory *memory)
{
    for (int kind = 0; kind < MEMORY_KINDS; kind++) {
        struct shelf *shelf = &memory->shelves[kind];
        for (size_t i = 0; i < shelf->rows.count; i++) {
            shelf->rows.items[i].number = 0;
        }
        shelf->first = 0;
        shelf->highest = 0;
    }
}
