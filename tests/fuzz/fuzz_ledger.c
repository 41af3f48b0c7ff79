// Random orders of everything that can happen to jobs: given out, begun,
// ended, lost, crashed, retried, repeated, told twice, told late, told by the
// wrong one. Each byte or two of the input is one event. All along, a job that
// is to be given out is not running and every open item is in exactly one job;
// at the end every selected item has exactly one state, its last bad one unless
// it passed after that, and the tally adds up.
#include <string.h>

#include "fuzz.h"
#include "model/ledger.h"

enum {
    ITEMS_LIMIT = 4096,
};

// LEFT: given up, so that what is open in it is for the caller to decide.
enum place {
    PLACE_NOWHERE,
    PLACE_WAITING,
    PLACE_RUNNING,
    PLACE_LEFT,
    PLACE_OVER,
};

struct model {
    struct items *items;
    struct ledger *ledger;
    enum place places[ITEMS_LIMIT]; // of jobs
    bool barren[ITEMS_LIMIT];       // the job before made no progress
    enum state states[ITEMS_LIMIT]; // of items, as this model has them
    enum state last[ITEMS_LIMIT];   // of items that wait: what they keep
    bool aside[ITEMS_LIMIT];        // they ended in the current attempt
    bool quarantined[ITEMS_LIMIT];  // as was said when they were decided
    bool flaky[ITEMS_LIMIT];
    uint32_t late;
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
add_jobs(struct model *model)
{
    unsigned jobs = 1 + next(model) % 6;

    for (unsigned i = 0; i < jobs; i++) {
        struct job_params params = {.name = SLICE("A")};
        uint32_t job = items_add_job(model->items, &params);
        unsigned shape = next(model);
        for (unsigned k = 0; k < shape % 8; k++) {
            uint32_t item = items_add(model->items, job, SLICE(".t"), 0);
            if ((shape >> 3) % 5 == k) {
                items_get(model->items, item)->flags = 0;
            }
        }
        model->places[job] = PLACE_WAITING;
    }
    ledger_count_selected(model->ledger);
}

static struct outcome
outcome_of(unsigned byte)
{
    return (struct outcome){
        .state = (enum state)(1 + byte % (STATE_COUNT - 1)),
        .us = byte,
        .ran = byte % 3 != 0,
        .counted = true,
    };
}

// The job one byte points at.
static uint32_t
pick_job(struct model *model)
{
    return next(model) % items_job_count(model->items);
}

static uint32_t
pick_item(struct model *model, uint32_t job)
{
    uint32_t count = items_peek_job(model->items, job)->count;
    unsigned byte = next(model);

    if (byte % 8 == 7 || count == 0) {
        return byte; // any item, or none of that number
    }
    return items_of_job(model->items, job, byte % count);
}

static uint16_t
pick_attempt(struct model *model, uint32_t job)
{
    uint16_t attempt = items_peek_job(model->items, job)->attempt;

    return next(model) % 4 == 3 ? (uint16_t)(attempt - 1) : attempt;
}

static bool
is_open(const struct model *model, uint32_t item)
{
    return (items_peek(model->items, item)->flags & ITEM_SELECTED) != 0 &&
           model->states[item] == STATE_NONE;
}

static void
give(struct model *model, uint32_t job)
{
    uint16_t before = items_peek_job(model->items, job)->attempt;

    if (model->places[job] != PLACE_WAITING) {
        return;
    }
    uint16_t attempt = ledger_give(model->ledger, job);
    FUZZ_CHECK(attempt >= 1 && attempt >= before);
    model->places[job] = PLACE_RUNNING;
}

static bool
clears(enum state state)
{
    return state == STATE_PASSED || state == STATE_XFAILED;
}

// What an item is when it is decided by an outcome of that state.
static enum state
decided(const struct model *model, uint32_t item, enum state state)
{
    enum state last = model->last[item];

    if (last == STATE_NONE || clears(state) || state_is_bad(state)) {
        return state;
    }
    if (state == STATE_SKIPPED && !state_is_bad(last)) {
        return state;
    }
    return last;
}

static void
enter(struct model *model, const struct ledger_said *said,
      const struct ledger_word *word)
{
    enum state state = said->outcome->state;
    enum state last = model->last[said->item];

    model->flaky[said->item] = state_is_bad(last) && clears(state);
    model->states[said->item] = decided(model, said->item, state);
    model->quarantined[said->item] = said->quarantined;
    model->last[said->item] = STATE_NONE;
    model->aside[said->item] = false;
    FUZZ_CHECK(word->outcome->state == model->states[said->item]);
    FUZZ_CHECK(word->flaky == model->flaky[said->item]);
}

static void
set_aside(struct model *model, const struct ledger_said *said)
{
    enum state state = said->outcome->state;
    enum state last = model->last[said->item];

    if (last == STATE_NONE || !state_is_bad(last) || state_is_bad(state)) {
        model->last[said->item] = state;
    }
    model->aside[said->item] = true;
}

static void
take(struct model *model, uint32_t job)
{
    uint16_t attempt = pick_attempt(model, job);
    uint32_t item = pick_item(model, job);
    struct outcome outcome = outcome_of(next(model));
    bool current = attempt == items_peek_job(model->items, job)->attempt &&
                   model->places[job] != PLACE_OVER;
    unsigned byte = next(model);
    struct ledger_said said = {
        .job = job,
        .attempt = attempt,
        .item = item,
        .outcome = &outcome,
        .again = byte % 4 == 0,
        .quarantined = byte % 8 == 1,
    };
    struct ledger_word word;
    bool awaited = ledger_awaits(model->ledger, job, attempt, item);
    enum ledger_answer answer = ledger_take(model->ledger, &said, &word);
    FUZZ_CHECK(awaited == (answer == LEDGER_TAKEN || answer == LEDGER_ASIDE) ||
               answer == LEDGER_FOREIGN);

    if (!items_job_has(model->items, job, item) ||
        (items_peek(model->items, item)->flags & ITEM_SELECTED) == 0) {
        FUZZ_CHECK(answer == LEDGER_FOREIGN);
    } else if (current && model->states[item] == STATE_NONE &&
               !model->aside[item]) {
        FUZZ_CHECK(answer == (said.again ? LEDGER_ASIDE : LEDGER_TAKEN));
        if (said.again) {
            set_aside(model, &said);
        } else {
            enter(model, &said, &word);
        }
    } else {
        FUZZ_CHECK(answer == LEDGER_LATE);
        model->late++;
    }
}

static void
decide_rest(struct model *model, uint32_t job)
{
    uint32_t count = items_peek_job(model->items, job)->count;
    struct outcome outcome = {.state = STATE_LOST};

    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(model->items, job, i);
        struct ledger_said said = {
            .job = job,
            .attempt = items_peek_job(model->items, job)->attempt,
            .item = item,
            .outcome = &outcome,
        };
        struct ledger_word word;
        if (is_open(model, item) && !model->aside[item]) {
            FUZZ_CHECK(ledger_take(model->ledger, &said, &word) ==
                       LEDGER_TAKEN);
            enter(model, &said, &word);
        }
    }
    model->places[job] = PLACE_LEFT;
}

