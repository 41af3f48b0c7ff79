#include "model/ledger.h"

#include "model/ledger_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "util/alloc.h"

enum {
    LOSSES_MAX = 2
};

struct ledger *
ledger_new(struct items *items)
{
    struct ledger *ledger = ALLOC(struct ledger);

    ledger->items = items;
    pendings_init(&ledger->pendings);
    return ledger;
}

void
ledger_free(struct ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    pendings_release(&ledger->pendings);
    kept_free(ledger->spent);
    ARRAY_RELEASE(&ledger->pages);
    free(ledger);
}

struct page *
ledger_page(struct ledger *ledger, uint32_t job)
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
           !ledger_page(ledger, job)->ended;
}

bool
ledger_is_open(const struct item *item)
{
    return (item->flags & ITEM_SELECTED) != 0 && item->state == STATE_NONE;
}

uint16_t
ledger_give(struct ledger *ledger, uint32_t job)
{
    struct page *page = ledger_page(ledger, job);
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

const struct outcome *
ledger_last(const struct ledger *ledger, uint32_t item)
{
    static const struct outcome pass = {
        .state = STATE_PASSED, .ran = true, .counted = true};
    const struct pending *pending = pendings_find(&ledger->pendings, item);

    if ((items_peek(ledger->items, item)->flags & ITEM_PENDING) == 0) {
        return NULL;
    }
    return pending != NULL ? &pending->kept->outcome : &pass;
}

uint32_t
ledger_retries(const struct ledger *ledger, uint32_t item)
{
    const struct pending *pending = pendings_find(&ledger->pendings, item);

    return pending != NULL ? pending->retries : 0;
}

// ---------------------------------------------------------------- results

// Counts a try, once for each attempt.
static void
count_try(struct ledger *ledger, uint32_t number)
{
    struct item *item = items_get(ledger->items, number);

    if ((item->flags & ITEM_BEGUN) != 0) {
        return;
    }
    item->flags |= ITEM_BEGUN;
    if (item->tries < UINT16_MAX) {
        item->tries++;
    }
}

// Whether it may still be told of in this attempt.
static bool
is_awaited(const struct item *item)
{
    return ledger_is_open(item) && (item->flags & ITEM_ANSWERED) == 0;
}

void
ledger_begin(struct ledger *ledger, uint32_t job, uint16_t attempt,
             uint32_t item)
{
    if (is_current(ledger, job, attempt) &&
        items_job_has(ledger->items, job, item) &&
        is_awaited(items_peek(ledger->items, item))) {
        count_try(ledger, item);
    }
}

static bool
clears(enum state state)
{
    return state == STATE_PASSED || state == STATE_XFAILED;
}

// Which of two outcomes counts: that of this attempt, or the last one before.
static const struct outcome *
choose(const struct outcome *last, const struct outcome *now)
{
    if (clears(now->state) || state_is_bad(now->state)) {
        return now;
    }
    if (now->state == STATE_SKIPPED) {
        return state_is_bad(last->state) ? last : now;
    }
    return last;
}

// The outcome that counts of an item that is decided now.
static const struct outcome *
find_word(struct ledger *ledger, const struct ledger_said *said, bool *flaky)
{
    struct item *item = items_get(ledger->items, said->item);
    struct kept *kept = pendings_take(&ledger->pendings, said->item);
    const struct outcome *last = kept != NULL ? &kept->outcome : NULL;
    bool passed = (item->flags & ITEM_PENDING) != 0 && kept == NULL;

    kept_free(ledger->spent);
    ledger->spent = kept;
    item->flags &= (uint8_t) ~(ITEM_PENDING | ITEM_ANSWERED);
    *flaky = false;
    if (passed) {
        ledger->pass = (struct outcome){
            .state = STATE_PASSED,
            .us = (uint64_t)item->ms * 1000,
            .ran = true,
            .counted = true,
        };
        last = &ledger->pass;
    }
    if (last == NULL) {
        return said->outcome;
    }
    *flaky = state_is_bad(last->state) && clears(said->outcome->state);
    return choose(last, said->outcome);
}

static void
note_time(struct item *item, const struct outcome *outcome)
{
    uint64_t ms = (outcome->us + 500) / 1000;

    item->ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void
count_word(struct ledger *ledger, const struct ledger_word *word,
           bool quarantined)
{
    struct tally *tally = &ledger->tally;

    tally_add_test(tally, word->outcome, quarantined);
    tally->flaky += word->flaky;
    tally->refused += word->flaky && ledger->refuses_flaky && !quarantined;
}

// Whether an item that is decided now was tried again, rather than repeated
// since it had passed.
static bool
is_retried(const struct ledger *ledger, uint32_t number)
{
    const struct item *item = items_peek(ledger->items, number);

    return item->tries > 1 &&
           ((item->flags & ITEM_PENDING) == 0 ||
            pendings_find(&ledger->pendings, number) != NULL);
}

// Enters the state of an item that has none.
static void
enter(struct ledger *ledger, const struct ledger_said *said,
      struct ledger_word *word)
{
    ledger->tally.retried += is_retried(ledger, said->item);
    word->outcome = find_word(ledger, said, &word->flaky);
    struct item *item = items_get(ledger->items, said->item);
    assert(word->outcome->state > STATE_NONE &&
           word->outcome->state < STATE_COUNT);
    item->state = (uint8_t)word->outcome->state;
    note_time(item, word->outcome);
    if (!word->outcome->ran) {
        item->flags |= ITEM_NOT_RAN;
    }
    count_word(ledger, word, said->quarantined);
}

bool
ledger_awaits(struct ledger *ledger, uint32_t job, uint16_t attempt,
              uint32_t item)
{
    return items_job_has(ledger->items, job, item) &&
           is_current(ledger, job, attempt) &&
           is_awaited(items_peek(ledger->items, item));
}

enum ledger_answer
ledger_take(struct ledger *ledger, const struct ledger_said *said,
            struct ledger_word *word)
{
    *word = (struct ledger_word){0};
    if (!items_job_has(ledger->items, said->job, said->item)) {
        return LEDGER_FOREIGN;
    }
    struct item *item = items_get(ledger->items, said->item);
    if ((item->flags & ITEM_SELECTED) == 0) {
        return LEDGER_FOREIGN;
    }
    if (!is_current(ledger, said->job, said->attempt) || !is_awaited(item)) {
        ledger->tally.late++;
        return LEDGER_LATE;
    }
    if ((item->flags & ITEM_APPEARED) == 0) {
        ledger_page(ledger, said->job)->progress = true;
    }
    if (said->outcome->ran || said->again ||
        (item->flags & ITEM_PENDING) != 0) {
        count_try(ledger, said->item);
    }
    if (!said->again) {
        enter(ledger, said, word);
        return LEDGER_TAKEN;
    }
    // A plain pass needs no more than its flag: repeating costs nothing.
    if (said->outcome->state != STATE_PASSED ||
        pendings_find(&ledger->pendings, said->item) != NULL) {
        pendings_keep(&ledger->pendings, said->item, said->outcome);
    }
    item->flags |= ITEM_PENDING | ITEM_ANSWERED;
    note_time(item, said->outcome);
    return LEDGER_ASIDE;
}

bool
ledger_decide(struct ledger *ledger, const struct ledger_said *said,
              struct ledger_word *word)
{
    *word = (struct ledger_word){0};
    if (!ledger_is_open(items_peek(ledger->items, said->item))) {
        return false;
    }
    bool once = items_peek(ledger->items, said->item)->tries < 2;
    enter(ledger, said, word);
    if (word->flaky) { // it passed in another attempt
        count_try(ledger, said->item);
        ledger->tally.retried += once;
    }
    return true;
}

// ------------------------------------------------------------ jobs that end

struct picked
ledger_pick_due(struct ledger *ledger, uint32_t job)
{
    uint32_t all = items_peek_job(ledger->items, job)->count;
    struct picked due = {alloc_resize(NULL, all, sizeof(uint32_t)), 0};

    for (uint32_t i = 0; i < all; i++) {
        uint32_t number = items_of_job(ledger->items, job, i);
        if (items_is_due(ledger->items, number)) {
            items_get(ledger->items, number)->flags &= (uint8_t)~ITEM_BEGUN;
            due.items[due.count++] = number;
        }
    }
    return due;
}

uint32_t
ledger_end(struct ledger *ledger, uint32_t job, uint16_t attempt,
           bool *progress)
{
    uint32_t rest = JOB_NONE;

    *progress = true;
    if (!is_current(ledger, job, attempt) ||
        !ledger_page(ledger, job)->running) {
        return JOB_NONE;
    }
    struct picked due = ledger_pick_due(ledger, job);
    if (due.count > 0) {
        rest = items_split_job(ledger->items, job, due.items, due.count);
        // Asking for the page of a new job moves all pages.
        struct page page = *ledger_page(ledger, job);
        ledger_page(ledger, rest)->losses = page.losses;
        ledger_page(ledger, rest)->rounds = page.rounds;
    }
    free(due.items);
    struct page *page = ledger_page(ledger, job);
    page->running = false;
    page->ended = true;
    *progress = page->progress;
    return rest;
}

enum ledger_loss
ledger_lose(struct ledger *ledger, uint32_t job, uint16_t attempt)
{
    struct page *page = ledger_page(ledger, job);

    if (!is_current(ledger, job, attempt) || !page->running) {
        return LEDGER_NOTHING;
    }
    struct picked due = ledger_pick_due(ledger, job);
    free(due.items);
    page->running = false;
    page->ended = due.count == 0;
    if (due.count == 0) {
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

// ------------------------------------------------------------- the counts

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
ledger_refuse_flaky(struct ledger *ledger)
{
    ledger->refuses_flaky = true;
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

    if (!ledger_is_open(dropped)) {
        return false;
    }
    kept_free(pendings_take(&ledger->pendings, item));
    dropped->flags &= (uint8_t) ~(ITEM_SELECTED | ITEM_PENDING | ITEM_ANSWERED);
    assert(ledger->tally.selected > 0);
    ledger->tally.selected--;
    return true;
}
