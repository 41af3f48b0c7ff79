#include "run/settling_again.h"

#include "run/verdict.h"

static void
add_retry(struct book *book, uint32_t job, const struct order_report *report)
{
    uint32_t item = items_of_job(book->items, job, 0);
    struct book_retry retry = {
        .job = job,
        .delay_ms = chances_delay_ms(&book->chances, job,
                                     ledger_retries(book->ledger, item)),
        .slot = report->slot,
    };
    ARRAY_ADD(&book->retries, retry);
}

static void
add_round(struct book *book, uint32_t job)
{
    ARRAY_ADD(&book->retries, ((struct book_retry){.job = job, .round = true}));
}

static void
decide(struct book *book, const struct order_report *report, uint32_t item,
       const struct outcome *outcome)
{
    struct chronicle_place place = {
        .job = report->job,
        .attempt = report->attempt,
        .item = item,
        .slot = report->slot,
    };
    book_decide(book, &place, outcome);
}

/* It does not run again after all: its last outcome counts. */
static void
decide_as_it_was(struct book *book, const struct order_report *report,
                 uint32_t item)
{
    struct verdict verdict;
    verdict_not_run(&verdict, "its job did not run again");
    decide(book, report, item, &verdict.outcome);
}

// --------------------------------------------------------------- fixtures

static bool
owns_any(struct book *book, uint32_t extra, uint32_t job)
{
    uint32_t count = items_peek_job(book->items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        if (book_owns(book, extra, items_of_job(book->items, job, i))) {
            return true;
        }
    }
    return false;
}

/* Whether an item ended in its job in another way than not to run. */
static bool
has_run(const struct book *book, uint32_t number)
{
    const struct item *item = items_peek(book->items, number);
    const struct outcome *last = ledger_last(book->ledger, number);
    if ((item->flags & ITEM_ANSWERED) != 0 && last != NULL) {
        return last->state != STATE_NOT_RUN;
    }
    return item->state != STATE_NONE && item->state != STATE_NOT_RUN &&
           (item->flags & ITEM_NOT_RAN) == 0;
}

/* A fixture says nothing when it passes: its tests tell that it did. */
static bool
was_passed(struct book *book, uint32_t extra, uint32_t job)
{
    uint32_t count = items_peek_job(book->items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = items_of_job(book->items, job, i);
        if ((items_peek(book->items, item)->flags & ITEM_APPEARED) == 0 &&
            has_run(book, item) && book_owns(book, extra, item)) {
            return true;
        }
    }
    return false;
}

static void
pass_extras(struct book *book, const struct order_report *report, uint32_t job)
{
    static const struct outcome passed = {.state = STATE_PASSED,
                                          .counted = true};
    for (size_t i = book->extras.count; i > 0; i--) {
        struct book_extra extra = book->extras.items[i - 1];
        unsigned flags = items_peek(book->items, extra.item)->flags;
        if (extra.job == job && (flags & ITEM_ANSWERED) == 0 &&
            report->end == ORDER_DONE && was_passed(book, extra.item, job)) {
            ARRAY_REMOVE(&book->extras, i - 1);
            decide(book, report, extra.item, &passed);
        }
    }
}

/* The job in which what appeared gets its next attempt; JOB_NONE: none. */
static uint32_t
find_target(struct book *book, uint32_t extra, uint32_t rest)
{
    for (size_t i = 0; i < book->retries.count; i++) {
        uint32_t job = book->retries.items[i].job;
        if (owns_any(book, extra, job)) {
            return job;
        }
    }
    // A process that died has its next one in what it left. A fixture that
    // went wrong is over for those who come behind it.
    bool answered =
        (items_peek(book->items, extra)->flags & ITEM_ANSWERED) != 0;
    buf_reset(&book->id);
    items_plain_id(book->items, extra, &book->id);
    bool process = slice_starts_with(buf_slice(&book->id), SLICE("process ("));
    if (rest != JOB_NONE && (process || !answered) &&
        owns_any(book, extra, rest)) {
        return rest;
    }
    return JOB_NONE;
}

static void
move_extras(struct book *book, const struct order_report *report, uint32_t job,
            uint32_t rest)
{
    for (size_t i = book->extras.count; i > 0; i--) {
        struct book_extra extra = book->extras.items[i - 1];
        if (extra.job != job) {
            continue;
        }
        uint32_t target = find_target(book, extra.item, rest);
        if (target != JOB_NONE) {
            book->extras.items[i - 1].job = target;
            ledger_wait(book->ledger, extra.item);
        } else {
            ARRAY_REMOVE(&book->extras, i - 1);
            decide_as_it_was(book, report, extra.item);
        }
    }
}

static void
retry_items(struct book *book, const struct order_report *report, uint32_t job,
            uint32_t rest)
{
    pass_extras(book, report, job);
    uint32_t retry = ledger_next_retry(book->ledger, job);
    while (retry != JOB_NONE) {
        add_retry(book, retry, report);
        retry = ledger_next_retry(book->ledger, job);
    }
    move_extras(book, report, job, rest);
}

// --------------------------------------------------------------- programs

/* Points that this attempt did not tell of do not come any more. */
static void
decide_points(struct book *book, const struct order_report *report,
              bool answered_too)
{
    uint32_t origin = items_peek_job(book->items, report->job)->origin;
    uint32_t first = items_peek_job(book->items, origin)->first;
    for (uint32_t i = first; i < items_count(book->items); i++) {
        const struct item *item = items_peek(book->items, i);
        bool waits = (item->flags & ITEM_PENDING) != 0 &&
                     (item->flags & ITEM_APPEARED) != 0 && item->job == origin;
        if (waits && (answered_too || (item->flags & ITEM_ANSWERED) == 0)) {
            decide_as_it_was(book, report, i);
        }
    }
}

/* How often its points were retried: the most of any. */
static uint32_t
count_retries(const struct book *book, uint32_t job)
{
    uint32_t origin = items_peek_job(book->items, job)->origin;
    uint32_t most = 0;
    uint32_t first = items_peek_job(book->items, origin)->first;
    for (uint32_t i = first; i < items_count(book->items); i++) {
        uint32_t retries = items_peek(book->items, i)->job == origin
                               ? ledger_retries(book->ledger, i)
                               : 0;
        most = retries > most ? retries : most;
    }
    return most;
}

static void
retry_program(struct book *book, const struct order_report *report)
{
    struct book_whole *whole = book_find_whole(book, report->job);
    if (whole->aside && ledger_retry_whole(book->ledger, report->job)) {
        whole->aside = false;
        struct book_retry retry = {
            .job = report->job,
            .slot = report->slot,
            .round = chances_repeat(&book->chances),
            .delay_ms = chances_delay_ms(&book->chances, report->job,
                                         count_retries(book, report->job)),
        };
        ARRAY_ADD(&book->retries, retry);
        return;
    }
    decide_points(book, report, true);
    ARRAY_REMOVE(&book->wholes, (size_t)(whole - book->wholes.items));
}

void
settling_again(struct book *book, const struct order_report *report,
               uint32_t job, uint32_t rest)
{
    if (!chances_are_given(&book->chances)) {
        return;
    }
    if (job == report->job && book_find_whole(book, job) != NULL) {
        retry_program(book, report);
    } else if (chances_repeat(&book->chances)) {
        uint32_t round = ledger_repeat(book->ledger, job);
        if (round != JOB_NONE) {
            add_round(book, round);
        }
    } else {
        retry_items(book, report, job, rest);
    }
}
