#include "report/merging.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/merging_shard.h"
#include "util/alloc.h"
#include "util/buf.h"

enum {
    MOST_NAMED = 20, // missing shards in one note
    EXIT_BAD = 1,    // tests failed, or have no result
};

struct merging {
    struct merging_shard *shards;
    int count;
    struct event_sink *sink;
    struct merging_extent all;
    struct ended ended; // of all: the newest time
    struct tally tally;
    bool stopping; // was told
};

// ----------------------------------------------------- do they fit together

static bool
check_all(const struct merging *merging, struct err *err)
{
    for (int i = 0; i < merging->count; i++) {
        for (int j = 0; j < i; j++) {
            if (!merging_shard_fits(&merging->shards[j], &merging->shards[i],
                                    err)) {
                return false;
            }
        }
    }
    return true;
}

static void
lay_out(struct merging *merging)
{
    struct merging_extent *all = &merging->all;

    for (int i = 0; i < merging->count; i++) {
        struct merging_shard *shard = &merging->shards[i];
        shard->base = *all;
        all->items += shard->extent.items;
        all->jobs += shard->extent.jobs;
        all->processes += shard->extent.processes;
        all->slots += shard->extent.slots;
    }
}

// ----------------------------------------------------------- the second pass

static void
tell(struct merging *merging, const struct event *event)
{
    struct err ignored = {0};

    if (event->us > merging->ended.us) {
        merging->ended.us = event->us;
    }
    merging->ended.wall_ms = event->wall_ms;
    merging->sink->ops->on_event(merging->sink, event, &ignored);
}

static void
take_entry(struct merging_shard *shard)
{
    shard->has_entry = recording_reader_next(shard->reader, &shard->entry);
}

static int
shift_slot(const struct merging_shard *shard, int slot)
{
    return slot >= 0 ? slot + (int)shard->base.slots : slot;
}

static const char *
name_worker(const struct merging_shard *shard, const char *worker, int slot)
{
    return slot >= 0 && worker[0] == '\0' ? shard->name : worker;
}

static uint32_t
shift_process(const struct merging_shard *shard, uint32_t process)
{
    return process > 0 ? process + (uint32_t)shard->base.processes : 0;
}

static void
shift_job(const struct merging_shard *shard, struct event_job *job)
{
    job->number += (uint32_t)shard->base.jobs;
    job->process = shift_process(shard, job->process);
    job->worker = name_worker(shard, job->worker, job->slot);
    job->slot = shift_slot(shard, job->slot);
}

static void
shift_test(const struct merging_shard *shard, struct event_test *test)
{
    test->number += (uint32_t)shard->base.items;
    test->process = shift_process(shard, test->process);
    test->worker = name_worker(shard, test->worker, test->slot);
    test->slot = shift_slot(shard, test->slot);
}

// One event of a shard, as the whole build has it.
static void
tell_event(struct merging *merging, const struct merging_shard *shard)
{
    struct event event = shard->entry.event;

    switch (event.kind) {
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        shift_job(shard, &event.job);
        break;
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        shift_test(shard, &event.test);
        break;
    case EVENT_WORKER:
        event.worker.base = shift_slot(shard, event.worker.base);
        break;
    case EVENT_STOPPING:
        if (merging->stopping) {
            return;
        }
        merging->stopping = true;
        break;
    case EVENT_RUN_STARTED: // told for all of them
    case EVENT_COLLECTED:
    case EVENT_ELSEWHERE:
    case EVENT_RUN_FINISHED:
        return;
    case EVENT_COLLECTING:
    case EVENT_PREPARING:
    case EVENT_PREPARED:
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
    case EVENT_LEAKED:
    case EVENT_NOTE:
    case EVENT_KIND_COUNT:
        break;
    }
    tell(merging, &event);
}

// The first one stands for all.
static void
tell_started(struct merging *merging, const struct event *first)
{
    struct event event = *first;
    struct event_run_part *parts =
        alloc_zero((size_t)merging->count, sizeof(*parts));

    event.run.slots = 0;
    for (int i = 0; i < merging->count; i++) {
        const struct merging_shard *shard = &merging->shards[i];
        event.run.slots += shard->slots;
        parts[i].worker = shard->name;
        parts[i].base = (int)shard->base.slots;
        parts[i].slots = shard->slots;
    }
    event.run.parts = parts;
    event.run.part_count = merging->count;
    tell(merging, &event);
    free(parts);
}

static void
tell_collected(struct merging *merging, const struct event *first)
{
    struct event event = *first;

    event.collected.items = 0;
    event.collected.jobs = 0;
    event.collected.shard = NULL;
    for (int i = 0; i < merging->count; i++) {
        const struct merging_shard *shard = &merging->shards[i];
        event.collected.items += shard->items;
        event.collected.jobs += shard->jobs;
        if (shard->collected_us > event.collected.us) {
            event.collected.us = shard->collected_us;
        }
    }
    tell(merging, &event);
}