// The items of a job are ready for its next attempt.
static void
forget_aside(struct model *model, uint32_t job)
{
    uint32_t count = items_peek_job(model->items, job)->count;

    for (uint32_t i = 0; i < count; i++) {
        model->aside[items_of_job(model->items, job, i)] = false;
    }
}

// What was set aside in a job that is over goes into others, or it is repeated.
static void
run_again(struct model *model, uint32_t job)
{
    uint32_t again = JOB_NONE;
    bool repeat = next(model) % 2 == 0;

    if (repeat) {
        uint32_t rounds = ledger_rounds(model->ledger, job);
        again = ledger_repeat(model->ledger, job);
        if (again != JOB_NONE) {
            FUZZ_CHECK(ledger_rounds(model->ledger, again) == rounds + 1);
            FUZZ_CHECK(again == job ||
                       again == items_job_count(model->items) - 1);
            forget_aside(model, again);
            model->places[again] = PLACE_WAITING;
        }
        return;
    }
    uint16_t tries = 0;
    while ((again = ledger_next_retry(model->ledger, job)) != JOB_NONE) {
        uint32_t first = items_of_job(model->items, again, 0);
        FUZZ_CHECK(items_peek(model->items, first)->tries > tries);
        tries = items_peek(model->items, first)->tries;
        forget_aside(model, again);
        model->places[again] = PLACE_WAITING;
    }
}

