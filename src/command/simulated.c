#include "command/simulated.h"

#include "command/recorded.h"
#include "command/simulated_recording.h"
#include "config/units.h"
#include "schedule/distribution.h"
#include "util/alloc.h"
#include "util/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLION 1000000U
#define SLOTS_DEFAULT 8

// ------------------------------------------------------------ distribution

static bool
take_seed(struct slice text, uint64_t *seed, struct err *err)
{
    return slice_to_uint(text, UINT64_MAX, seed) ||
           err_set(err, ERR_USAGE, "\"%.*s\" is no seed",
                   SLICE_ARG(slice_first(text, 40)));
}

static bool
take_time(struct slice text, uint64_t *us, struct err *err)
{
    uint32_t ms = 0;
    bool fine = units_duration(text, &ms, err);
    *us = (uint64_t)ms * 1000;
    return fine;
}

/* One `name=value`; which of them were there is added to `seen`. */
static bool
take_member(struct distribution *distribution, struct slice member,
            unsigned *seen, struct err *err)
{
    static const char *const names[] = {"min", "max", "sum", "seed"};
    uint64_t *const targets[] = {&distribution->min_us, &distribution->max_us,
                                 &distribution->sum_us, &distribution->seed};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice value = member;
        if (slice_take(&value, slice_of(names[i])) &&
            slice_take(&value, SLICE("="))) {
            *seen |= 1U << i;
            return i == 3 ? take_seed(value, targets[i], err)
                          : take_time(value, targets[i], err);
        }
    }
    return err_set(err, ERR_USAGE, "\"%.*s\" is none of min, max, sum, seed",
                   SLICE_ARG(slice_first(member, 40)));
}

enum {
    SEEN_MIN = 1,
    SEEN_MAX = 2,
    SEEN_SUM = 4,
    SEEN_SEED = 8
};

static bool
take_members(struct distribution *distribution, struct slice text,
             struct err *err)
{
    unsigned seen = 0;
    struct slice member;
    while (slice_split(&text, ',', &member)) {
        if (!take_member(distribution, member, &seen, err)) {
            return false;
        }
    }
    bool lognormal = distribution->kind == DISTRIBUTION_LOGNORMAL;
    unsigned needed = lognormal ? SEEN_MAX | SEEN_SUM : SEEN_MAX;
    unsigned other = lognormal ? SEEN_MIN : SEEN_SUM;
    if ((seen & needed) != needed || (seen & other) != 0) {
        return err_set(err, ERR_USAGE, "it takes %s",
                       lognormal ? "sum=TIME,max=TIME and, if wanted, seed=N"
                                 : "max=TIME and, if wanted, min=TIME,seed=N");
    }
    if (distribution->min_us > distribution->max_us ||
        distribution->max_us == 0) {
        return err_set(err, ERR_USAGE, "max= has to be more");
    }
    return true;
}

static bool
read_distribution(struct distribution *distribution, const char *words,
                  struct err *err)
{
    struct slice text = slice_of(words);
    *distribution = (struct distribution){.seed = 1};
    bool fine = false;
    if (slice_take(&text, SLICE("lognormal:"))) {
        distribution->kind = DISTRIBUTION_LOGNORMAL;
        fine = take_members(distribution, text, err);
    } else if (slice_take(&text, SLICE("uniform:"))) {
        distribution->kind = DISTRIBUTION_UNIFORM;
        fine = take_members(distribution, text, err);
    } else if (slice_take(&text, SLICE("constant:"))) {
        distribution->kind = DISTRIBUTION_CONSTANT;
        fine = take_time(text, &distribution->max_us, err);
    } else {
        err_set(err, ERR_USAGE,
                "it is lognormal:..., uniform:... or constant:TIME");
    }
    return fine || err_wrap(err, "--distribution \"%.100s\"", words);
}

static bool
make_jobs(struct simulated *simulated, const struct settings *settings,
          struct err *err)
{
    struct distribution distribution;
    uint32_t count = settings->simulated_jobs;
    if (count == 0) {
        return err_set(err, ERR_USAGE, "--distribution needs --jobs N");
    }
    if (!read_distribution(&distribution, settings->distribution, err)) {
        return false;
    }
    simulated->us.items = alloc_zero(count, sizeof(uint64_t));
    simulated->us.capacity = count;
    simulated->us.count = count;
    return distribution_fill(&distribution, simulated->us.items, count, err) ||
           err_wrap(err, "--distribution \"%.100s\"", settings->distribution);
}

// -------------------------------------------------------------- recording

