#include "store/draft.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/draft_internal.h"
#include "store/suite_range.h"
#include "util/alloc.h"

struct draft *
draft_new(struct memory *memory)
{
    struct draft *draft = ALLOC(struct draft);

    draft->memory = memory;
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
    ARRAY_RELEASE(&draft->ends);
    ARRAY_RELEASE(&draft->jobs);
    ARRAY_RELEASE(&draft->messages);
    ARRAY_RELEASE(&draft->spent);
    free(draft);
}

/* Tests of a job come one after another: mostly it is the one before. */
static uint32_t
find_job(struct draft *draft, struct slice name)
{
    if (draft->ends.count > 0) {
        uint32_t last = ARRAY_LAST(&draft->ends).job;
        if (slice_equals(memory_name(draft->memory, MEMORY_JOBS, last), name)) {
            return last;
        }
    }
    return memory_add(draft->memory, MEMORY_JOBS, name);
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

static void
keep_message(struct draft *draft, struct draft_end *end, struct slice message)
{
    size_t at = draft->messages.count;

    message = slice_first(message, RESULT_MESSAGE_MAX);
    if (message.len == 0 || at + message.len > DRAFT_MESSAGES_MAX) {
        return;
    }
    ARRAY_RESERVE(&draft->messages, at + message.len);
    memcpy(draft->messages.items + at, message.data, message.len);
    draft->messages.count += message.len;
    end->message_at = (uint32_t)at;
    end->message_len = (uint8_t)message.len;
}

void
draft_add_test(struct draft *draft, struct slice id, struct slice job,
               const struct result *result)
{
    struct draft_end end = {
        .test = memory_add(draft->memory, MEMORY_TESTS, id),
        .job = find_job(draft, job),
        .began_us = clamp(result->began_us),
        .us = clamp(result->us),
        .process = result->process,
        .slot = result->slot,
        .tries =
            (uint16_t)(result->tries < UINT16_MAX ? result->tries : UINT16_MAX),
        .flags = (uint8_t)result->flags,
        .state = (uint8_t)result->state,
    };
    uint64_t *spent = spent_in(draft, result->slot);

    if (spent != NULL) {
        *spent += end.us;
    }
    keep_message(draft, &end, result->message);
    ARRAY_ADD(&draft->ends, end);
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
