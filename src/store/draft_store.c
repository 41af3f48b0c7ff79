#include "store/draft_internal.h"

#include "store/builds.h"
#include "store/database.h"
#include "store/results_codec.h"
#include "store/suite_range.h"

// ------------------------------------------------------------- the build's row

static const char insert_build[] =
    "INSERT INTO builds (suite, id, parent, began_ms, us, version, hostname,"
    " cwd, command, isolation, hash_seed, python, ordering, seed, shard,"
    " selection, durations, recording, asked, whole, slots, jobs, excluded,"
    " stop, exit_status, selected, passed, failed, error, skipped, xfailed,"
    " xpassed, timeout, crashed, lost, not_run, flaky, quarantined, retried,"
    " user_us, system_us, maxrss_kib)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
    " ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28,"
    " ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42)";

/* Each binds at *place and behind, and moves it on. */
static void
bind_texts(sqlite3_stmt *statement, int *place, const char *const *texts,
           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        database_bind_text(statement, (*place)++, texts[i]);
    }
}

static void
bind_numbers(sqlite3_stmt *statement, int *place, const int64_t *numbers,
             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int64(statement, (*place)++, numbers[i]);
    }
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void
bind_build(sqlite3_stmt *statement, const struct draft_target *target)
{
    const struct build_row *row = target->params->row;
    const uint32_t *states = row->tally.states;
    int place = 1;
    const char *const names[] = {row->id != NULL ? row->id : "", row->parent};
    const int64_t times[] = {row->began_ms, (int64_t)row->us};
    const char *const texts[] = {
        row->version,   row->hostname,  row->cwd,       row->command,
        row->isolation, row->hash_seed, row->python,    row->order,
        row->seed,      row->shard,     row->selection, row->durations,
        row->recording, row->asked,
    };
    const int64_t sizes[] = {row->whole, row->slots, row->jobs, row->excluded};
    const int64_t ends[] = {
        row->exit_status,
        row->tally.selected,
        states[STATE_PASSED],
        states[STATE_FAILED],
        states[STATE_ERROR],
        states[STATE_SKIPPED],
        states[STATE_XFAILED],
        states[STATE_XPASSED],
        states[STATE_TIMEOUT],
        states[STATE_CRASHED],
        states[STATE_LOST],
        states[STATE_NOT_RUN],
        row->tally.flaky,
        row->tally.quarantined,
        row->tally.retried,
        (int64_t)row->usage.user_us,
        (int64_t)row->usage.system_us,
        (int64_t)row->usage.maxrss_kib,
    };

    sqlite3_bind_int64(statement, place++, target->suite);
    bind_texts(statement, &place, names, COUNT_OF(names));
    bind_numbers(statement, &place, times, COUNT_OF(times));
    bind_texts(statement, &place, texts, COUNT_OF(texts));
    bind_numbers(statement, &place, sizes, COUNT_OF(sizes));
    database_bind_text(statement, place++, stop_reason_name(row->stop));
    bind_numbers(statement, &place, ends, COUNT_OF(ends));
}

static bool
write_build(struct draft_target *target, struct err *err)
{
    sqlite3_stmt *statement = database_prepare(target->db, insert_build, err);

    if (statement == NULL) {
        return false;
    }
    bind_build(statement, target);
    bool fine = database_do(statement, err);
    target->build = sqlite3_last_insert_rowid(target->db);
    sqlite3_finalize(statement);
    return fine;
}

// ------------------------------------------------------------------- its parts

struct parting {
    const struct draft_target *target;
    sqlite3_stmt *insert;
    struct buf part;
    struct results_place place;
};

static bool
close_part(struct parting *parting, enum part_kind kind, struct err *err)
{
    if (parting->part.len == 0) {
        return true;
    }
    sqlite3_bind_int64(parting->insert, 1, parting->target->build);
    sqlite3_bind_int(parting->insert, 2, (int)kind);
    sqlite3_bind_blob64(parting->insert, 3, parting->part.data,
                        parting->part.len, SQLITE_STATIC);
    bool fine = database_do(parting->insert, err);
    buf_reset(&parting->part);
    parting->place = (struct results_place){0};
    return fine;
}

