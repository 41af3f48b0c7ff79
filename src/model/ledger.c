#include "model/ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

// What the ledger knows of a job beside what stands in the items.
struct page {
    uint8_t losses;
    bool running;  // given out, and neither ended nor lost
    bool ended;    // what was left of it went into another job
    bool awaited;  // lost: its next attempt has a number already
    bool progress; // an item of it ended in the current attempt
};

struct ledger {
    struct items *items;
    struct tally tally;
    ARRAY(struct page) pages;
};

enum {
    LOSSES_MAX = 2
};

struct ledger *
ledger_new(struct items *items)
{
    struct ledger *ledger = ALLOC(struct ledger);

    ledger->items = items;
    return ledger;
}

void
ledger_free(struct ledger *ledger)
{
    if (ledger != NULL) {
        ARRAY_RELEASE(&ledger->pages);
        free(ledger);
    }
}

static struct page *
page_of(struct ledger *ledger, uint32_t job)
{
    assert(job < items_job_count(ledger->items));
    while (ledger->pages.count <= job) {
        ARRAY_ADD_ZERO(&ledger->pages);
    }
    return &ledger->pages.items[job];
}

// Whether `attempt` is the one of `job` that counts.
static bool
is_current(struct ledger *ledger, uint32_t job, uint16_t attempt)
{
    return attempt == items_peek_job(ledger->items, job)->attempt &&
           !page_of(ledger, job)->ended;
}

static bool
is_open(const struct item *item)
{
    return (item->flags & ITEM_SELECTED) != 0 && item->state == STATE_NONE;
}

uint16_t
ledger_give(struct ledger *ledger, uint32_t job)
{
    struct page *page = page_of(ledger, job);
    struct job *given = items_job(ledger->items, job);

    assert(!page->running && !page->ended);
    assert(given->attempt < UINT16_MAX);
    if (page->awaited) {
        page->awaited = false;
    } else {
        given->attempt++;
    }
    page->running = true;
    page->progress = false;
    return given->attempt;
}

// Counts a try, once for each attempt.
static void
count_try(struct ledger *ledger, struct item *item)
{
    if ((item->flags & ITEM_BEGUN) != 0) {
        return;
    }
    item->flags |= ITEM_BEGUN;
    if (item->tries < UINT8_MAX) {
        item->tries++;
    }
    if (item->tries == 2) {
        ledger->tally.retried++;
    }
}

void
ledger_begin(struct ledger *ledger, uint32_t job, uint16_t attempt,
             uint32_t item)
{
    if (!is_current(ledger, job, attempt) ||
        !items_job_has(ledger->items, job, item)) {
        return;
    }
    struct item *begun = items_get(ledger->items, item);
    if (is_open(begun)) {
        count_try(ledger, begun);
    }
}

// Enters the state of an item that has none.
static void
enter(struct ledger *ledger, struct item *item, const struct outcome *outcome)
{
    uint64_t ms = (outcome->us + 500) / 1000;

    assert(outcome->state > STATE_NONE && outcome->state < STATE_COUNT);
    item->state = (uint8_t)outcome->state;
    item->ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
    if (outcome->ran) {
        count_try(ledger, item);
    } else {
        item->flags |= ITEM_NOT_RAN;
    }
    tally_add(&ledger->tally, outcome);
}

enum ledger_answer
ledger_take(struct ledger *ledger, uint32_t job, uint16_t attempt,
            uint32_t item, const struct outcome *outcome)
{
    if (!items_job_has(ledger->items, job, item)) {
        return LEDGER_FOREIGN;
    }
    struct item *taken = items_get(ledger->items, item);
    if ((taken->flags & ITEM_SELECTED) == 0) {
        return LEDGER_FOREIGN;
    }
    if (!is_current(ledger, job, attempt) || taken->state != STATE_NONE) {
        ledger->tally.late++;
        return LEDGER_LATE;
    }
    enter(ledger, taken, outcome);
    if ((taken->flags & ITEM_APPEARED) == 0) {
        page_of(ledger, job)->progress = true;
    }
    return LEDGER_TAKEN;
}

