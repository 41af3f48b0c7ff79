#include "store/draft_internal.h"

#include <stdlib.h>

#include "store/database.h"
#include "store/outstanding.h"
#include "store/suite_range.h"
#include "util/alloc.h"

// What the jobs of one name took beside their tests in this build.
struct sum {
    uint64_t us;
    uint32_t count;
    bool used;
};

struct learning {
    struct draft_target *target;
    sqlite3_stmt *insert;
    sqlite3_stmt *update;
    sqlite3_stmt *open;  // is to pass from now on
    sqlite3_stmt *close; // did
    bool has_open;       // something was to pass before this build
};

static enum basis
basis_of(enum state state)
{
    switch (state) {
    case STATE_PASSED:
    case STATE_XFAILED:
    case STATE_XPASSED:
        return BASIS_PASSED;
    case STATE_FAILED:
    case STATE_ERROR:
        return BASIS_FAILED;
    case STATE_TIMEOUT:
    case STATE_CRASHED:
        return BASIS_BOUND;
    case STATE_NONE:
    case STATE_SKIPPED:
    case STATE_LOST:
    case STATE_NOT_RUN:
    case STATE_COUNT:
        break;
    }
    return BASIS_NONE;
}

// ---------------------------------------------------------------------- tests

// A moving mean, in which the newest weighs 3 of 10, among ends of one basis;
// a better basis begins anew; one that was cut off only raises it. Computed
// from what the row holds now: another mule may have been here meanwhile. What
// a build that began later saw (SEEN_LATER) is the newer word, unless it is bad
// what this one saw.
#define SEEN_LATER "seen_ms > ?8 AND seen_ms <= ?9"
static const char update_test[] =
    "UPDATE tests SET"
    " us = CASE WHEN ?2 = 0 OR ?2 = 2 AND basis = 3 THEN us"
    "           WHEN ?2 = 1 THEN max(us, ?3)"
    "           WHEN ?2 = basis THEN us + (?3 - us) * 3 / 10"
    "           ELSE ?3 END,"
    " basis = max(basis, ?2),"
    " state = CASE WHEN ?4 = 0 OR ?6 = 0 AND " SEEN_LATER " THEN state"
    "         ELSE ?4 END,"
    " runs = runs + ?5, bad = bad + ?6, flaky = flaky + ?7,"
    " seen_ms = CASE WHEN " SEEN_LATER " THEN seen_ms ELSE ?8 END"
    " WHERE number = ?1 AND (?10 OR seen_ms < ?8)";
static const char close_test[] =
    "DELETE FROM outstanding WHERE test = ?1 AND NOT EXISTS"
    " (SELECT 1 FROM tests WHERE number = ?1 AND " SEEN_LATER ")";
static const char insert_test[] =
    "INSERT INTO tests (number, us, basis, state, runs, bad, flaky, seen_ms,"
    " added_ms, name) VALUES (?1, ?3, ?2, ?4, ?5, ?6, ?7, ?8, ?8, ?9)";

/* The same places in both statements. */
static void
bind_test(sqlite3_stmt *statement, int64_t number, const struct result *end,
          int64_t now_ms)
{
    enum state state = end->state;
    enum basis basis = basis_of(state);
    bool flaky = (end->flags & RESULT_FLAKY) != 0;
    bool ran = state != STATE_NOT_RUN && state != STATE_SKIPPED;

    sqlite3_bind_int64(statement, 1, number);
    sqlite3_bind_int(statement, 2, (int)basis);
    sqlite3_bind_int64(statement, 3,
                       basis != BASIS_NONE ? (int64_t)end->us : 0);
    sqlite3_bind_int(statement, 4,
                     state != STATE_NOT_RUN ? (int)state : STATE_NONE);
    sqlite3_bind_int(statement, 5, ran ? 1 : 0);
    sqlite3_bind_int(statement, 6, state_is_bad(state) || flaky ? 1 : 0);
    sqlite3_bind_int(statement, 7, flaky ? 1 : 0);
    sqlite3_bind_int64(statement, 8, now_ms);
}

static bool
insert_row(struct learning *learning, const struct result *end, int64_t number,
           struct err *err)
{
    const struct draft_target *target = learning->target;

    bind_test(learning->insert, number, end, target->now_ms);
    database_bind_slice(
        learning->insert, 9,
        memory_name(target->draft->memory, MEMORY_TESTS, (uint32_t)end->test));
    return database_do(learning->insert, err);
}

/* Until when another build may have begun that counts as a later one. */
static int64_t
latest(const struct draft_target *target)
{
    return target->params->learn ? target->params->wall_ms : INT64_MAX;
}

