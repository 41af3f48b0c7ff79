// Random jobs with random needs are added, given out, end and come back, in any
// order. Each job must be given exactly once for each time it was added; no
// resource is ever given out twice; who is alone is alone; and when everything
// that runs has ended something can always start, until nothing is left.
#include <string.h>

#include "fuzz.h"
#include "model/items.h"
#include "schedule/queue.h"

enum {
    JOBS = 64,
    RESOURCES = 3,
    SETS = 5,
};

enum place {
    NOWHERE,
    WAITING,
    RUNNING,
};

static const uint32_t units[RESOURCES] = {3, 1, 2};
static const struct queue_need sets[SETS][RESOURCES] = {
    {{0, 1}}, {{0, 3}}, {{1, 1}}, {{2, 2}, {0, 1}}, {{1, 1}, {0, 2}, {2, 1}},
};
static const size_t set_sizes[SETS] = {1, 1, 1, 2, 3};

struct model {
    struct queue *queue;
    uint32_t needs[SETS + 1];
    enum place place[JOBS];
    unsigned set[JOBS]; // 0: nothing
    bool alone[JOBS];
    uint64_t turn[JOBS]; // of what waits; lower goes first
    uint64_t turns;
    uint32_t waiting;
    uint32_t running;
    const uint8_t *data;
    size_t size;
};

static unsigned
next(struct model *model)
{
    if (model->size == 0) {
        return 0;
    }
    model->size--;
    return *model->data++;
}

static void
add(struct model *model, bool again)
{
    unsigned job = next(model) % JOBS;
    unsigned what = next(model);
    if (model->place[job] != NOWHERE) {
        return;
    }
    model->place[job] = WAITING;
    model->set[job] = what % (SETS + 1);
    model->alone[job] = what / 32 == 7;
    model->turn[job] = ++model->turns + (again ? 0 : UINT64_C(1) << 40);
    model->waiting++;
    struct queue_wants wants = {
        .alone = model->alone[job],
        .needs = model->needs[model->set[job]],
    };
    if (again) {
        queue_add_again(model->queue, job, wants);
    } else {
        queue_add(model->queue, job, wants);
    }
}

// Units that jobs hold which run, besides those that are alone.
static uint32_t
held(const struct model *model, uint32_t resource)
{
    uint32_t sum = 0;
    for (unsigned job = 0; job < JOBS; job++) {
        unsigned set = model->set[job];
        if (model->place[job] != RUNNING || model->alone[job] || set == 0) {
            continue;
        }
        for (size_t i = 0; i < set_sizes[set - 1]; i++) {
            const struct queue_need *need = &sets[set - 1][i];
            sum += need->resource == resource ? need->units : 0;
        }
    }
    return sum;
}

static uint32_t
needed(unsigned set, uint32_t resource)
{
    for (size_t i = 0; set > 0 && i < set_sizes[set - 1]; i++) {
        if (sets[set - 1][i].resource == resource) {
            return sets[set - 1][i].units;
        }
    }
    return 0;
}

// Whether `job`, once it runs, leaves what is free now for `other`, who was
// there before it.
static bool
leaves_enough(const struct model *model, uint32_t job, uint32_t other)
{
    for (uint32_t i = 0; i < RESOURCES; i++) {
        uint32_t free = units[i] - held(model, i);
        uint32_t taken = needed(model->set[job], i);
        if (taken > 0 && free < taken + needed(model->set[other], i)) {
            return false;
        }
    }
    return true;
}

static void
check_given(const struct model *model, uint32_t job, bool idle)
{
    FUZZ_CHECK(job < JOBS && model->place[job] == WAITING);
    FUZZ_CHECK(idle || model->running == 0 || model->set[job] == 0 ||
               model->alone[job]);
    for (unsigned other = 0; other < JOBS; other++) {
        bool beside = model->place[other] == RUNNING;
        FUZZ_CHECK(!beside || !(model->alone[job] || model->alone[other]));
        bool before = model->place[other] == WAITING &&
                      model->turn[other] < model->turn[job] &&
                      !model->alone[other] && !model->alone[job];
        // Nobody overtakes its like, nor takes what somebody waits for.
        FUZZ_CHECK(!before || model->set[other] != model->set[job]);
        FUZZ_CHECK(!before || leaves_enough(model, job, other));
    }
}

static bool
give(struct model *model, bool idle)
{
    uint32_t peeked = queue_peek(model->queue, idle);
    uint32_t job = queue_next(model->queue, idle);
    FUZZ_CHECK(job == peeked);
    if (job == JOB_NONE) {
        return false;
    }
    check_given(model, job, idle);
    model->place[job] = RUNNING;
    model->waiting--;
    model->running++;
    return true;
}

static void
end(struct model *model, unsigned job)
{
    if (model->place[job] == RUNNING) {
        queue_done(model->queue, job);
        model->place[job] = NOWHERE;
        model->running--;
    }
}

static void
drop(struct model *model)
{
    uint32_t job = queue_drop(model->queue);
    FUZZ_CHECK((job == JOB_NONE) == (model->waiting == 0));
    if (job != JOB_NONE) {
        FUZZ_CHECK(job < JOBS && model->place[job] == WAITING);
        model->place[job] = NOWHERE;
        model->waiting--;
    }
}

static void
check(const struct model *model)
{
    FUZZ_CHECK(queue_waiting(model->queue) == model->waiting);
    FUZZ_CHECK(queue_running(model->queue) == model->running);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        FUZZ_CHECK(held(model, i) <= units[i]);
        FUZZ_CHECK(queue_free_units(model->queue, i) ==
                   units[i] - held(model, i));
    }
}

static void
step(struct model *model)
{
    switch (next(model) % 8) {
    case 0:
    case 1:
    case 2:
        add(model, false);
        break;
    case 3:
        add(model, true);
        break;
    case 4:
        give(model, true);
        break;
    case 5:
        give(model, false);
        break;
    case 6:
        end(model, next(model) % JOBS);
        break;
    default:
        if (next(model) % 16 == 0) {
            drop(model);
        }
        break;
    }
    check(model);
}

// Whatever happened: when what runs has ended, the next one can start.
static void
finish(struct model *model)
{
    while (model->waiting > 0) {
        for (unsigned job = 0; job < JOBS; job++) {
            end(model, job);
        }
        FUZZ_CHECK(give(model, false));
        while (give(model, true)) {
        }
        check(model);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model model = {.data = data, .size = size};

    model.queue = queue_new(units, RESOURCES);
    for (size_t i = 0; i < SETS; i++) {
        model.needs[i + 1] = queue_needs(model.queue, sets[i], set_sizes[i]);
    }
    while (model.size > 0) {
        step(&model);
    }
    finish(&model);
    queue_free(model.queue);
    return 0;
}
