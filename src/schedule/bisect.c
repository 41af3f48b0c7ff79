// One state machine over one state: it would not be clearer in two files.
#include "schedule/bisect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/array.h"

// No trial: look again.
#define TRIAL_AGAIN (TRIAL_NONE - 1)

// How often the test is tried alone, and again alone and after what was found.
#define CONFIRM_RUNS 3U
// The same where one probe of a set says too little.
#define CONFIRM_RUNS_SHAKY 10U
// There, a set is tried until so many probes of it were hits.
#define SHAKY_RUNS 8U
#define SHAKY_HITS 2U

enum phase {
    PHASE_BASE = 1, // alone, and after all
    PHASE_REDUCE,
    PHASE_CONFIRM,
    PHASE_OVER,
};

struct bisect {
    struct bisect_params params;
    enum phase phase;
    enum bisect_verdict verdict;
    enum bisect_answer target; // what it does after all of them, only
    bool shaky;
    bool minimal;
    struct trials trials;
    uint32_t alone; // trials
    uint32_t whole;
    uint32_t found;                   // the smallest set that is a hit
    uint32_t parts;                   // that it is divided into
    struct bisect_score found_before; // what was known before it is confirmed
    uint32_t alone_before;
    ARRAY(uint32_t) level;    // trials that would make it smaller
    ARRAY(uint32_t) trial_of; // of each probe; TRIAL_NONE: it is over
};

static struct trial *
trial_at(const struct bisect *bisect, uint32_t number)
{
    return &bisect->trials.items[number];
}

// --------------------------------------------------- what a trial has shown

enum shown {
    SHOWN_OPEN,
    SHOWN_HIT,
    SHOWN_MISS,
};

static enum shown
show(const struct bisect *bisect, uint32_t number)
{
    const struct trial *trial = trial_at(bisect, number);
    uint32_t runs = trial_runs(trial);
    uint32_t hits = trial->counts[bisect->target];
    if (!bisect->shaky) {
        return runs == 0 ? SHOWN_OPEN : hits > 0 ? SHOWN_HIT : SHOWN_MISS;
    }
    if (hits >= SHAKY_HITS) {
        return SHOWN_HIT;
    }
    bool in_vain =
        runs >= SHAKY_RUNS || hits + (SHAKY_RUNS - runs) < SHAKY_HITS;
    return in_vain ? SHOWN_MISS : SHOWN_OPEN;
}

/* How many runs a trial of the level is to have, as far as is known now. */
static uint32_t
wanted_in_level(const struct bisect *bisect, uint32_t number)
{
    const struct trial *trial = trial_at(bisect, number);
    if (show(bisect, number) != SHOWN_OPEN) {
        return 0;
    }
    if (!bisect->shaky) {
        return 1;
    }
    // Two hits in a row are the best that can come; then one more at a time.
    uint32_t runs =
        trial_runs(trial) + SHAKY_HITS - trial->counts[bisect->target];
    return runs < SHAKY_RUNS ? runs : SHAKY_RUNS;
}

/* What was chosen because it was a hit proves nothing: more runs do. */
static uint32_t
wanted_of_found(const struct bisect *bisect)
{
    const uint32_t *before = bisect->found_before.counts;
    uint32_t more = bisect->shaky ? CONFIRM_RUNS_SHAKY : CONFIRM_RUNS;
    return before[BISECT_PASSED] + before[BISECT_FAILED] +
           before[BISECT_UNCLEAR] + more;
}

static uint32_t
wanted_of_alone(const struct bisect *bisect)
{
    uint32_t more = bisect->shaky ? CONFIRM_RUNS_SHAKY : CONFIRM_RUNS;
    return bisect->alone_before + more;
}

static struct bisect_score
score_of(const struct bisect *bisect, uint32_t number)
{
    struct bisect_score score;
    memcpy(score.counts, trial_at(bisect, number)->counts,
           sizeof(score.counts));
    return score;
}

/* Of the runs that confirm it; before them, of all. */
static struct bisect_score
score_of_found(const struct bisect *bisect)
{
    struct bisect_score score = score_of(bisect, bisect->found);
    for (int i = 0; i < BISECT_ANSWERS; i++) {
        score.counts[i] -= bisect->found_before.counts[i];
    }
    return score;
}