static void
end(struct model *model, uint32_t job)
{
    uint16_t attempt = pick_attempt(model, job);
    bool current = attempt == items_peek_job(model->items, job)->attempt &&
                   model->places[job] == PLACE_RUNNING;
    bool progress = false;
    uint32_t rest = ledger_end(model->ledger, job, attempt, &progress);

    FUZZ_CHECK(current || rest == JOB_NONE);
    FUZZ_CHECK(items_job_count(model->items) < ITEMS_LIMIT);
    if (!current) {
        return;
    }
    model->places[job] = PLACE_OVER;
    if (rest != JOB_NONE) {
        FUZZ_CHECK(rest == items_job_count(model->items) - 1);
        FUZZ_CHECK(rest < ITEMS_LIMIT);
        model->places[rest] = PLACE_WAITING;
        model->barren[rest] = !progress;
        if (!progress && model->barren[job]) {
            decide_rest(model, rest);
        }
    }
    run_again(model, job);
}

static void
lose(struct model *model, uint32_t job)
{
    uint16_t attempt = pick_attempt(model, job);
    bool current = attempt == items_peek_job(model->items, job)->attempt &&
                   model->places[job] == PLACE_RUNNING;

    switch (ledger_lose(model->ledger, job, attempt)) {
    case LEDGER_AGAIN:
        FUZZ_CHECK(current);
        FUZZ_CHECK(items_peek_job(model->items, job)->attempt > attempt);
        model->places[job] = PLACE_WAITING;
        break;
    case LEDGER_GIVEN_UP:
        FUZZ_CHECK(current);
        decide_rest(model, job);
        model->places[job] = PLACE_OVER;
        run_again(model, job);
        break;
    case LEDGER_NOTHING:
        if (current) {
            model->places[job] = PLACE_OVER;
            run_again(model, job);
        }
        break;
    }
}

static void
appear(struct model *model, uint32_t job)
{
    uint32_t item = items_count(model->items);

    if (item < ITEMS_LIMIT) {
        items_add(model->items, job, SLICE("setUpClass"), 0);
        ledger_add(model->ledger, item);
    }
}

static void
decide(struct model *model, uint32_t job)
{
    uint32_t item = pick_item(model, job);
    struct outcome outcome = outcome_of(next(model));

    if (item >= items_count(model->items)) {
        return;
    }
    struct ledger_said said = {
        .item = item,
        .outcome = &outcome,
        .quarantined = next(model) % 4 == 0,
    };
    struct ledger_word word;
    bool was_open = is_open(model, item);
    FUZZ_CHECK(ledger_decide(model->ledger, &said, &word) == was_open);
    if (was_open) {
        enter(model, &said, &word);
    }
}

static void
drop(struct model *model, uint32_t job)
{
    uint32_t item = pick_item(model, job);

    if (item < items_count(model->items)) {
        bool was_open = is_open(model, item);
        FUZZ_CHECK(ledger_drop(model->ledger, item) == was_open);
        if (was_open) {
            model->last[item] = STATE_NONE;
            model->aside[item] = false;
        }
    }
}

