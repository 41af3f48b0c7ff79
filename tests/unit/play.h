/*
 * A run that is played to a sink: one short call for each thing that happens.
 * Time goes on by what each call says; the wall clock begins at a fixed date,
 * so that reports are the same each time.
 */
#ifndef TESTS_UNIT_PLAY_H
#define TESTS_UNIT_PLAY_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/event.h"

#define PLAY_WALL_MS INT64_C(1322020000000)

struct play {
    struct event_sink *sink;
    struct err err; // of the first failure
    bool failed;
    uint64_t us;
    uint32_t number;
    const char *job;
    struct tally tally;
};

__attribute__((unused)) static bool
play_event(struct play *play, struct event event)
{
    struct err err = {0};

    assert(play->sink != NULL);
    event.us = play->us;
    event.wall_ms = PLAY_WALL_MS + (int64_t)(play->us / 1000);
    if (play->failed) {
        return false;
    }
    if (!play->sink->ops->on_event(play->sink, &event, &err)) {
        play->failed = true;
        play->err = err;
    }
    return !play->failed;
}

__attribute__((unused)) static void
play_start(struct play *play, int slots)
{
    struct event event = {
        .kind = EVENT_RUN_STARTED,
        .run = {.build_id = "k3v9x2",
                .version = "0.1.0",
                .hostname = "box",
                .cwd = "/src/shop",
                .command = "mule test",
                .isolation = "class",
                .hash_seed = "4711",
                .slots = slots},
    };
    play_event(play, event);
}

__attribute__((unused)) static void
play_collected(struct play *play, uint32_t items, uint32_t jobs)
{
    struct event event = {
        .kind = EVENT_COLLECTED,
        .collected = {.items = items, .jobs = jobs, .us = play->us},
    };
    play->tally.selected = items;
    play_event(play, event);
}

__attribute__((unused)) static void
play_job(struct play *play, enum event_kind kind, const char *name, int slot,
         uint64_t us)
{
    struct event event = {
        .kind = kind,
        .job = {.name = name,
                .file = "tests/test_shop.py",
                .kind = JOB_CLASS,
                .items = 2,
                .slot = slot,
                .attempt = 1,
                .us = us},
    };
    play->job = name;
    play_event(play, event);
}

// A test of the job that was started last; `us` is how long it took.
__attribute__((unused)) static void
play_test(struct play *play, const char *id, int slot, uint64_t us,
          struct outcome outcome)
{
    outcome.us = us;
    outcome.ran = outcome.state != STATE_NOT_RUN;
    outcome.counted = true;
    struct event event = {
        .kind = EVENT_TEST_FINISHED,
        .test = {.number = play->number++,
                 .id = id,
                 .job = play->job != NULL ? play->job : "",
                 .file = "tests/test_shop.py",
                 .line = 12,
                 .slot = slot,
                 .attempt = 1,
                 .began_us = play->us,
                 .us = us,
                 .outcome = &outcome,
                 .rerun = state_is_bad(outcome.state)
                              ? "mule test tests.test_shop.Cart.test_it"
                              : NULL},
    };
    play->us += us;
    tally_add(&play->tally, &outcome);
    play_event(play, event);
}

/* An end of test `number`; only TEST_FINISHED decides it. */
__attribute__((unused)) static void
play_end_of(struct play *play, enum event_kind kind, uint32_t number,
            int attempt, const struct outcome *outcome, bool flaky)
{
    struct event event = {
        .kind = kind,
        .test = {.number = number,
                 .id = "tests.test_shop.Cart.test_it",
                 .job = play->job != NULL ? play->job : "",
                 .file = "tests/test_shop.py",
                 .line = 12,
                 .attempt = attempt,
                 .tries = attempt,
                 .flaky = flaky,
                 .us = outcome->us,
                 .outcome = outcome},
    };

    if (kind == EVENT_TEST_FINISHED) {
        tally_add(&play->tally, outcome);
        play->tally.flaky += flaky;
    }
    play_event(play, event);
}

__attribute__((unused)) static void
play_state(struct play *play, const char *id, enum state state)
{
    struct outcome outcome = {.state = state};

    play_test(play, id, 0, 1000, outcome);
}

__attribute__((unused)) static void
play_begin(struct play *play, const char *id, int slot)
{
    struct event event = {
        .kind = EVENT_TEST_STARTED,
        .test = {.number = play->number,
                 .id = id,
                 .job = play->job != NULL ? play->job : "",
                 .file = "tests/test_shop.py",
                 .line = 12,
                 .slot = slot,
                 .attempt = 1,
                 .began_us = play->us},
    };
    play_event(play, event);
}

__attribute__((unused)) static void
play_note(struct play *play, enum note_level level, const char *text,
          const char *hint)
{
    struct event event = {.kind = EVENT_NOTE, .note = {level, text, hint}};

    play_event(play, event);
}

__attribute__((unused)) static void
play_end(struct play *play, enum stop_reason stop, int exit_status)
{
    struct event event = {
        .kind = EVENT_RUN_FINISHED,
        .finished = {.tally = &play->tally,
                     .us = play->us,
                     .stop = stop,
                     .exit_status = exit_status},
    };
    play_event(play, event);
}

// All that was written to the file, terminated; to be freed.
__attribute__((unused)) static char *
play_read(FILE *file, size_t *size)
{
    long end = 0;
    char *text = NULL;

    fseek(file, 0, SEEK_END);
    end = ftell(file);
    text = calloc(1, (size_t)end + 1);
    rewind(file);
    *size = fread(text, 1, (size_t)end, file);
    return text;
}

#endif
