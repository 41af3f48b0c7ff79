#include "store/draft.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/draft_internal.h"
#include "store/suite_range.h"
#include "util/alloc.h"

// No packed end of a test is as long.
enum {
    RECORD_MAX = 1024
};

struct draft *
draft_new(struct memory *memory)
{
    struct draft *draft = ALLOC(struct draft);

    draft->memory = memory;
    draft->last_job = MEMORY_NONE;
    buf_init(&draft->ends, DRAFT_ENDS_MAX);
    return draft;
}

void
draft_free(struct draft *draft)
{
    if (draft == NULL) {
        return;
    }
    for (size_t i = 0; i < draft->jobs.count; i++) {
        free(draft->jobs.items[i].worker);
    }
    buf_release(&draft->ends);
    ARRAY_RELEASE(&draft->jobs);
    ARRAY_RELEASE(&draft->spent);
    free(draft);
}

/* Tests of a job come one after another: mostly it is the one before. */
static uint32_t
find_job(struct draft *draft, struct slice name)
{
    uint32_t last = draft->last_job;

    if (last == MEMORY_NONE ||
        !slice_equals(memory_name(draft->memory, MEMORY_JOBS, last), name)) {
        draft->last_job = memory_add(draft->memory, MEMORY_JOBS, name);
    }
    return draft->last_job;
}

static uint64_t
clamp(uint64_t us)
{
    return us < DURATION_MAX ? us : DURATION_MAX;
}

/* What tests of a slot took since a job began there; NULL: no such slot. */
static uint64_t *
spent_in(struct draft *draft, int slot)
{
    if (slot < 0 || slot >= DRAFT_SLOTS_MAX) {
        return NULL;
    }
    while (draft->spent.count <= (size_t)slot) {
        ARRAY_ADD_ZERO(&draft->spent);
    }
    return &draft->spent.items[slot];
}

void
draft_add_test(struct draft *draft, struct slice id, struct slice job,
               const struct result *result)
{
    struct result end = *result;
    uint64_t *spent = spent_in(draft, result->slot);

    end.test = memory_add(draft->memory, MEMORY_TESTS, id);
    end.job = find_job(draft, job);
    end.began_us = clamp(result->began_us);
    end.us = clamp(result->us);
    if (spent != NULL) {
        *spent += end.us;
    }
    size_t most =
        (end.flags & RESULT_DECIDED) != 0 ? DRAFT_ENDS_MAX : DRAFT_ATTEMPTS_MAX;
    if (draft->ends.len + RECORD_MAX > most) {
        return;
    }
    draft->messages += end.message.len;
    if (draft->messages > DRAFT_MESSAGES_MAX) {
        end.message = slice_make(NULL, 0);
    }
    results_pack(&draft->ends, &draft->last, &end);
}

bool
draft_next(const struct draft *draft, struct draft_walk *walk,
           struct result *end)
{
    struct slice rest = slice_skip(buf_slice(&draft->ends), walk->at);

    if (rest.len == 0) {
        return false;
    }
    bool fine = results_unpack(&rest, &walk->place, end);
    assert(fine); // packed above
    walk->at = draft->ends.len - rest.len;
    return fine;
}

void
draft_add_job(struct draft *draft, struct slice name,
              const struct result_job *job)
{
    uint64_t *spent = spent_in(draft, job->slot);
    uint64_t us = clamp(job->us);
    uint64_t tests = spent != NULL ? *spent : us;
    struct draft_job row = {
        .job = memory_add(draft->memory, MEMORY_JOBS, name),
        .beside_us = us > tests ? us - tests : 0,
        .result = *job,
    };

    if (spent != NULL) {
        *spent = 0;
    }
    if (job->attempt > 1 && draft->jobs.count >= DRAFT_ROUNDS_MAX) {
        return;
    }
    row.result.us = us;
    row.result.expect_us = clamp(job->expect_us);
    row.result.began_us = clamp(job->began_us);
    row.result.usage.user_us = clamp(job->usage.user_us);
    row.result.usage.system_us = clamp(job->usage.system_us);
    row.result.worker = slice_make(NULL, 0);
    if (job->worker.len > 0) {
        row.worker = slice_dup(job->worker);
    }
    ARRAY_ADD(&draft->jobs, row);
}