static bool
find_recording(struct simulated *simulated, const struct settings *settings,
               struct err *err)
{
    if (settings->simulated_jobs > 0) {
        return err_set(err, ERR_USAGE, "--jobs needs --distribution");
    }
    const char *word =
        settings->labels.count > 0 ? settings->labels.at[0] : NULL;
    for (int i = 0; i < settings->resource_count; i++) {
        ARRAY_ADD(&simulated->units, settings->resources[i].units);
    }
    char *path = recorded_find(settings, word, err);
    bool fine = path != NULL &&
                simulated_recording_read(simulated, settings, path, err);
    free(path);
    return fine;
}

// ------------------------------------------------------------------- words

/* "UNITS:PERCENT%". */
static bool
read_share(struct simulated *simulated, const char *text, struct err *err)
{
    struct slice rest = slice_of(text);
    struct slice first = {0};
    uint64_t units = 0;
    double percent = 0;
    bool fine =
        slice_has(rest, ':') && slice_split(&rest, ':', &first) &&
        slice_to_uint(first, MILLION, &units) && units > 0 &&
        slice_ends_with(rest, SLICE("%")) &&
        slice_to_double(slice_first(rest, rest.len - 1), 0, 100, &percent);
    if (!fine) {
        return err_set(
            err, ERR_USAGE,
            "--shared \"%.60s\": it is UNITS:PERCENT%%, as in 2:10%%", text);
    }
    struct simulated_share share = {(uint32_t)(percent / 100 * MILLION)};
    ARRAY_ADD(&simulated->units, (uint32_t)units);
    ARRAY_ADD(&simulated->shares, share);
    return true;
}

bool
simulated_read(struct simulated *simulated, const struct settings *settings,
               struct err *err)
{
    const struct texts *shared = &settings->simulated_shared;
    simulated->slots = settings->simulated_slots;
    simulated->order = settings->order;
    simulated->seed = 1;
    if (settings->seed != NULL &&
        !take_seed(slice_of(settings->seed), &simulated->seed, err)) {
        return err_wrap(err, "--shuffle");
    }
    if (settings->labels.count > 1 ||
        (settings->labels.count == 1 && settings->distribution != NULL)) {
        return err_set(err, ERR_USAGE,
                       "one recording or one distribution is simulated");
    }
    bool fine = settings->distribution != NULL
                    ? make_jobs(simulated, settings, err)
                    : find_recording(simulated, settings, err);
    for (int i = 0; fine && i < shared->count; i++) {
        fine = read_share(simulated, shared->at[i], err);
    }
    if (fine && simulated->slots == 0) {
        simulated->slots = SLOTS_DEFAULT;
    }
    return fine;
}

void
simulated_release(struct simulated *simulated)
{
    ARRAY_RELEASE(&simulated->us);
    ARRAY_RELEASE(&simulated->expect_us);
    ARRAY_RELEASE(&simulated->terms);
    ARRAY_RELEASE(&simulated->units);
    ARRAY_RELEASE(&simulated->shares);
}

// --------------------------------------------------------------- handed over

/* What this job needs: what it said and, of each share, a unit as is drawn. */
static uint32_t
find_needs(const struct simulated *simulated, struct simulation *simulation,
           const struct simulated_terms *terms, uint64_t *state)
{
    size_t own = simulated->units.count - simulated->shares.count;
    ARRAY(struct queue_need) needs = {0};
    for (int i = 0; i < terms->need_count; i++) {
        const struct need *need = &terms->needs[i];
        ARRAY_ADD(&needs, ((struct queue_need){.resource = need->resource,
                                               .units = need->units}));
    }
    for (size_t i = 0; i < simulated->shares.count; i++) {
        uint64_t drawn = distribution_draw(state) % MILLION;
        if (drawn < simulated->shares.items[i].jobs) {
            struct queue_need need = {.resource = (uint32_t)(own + i),
                                      .units = 1};
            ARRAY_ADD(&needs, need);
        }
    }
    uint32_t set = simulation_needs(simulation, needs.items, needs.count);
    ARRAY_RELEASE(&needs);
    return set;
}

void
simulated_add(const struct simulated *simulated, struct simulation *simulation)
{
    static const struct simulated_terms none;
    uint64_t state = simulated->seed;
    for (size_t i = 0; i < simulated->us.count; i++) {
        char name[24];
        snprintf(name, sizeof(name), "job%zu", i);
        const struct simulated_terms *terms =
            simulated->terms.count > 0 ? &simulated->terms.items[i] : &none;
        bool plain = terms->need_count == 0 && simulated->shares.count == 0;
        struct simulated_job job = {
            .us = simulated->us.items[i],
            .expect_us = simulated->expect_us.count > 0
                             ? simulated->expect_us.items[i]
                             : simulated->us.items[i],
            .needs =
                plain ? 0 : find_needs(simulated, simulation, terms, &state),
            .alone = terms->alone,
            .name = slice_of(name),
        };
        simulation_add(simulation, &job);
    }
}
