#include "schedule/estimate.h"

#include <assert.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"

/* What is known of a job. */
struct job_past {
    uint64_t us;     // of the items that are known, and beside them
    uint64_t median; // of its items; where one of them is known
    uint64_t declared_us;
    uint32_t module;
    uint32_t known;
    uint32_t unknown;
    bool failed;
};

/* How long an item took that is known. */
struct sample {
    uint64_t us;
    uint32_t module;
};

struct estimate {
    ARRAY(struct job_past) jobs;
    ARRAY(struct sample) samples;
    ARRAY(uint64_t) medians; // of modules; UINT64_MAX: nothing is known
    struct map modules;      // name -> number + 1
    uint64_t median;         // of all
    size_t first;            // sample of the job that was added last
    bool partly;             // an item is unknown somewhere
};

static uint64_t
bounded(uint64_t us)
{
    return us < ESTIMATE_MOST_US ? us : ESTIMATE_MOST_US;
}

static uint64_t
sum(uint64_t a, uint64_t b)
{
    return bounded(bounded(a) + bounded(b));
}

struct estimate *
estimate_new(void)
{
    struct estimate *estimate = ALLOC(struct estimate);
    map_init(&estimate->modules, MAP_COPIES_KEYS);
    return estimate;
}

void
estimate_free(struct estimate *estimate)
{
    if (estimate == NULL) {
        return;
    }
    ARRAY_RELEASE(&estimate->jobs);
    ARRAY_RELEASE(&estimate->samples);
    ARRAY_RELEASE(&estimate->medians);
    map_release(&estimate->modules);
    free(estimate);
}

// ----------------------------------------------------------------- medians

static int
compare_us(const void *left, const void *right)
{
    const struct sample *a = left;
    const struct sample *b = right;
    return a->us < b->us ? -1 : a->us > b->us;
}

static int
compare_module(const void *left, const void *right)
{
    const struct sample *a = left;
    const struct sample *b = right;
    if (a->module != b->module) {
        return a->module < b->module ? -1 : 1;
    }
    return compare_us(left, right);
}

/* The lower one of the two in the middle: it is one that occurred. */
static uint64_t
median_of(const struct sample *sorted, size_t count)
{
    return sorted[(count - 1) / 2].us;
}

/* The job that was added last is complete. */
static void
settle_job(struct estimate *estimate)
{
    size_t count = estimate->samples.count - estimate->first;
    if (estimate->jobs.count > 0 && count > 0) {
        struct job_past *job = &ARRAY_LAST(&estimate->jobs);
        struct sample *samples = estimate->samples.items + estimate->first;
        if (job->unknown > 0) {
            qsort(samples, count, sizeof(*samples), compare_us);
            job->median = median_of(samples, count);
        }
    }
    estimate->first = estimate->samples.count;
}

static void
settle_modules(struct estimate *estimate)
{
    struct sample *samples = estimate->samples.items;
    size_t count = estimate->samples.count;
    qsort(samples, count, sizeof(*samples), compare_module);
    for (size_t first = 0, end = 0; first < count; first = end) {
        while (end < count && samples[end].module == samples[first].module) {
            end++;
        }
        estimate->medians.items[samples[first].module] =
            median_of(samples + first, end - first);
    }
}

// ----------------------------------------------------------- from outside

static uint32_t
module_number(struct estimate *estimate, struct slice name)
{
    uintptr_t number = (uintptr_t)map_find(&estimate->modules, name);
    if (number == 0) {
        ARRAY_ADD(&estimate->medians, UINT64_MAX);
        number = estimate->medians.count;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
        map_set(&estimate->modules, name, (void *)number);
    }
    return (uint32_t)(number - 1);
}

uint32_t
estimate_add_job(struct estimate *estimate, struct slice module,
                 uint64_t declared_us)
{
    settle_job(estimate);
    struct job_past job = {
        .module = module_number(estimate, module),
        .declared_us = bounded(declared_us),
    };
    ARRAY_ADD(&estimate->jobs, job);
    return (uint32_t)estimate->jobs.count - 1;
}

void
estimate_add_item(struct estimate *estimate, const struct past *past)
{
    struct job_past *job = &ARRAY_LAST(&estimate->jobs);
    job->failed = job->failed || (past != NULL && state_is_bad(past->state));
    if (past == NULL || !past->timed) {
        job->unknown++;
        estimate->partly = true;
        return;
    }
    struct sample sample = {.us = bounded(past->us), .module = job->module};
    ARRAY_ADD(&estimate->samples, sample);
    job->us = sum(job->us, sample.us);
    job->known++;
}

void
estimate_add_beside(struct estimate *estimate, const struct past *past)
{
    struct job_past *job = &ARRAY_LAST(&estimate->jobs);
    job->failed = job->failed || state_is_bad(past->state);
    job->us = sum(job->us, past->timed ? past->us : 0);
}

void
estimate_settle(struct estimate *estimate)
{
    settle_job(estimate);
    size_t count = estimate->samples.count;
    if (count > 0 && estimate->partly) {
        struct sample *samples = estimate->samples.items;
        qsort(samples, count, sizeof(*samples), compare_us);
        estimate->median = median_of(samples, count);
        settle_modules(estimate);
    }
    ARRAY_RELEASE(&estimate->samples);
}

uint64_t
estimate_of_job(const struct estimate *estimate, uint32_t number)
{
    assert(number < estimate->jobs.count);
    const struct job_past *job = &estimate->jobs.items[number];
    uint64_t each = job->median;
    if (job->known == 0 && job->declared_us > 0) {
        return job->declared_us;
    }
    if (job->known == 0) {
        uint64_t module = estimate->medians.items[job->module];
        each = module != UINT64_MAX ? module : estimate->median;
    }
    if (each > 0 && job->unknown > ESTIMATE_MOST_US / each) {
        return ESTIMATE_MOST_US;
    }
    return sum(job->us, each * job->unknown);
}

bool
estimate_failed(const struct estimate *estimate, uint32_t number)
{
    assert(number < estimate->jobs.count);
    return estimate->jobs.items[number].failed;
}