bool
ledger_decide(struct ledger *ledger, uint32_t item,
              const struct outcome *outcome)
{
    struct item *decided = items_get(ledger->items, item);

    if (!is_open(decided)) {
        return false;
    }
    enter(ledger, decided, outcome);
    return true;
}

// The items of a job that have no state yet, ready for another attempt.
static uint32_t *
open_items(struct ledger *ledger, uint32_t job, uint32_t *count)
{
    uint32_t all = items_peek_job(ledger->items, job)->count;
    uint32_t *open = alloc_resize(NULL, all, sizeof(*open));

    *count = 0;
    for (uint32_t i = 0; i < all; i++) {
        uint32_t number = items_of_job(ledger->items, job, i);
        struct item *item = items_get(ledger->items, number);
        if (is_open(item) && (item->flags & ITEM_APPEARED) == 0) {
            item->flags &= (uint8_t)~ITEM_BEGUN;
            open[(*count)++] = number;
        }
    }
    return open;
}

uint32_t
ledger_end(struct ledger *ledger, uint32_t job, uint16_t attempt,
           bool *progress)
{
    uint32_t rest = JOB_NONE;
    uint32_t count = 0;

    *progress = true;
    if (!is_current(ledger, job, attempt) || !page_of(ledger, job)->running) {
        return JOB_NONE;
    }
    uint32_t *open = open_items(ledger, job, &count);
    if (count > 0) {
        rest = items_split_job(ledger->items, job, open, count);
        // Asking for the page of a new job moves all pages.
        uint8_t losses = page_of(ledger, job)->losses;
        page_of(ledger, rest)->losses = losses;
    }
    free(open);
    struct page *page = page_of(ledger, job);
    page->running = false;
    page->ended = true;
    *progress = page->progress;
    return rest;
}

enum ledger_loss
ledger_lose(struct ledger *ledger, uint32_t job, uint16_t attempt)
{
    struct page *page = page_of(ledger, job);
    uint32_t count = 0;

    if (!is_current(ledger, job, attempt) || !page->running) {
        return LEDGER_NOTHING;
    }
    free(open_items(ledger, job, &count));
    page->running = false;
    page->ended = count == 0;
    if (count == 0) {
        return LEDGER_NOTHING;
    }
    if (++page->losses >= LOSSES_MAX) {
        return LEDGER_GIVEN_UP;
    }
    // What the lost attempt may still say is late from now on.
    items_job(ledger->items, job)->attempt++;
    page->awaited = true;
    return LEDGER_AGAIN;
}

bool
ledger_is_settled(const struct ledger *ledger)
{
    return tally_adds_up(&ledger->tally);
}

const struct tally *
ledger_tally(const struct ledger *ledger)
{
    return &ledger->tally;
}

void
ledger_count_leak(struct ledger *ledger)
{
    ledger->tally.leaks++;
}

void
ledger_count_late(struct ledger *ledger)
{
    ledger->tally.late++;
}

void
ledger_count_selected(struct ledger *ledger)
{
    uint32_t count = items_count(ledger->items);

    ledger->tally.selected = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct item *item = items_peek(ledger->items, i);
        if ((item->flags & ITEM_SELECTED) != 0) {
            ledger->tally.selected++;
        }
    }
}

void
ledger_add(struct ledger *ledger, uint32_t item)
{
    struct item *added = items_get(ledger->items, item);

    assert((added->flags & ITEM_SELECTED) != 0);
    added->flags |= ITEM_APPEARED;
    ledger->tally.selected++;
}

bool
ledger_drop(struct ledger *ledger, uint32_t item)
{
    struct item *dropped = items_get(ledger->items, item);

    if (!is_open(dropped)) {
        return false;
    }
    dropped->flags &= (uint8_t)~ITEM_SELECTED;
    assert(ledger->tally.selected > 0);
    ledger->tally.selected--;
    return true;
}
