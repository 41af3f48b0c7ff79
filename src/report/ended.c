#include "report/ended.h"

#include <stdlib.h>
#include <string.h>

#include "report/recording_reader.h"
#include "util/alloc.h"

void
ended_release(struct ended *ended)
{
    free(ended->items);
    *ended = (struct ended){0};
}

static void
set_item(struct ended *ended, uint32_t item)
{
    size_t word = item / 64;

    if (word >= ended->words) {
        size_t words = alloc_grow(ended->words, word + 1);
        ended->items = alloc_resize(ended->items, words, sizeof(*ended->items));
        memset(ended->items + ended->words, 0,
               (words - ended->words) * sizeof(*ended->items));
        ended->words = words;
    }
    ended->items[word] |= UINT64_C(1) << item % 64;
}

bool
ended_has(const struct ended *ended, uint32_t item)
{
    size_t word = item / 64;

    return word < ended->words && (ended->items[word] >> item % 64 & 1) != 0;
}

void
ended_note(struct ended *ended, const struct event *event)
{
    struct tally *tally = &ended->tally;

    ended->us = event->us > ended->us ? event->us : ended->us;
    ended->wall_ms = event->wall_ms;
    if (event->kind == EVENT_TEST_FINISHED) {
        const struct event_test *test = &event->test;
        set_item(ended, test->number);
        tally_add_test(tally, test->outcome, test->quarantined);
        tally->selected++;
        tally->retried += test->tries > 1 ? 1 : 0;
        tally->flaky += test->flaky ? 1 : 0;
        tally->refused += test->refused ? 1 : 0;
    } else if (event->kind == EVENT_LEAKED) {
        tally->leaks++;
    } else if (event->kind == EVENT_RUN_FINISHED) {
        ended->finished = true;
        ended->finish = event->finished;
        ended->final = *event->finished.tally;
        ended->finish.tally = &ended->final;
    }
}

static struct event
make(const struct ended *ended, enum event_kind kind)
{
    return (struct event){
        .kind = kind,
        .us = ended->us,
        .wall_ms = ended->wall_ms,
    };
}

// The sink is a fan-out, which looks after those that fail.
static void
tell(struct event_sink *sink, const struct event *event)
{
    struct err err = {0};

    sink->ops->on_event(sink, event, &err);
}

void
ended_tell_unrun(const struct ended *ended, const struct ended_rest *rest,
                 const struct event_test *test)
{
    const struct outcome outcome = {
        .state = STATE_NOT_RUN,
        .reason = slice_of(rest->reason),
        .counted = true,
    };
    struct event event = make(ended, EVENT_TEST_FINISHED);

    event.test = *test;
    event.test.slot = -1;
    event.test.attempt = 1;
    event.test.tries = 1;
    event.test.worker = "";
    event.test.rerun = "";
    event.test.began_us = ended->us;
    event.test.outcome = &outcome;
    rest->tally->selected++;
    tally_add(rest->tally, &outcome);
    tell(rest->sink, &event);
}

uint32_t
ended_tell_rest(const struct ended *ended, const struct ended_rest *rest)
{
    struct err err = {0};
    struct recording_entry entry;
    uint32_t count = 0;
    struct recording_reader *reader =
        recording_reader_open(rest->path, RECORDING_WANT_SELECTED, &err);

    // It was read before; if it is gone since, that was all.
    while (reader != NULL && recording_reader_next(reader, &entry)) {
        if (entry.kind != RECORDING_SELECTED ||
            ended_has(ended, entry.selected.item)) {
            continue;
        }
        const struct event_test test = {
            .number = entry.selected.item + rest->shift,
            .id = entry.selected.id,
            .job = entry.selected.job_name,
            .file = entry.selected.file,
        };
        ended_tell_unrun(ended, rest, &test);
        count++;
    }
    recording_reader_free(reader);
    return count;
}

void
ended_tell_note(const struct ended *ended, struct event_sink *sink,
                const char *text, const char *hint)
{
    struct event event = make(ended, EVENT_NOTE);

    event.note = (struct event_note){NOTE_WARNING, text, hint};
    tell(sink, &event);
}

void
ended_tell_finish(const struct ended *ended, struct event_sink *sink,
                  const struct event_finished *finish)
{
    struct event event = make(ended, EVENT_RUN_FINISHED);

    event.finished = *finish;
    tell(sink, &event);
}
