#include "command/simulated_recording.h"

#include "report/recording_reader.h"
#include "run/terms.h"
#include "util/buf.h"
#include "util/map.h"

#include <stdio.h>

/* What was given out once: a job, a part of one, or an attempt at it. */
struct given {
    uint64_t us;
    uint64_t expect_us;
    size_t first; // place of an earlier one of the same job, or its own
    bool ended;
    struct simulated_terms terms;
};

/* One that began and has not ended. */
struct open_job {
    uint32_t number; // of the build
    int attempt;
    int slot;
    size_t place; // in `given`
};

struct reading {
    struct simulated *simulated;
    const struct settings *settings;
    ARRAY(struct given) given;
    ARRAY(struct open_job) open;
    // Place + 1 in `given`, as a pointer, of the newest one ...
    struct map by_number; // ... of a job number
    struct map by_name;   // ... of "file name"
    struct map by_item;   // ... that ran a test
    struct buf key;
    uint32_t collected; // jobs from this number on are parts of others
    bool apart;         // some of which may run at the same time
    bool expected;      // something was known of one of them
    bool stopped;
    uint32_t slots;
};

// --------------------------------------------------------------- which is one

static size_t
find_first(const struct reading *reading, size_t place)
{
    while (reading->given.items[place].first != place) {
        place = reading->given.items[place].first;
    }
    return place;
}

static void
join(struct reading *reading, size_t one, size_t other)
{
    size_t a = find_first(reading, one);
    size_t b = find_first(reading, other);
    reading->given.items[a > b ? a : b].first = a > b ? b : a;
}

/* Notes that `key` is at `place`, which is joined to where it was before. */
static void
note_key(struct reading *reading, struct map *map, struct slice key,
         size_t place)
{
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
    uintptr_t was = (uintptr_t)map_set(map, key, (void *)(place + 1));
    if (was > 0) {
        join(reading, was - 1, place);
    }
}

static struct slice
name_key(struct reading *reading, const struct event_job *job)
{
    buf_reset(&reading->key);
    buf_add_text(&reading->key, job->file);
    buf_add_char(&reading->key, '\0');
    buf_add_text(&reading->key, job->name);
    return buf_slice(&reading->key);
}

static struct slice
number_key(const uint32_t *number)
{
    return (struct slice){(const char *)number, sizeof(*number)};
}

// -------------------------------------------------------------------- events

static struct simulated_terms
find_terms(const struct settings *settings, const struct event_job *job)
{
    struct terms terms;
    terms_of_name(&terms, settings, slice_of(job->name), slice_of(job->file));
    return (struct simulated_terms){
        .needs = terms.needs,
        .need_count = terms.need_count,
        .alone = terms.alone,
    };
}

static void
take_started(struct reading *reading, const struct event_job *job)
{
    size_t place = reading->given.count;
    struct given given = {
        .expect_us = job->expect_us,
        .first = place,
        .terms = find_terms(reading->settings, job),
    };
    struct open_job open = {
        .number = job->number,
        .attempt = job->attempt,
        .slot = job->slot,
        .place = place,
    };
    ARRAY_ADD(&reading->given, given);
    ARRAY_ADD(&reading->open, open);
    reading->expected = reading->expected || job->expect_us > 0;
    note_key(reading, &reading->by_number, number_key(&job->number), place);
    // A part of one test may be there from the start, beside the others; what
    // runs again of it is known by the test.
    bool beside = reading->apart && job->items <= 1;
    bool split = job->number >= reading->collected;
    struct slice name = name_key(reading, job);
    if (split && !beside && map_find(&reading->by_name, name) != NULL) {
        note_key(reading, &reading->by_name, name, place);
    } else if (!split) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, as above
        map_set(&reading->by_name, name, (void *)(uintptr_t)(place + 1));
    }
}

/* A job that runs a test again is the one that ran it before. */
static void
take_test(struct reading *reading, const struct event_test *test)
{
    bool ran = test->slot >= 0 && test->outcome->state != STATE_NOT_RUN;
    for (size_t i = 0; reading->apart && ran && i < reading->open.count; i++) {
        const struct open_job *open = &reading->open.items[i];
        if (open->slot == test->slot) {
            note_key(reading, &reading->by_item, number_key(&test->number),
                     open->place);
            return;
        }
    }
}

