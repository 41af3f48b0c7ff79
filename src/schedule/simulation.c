#include "schedule/simulation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/items.h"
#include "schedule/batch.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/heap.h"

struct entry {
    uint64_t us;
    uint64_t expect_us;
    uint32_t needs;
    bool alone;
};

/* A slot. What lies there is taken from the front; the first one runs. */
struct place {
    struct heap_node node; // among those that run
    uint64_t until;        // the job that runs ends
    uint32_t jobs[BATCH_MOST];
    uint32_t first;
    uint32_t count;
};

/* What a resource is asked for. */
struct share {
    uint32_t units;
    uint64_t us; // of units
};

struct simulation {
    struct simulation_params params;
    struct simulation_report report;
    struct queue *queue;
    struct batch batch;
    ARRAY(struct entry) jobs;
    ARRAY(struct lineup_job) line;
    ARRAY(struct queue_need) needs; // of all sets, one behind the other
    ARRAY(size_t) sets;             // where each begins; 0 is the empty one
    struct share *shares;
    uint64_t alone_us;
    struct place *places;
    uint32_t *idle; // numbers of places, the next one last
    uint32_t idle_count;
    struct heap running;
    uint64_t now;
};

/* Virtual time has an end, and nobody gets there in earnest. */
static uint64_t
sum(uint64_t a, uint64_t b)
{
    uint64_t all = 0;
    return __builtin_add_overflow(a, b, &all) ? UINT64_MAX : all;
}

static uint64_t
product(uint64_t a, uint64_t b)
{
    uint64_t all = 0;
    return __builtin_mul_overflow(a, b, &all) ? UINT64_MAX : all;
}

static uint64_t
over(uint64_t us, uint64_t parts)
{
    return us / parts + (us % parts > 0);
}

static bool
ends_before(const struct heap_node *left, const struct heap_node *right)
{
    const struct place *a = HEAP_CONST_ENTRY(left, struct place, node);
    const struct place *b = HEAP_CONST_ENTRY(right, struct place, node);
    return a->until != b->until ? a->until < b->until : a < b;
}

struct simulation *
simulation_new(const struct simulation_params *params)
{
    assert(params->slots >= 1 && params->slots <= SIMULATION_SLOTS_MAX);
    struct simulation *simulation = ALLOC(struct simulation);
    simulation->params = *params;
    simulation->params.units = NULL; // may be gone by then
    simulation->queue = queue_new(params->units, params->resources);
    simulation->shares =
        alloc_zero((size_t)params->resources + 1, sizeof(*simulation->shares));
    for (uint32_t i = 0; i < params->resources; i++) {
        simulation->shares[i].units = params->units[i];
    }
    ARRAY_ADD(&simulation->sets, 0);
    ARRAY_ADD(&simulation->sets, 0);
    simulation->places = alloc_zero(params->slots, sizeof(*simulation->places));
    simulation->idle = alloc_zero(params->slots, sizeof(*simulation->idle));
    while (simulation->idle_count < params->slots) {
        uint32_t number = params->slots - 1 - simulation->idle_count;
        simulation->idle[simulation->idle_count++] = number;
    }
    heap_init(&simulation->running, ends_before);
    return simulation;
}

void
simulation_free(struct simulation *simulation)
{
    if (simulation == NULL) {
        return;
    }
    queue_free(simulation->queue);
    ARRAY_RELEASE(&simulation->jobs);
    ARRAY_RELEASE(&simulation->line);
    ARRAY_RELEASE(&simulation->needs);
    ARRAY_RELEASE(&simulation->sets);
    heap_release(&simulation->running);
    free(simulation->shares);
    free(simulation->places);
    free(simulation->idle);
    free(simulation);
}

uint32_t
simulation_needs(struct simulation *simulation, const struct queue_need *needs,
                 size_t count)
{
    uint32_t set = queue_needs(simulation->queue, needs, count);
    if (set + 1 == simulation->sets.count) {
        for (size_t i = 0; i < count; i++) {
            ARRAY_ADD(&simulation->needs, needs[i]);
        }
        ARRAY_ADD(&simulation->sets, simulation->needs.count);
    }
    return set;
}

static void
count_shares(struct simulation *simulation, const struct simulated_job *job)
{
    const size_t *set = &simulation->sets.items[job->needs];
    for (size_t i = set[0]; i < set[1]; i++) {
        const struct queue_need *need = &simulation->needs.items[i];
        struct share *share = &simulation->shares[need->resource];
        share->us = sum(share->us, product(job->us, need->units));
    }
}

