/*
 * A build that waits to be stored: what is known of it, the ends of its tests
 * and jobs, in memory, some ten bytes each. draft_store writes it in one
 * transaction and brings up to date what is expected of its tests.
 */
#ifndef STORE_DRAFT_H
#define STORE_DRAFT_H

#include "store/memory.h"
#include "store/results.h"
#include "store/site.h"

/* The row in `builds`. Texts are borrowed; NULL: not known. */
struct build_row {
    const char *id;
    const char *parent; // id of the build whose rest this one runs
    const char *version;
    const char *hostname;
    const char *cwd;
    const char *command;
    const char *isolation;
    const char *hash_seed;
    const char *python;
    const char *order;
    const char *seed;
    const char *shard;
    const char *selection;
    const char *durations;
    const char *recording; // name of its file in recordings/
    const char *asked;     // what was to run, as JSON: labels, -k, ...
    bool whole;            // nothing narrowed the selection
    int64_t began_ms;
    uint64_t us;
    int slots;
    uint32_t jobs;
    uint32_t excluded;
    enum stop_reason stop;
    int exit_status;
    struct tally tally;
    struct usage usage;
};

struct draft;
/* Borrows `memory`, to which names are added. */
struct draft *draft_new(struct memory *memory);
void draft_free(struct draft *draft);

/* Texts are borrowed for the call. `result->test` and `->job` are ignored. */
void draft_add_test(struct draft *draft, struct slice id, struct slice job,
                    const struct result *result);
void draft_add_job(struct draft *draft, struct slice name,
                   const struct result_job *job);

/*
 * Writes all of it, in one transaction; *number is then builds.number. What
 * is outstanding of the suite follows: what passed or was skipped goes out,
 * what ended badly (unless quarantined) or did not run comes in. What a build
 * saw that began later, by `wall_ms`, does not go out: this one was cut off,
 * or took longer. `learn` false: of tests that a later
 * build saw, durations and last states stay as they are (an import). `once`:
 * a build of that id that began then may be there already, put there just now
 * by another mule; then nothing is written, and *number is 0.
 */
struct draft_params {
    const struct suite_key *suite;
    const struct build_row *row;
    bool learn;
    int64_t wall_ms; // today, since a clock that was ahead dates no build later
    bool once;
};
bool draft_store(struct draft *draft, struct store *store,
                 const struct draft_params *params, int64_t *number,
                 struct err *err);

#endif
