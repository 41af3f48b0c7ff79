/*
 * A store in the current folder, and builds that are put into it: one short
 * call for each. See folder.h for the folder.
 */
#ifndef TESTS_UNIT_STORE_SCENE_H
#define TESTS_UNIT_STORE_SCENE_H

#include <sqlite3.h>

#include "folder.h"
#include "store/database.h"
#include "store/draft.h"

#define SCENE_FOLDER "store"
#define SCENE_DATE INT64_C(1322020000000)

static char scene_here[] = ".";
static char scene_words[] = "unittest";
static const struct suite_key scene_suite = {scene_here, scene_words};

struct scene_end {
    const char *id;
    enum state state;
    uint64_t us;
    unsigned flags; // RESULT_DECIDED is added
};

struct scene_build {
    const char *id;
    const char *parent;
    const char *recording;
    const char *shard;
    int64_t began_ms;              // 0: SCENE_DATE
    int64_t wall_ms;               // when it is stored; 0: no other is later
    bool part;                     // something narrowed it
    bool keep;                     // learn nothing
    const struct suite_key *suite; // NULL: scene_suite
    const struct scene_end *ends;
    size_t count;
};

static inline struct store *
scene_open(enum store_use use)
{
    struct err err = {0};
    struct store *store = store_open(SCENE_FOLDER, use, &err);

    if (store == NULL) {
        fail_msg("%s", err.text);
    }
    return store;
}

static inline struct draft *
scene_draft(struct memory *memory, const struct scene_end *ends, size_t count)
{
    struct draft *draft = draft_new(memory);

    for (size_t i = 0; i < count; i++) {
        struct result result = {
            .us = ends[i].us,
            .process = 1,
            .tries = 1,
            .flags = ends[i].flags | RESULT_DECIDED,
            .state = ends[i].state,
        };
        draft_add_test(draft, slice_of(ends[i].id), SLICE("job"), &result);
    }
    return draft;
}

// Gives builds.number.
static inline int64_t
scene_store(const struct scene_build *build)
{
    const struct suite_key *suite =
        build->suite != NULL ? build->suite : &scene_suite;
    struct build_row row = {
        .id = build->id,
        .parent = build->parent,
        .recording = build->recording,
        .shard = build->shard,
        .whole = !build->part,
        .began_ms = build->began_ms != 0 ? build->began_ms : SCENE_DATE,
    };
    struct draft_params params = {.suite = suite,
                                  .row = &row,
                                  .learn = !build->keep,
                                  .wall_ms = build->wall_ms};
    struct store *store = scene_open(STORE_WRITES);
    struct memory *memory = memory_new();
    struct draft *draft = scene_draft(memory, build->ends, build->count);
    struct err err = {0};
    int64_t number = 0;

    row.tally.selected = (uint32_t)build->count;
    if (!draft_store(draft, store, &params, &number, &err)) {
        fail_msg("%s", err.text);
    }
    draft_free(draft);
    memory_free(memory);
    store_close(store);
    return number;
}

// A build of one test that passed in `us`.
static inline int64_t
scene_pass(const char *build, uint64_t us)
{
    const struct scene_end end = {"t", STATE_PASSED, us, 0};

    return scene_store(
        &(struct scene_build){.id = build, .ends = &end, .count = 1});
}

static inline void
scene_end(const char *id, enum state state, uint64_t us)
{
    const struct scene_end end = {id, state, us, 0};

    scene_store(&(struct scene_build){
        .id = "b", .part = true, .ends = &end, .count = 1});
}

// What a query says; -1: NULL, or no row.
static inline int64_t
scene_ask(const char *sql)
{
    struct store *store = scene_open(STORE_READS);
    struct err err = {0};
    int64_t number = 0;

    if (!database_number(store_database(store), sql, -1, &number, &err)) {
        fail_msg("%s", err.text);
    }
    store_close(store);
    return number;
}

// Any SQL, by the side door.
static inline void
scene_run(const char *sql)
{
    sqlite3 *db = NULL;
    char *problem = NULL;

    assert_int_equal(sqlite3_open(SCENE_FOLDER "/" STORE_DATABASE, &db),
                     SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s", problem);
    }
    sqlite3_close(db);
}

#endif