/* `*learned` false: a later build saw it, and only what is new is learned. */
static bool
learn_test(struct learning *learning, const struct result *end, bool *learned,
           struct err *err)
{
    struct draft_target *target = learning->target;
    struct memory_row *row =
        memory_row(target->draft->memory, MEMORY_TESTS, (uint32_t)end->test);

    *learned = true;
    if (row->number == 0) {
        row->number = target->new_number[MEMORY_TESTS]++;
        return insert_row(learning, end, row->number, err);
    }
    bind_test(learning->update, row->number, end, target->now_ms);
    sqlite3_bind_int64(learning->update, 9, latest(target));
    sqlite3_bind_int(learning->update, 10, target->params->learn);
    if (!database_do(learning->update, err)) {
        return false;
    }
    *learned = target->params->learn || sqlite3_changes(target->db) > 0;
    if (!target->params->learn) {
        return true;
    }
    // Gone: forgotten by another mule since it was loaded.
    return sqlite3_changes(target->db) > 0 ||
           insert_row(learning, end, row->number, err);
}

/* What is to pass is what ended badly or did not run, unless in quarantine. */
static bool
is_open(const struct result *end)
{
    return (state_is_bad(end->state) || end->state == STATE_NOT_RUN) &&
           (end->flags & RESULT_QUARANTINED) == 0;
}

static bool
open_row(struct learning *learning, const struct result *end, struct err *err)
{
    const struct draft_target *target = learning->target;
    struct memory *memory = target->draft->memory;

    sqlite3_bind_int64(
        learning->open, 1,
        memory_row(memory, MEMORY_TESTS, (uint32_t)end->test)->number);
    sqlite3_bind_int64(learning->open, 2, target->build);
    sqlite3_bind_int64(
        learning->open, 3,
        memory_row(memory, MEMORY_JOBS, (uint32_t)end->job)->number);
    return database_do(learning->open, err);
}

static bool
close_row(struct learning *learning, const struct result *end, struct err *err)
{
    const struct draft_target *target = learning->target;
    const struct memory_row *row =
        memory_row(target->draft->memory, MEMORY_TESTS, (uint32_t)end->test);

    sqlite3_bind_int64(learning->close, 1, row->number);
    sqlite3_bind_int64(learning->close, 8, target->now_ms);
    sqlite3_bind_int64(learning->close, 9, latest(target));
    return database_do(learning->close, err);
}

/* Whether another build saw it later is asked before that is written. */
static bool
learn_end(struct learning *learning, const struct result *end, struct err *err)
{
    bool closes = !is_open(end) && learning->has_open;
    bool learned = false;

    return (!closes || close_row(learning, end, err)) &&
           learn_test(learning, end, &learned, err) &&
           (!is_open(end) || !learned || open_row(learning, end, err));
}

static bool
learn_tests(struct learning *learning, struct err *err)
{
    const struct draft *draft = learning->target->draft;
    struct draft_walk walk = {0};
    struct result end;

    while (draft_next(draft, &walk, &end)) {
        bool decided = (end.flags & RESULT_DECIDED) != 0;
        if (decided && !learn_end(learning, &end, err)) {
            return false;
        }
    }
    // Killed in between: an attempt whose test was never decided.
    walk = (struct draft_walk){0};
    while (draft_next(draft, &walk, &end)) {
        const struct memory_row *row =
            memory_row(draft->memory, MEMORY_TESTS, (uint32_t)end.test);
        bool learned = false;
        if (row->number == 0 && !learn_test(learning, &end, &learned, err)) {
            return false;
        }
    }
    return true;
}

static bool
prepare(struct learning *learning, struct err *err)
{
    const struct draft_target *target = learning->target;
    sqlite3 *db = target->db;
    char count[128];
    int64_t any = 0;

    sqlite3_snprintf(sizeof(count), count,
                     "SELECT EXISTS (SELECT 1 FROM outstanding"
                     " WHERE test >= %lld AND test < %lld)",
                     (long long)suite_range_first(target->suite),
                     (long long)suite_range_first(target->suite + 1));
    learning->insert = database_prepare(db, insert_test, err);
    if (learning->insert == NULL || !database_number(db, count, 0, &any, err)) {
        return false;
    }
    learning->has_open = any != 0;
    learning->update = database_prepare(db, update_test, err);
    if (learning->update == NULL) {
        return false;
    }
    learning->open =
        database_prepare(db,
                         "INSERT OR IGNORE INTO outstanding (test, since, job)"
                         " VALUES (?1, ?2, ?3)",
                         err);
    if (learning->open == NULL) {
        return false;
    }
    learning->close = database_prepare(db, close_test, err);
    return learning->close != NULL;
}

static void
release(struct learning *learning)
{
    sqlite3_finalize(learning->insert);
    sqlite3_finalize(learning->update);
    sqlite3_finalize(learning->open);
    sqlite3_finalize(learning->close);
}

