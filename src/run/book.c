#include "run/book.h"

#include "run/verdict.h"
#include "util/log.h"

bool
book_is_open(const struct items *items, uint32_t item)
{
    const struct item *it = items_peek(items, item);
    return it->state == STATE_NONE && (it->flags & ITEM_SELECTED) != 0;
}

uint32_t
book_count_open(const struct items *items, uint32_t job)
{
    uint32_t open = 0;
    uint32_t count = items_peek_job(items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        open += book_is_open(items, items_of_job(items, job, i));
    }
    return open;
}

static void
tell(struct book *book, const struct chronicle_place *place,
     const struct outcome *outcome)
{
    chronicle_test_finished(book->chronicle, place, outcome);
    book->bad += state_is_bad(outcome->state);
}

void
book_take(struct book *book, const struct chronicle_place *place,
          const struct outcome *outcome)
{
    enum ledger_answer answer = ledger_take(
        book->ledger, place->job, place->attempt, place->item, outcome);
    if (answer == LEDGER_TAKEN) {
        tell(book, place, outcome);
    } else {
        log_debug("book: a result for item %u of job %u attempt %u is late",
                  place->item, place->job, place->attempt);
    }
}

void
book_decide(struct book *book, const struct chronicle_place *place,
            const struct outcome *outcome)
{
    if (ledger_decide(book->ledger, place->item, outcome)) {
        tell(book, place, outcome);
    }
}

void
book_decide_rest(struct book *book, uint32_t job, uint16_t attempt, int slot,
                 const struct outcome *outcome)
{
    uint32_t count = items_peek_job(book->items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        struct chronicle_place place = {
            .job = job,
            .attempt = attempt,
            .item = items_of_job(book->items, job, i),
            .slot = slot,
        };
        book_decide(book, &place, outcome);
    }
}

void
book_appear(struct book *book, struct chronicle_place *place, struct slice id,
            uint32_t line, const struct outcome *outcome)
{
    uint32_t origin = items_peek_job(book->items, place->job)->origin;
    place->item = items_add(book->items, origin, id, line);
    if (place->item == ITEM_NONE) {
        book->full = true;
        return;
    }
    ledger_add(book->ledger, place->item);
    book_take(book, place, outcome);
}

void
book_close(struct book *book, const char *reason)
{
    struct verdict verdict;
    verdict_not_run(&verdict, reason);
    for (uint32_t item = 0; item < items_count(book->items); item++) {
        uint32_t job = items_peek(book->items, item)->job;
        struct chronicle_place place = {
            .job = job,
            .attempt = items_peek_job(book->items, job)->attempt,
            .item = item,
            .slot = -1,
        };
        book_decide(book, &place, &verdict.outcome);
    }
}