// Up to where each knows what it has: the first shard's beginning is that of
// all, the others' remarks follow it.
static void
tell_beginnings(struct merging *merging)
{
    for (int i = 0; i < merging->count; i++) {
        struct merging_shard *shard = &merging->shards[i];
        bool collected = false;
        for (take_entry(shard); shard->has_entry && !collected;
             take_entry(shard)) {
            const struct event *event = &shard->entry.event;
            collected = event->kind == EVENT_COLLECTED;
            if (i == 0 && event->kind == EVENT_RUN_STARTED) {
                tell_started(merging, event);
            } else if (i == 0 && collected) {
                tell_collected(merging, event);
            } else {
                tell_event(merging, shard);
            }
        }
    }
}

static void
tell_middle(struct merging *merging)
{
    for (;;) {
        struct merging_shard *next = NULL;
        for (int i = 0; i < merging->count; i++) {
            struct merging_shard *shard = &merging->shards[i];
            if (shard->has_entry &&
                (next == NULL ||
                 shard->entry.event.us < next->entry.event.us)) {
                next = shard;
            }
        }
        if (next == NULL) {
            return;
        }
        tell_event(merging, next);
        take_entry(next);
    }
}

// ------------------------------------------------------------ what is missing

static bool
is_here(const struct merging *merging, uint64_t number)
{
    for (int i = 0; i < merging->count; i++) {
        if (merging->shards[i].number == number) {
            return true;
        }
    }
    return false;
}

// The shard that is most likely to know what the others should have run.
static const struct merging_shard *
choose_witness(const struct merging *merging)
{
    for (int i = 0; i < merging->count; i++) {
        if (recording_gaps_none(&merging->shards[i].gaps)) {
            return &merging->shards[i];
        }
    }
    return &merging->shards[0];
}

static uint32_t
tell_unrun(struct merging *merging)
{
    struct ended_rest rest = {.sink = merging->sink, .tally = &merging->tally};
    struct recording_entry entry;
    struct err ignored = {0};
    uint32_t count = 0;
    char reason[96];
    struct recording_reader *reader =
        recording_reader_open(choose_witness(merging)->path, 0, &ignored);

    while (reader != NULL && recording_reader_next(reader, &entry)) {
        const struct event_elsewhere *elsewhere = &entry.event.elsewhere;
        if (entry.event.kind != EVENT_ELSEWHERE ||
            is_here(merging, elsewhere->shard)) {
            continue;
        }
        snprintf(reason, sizeof(reason), "shard %" PRIu32 " is missing",
                 elsewhere->shard);
        rest.reason = reason;
        const struct event_test test = {
            .number = (uint32_t)(merging->all.items + count),
            .id = elsewhere->id,
            .job = elsewhere->job,
            .file = "",
        };
        ended_tell_unrun(&merging->ended, &rest, &test);
        count++;
    }
    recording_reader_free(reader);
    return count;
}

static void
note_missing_shards(struct merging *merging)
{
    struct buf text = BUF_INIT(8192);
    uint64_t of = merging->shards[0].of;
    uint64_t count = 0;

    for (uint64_t number = 1; number <= of; number++) {
        if (is_here(merging, number)) {
            continue;
        }
        count++;
        if (count <= MOST_NAMED) {
            buf_addf(&text, "%s%" PRIu64, count > 1 ? ", " : "", number);
        }
    }
    if (count > 0) {
        char *said =
            alloc_printf("%" PRIu64 " of %" PRIu64 " shards %s missing: %s%s",
                         count, of, count == 1 ? "is" : "are", buf_text(&text),
                         count > MOST_NAMED ? ", ..." : "");
        ended_tell_note(&merging->ended, merging->sink, said,
                        "name the recordings of all shards");
        free(said);
    }
    buf_release(&text);
}

static void
add_tally(struct tally *sum, const struct tally *tally)
{
    sum->selected += tally->selected;
    for (int i = 0; i < STATE_COUNT; i++) {
        sum->states[i] += tally->states[i];
    }
    sum->ran += tally->ran;
    sum->failures += tally->failures;
    sum->errors += tally->errors;
    sum->skips += tally->skips;
    sum->xfails += tally->xfails;
    sum->xpasses += tally->xpasses;
    sum->retried += tally->retried;
    sum->late += tally->late;
    sum->leaks += tally->leaks;
    sum->flaky += tally->flaky;
    sum->quarantined += tally->quarantined;
    sum->excused += tally->excused;
    sum->refused += tally->refused;
}