#define SEEN "(seen_ms = ?3 OR seen_ms > ?3 AND seen_ms <= ?4)"
// What was passed once, and to run again, is not taken for passed.
static const char unlearn_unseen[] =
    "UPDATE tests SET state = 0 WHERE state IN " OUTSTANDING_WELL
    " AND number IN (SELECT test FROM outstanding WHERE test >= ?1 AND"
    " test < ?2) AND NOT " SEEN;
static const char forget_unseen[] =
    "DELETE FROM outstanding WHERE test >= ?1 AND test < ?2 AND NOT EXISTS"
    " (SELECT 1 FROM tests WHERE number = test AND " SEEN ")";

static bool
do_unseen(const struct draft_target *target, const char *sql, struct err *err)
{
    sqlite3_stmt *statement = database_prepare(target->db, sql, err);

    if (statement == NULL) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, suite_range_first(target->suite));
    sqlite3_bind_int64(statement, 2, suite_range_first(target->suite + 1));
    sqlite3_bind_int64(statement, 3, target->now_ms);
    sqlite3_bind_int64(statement, 4, target->params->wall_ms);
    bool fine = database_do(statement, err);
    sqlite3_finalize(statement);
    return fine;
}

/*
 * A test that a whole build has not seen does not exist any more, unless a
 * build that began later saw it.
 */
static bool
forget_open(const struct draft_target *target, struct err *err)
{
    const struct build_row *row = target->params->row;

    if (!row->whole || row->stop != STOP_NONE || row->shard != NULL ||
        !target->params->learn) {
        return true;
    }
    return do_unseen(target, unlearn_unseen, err) &&
           do_unseen(target, forget_unseen, err);
}

// ----------------------------------------------------------------------- jobs

static struct sum *
sum_jobs(const struct draft *draft)
{
    struct sum *sums = alloc_zero(
        memory_count(draft->memory, MEMORY_JOBS) + (size_t)1, sizeof(*sums));
    struct draft_walk walk = {0};
    struct result end;

    while (draft_next(draft, &walk, &end)) {
        sums[end.job].used = true;
    }
    for (size_t i = 0; i < draft->jobs.count; i++) {
        struct sum *sum = &sums[draft->jobs.items[i].job];
        sum->used = true;
        sum->us += draft->jobs.items[i].beside_us;
        sum->count++;
    }
    return sums;
}

static const char upsert_job[] =
    "INSERT INTO jobs (number, name, us, basis, seen_ms)"
    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (number) DO UPDATE SET"
    " us = CASE WHEN excluded.basis = 0 THEN us WHEN basis = 0"
    "      THEN excluded.us ELSE us + (excluded.us - us) * 3 / 10 END,"
    " basis = max(basis, excluded.basis), seen_ms = excluded.seen_ms";
static const char insert_job[] =
    "INSERT OR IGNORE INTO jobs (number, name, us, basis, seen_ms)"
    " VALUES (?1, ?2, ?3, ?4, ?5)";

static bool
learn_job(struct draft_target *target, sqlite3_stmt *statement, uint32_t place,
          const struct sum *sum, struct err *err)
{
    struct memory *memory = target->draft->memory;
    struct memory_row *row = memory_row(memory, MEMORY_JOBS, place);

    if (row->number == 0) {
        row->number = target->new_number[MEMORY_JOBS]++;
    }
    sqlite3_bind_int64(statement, 1, row->number);
    database_bind_slice(statement, 2, memory_name(memory, MEMORY_JOBS, place));
    sqlite3_bind_int64(statement, 3,
                       sum->count > 0 ? (int64_t)(sum->us / sum->count) : 0);
    sqlite3_bind_int(statement, 4, sum->count > 0 ? BASIS_PASSED : BASIS_NONE);
    sqlite3_bind_int64(statement, 5, target->now_ms);
    return database_do(statement, err);
}

static bool
learn_jobs(struct draft_target *target, struct err *err)
{
    uint32_t count = memory_count(target->draft->memory, MEMORY_JOBS);
    sqlite3_stmt *statement = database_prepare(
        target->db, target->params->learn ? upsert_job : insert_job, err);
    bool fine = statement != NULL;
    struct sum *sums = sum_jobs(target->draft);

    for (uint32_t place = 0; fine && place < count; place++) {
        if (sums[place].used) {
            fine = learn_job(target, statement, place, &sums[place], err);
        }
    }
    free(sums);
    sqlite3_finalize(statement);
    return fine;
}

bool
draft_learn(struct draft_target *target, struct err *err)
{
    struct learning learning = {.target = target};
    // What is to pass names its job.
    bool fine = learn_jobs(target, err) && prepare(&learning, err) &&
                learn_tests(&learning, err);

    release(&learning);
    return fine && forget_open(target, err);
}