static void
step(struct model *model)
{
    unsigned what = next(model) % 12;
    uint32_t job = pick_job(model);

    if (what < 3) {
        give(model, job);
    } else if (what < 6) {
        take(model, job);
    } else if (what == 6) {
        uint16_t attempt = pick_attempt(model, job);
        ledger_begin(model->ledger, job, attempt, pick_item(model, job));
    } else if (what == 7) {
        end(model, job);
    } else if (what == 8) {
        lose(model, job);
    } else if (what == 9) {
        appear(model, job);
    } else if (what == 10) {
        decide(model, job);
    } else {
        drop(model, job);
    }
}

// Every open item that was collected is in one job that waits or runs.
static void
check_places(const struct model *model)
{
    uint8_t places[ITEMS_LIMIT] = {0};
    uint32_t jobs = items_job_count(model->items);
    uint32_t count = items_count(model->items);

    for (uint32_t job = 0; job < jobs; job++) {
        if (model->places[job] == PLACE_OVER) {
            continue;
        }
        uint32_t size = items_peek_job(model->items, job)->count;
        for (uint32_t i = 0; i < size; i++) {
            places[items_of_job(model->items, job, i)]++;
        }
    }
    for (uint32_t item = 0; item < count; item++) {
        bool appeared =
            (items_peek(model->items, item)->flags & ITEM_APPEARED) != 0;
        FUZZ_CHECK(items_peek(model->items, item)->state ==
                   model->states[item]);
        bool kept = model->last[item] != STATE_NONE;
        const struct outcome *last = ledger_last(model->ledger, item);
        FUZZ_CHECK(!is_open(model, item) || places[item] <= 1);
        FUZZ_CHECK(!is_open(model, item) || appeared || places[item] == 1);
        FUZZ_CHECK(kept == (last != NULL));
        FUZZ_CHECK(!kept || last->state == model->last[item]);
    }
}

static void
check_tally(const struct model *model)
{
    const struct tally *tally = ledger_tally(model->ledger);
    uint32_t states[STATE_COUNT] = {0};
    uint32_t selected = 0;
    uint32_t flaky = 0;
    uint32_t quarantined = 0;
    uint32_t count = items_count(model->items);

    for (uint32_t i = 0; i < count; i++) {
        if ((items_peek(model->items, i)->flags & ITEM_SELECTED) != 0) {
            selected++;
            states[model->states[i]]++;
            flaky += model->flaky[i];
            quarantined +=
                model->quarantined[i] && state_is_bad(model->states[i]);
        }
    }
    FUZZ_CHECK(tally->selected == selected);
    FUZZ_CHECK(tally->late == model->late);
    FUZZ_CHECK(tally->flaky == flaky);
    FUZZ_CHECK(tally->quarantined == quarantined);
    for (int state = STATE_PASSED; state < STATE_COUNT; state++) {
        FUZZ_CHECK(tally->states[state] == states[state]);
    }
    FUZZ_CHECK(ledger_is_settled(model->ledger) == (states[STATE_NONE] == 0));
    FUZZ_CHECK(tally_adds_up(tally) == (states[STATE_NONE] == 0));
}

// As a run is closed: what has no state did not run.
static void
close_book(struct model *model)
{
    struct outcome outcome = {.state = STATE_NOT_RUN};
    uint32_t count = items_count(model->items);

    for (uint32_t i = 0; i < count; i++) {
        struct ledger_said said = {.item = i, .outcome = &outcome};
        struct ledger_word word;
        if (ledger_decide(model->ledger, &said, &word)) {
            enter(model, &said, &word);
        }
    }
    FUZZ_CHECK(ledger_is_settled(model->ledger));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;

    memset(&model, 0, sizeof(model));
    model.items = items_new();
    model.ledger = ledger_new(model.items);
    model.data = data;
    model.size = size < 2000 ? size : 2000;
    add_jobs(&model);
    while (model.size > 0) {
        step(&model);
    }
    check_places(&model);
    check_tally(&model);
    close_book(&model);
    check_tally(&model);
    ledger_free(model.ledger);
    items_free(model.items);
    return 0;
}
