// Random orders of everything that can happen to jobs: given out, begun,
// ended, lost, crashed, told twice, told late, told by the wrong one. Each byte
// or two of the input is one event. All along, a job that is to be given out is
// not running and every open item is in exactly one job; at the end every
// selected item has exactly one state, and the tally adds up.
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

static void
take(struct model *model, uint32_t job)
{
    uint16_t attempt = pick_attempt(model, job);
    uint32_t item = pick_item(model, job);
    struct outcome outcome = outcome_of(next(model));
    bool current = attempt == items_peek_job(model->items, job)->attempt &&
                   model->places[job] != PLACE_OVER;
    enum ledger_answer answer =
        ledger_take(model->ledger, job, attempt, item, &outcome);

    if (!items_job_has(model->items, job, item) ||
        (items_peek(model->items, item)->flags & ITEM_SELECTED) == 0) {
        FUZZ_CHECK(answer == LEDGER_FOREIGN);
    } else if (current && model->states[item] == STATE_NONE) {
        FUZZ_CHECK(answer == LEDGER_TAKEN);
        model->states[item] = outcome.state;
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
        if (is_open(model, item)) {
            uint16_t attempt = items_peek_job(model->items, job)->attempt;
            FUZZ_CHECK(ledger_take(model->ledger, job, attempt, item,
                                   &outcome) == LEDGER_TAKEN);
            model->states[item] = outcome.state;
        }
    }
    model->places[job] = PLACE_LEFT;
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
    if (!current) {
        return;
    }
    model->places[job] = PLACE_OVER;
    if (rest == JOB_NONE) {
        return;
    }
    FUZZ_CHECK(rest == items_job_count(model->items) - 1);
    FUZZ_CHECK(rest < ITEMS_LIMIT);
    model->places[rest] = PLACE_WAITING;
    model->barren[rest] = !progress;
    if (!progress && model->barren[job]) {
        decide_rest(model, rest);
    }
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
        break;
    case LEDGER_NOTHING:
        if (current) {
            model->places[job] = PLACE_OVER;
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
    bool was_open = is_open(model, item);
    FUZZ_CHECK(ledger_decide(model->ledger, item, &outcome) == was_open);
    if (was_open) {
        model->states[item] = outcome.state;
    }
}

static void
drop(struct model *model, uint32_t job)
{
    uint32_t item = pick_item(model, job);

    if (item < items_count(model->items)) {
        bool was_open = is_open(model, item);
        FUZZ_CHECK(ledger_drop(model->ledger, item) == was_open);
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
        FUZZ_CHECK(places[item] <= 1);
        FUZZ_CHECK(!is_open(model, item) || appeared || places[item] == 1);
    }
}

static void
check_tally(const struct model *model)
{
    const struct tally *tally = ledger_tally(model->ledger);
    uint32_t states[STATE_COUNT] = {0};
    uint32_t selected = 0;
    uint32_t count = items_count(model->items);

    for (uint32_t i = 0; i < count; i++) {
        if ((items_peek(model->items, i)->flags & ITEM_SELECTED) != 0) {
            selected++;
            states[model->states[i]]++;
        }
    }
    FUZZ_CHECK(tally->selected == selected);
    FUZZ_CHECK(tally->late == model->late);
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
        if (ledger_decide(model->ledger, i, &outcome)) {
            model->states[i] = STATE_NOT_RUN;
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
    model.size = size < 4000 ? size : 4000;
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
