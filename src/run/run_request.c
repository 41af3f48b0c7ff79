#include "run/run_request.h"

#include "adapter/adapter_codec.h"
#include "adapter/request_codec.h"
#include "util/alloc.h"
#include "util/array.h"

#include <stdio.h>
#include <stdlib.h>

struct open_items {
    uint32_t *items;
    size_t count;
    size_t capacity;
};

static void
list_open(const struct items *items, uint32_t job, struct open_items *open)
{
    uint32_t count = items_peek_job(items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = items_of_job(items, job, i);
        if (items_is_due(items, number)) {
            ARRAY_ADD(open, number);
        }
    }
}

static bool
is_range(const struct open_items *open)
{
    for (size_t i = 1; i < open->count; i++) {
        if (open->items[i] != open->items[0] + i) {
            return false; // also in another order
        }
    }
    return true;
}

/* The ids of items, for a worker that does not know their numbers. */
static struct slice *
list_ids(const struct items *items, const struct open_items *open,
         struct buf *texts)
{
    size_t *ends = alloc_zero(open->count, sizeof(*ends));
    struct slice *ids = alloc_zero(open->count, sizeof(*ids));
    for (size_t i = 0; i < open->count; i++) {
        items_id(items, open->items[i], texts);
        ends[i] = texts->len;
    }
    size_t start = 0;
    for (size_t i = 0; i < open->count; i++) {
        ids[i] = slice_make(buf_text(texts) + start, ends[i] - start);
        start = ends[i];
    }
    free(ends);
    return ids;
}

void
run_request_tag(char tag[static RUN_REQUEST_TAG_SIZE], const char *build_id,
                uint32_t job, uint16_t attempt)
{
    snprintf(tag, RUN_REQUEST_TAG_SIZE, "%s.%u.%u", build_id, job, attempt);
}

static bool
add_open(struct buf *line, const struct run_request *request,
         const struct open_items *open)
{
    const struct items *items = request->items;
    char tag[RUN_REQUEST_TAG_SIZE];
    char tries[16];
    run_request_tag(tag, request->build_id, request->job, request->attempt);
    snprintf(tries, sizeof(tries), "%d",
             items_peek(items, open->items[0])->tries + 1);
    struct request_env env[] = {
        {"MULE_JOB", tag},
        {"MULE_ATTEMPT", tries},
        {"TMPDIR", request->tmp},
    };
    struct buf texts = BUF_INIT(ADAPTER_LINE_MAX);
    struct slice *ids = request->by_id ? list_ids(items, open, &texts) : NULL;
    struct request_run run = {
        .job = request->job,
        .attempt = request->attempt,
        .name = items_job_name(items, request->job),
        .first = open->items[0],
        .count = (uint32_t)open->count,
        .items = is_range(open) ? NULL : open->items,
        .env = env,
        .env_count = 3,
        .load = items_job_load(items, request->job),
        .ids = ids,
    };
    bool fits = !texts.overflowed && request_add_run(line, &run);
    free(ids);
    buf_release(&texts);
    return fits;
}

bool
run_request_add(struct buf *line, const struct run_request *request)
{
    struct open_items open = {0};
    list_open(request->items, request->job, &open);
    assert(open.count > 0);
    bool fits = add_open(line, request, &open);
    ARRAY_RELEASE(&open);
    return fits;
}