static uint32_t
wanted_of_whole(const struct bisect *bisect)
{
    const struct trial *alone = trial_at(bisect, bisect->alone);
    const struct trial *whole = trial_at(bisect, bisect->whole);
    if (trial_runs(whole) == 0) {
        return 1;
    }
    // The other way round than alone: once is enough to go on.
    bool differs =
        (alone->counts[BISECT_FAILED] == 0 &&
         whole->counts[BISECT_PASSED] == 0 &&
         whole->counts[BISECT_FAILED] > 0) ||
        (alone->counts[BISECT_PASSED] == 0 &&
         whole->counts[BISECT_FAILED] == 0 && whole->counts[BISECT_PASSED] > 0);
    return differs ? 1 : CONFIRM_RUNS;
}

// ---------------------------------------------------------------- verdicts

static void
end(struct bisect *bisect, enum bisect_verdict verdict)
{
    bisect->phase = PHASE_OVER;
    bisect->verdict = verdict;
}

static void
begin_confirming(struct bisect *bisect, bool minimal)
{
    bisect->minimal = minimal;
    bisect->phase = PHASE_CONFIRM;
    bisect->found_before = score_of(bisect, bisect->found);
    bisect->alone_before = trial_runs(trial_at(bisect, bisect->alone));
}

static void
leave_level(struct bisect *bisect)
{
    for (size_t i = 0; i < bisect->level.count; i++) {
        uint32_t number = bisect->level.items[i];
        if (number != bisect->found && number != bisect->whole &&
            number != bisect->alone) {
            trials_forget(&bisect->trials, number);
        }
    }
    bisect->level.count = 0;
}

// --------------------------------------------------------------- the level

/*
 * The sets of a level are made when they are to be tried: each part of what
 * was found by itself, then all but one, which for two is the same.
 */
static uint32_t
level_size(const struct bisect *bisect)
{
    return bisect->parts > 2 ? 2 * bisect->parts : bisect->parts;
}

static bool
is_level_made(const struct bisect *bisect)
{
    return bisect->level.count >= level_size(bisect);
}

static void
make_next(struct bisect *bisect)
{
    uint32_t k = (uint32_t)bisect->level.count;
    bool part = k < bisect->parts;
    uint32_t number =
        part ? trials_part(&bisect->trials, bisect->found, bisect->parts, k)
             : trials_rest(&bisect->trials, bisect->found, bisect->parts,
                           k - bisect->parts);
    ARRAY_ADD(&bisect->level, number);
}

static uint32_t
first_parts(const struct bisect *bisect, uint32_t count)
{
    uint32_t parts = bisect->params.wide > 2 ? bisect->params.wide : 2;
    return parts < count ? parts : count;
}

/* Goes on with a set that is a hit. */
static void
narrow(struct bisect *bisect, uint32_t number, uint32_t parts)
{
    uint32_t before = bisect->found;
    bisect->found = number;
    leave_level(bisect);
    if (before != bisect->whole && before != number) {
        trials_forget(&bisect->trials, before);
    }
    bisect->phase = PHASE_REDUCE;
    bisect->found_before = (struct bisect_score){0};
    if (trial_at(bisect, number)->count <= 1) {
        begin_confirming(bisect, true);
        return;
    }
    bisect->parts = parts;
}

static bool
is_level_open(const struct bisect *bisect)
{
    if (!is_level_made(bisect)) {
        return true;
    }
    for (size_t i = 0; i < bisect->level.count; i++) {
        if (show(bisect, bisect->level.items[i]) == SHOWN_OPEN) {
            return true;
        }
    }
    return false;
}

/* One probe of each set led astray: from the beginning, with several. */
static void
doubt(struct bisect *bisect)
{
    bisect->shaky = true;
    narrow(bisect, bisect->whole,
           first_parts(bisect, trial_at(bisect, bisect->whole)->count));
}

/*
 * No smaller set of this level is a hit. Before many more are tried: is the
 * one that they come from, still?
 */
static bool
go_finer(struct bisect *bisect)
{
    const struct trial *found = trial_at(bisect, bisect->found);
    if (!bisect->shaky && trial_runs(found) < CONFIRM_RUNS) {
        return false;
    }
    if (!bisect->shaky && found->counts[bisect->target] < trial_runs(found)) {
        doubt(bisect);
    } else if (bisect->parts >= found->count) {
        begin_confirming(bisect, true);
    } else {
        uint32_t parts = 2 * bisect->parts;
        bisect->parts = parts < found->count ? parts : found->count;
        leave_level(bisect);
    }
    return true;
}