void
simulation_add(struct simulation *simulation, const struct simulated_job *job)
{
    assert(simulation->jobs.count < SIMULATION_JOBS_MAX);
    assert(job->needs + 1 < simulation->sets.count);
    struct simulation_report *report = &simulation->report;
    struct lineup_job line = {
        .job = (uint32_t)simulation->jobs.count,
        .rank = job->rank,
        .failed = job->failed,
        .expect_us = job->expect_us,
    };
    if (simulation->params.order == ORDER_RANDOM) {
        line.key = lineup_key(simulation->params.seed, job->name);
    }
    struct entry entry = {
        .us = job->us,
        .expect_us = job->expect_us,
        .needs = job->needs,
        .alone = job->alone,
    };
    ARRAY_ADD(&simulation->line, line);
    ARRAY_ADD(&simulation->jobs, entry);
    report->jobs++;
    if (job->alone) {
        simulation->alone_us = sum(simulation->alone_us, job->us);
        return;
    }
    report->sum_us = sum(report->sum_us, job->us);
    if (job->us > report->longest_us) {
        report->longest_us = job->us;
    }
    count_shares(simulation, job);
}

static void
find_bound(struct simulation *simulation)
{
    struct simulation_report *report = &simulation->report;
    report->bound = BOUND_SUM;
    report->bound_us = over(report->sum_us, simulation->params.slots);
    if (report->longest_us > report->bound_us) {
        report->bound = BOUND_LONGEST;
        report->bound_us = report->longest_us;
    }
    for (uint32_t i = 0; i < simulation->params.resources; i++) {
        const struct share *share = &simulation->shares[i];
        uint64_t us = share->units > 0 ? over(share->us, share->units) : 0;
        if (us > report->bound_us) {
            report->bound = BOUND_RESOURCE;
            report->bound_us = us;
        }
    }
    report->bound_us = sum(report->bound_us, simulation->alone_us);
    report->sum_us = sum(report->sum_us, simulation->alone_us);
}

void
simulation_line_up(struct simulation *simulation)
{
    struct lineup_job *line = simulation->line.items;
    size_t count = simulation->line.count;
    lineup_sort(line, count, simulation->params.order,
                lineup_step(line, count, simulation->params.slots));
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = &simulation->jobs.items[line[i].job];
        struct queue_wants wants = {entry->alone, entry->needs};
        queue_add(simulation->queue, line[i].job, wants);
    }
    ARRAY_RELEASE(&simulation->line);
    find_bound(simulation);
}

// ----------------------------------------------------------------- running

static void
begin(struct simulation *simulation, struct place *place)
{
    uint64_t us = simulation->jobs.items[place->jobs[place->first]].us;
    place->until = sum(simulation->now, us);
    heap_add(&simulation->running, &place->node);
}

static void
take(struct simulation *simulation, struct place *place, uint32_t job,
     struct batch_load *load)
{
    uint64_t us = simulation->jobs.items[job].expect_us;
    place->jobs[place->count++] = job;
    load->jobs++;
    load->unknown += us == 0;
    load->us = sum(load->us, us);
    simulation->report.decisions++;
}

/* Gives a place that is idle a job and, where it is short, more behind it. */
static bool
fill(struct simulation *simulation, struct place *place)
{
    struct batch_load load = {0};
    struct queue *queue = simulation->queue;
    place->first = place->count = 0;
    uint32_t job = queue_next(queue, true);
    if (job == JOB_NONE) {
        return false;
    }
    take(simulation, place, job, &load);
    while ((job = queue_peek(queue, false)) != JOB_NONE &&
           batch_room(
               &simulation->batch, &load, simulation->jobs.items[job].expect_us,
               queue_waiting(queue), (int)simulation->params.slots) > 0) {
        take(simulation, place, queue_next(queue, false), &load);
    }
    begin(simulation, place);
    return true;
}

static void
give_out(struct simulation *simulation)
{
    while (simulation->idle_count > 0) {
        uint32_t number = simulation->idle[simulation->idle_count - 1];
        if (!fill(simulation, &simulation->places[number])) {
            break;
        }
        simulation->idle_count--;
    }
}

static void
end(struct simulation *simulation, struct place *place)
{
    uint32_t job = place->jobs[place->first++];
    simulation->now = place->until;
    queue_done(simulation->queue, job);
    batch_learn(&simulation->batch, simulation->jobs.items[job].us);
    if (place->first < place->count) {
        begin(simulation, place);
        return;
    }
    uint32_t number = (uint32_t)(place - simulation->places);
    simulation->idle[simulation->idle_count++] = number;
}

void
simulation_run(struct simulation *simulation)
{
    struct heap_node *node = NULL;
    give_out(simulation);
    while ((node = heap_take(&simulation->running)) != NULL) {
        end(simulation, HEAP_ENTRY(node, struct place, node));
        give_out(simulation);
    }
    assert(queue_waiting(simulation->queue) == 0);
    simulation->report.makespan_us = simulation->now;
}

const struct simulation_report *
simulation_report(const struct simulation *simulation)
{
    return &simulation->report;
}