// Tests of this shard that have no result; their build was cut off.
static uint32_t
tell_rest(struct merging *merging, const struct merging_shard *shard)
{
    const struct ended_rest rest = {
        .path = shard->path,
        .reason = "its result is not in the recording",
        .shift = (uint32_t)shard->base.items,
        .sink = merging->sink,
        .tally = &merging->tally,
    };
    struct ended ended = shard->ended; // which tests; the time is that of all

    ended.us = merging->ended.us;
    ended.wall_ms = merging->ended.wall_ms;
    return ended_tell_rest(&ended, &rest);
}

// How bad an exit status is: all passed, nothing selected, failed, stopped,
// wrong usage, broken.
static int
rank(int status)
{
    static const int order[] = {0, 5, 1, 2, 4, ENDED_BROKEN};
    int place = 0;

    while (place < 6 && order[place] != status) {
        place++;
    }
    return place;
}

static void
add_finish(struct event_finished *finish, const struct event_finished *one)
{
    if (one->us > finish->us) {
        finish->us = one->us;
    }
    if (finish->stop == STOP_NONE) {
        finish->stop = one->stop;
    }
    if (rank(one->exit_status) > rank(finish->exit_status)) {
        finish->exit_status = one->exit_status;
    }
    finish->usage.user_us += one->usage.user_us;
    finish->usage.system_us += one->usage.system_us;
    if (one->usage.maxrss_kib > finish->usage.maxrss_kib) {
        finish->usage.maxrss_kib = one->usage.maxrss_kib;
    }
}

static void
tell_ends(struct merging *merging, struct retold *retold)
{
    struct event_finished finish = {.tally = &merging->tally};

    *retold = (struct retold){.whole = true};
    for (int i = 0; i < merging->count; i++) {
        const struct merging_shard *shard = &merging->shards[i];
        const struct event_finished cut = {
            .us = shard->ended.us,
            .exit_status = ENDED_BROKEN,
        };
        retold->whole = retold->whole && recording_gaps_none(&shard->gaps);
        retelling_tell_gaps(&shard->gaps, shard->path, &merging->ended,
                            merging->sink);
        if (shard->ended.finished) {
            add_tally(&merging->tally, &shard->ended.final);
            add_finish(&finish, &shard->ended.finish);
        } else {
            add_tally(&merging->tally, &shard->ended.tally);
            add_finish(&finish, &cut);
            retold->missing += tell_rest(merging, shard);
        }
    }
    note_missing_shards(merging);
    retold->missing += tell_unrun(merging);
    if (retold->missing > 0 && rank(EXIT_BAD) > rank(finish.exit_status)) {
        finish.exit_status = EXIT_BAD;
    }
    retold->exit_status = finish.exit_status;
    ended_tell_finish(&merging->ended, merging->sink, &finish);
}

// -------------------------------------------------------------------- all

static bool
open_all(struct merging *merging, struct err *err)
{
    for (int i = 0; i < merging->count; i++) {
        struct merging_shard *shard = &merging->shards[i];
        shard->reader =
            recording_reader_open(shard->path, RECORDING_WANT_OUTPUTS, err);
        if (shard->reader == NULL) {
            return false;
        }
    }
    return true;
}

static int
compare_numbers(const void *a, const void *b)
{
    const struct merging_shard *left = a;
    const struct merging_shard *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static bool
prepare(struct merging *merging, struct err *err)
{
    for (int i = 0; i < merging->count; i++) {
        if (!merging_shard_survey(&merging->shards[i], err)) {
            return false;
        }
    }
    if (!check_all(merging, err)) {
        return false;
    }
    qsort(merging->shards, (size_t)merging->count, sizeof(*merging->shards),
          compare_numbers);
    lay_out(merging);
    // The numbers of all shards together must be numbers, too.
    if (merging->all.items > ITEMS_MAX || merging->all.jobs > ITEMS_MAX ||
        merging->all.processes > UINT32_MAX / 2 ||
        merging->all.slots > INT32_MAX / 2) {
        return err_set(err, ERR_LIMIT, "together the shards are too large");
    }
    return open_all(merging, err);
}

static void
release(struct merging *merging)
{
    for (int i = 0; i < merging->count; i++) {
        merging_shard_release(&merging->shards[i]);
    }
    free(merging->shards);
}

bool
merging_tell(char *const *paths, int count, struct event_sink *sink,
             struct retold *retold, struct err *err)
{
    struct merging merging = {
        .shards = alloc_zero((size_t)count + 1, sizeof(struct merging_shard)),
        .count = count,
        .sink = sink,
    };

    for (int i = 0; i < count; i++) {
        merging.shards[i].path = paths[i];
    }
    bool good = count > 0 && prepare(&merging, err);
    if (good) {
        tell_beginnings(&merging);
        tell_middle(&merging);
        tell_ends(&merging, retold);
    }
    release(&merging);
    return good;
}