/* Looks at the level; true: it led to another one, or out of here. */
static bool
step_level(struct bisect *bisect)
{
    uint32_t count = trial_at(bisect, bisect->found)->count;
    bool open = bisect->level.count < bisect->parts;
    for (size_t i = 0; i < bisect->level.count; i++) {
        uint32_t number = bisect->level.items[i];
        if (i >= bisect->parts && open) {
            return false; // a single part would be better
        }
        open = open || show(bisect, number) == SHOWN_OPEN;
        if (show(bisect, number) == SHOWN_HIT &&
            trial_at(bisect, number)->count < count) {
            uint32_t smaller = trial_at(bisect, number)->count;
            bool part = i < bisect->parts;
            uint32_t parts =
                part ? first_parts(bisect, smaller) : bisect->parts - 1;
            narrow(bisect, number, parts < smaller ? parts : smaller);
            return true;
        }
    }
    return !open && is_level_made(bisect) && go_finer(bisect);
}

// -------------------------------------------------------- begin and confirm

static bool
step_base(struct bisect *bisect)
{
    const struct trial *alone = trial_at(bisect, bisect->alone);
    const struct trial *whole = trial_at(bisect, bisect->whole);
    if (trial_runs(alone) < CONFIRM_RUNS ||
        trial_runs(whole) < wanted_of_whole(bisect)) {
        return false;
    }
    bool passes = alone->counts[BISECT_PASSED] > 0;
    if (passes && alone->counts[BISECT_FAILED] > 0) {
        end(bisect, BISECT_FLAKY);
        return true;
    }
    if (!passes && alone->counts[BISECT_FAILED] == 0) {
        end(bisect, BISECT_SILENT);
        return true;
    }
    bisect->target = passes ? BISECT_FAILED : BISECT_PASSED;
    uint32_t hits = whole->counts[bisect->target];
    if (hits == 0) {
        end(bisect, passes ? BISECT_NEVER : BISECT_ALONE);
        return true;
    }
    bisect->shaky = hits < trial_runs(whole);
    narrow(bisect, bisect->whole, first_parts(bisect, whole->count));
    return true;
}

static bool
holds(const struct bisect *bisect)
{
    struct bisect_score found = score_of_found(bisect);
    const struct trial *alone = trial_at(bisect, bisect->alone);
    uint32_t hits = found.counts[bisect->target];
    uint32_t by_itself = alone->counts[bisect->target];
    if (!bisect->shaky) {
        return hits >= CONFIRM_RUNS && by_itself == 0;
    }
    // Clearly more often than alone.
    return by_itself == 0 ? hits >= SHAKY_HITS : hits >= 2 * by_itself + 3;
}

static bool
step_confirm(struct bisect *bisect)
{
    const struct trial *alone = trial_at(bisect, bisect->alone);
    if (trial_runs(trial_at(bisect, bisect->found)) < wanted_of_found(bisect) ||
        trial_runs(alone) < wanted_of_alone(bisect)) {
        return false;
    }
    bool both =
        alone->counts[BISECT_PASSED] > 0 && alone->counts[BISECT_FAILED] > 0;
    if (holds(bisect)) {
        end(bisect,
            bisect->target == BISECT_FAILED ? BISECT_POLLUTED : BISECT_SET_UP);
    } else if (bisect->shaky) {
        end(bisect, both ? BISECT_FLAKY : BISECT_UNSURE);
    } else {
        doubt(bisect);
    }
    return true;
}

static bool
step(struct bisect *bisect)
{
    switch (bisect->phase) {
    case PHASE_BASE:
        return step_base(bisect);
    case PHASE_REDUCE:
        return step_level(bisect);
    case PHASE_CONFIRM:
        return step_confirm(bisect);
    case PHASE_OVER:
        break;
    }
    return false;
}

// ----------------------------------------------------------- from outside

struct bisect *
bisect_new(const struct bisect_params *params)
{
    struct bisect *bisect = ALLOC(struct bisect);
    bisect->params = *params;
    if (bisect->params.most == 0) {
        bisect->params.most = BISECT_PROBES_MAX;
    }
    bisect->phase = PHASE_BASE;
    uint32_t *all = alloc_zero(params->count + 1, sizeof(*all));
    for (uint32_t i = 0; i < params->count; i++) {
        all[i] = i;
    }
    bisect->alone = trials_of(&bisect->trials, all, 0);
    bisect->whole = trials_of(&bisect->trials, all, params->count);
    bisect->found = bisect->whole;
    free(all);
    return bisect;
}

void
bisect_free(struct bisect *bisect)
{
    if (bisect == NULL) {
        return;
    }
    trials_release(&bisect->trials);
    ARRAY_RELEASE(&bisect->level);
    ARRAY_RELEASE(&bisect->trial_of);
    free(bisect);
}

/* Whether a trial is to have another probe beside those under way. */
static bool
needs(const struct bisect *bisect, uint32_t number, uint32_t runs)
{
    const struct trial *trial = trial_at(bisect, number);
    return trial_runs(trial) + trial->out < runs;
}