static bool
write_tests(struct parting *parting, struct err *err)
{
    const struct draft *draft = parting->target->draft;
    struct memory *memory = draft->memory;
    struct draft_walk walk = {0};
    struct result end;

    while (draft_next(draft, &walk, &end)) {
        end.test = memory_row(memory, MEMORY_TESTS, (uint32_t)end.test)->number;
        end.job = memory_row(memory, MEMORY_JOBS, (uint32_t)end.job)->number;
        results_pack(&parting->part, &parting->place, &end);
        if (parting->part.len >= PART_FULL &&
            !close_part(parting, PART_TESTS, err)) {
            return false;
        }
    }
    return close_part(parting, PART_TESTS, err);
}

static bool
write_jobs(struct parting *parting, struct err *err)
{
    const struct draft *draft = parting->target->draft;

    for (size_t i = 0; i < draft->jobs.count; i++) {
        const struct draft_job *job = &draft->jobs.items[i];
        struct result_job result = job->result;
        result.job = memory_row(draft->memory, MEMORY_JOBS, job->job)->number;
        result.worker = slice_of(job->worker);
        results_pack_job(&parting->part, &parting->place, &result);
        if (parting->part.len >= PART_FULL &&
            !close_part(parting, PART_JOBS, err)) {
            return false;
        }
    }
    return close_part(parting, PART_JOBS, err);
}

static bool
write_parts(const struct draft_target *target, struct err *err)
{
    struct parting parting = {
        .target = target,
        .insert = database_prepare(
            target->db,
            "INSERT INTO parts (build, kind, data) VALUES (?1, ?2, ?3)", err),
        .part = BUF_INIT(PART_MAX),
    };
    bool fine = parting.insert != NULL && write_tests(&parting, err) &&
                write_jobs(&parting, err);

    sqlite3_finalize(parting.insert);
    buf_release(&parting.part);
    return fine;
}

// ------------------------------------------------------------- the transaction

static bool
find_new_number(struct draft_target *target, enum memory_kind kind,
                const char *table, struct err *err)
{
    char sql[160];

    sqlite3_snprintf(sizeof(sql), sql,
                     "SELECT max(number) FROM %s WHERE number >= %lld"
                     " AND number < %lld",
                     table, (long long)suite_range_first(target->suite),
                     (long long)suite_range_first(target->suite + 1));
    int64_t highest = 0;
    if (!database_number(target->db, sql, 0, &highest, err)) {
        return false;
    }
    int64_t first = suite_range_first(target->suite);
    target->new_number[kind] = highest >= first ? highest + 1 : first + 1;
    return true;
}

static bool
store_all(struct draft_target *target, struct store *store, struct err *err)
{
    if (!store_make_suite(store, target->params->suite, &target->suite, err)) {
        return false;
    }
    if (target->suite >= SUITE_MAX) {
        return err_set(err, ERR_LIMIT, "the store has too many suites");
    }
    return memory_load(target->draft->memory, store, target->suite, err) &&
           find_new_number(target, MEMORY_TESTS, "tests", err) &&
           find_new_number(target, MEMORY_JOBS, "jobs", err) &&
           write_build(target, err) && draft_learn(target, err) &&
           write_parts(target, err);
}

bool
draft_store(struct draft *draft, struct store *store,
            const struct draft_params *params, int64_t *number, struct err *err)
{
    struct draft_target target = {
        .draft = draft,
        .params = params,
        .db = store_database(store),
        .now_ms = params->row->began_ms,
    };
    const struct build_row *row = params->row;
    bool there = false;
    bool fine = database_begin(target.db, err) &&
                (!params->once ||
                 builds_has(store, row->id, row->began_ms, &there, err)) &&
                (there || store_all(&target, store, err)) &&
                database_commit(target.db, err);

    *number = target.build;
    if (!fine) {
        database_rollback(target.db);
        memory_forget_numbers(draft->memory);
        err_wrap(err, "storing the build in %s", store_folder(store));
    }
    return fine;
}