static void
take_finished(struct reading *reading, const struct event_job *job)
{
    for (size_t i = 0; i < reading->open.count; i++) {
        const struct open_job *open = &reading->open.items[i];
        if (open->number == job->number && open->attempt == job->attempt) {
            struct given *given = &reading->given.items[open->place];
            given->us = job->us;
            given->ended = true;
            ARRAY_REMOVE(&reading->open, i);
            return;
        }
    }
}

static void
take_run(struct reading *reading, const struct event_run *run)
{
    if (run->slots > 0) {
        reading->slots = (uint32_t)run->slots;
    }
    reading->apart = slice_equals_text(slice_of(run->isolation), "test");
}

static void
take_event(struct reading *reading, const struct event *event)
{
    if (event->kind == EVENT_RUN_STARTED) {
        take_run(reading, &event->run);
    } else if (event->kind == EVENT_JOB_STARTED) {
        take_started(reading, &event->job);
    } else if (event->kind == EVENT_TEST_FINISHED ||
               event->kind == EVENT_TEST_ATTEMPT) {
        take_test(reading, &event->test);
    } else if (event->kind == EVENT_JOB_FINISHED) {
        take_finished(reading, &event->job);
    } else if (event->kind == EVENT_RUN_FINISHED) {
        reading->simulated->recorded_us = event->finished.us;
        reading->stopped = event->finished.stop != STOP_NONE;
    }
}

static void
take_entry(struct reading *reading, const struct recording_entry *entry)
{
    if (entry->kind == RECORDING_EVENT) {
        take_event(reading, &entry->event);
    } else if (entry->selected.job >= reading->collected) {
        reading->collected = entry->selected.job + 1;
    }
}

// ----------------------------------------------------------------------- all

/* Each job once, with the time of all that it was. */
static void
hand_over(struct reading *reading)
{
    struct simulated *simulated = reading->simulated;
    for (size_t i = 0; i < reading->given.count; i++) {
        const struct given *given = &reading->given.items[i];
        struct given *first = &reading->given.items[find_first(reading, i)];
        if (given != first && given->ended) {
            first->us += given->us;
            first->ended = true;
        }
    }
    for (size_t i = 0; i < reading->given.count; i++) {
        const struct given *given = &reading->given.items[i];
        if (given->first == i && given->ended) {
            ARRAY_ADD(&simulated->us, given->us);
            ARRAY_ADD(&simulated->terms, given->terms);
            if (reading->expected) { // else as if all were known
                ARRAY_ADD(&simulated->expect_us, given->expect_us);
            }
        }
    }
    if (simulated->slots == 0) {
        simulated->slots = reading->slots;
    }
}

static void
say_what_is_missing(const struct reading *reading, const char *path,
                    const struct recording_gaps *gaps)
{
    struct buf said = BUF_INIT(4096);
    bool whole = recording_gaps_none(gaps);
    if (whole && !reading->stopped && reading->open.count == 0) {
        return;
    }
    if (whole) {
        buf_add_text(&said, reading->stopped ? "the build was stopped"
                                             : "not every job ended");
    } else {
        recording_gaps_say(gaps, &said);
    }
    fprintf(stderr,
            "mule: %s: %s: %s; only jobs whose end it tells are simulated\n",
            whole ? "note" : "warning", path, buf_text(&said));
    buf_release(&said);
}

static void
release(struct reading *reading)
{
    ARRAY_RELEASE(&reading->given);
    ARRAY_RELEASE(&reading->open);
    map_release(&reading->by_number);
    map_release(&reading->by_name);
    map_release(&reading->by_item);
    buf_release(&reading->key);
}

bool
simulated_recording_read(struct simulated *simulated,
                         const struct settings *settings, const char *path,
                         struct err *err)
{
    struct reading reading = {
        .simulated = simulated,
        .settings = settings,
        .key = BUF_INIT((size_t)1 << 20),
    };
    struct recording_entry entry;
    struct recording_reader *reader =
        recording_reader_open(path, RECORDING_WANT_SELECTED, err);
    if (reader == NULL) {
        return false;
    }
    while (recording_reader_next(reader, &entry) &&
           reading.given.count < SIMULATION_JOBS_MAX) {
        take_entry(&reading, &entry);
    }
    say_what_is_missing(&reading, path, recording_reader_gaps(reader));
    recording_reader_free(reader);
    hand_over(&reading);
    release(&reading);
    return simulated->us.count > 0 ||
           err_set(err, ERR_NOTHING, "%s tells of no job that ended", path);
}