/* TRIAL_AGAIN: there is another set, which may have been tried. */
static uint32_t
choose_trial(struct bisect *bisect)
{
    switch (bisect->phase) {
    case PHASE_BASE:
        if (needs(bisect, bisect->whole, wanted_of_whole(bisect))) {
            return bisect->whole; // it takes longest
        }
        return needs(bisect, bisect->alone, CONFIRM_RUNS) ? bisect->alone
                                                          : TRIAL_NONE;
    case PHASE_REDUCE:
        for (size_t i = 0; i < bisect->level.count; i++) {
            uint32_t number = bisect->level.items[i];
            if (needs(bisect, number, wanted_in_level(bisect, number))) {
                return number;
            }
        }
        if (!is_level_made(bisect)) {
            make_next(bisect);
            return TRIAL_AGAIN;
        }
        if (!bisect->shaky && !is_level_open(bisect) &&
            needs(bisect, bisect->found, CONFIRM_RUNS)) {
            return bisect->found;
        }
        break;
    case PHASE_CONFIRM:
        if (needs(bisect, bisect->found, wanted_of_found(bisect))) {
            return bisect->found;
        }
        return needs(bisect, bisect->alone, wanted_of_alone(bisect))
                   ? bisect->alone
                   : TRIAL_NONE;
    case PHASE_OVER:
        break;
    }
    return TRIAL_NONE;
}

bool
bisect_next(struct bisect *bisect, struct bisect_probe *probe)
{
    if (bisect->phase == PHASE_REDUCE &&
        bisect->trial_of.count >= bisect->params.most) {
        leave_level(bisect);
        begin_confirming(bisect, false);
    }
    uint32_t number = TRIAL_AGAIN;
    while (number == TRIAL_AGAIN) {
        while (step(bisect)) {
        }
        number = choose_trial(bisect);
    }
    if (number == TRIAL_NONE) {
        return false;
    }
    struct trial *trial = trial_at(bisect, number);
    trial->out++;
    *probe = (struct bisect_probe){
        .number = (uint32_t)bisect->trial_of.count,
        .members = trial->members,
        .count = trial->count,
    };
    ARRAY_ADD(&bisect->trial_of, number);
    return true;
}

bool
bisect_wants(const struct bisect *bisect, uint32_t number)
{
    assert(number < bisect->trial_of.count);
    uint32_t trial = bisect->trial_of.items[number];
    assert(trial != TRIAL_NONE);
    switch (bisect->phase) {
    case PHASE_BASE:
        return true;
    case PHASE_REDUCE:
        for (size_t i = 0; i < bisect->level.count; i++) {
            if (bisect->level.items[i] == trial) {
                return show(bisect, trial) == SHOWN_OPEN;
            }
        }
        return trial == bisect->found;
    case PHASE_CONFIRM:
        return trial == bisect->found || trial == bisect->alone;
    case PHASE_OVER:
        break;
    }
    return false;
}

static struct trial *
take_back(struct bisect *bisect, uint32_t number)
{
    assert(number < bisect->trial_of.count);
    uint32_t place = bisect->trial_of.items[number];
    assert(place != TRIAL_NONE);
    bisect->trial_of.items[number] = TRIAL_NONE;
    struct trial *trial = trial_at(bisect, place);
    assert(trial->out > 0);
    trial->out--;
    return trial;
}

void
bisect_answer(struct bisect *bisect, uint32_t number, enum bisect_answer answer)
{
    uint32_t place = bisect->trial_of.items[number];
    take_back(bisect, number)->counts[answer]++;
    bool stays = place == bisect->alone || place == bisect->whole ||
                 place == bisect->found;
    if (bisect->phase == PHASE_REDUCE && !stays &&
        show(bisect, place) == SHOWN_MISS) {
        trials_forget(&bisect->trials, place); // there may be very many
    }
    while (step(bisect)) {
    }
}

void
bisect_drop(struct bisect *bisect, uint32_t number)
{
    take_back(bisect, number);
}

void
bisect_look(const struct bisect *bisect, struct bisect_finding *finding)
{
    const struct trial *found = trial_at(bisect, bisect->found);
    *finding = (struct bisect_finding){
        .verdict = bisect->verdict,
        .members = found->members,
        .count = found->count,
        .minimal = bisect->minimal,
        .repeated = bisect->shaky,
        .found = score_of_found(bisect),
        .alone = score_of(bisect, bisect->alone),
        .whole = score_of(bisect, bisect->whole),
        .probes = (uint32_t)bisect->trial_of.count,
    };
}
