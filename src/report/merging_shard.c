#include "report/merging_shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/alloc.h"

enum {
    MOST_SHARDS = 10000
};

// ------------------------------------------------------------- first pass

static void
reach(uint64_t *most, uint64_t number)
{
    *most = number >= *most ? number + 1 : *most;
}

static void
note_collected(struct merging_shard *shard,
               const struct event_collected *collected)
{
    shard->collected = true;
    shard->items = collected->items;
    shard->jobs = collected->jobs;
    shard->excluded = collected->excluded;
    shard->collected_us = collected->us;
    free(shard->selection);
    free(shard->durations);
    shard->selection = alloc_dup_or_null(collected->selection);
    shard->durations = alloc_dup_or_null(collected->durations);
    struct slice rest = slice_of(collected->shard);
    struct slice number;
    if (!slice_split(&rest, '/', &number) ||
        !slice_to_uint(number, MOST_SHARDS, &shard->number) ||
        !slice_to_uint(rest, MOST_SHARDS, &shard->of)) {
        shard->number = 0;
        shard->of = 0;
    }
}

static void
note_event(struct merging_shard *shard, const struct event *event)
{
    struct merging_extent *extent = &shard->extent;

    ended_note(&shard->ended, event);
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        shard->started = true;
        shard->slots = event->run.slots;
        extent->slots = (uint64_t)event->run.slots;
        break;
    case EVENT_COLLECTED:
        note_collected(shard, &event->collected);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        reach(&extent->jobs, event->job.number);
        reach(&extent->processes, event->job.process);
        if (event->job.slot >= 0) {
            reach(&extent->slots, (uint64_t)event->job.slot);
        }
        break;
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        reach(&extent->items, event->test.number);
        reach(&extent->processes, event->test.process);
        if (event->test.slot >= 0) {
            reach(&extent->slots, (uint64_t)event->test.slot);
        }
        break;
    case EVENT_WORKER:
        if (event->worker.base >= 0) {
            reach(&extent->slots,
                  (uint64_t)event->worker.base + (uint64_t)event->worker.slots);
        }
        break;
    case EVENT_COLLECTING:
    case EVENT_PREPARING:
    case EVENT_PREPARED:
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
    case EVENT_LEAKED:
    case EVENT_ELSEWHERE:
    case EVENT_NOTE:
    case EVENT_STOPPING:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

bool
merging_shard_survey(struct merging_shard *shard, struct err *err)
{
    struct recording_entry entry;
    struct recording_reader *reader =
        recording_reader_open(shard->path, RECORDING_WANT_SELECTED, err);

    if (reader == NULL) {
        return false;
    }
    while (recording_reader_next(reader, &entry)) {
        if (entry.kind == RECORDING_EVENT) {
            note_event(shard, &entry.event);
        } else {
            reach(&shard->extent.items, entry.selected.item);
            reach(&shard->extent.jobs, entry.selected.job);
        }
    }
    shard->gaps = *recording_reader_gaps(reader);
    recording_reader_free(reader);
    if (!shard->started || !shard->collected) {
        return err_set(err, ERR_USAGE,
                       "%s does not say which tests its build had",
                       shard->path);
    }
    if (shard->number == 0 || shard->of == 0 || shard->number > shard->of) {
        err_set(err, ERR_USAGE, "%s is not one of several shards", shard->path);
        return err_hint(err, "each of them is recorded by `mule test "
                             "--shard K/N --record FILE`");
    }
    snprintf(shard->name, sizeof(shard->name), "shard %" PRIu64, shard->number);
    return true;
}

// ----------------------------------------------------- do they fit together

static bool
is_same(const char *a, const char *b)
{
    return slice_equals(slice_of(a), slice_of(b));
}

bool
merging_shard_fits(const struct merging_shard *a, const struct merging_shard *b,
                   struct err *err)
{
    if (a->of != b->of) {
        return err_set(err, ERR_USAGE,
                       "%s is one of %" PRIu64
                       " shards, and %s one of %" PRIu64,
                       a->path, a->of, b->path, b->of);
    }
    if (a->number == b->number) {
        return err_set(err, ERR_USAGE,
                       "%s and %s are both shard %" PRIu64 " of %" PRIu64,
                       a->path, b->path, a->number, a->of);
    }
    if (!is_same(a->selection, b->selection)) {
        err_set(err, ERR_USAGE, "%s and %s are shards of different tests",
                a->path, b->path);
        return err_hint(err, "every shard needs the same sources and the "
                             "same selection");
    }
    if (!is_same(a->durations, b->durations)) {
        err_set(err, ERR_USAGE,
                "%s and %s were balanced by different durations", a->path,
                b->path);
        return err_hint(err, "every shard needs the same file of --durations");
    }
    return true;
}

void
merging_shard_release(struct merging_shard *shard)
{
    recording_reader_free(shard->reader);
    ended_release(&shard->ended);
    free(shard->selection);
    free(shard->durations);
}
