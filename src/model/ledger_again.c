#include <assert.h>
#include <stdlib.h>

#include "model/ledger_internal.h"
#include "util/alloc.h"

// Collected, and set aside in the last attempt.
static bool
is_aside(const struct item *item)
{
    return ledger_is_open(item) && (item->flags & ITEM_ANSWERED) != 0 &&
           (item->flags & ITEM_APPEARED) == 0;
}

static void
release(struct item *item)
{
    item->flags &= (uint8_t) ~(ITEM_ANSWERED | ITEM_BEGUN);
}

// The fewest tries of what was set aside; 0: nothing was.
static uint16_t
fewest_tries(const struct ledger *ledger, uint32_t job)
{
    uint32_t all = items_peek_job(ledger->items, job)->count;
    uint16_t fewest = 0;

    for (uint32_t i = 0; i < all; i++) {
        uint32_t number = items_of_job(ledger->items, job, i);
        const struct item *item = items_peek(ledger->items, number);
        if (is_aside(item) && (fewest == 0 || item->tries < fewest)) {
            fewest = item->tries;
        }
    }
    return fewest;
}

// What was set aside after so many tries, or (0) at all, ready to run again.
static struct picked
pick_aside(struct ledger *ledger, uint32_t job, uint16_t tries)
{
    uint32_t all = items_peek_job(ledger->items, job)->count;
    struct picked aside = {alloc_resize(NULL, all, sizeof(uint32_t)), 0};

    for (uint32_t i = 0; i < all; i++) {
        uint32_t number = items_of_job(ledger->items, job, i);
        struct item *item = items_get(ledger->items, number);
        if (is_aside(item) && (tries == 0 || item->tries == tries)) {
            release(item);
            aside.items[aside.count++] = number;
        }
    }
    return aside;
}

uint32_t
ledger_next_retry(struct ledger *ledger, uint32_t job)
{
    struct page *page = ledger_page(ledger, job);
    uint16_t tries = fewest_tries(ledger, job);

    assert(!page->running);
    page->ended = true;
    if (tries == 0) {
        return JOB_NONE;
    }
    // A job that starts anew: its parent's losses are not its own.
    struct picked aside = pick_aside(ledger, job, tries);
    uint32_t retry =
        items_split_job(ledger->items, job, aside.items, aside.count);
    free(aside.items);
    return retry;
}

// The job is ready for one more attempt; what the last one may still say is
// late.
static void
reopen(struct ledger *ledger, uint32_t job)
{
    struct page *page = ledger_page(ledger, job);

    page->ended = false;
    page->awaited = true;
    page->losses = 0;
    items_job(ledger->items, job)->attempt++;
}

bool
ledger_retry_whole(struct ledger *ledger, uint32_t job)
{
    uint32_t origin = items_peek_job(ledger->items, job)->origin;
    uint32_t number = items_of_job(ledger->items, job, 0);
    struct item *whole = items_get(ledger->items, number);
    uint32_t count = items_count(ledger->items);

    assert(!ledger_page(ledger, job)->running);
    if (whole->state != STATE_NONE ||
        items_peek_job(ledger->items, job)->attempt == UINT16_MAX) {
        return false;
    }
    if ((whole->flags & ITEM_SELECTED) == 0) {
        whole->flags |= ITEM_SELECTED;
        ledger->tally.selected++;
    }
    release(whole);
    for (uint32_t i = number + 1; i < count; i++) {
        struct item *item = items_get(ledger->items, i);
        if (item->job == origin && (item->flags & ITEM_APPEARED) != 0) {
            release(item); // its next attempt may tell of it
        }
    }
    ledger_page(ledger, job)->rounds++;
    reopen(ledger, job);
    return true;
}

uint32_t
ledger_repeat(struct ledger *ledger, uint32_t job)
{
    struct page *page = ledger_page(ledger, job);
    uint32_t again = job;

    assert(!page->running);
    uint16_t rounds = page->rounds + 1;
    struct picked aside = pick_aside(ledger, job, 0);
    struct picked due = ledger_pick_due(ledger, job);
    if (aside.count == 0) {
        page->ended = true;
        again = JOB_NONE;
    } else if (due.count > aside.count) {
        // Some of it did not come to its end and is in another job now.
        page->ended = true;
        again = items_split_job(ledger->items, job, aside.items, aside.count);
    } else {
        reopen(ledger, job);
    }
    if (again != JOB_NONE) {
        ledger_page(ledger, again)->rounds = rounds;
    }
    free(aside.items);
    free(due.items);
    return again;
}

uint32_t
ledger_rounds(const struct ledger *ledger, uint32_t job)
{
    return job < ledger->pages.count ? ledger->pages.items[job].rounds : 0;
}

void
ledger_wait(struct ledger *ledger, uint32_t item)
{
    release(items_get(ledger->items, item));
}
