#include "report/past_process.h"

#include <stdlib.h>
#include <string.h>

#include "report/recording_reader.h"
#include "util/alloc.h"
#include "util/map.h"

#define MISSING_MAX 4096

/* One reading of the recording. */
struct reading {
    struct past_process *process;
    const char *test; // whose process is looked for; NULL: it is known
    struct map ended; // ids that are listed
    struct map selected;
    bool knows_selected;
    bool over; // nothing that follows counts
};

static bool
ended(const struct event *event)
{
    return event->kind == EVENT_TEST_FINISHED ||
           event->kind == EVENT_TEST_ATTEMPT;
}

static bool
is_test(const struct event_test *test, const char *name)
{
    return strcmp(test->id, name) == 0 || strcmp(test->job, name) == 0;
}

static void
set_text(char **text, const char *value)
{
    free(*text);
    *text = alloc_dup(value != NULL ? value : "");
}

static void
take_run(struct past_process *process, const struct event_run *run)
{
    set_text(&process->build, run->build_id);
    set_text(&process->hash_seed, run->hash_seed);
    set_text(&process->isolation, run->isolation);
}

/* The process of its first bad attempt; else of the first one. */
static void
look_for(struct reading *reading, const struct event *event)
{
    struct past_process *process = reading->process;
    if (!ended(event) || process->bad || event->test.process == 0 ||
        !is_test(&event->test, reading->test)) {
        return;
    }
    bool bad = state_is_bad(event->test.outcome->state);
    if (bad || process->number == 0) {
        process->number = event->test.process;
        process->bad = bad;
    }
}

/* The tests of the process, up to the one that is looked at. */
static void
list(struct reading *reading, const struct event *event)
{
    struct past_process *process = reading->process;
    if (reading->over || !ended(event) ||
        event->test.process != process->number) {
        return;
    }
    struct slice id = slice_of(event->test.id);
    if (reading->test != NULL && is_test(&event->test, reading->test)) {
        // A job runs in one piece; a test may have run there before.
        bool bad = state_is_bad(event->test.outcome->state);
        reading->over =
            strcmp(event->test.id, reading->test) != 0 || bad == process->bad;
        return;
    }
    if (reading->knows_selected && map_find(&reading->selected, id) == NULL) {
        return; // a fixture, or what was seen only while it ran
    }
    if (map_find(&reading->ended, id) == NULL) {
        map_set(&reading->ended, id, process);
        texts_add(&process->ids, event->test.id);
    }
}

static bool
read_once(struct reading *reading, const char *path, unsigned wants,
          void (*take)(struct reading *reading, const struct event *event),
          struct err *err)
{
    struct recording_entry entry;
    struct recording_reader *reader = recording_reader_open(path, wants, err);
    if (reader == NULL) {
        return false;
    }
    while (recording_reader_next(reader, &entry)) {
        if (entry.kind == RECORDING_SELECTED) {
            reading->knows_selected = true;
            map_set(&reading->selected, slice_of(entry.selected.id),
                    reading->process);
        } else if (entry.event.kind == EVENT_RUN_STARTED) {
            take_run(reading->process, &entry.event.run);
        } else {
            take(reading, &entry.event);
        }
    }
    const struct recording_gaps *gaps = recording_reader_gaps(reader);
    buf_reset(&reading->process->missing);
    if (!recording_gaps_none(gaps)) {
        recording_gaps_say(gaps, &reading->process->missing);
    }
    recording_reader_free(reader);
    return true;
}

static bool
read_tests(struct reading *reading, const char *path, struct err *err)
{
    bool fine = reading->process->number == 0 ||
                read_once(reading, path, RECORDING_WANT_SELECTED, list, err);
    map_release(&reading->ended);
    map_release(&reading->selected);
    return fine;
}

/* What says how the build began may be missing. */
static void
begin(struct past_process *process)
{
    *process = (struct past_process){
        .build = alloc_dup(""),
        .hash_seed = alloc_dup(""),
        .isolation = alloc_dup(""),
        .missing = BUF_INIT(MISSING_MAX),
    };
}

bool
past_process_read(struct past_process *process, const char *path,
                  uint32_t number, struct err *err)
{
    begin(process);
    process->number = number;
    struct reading reading = {.process = process};
    return read_tests(&reading, path, err);
}

bool
past_process_before(struct past_process *process, const char *path,
                    const char *test, struct err *err)
{
    begin(process);
    struct reading reading = {.process = process, .test = test};
    return read_once(&reading, path, 0, look_for, err) &&
           read_tests(&reading, path, err);
}

void
past_process_release(struct past_process *process)
{
    free(process->build);
    free(process->hash_seed);
    free(process->isolation);
    texts_release(&process->ids);
    buf_release(&process->missing);
    *process = (struct past_process){0};
}
