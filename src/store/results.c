#include "store/results.h"

#include <stdlib.h>

#include "store/database.h"
#include "store/results_codec.h"
#include "util/alloc.h"

// One walk through the parts of one kind.
struct walk {
    sqlite3_stmt *parts;
    struct slice rest; // of the part that `parts` stands at
    struct results_place place;
};

struct results {
    struct walk tests;
    struct walk jobs;
};

static bool
start(struct walk *walk, sqlite3 *db, int64_t build, enum part_kind kind,
      struct err *err)
{
    walk->parts = database_prepare(
        db,
        "SELECT data FROM parts WHERE build = ?1 AND kind = ?2 ORDER BY number",
        err);
    if (walk->parts == NULL) {
        return false;
    }
    sqlite3_bind_int64(walk->parts, 1, build);
    sqlite3_bind_int(walk->parts, 2, (int)kind);
    return true;
}

struct results *
results_open(struct store *store, int64_t build, struct err *err)
{
    struct results *results = ALLOC(struct results);
    sqlite3 *db = store_database(store);

    if (!start(&results->tests, db, build, PART_TESTS, err) ||
        !start(&results->jobs, db, build, PART_JOBS, err)) {
        results_free(results);
        return NULL;
    }
    return results;
}

void
results_free(struct results *results)
{
    if (results != NULL) {
        sqlite3_finalize(results->tests.parts);
        sqlite3_finalize(results->jobs.parts);
        free(results);
    }
}

/* True while there are bytes; the next part is begun where one is used up. */
static bool
has_more(struct walk *walk, struct err *err)
{
    bool row = true;

    while (walk->parts != NULL && walk->rest.len == 0 && row) {
        if (!database_step(walk->parts, &row, err)) {
            return false;
        }
        if (row) {
            walk->rest = database_blob(walk->parts, 0);
            walk->place = (struct results_place){0};
        } else {
            sqlite3_finalize(walk->parts); // a step more would begin again
            walk->parts = NULL;
        }
    }
    return walk->rest.len > 0;
}

static bool
fail(struct walk *walk, struct err *err)
{
    walk->rest = slice_make(NULL, 0);
    err_set(err, ERR_PROTOCOL, "the results of a build cannot be read");
    return err_hint(err, "`mule history prune --keep-builds 1` removes it once "
                         "there is a newer one");
}

bool
results_next(struct results *results, int64_t test, struct result *result,
             struct err *err)
{
    struct walk *walk = &results->tests;

    while (has_more(walk, err)) {
        if (!results_unpack(&walk->rest, &walk->place, result)) {
            return fail(walk, err);
        }
        if (test <= 0 || result->test == test) {
            return true;
        }
    }
    return false;
}

bool
results_next_job(struct results *results, struct result_job *job,
                 struct err *err)
{
    struct walk *walk = &results->jobs;

    return has_more(walk, err) &&
           (results_unpack_job(&walk->rest, &walk->place, job) ||
            fail(walk, err));
}
