#include "run/book.h"

#include "run/verdict.h"
#include "util/log.h"

#define BOOK_ID_MAX ((size_t)1 << 20)

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

void
book_init(struct book *book, const struct settings *settings,
          struct items *items, struct ledger *ledger,
          struct chronicle *chronicle)
{
    *book = (struct book){
        .items = items,
        .ledger = ledger,
        .chronicle = chronicle,
        .owner = BUF_INIT(BOOK_ID_MAX),
        .id = BUF_INIT(BOOK_ID_MAX),
    };
    chances_init(&book->chances, settings, items, ledger);
    if (settings->flaky == FLAKY_FAIL) {
        ledger_refuse_flaky(ledger);
    }
}

void
book_release(struct book *book)
{
    chances_release(&book->chances);
    ARRAY_RELEASE(&book->extras);
    ARRAY_RELEASE(&book->wholes);
    ARRAY_RELEASE(&book->retries);
    buf_release(&book->owner);
    buf_release(&book->id);
}

// ------------------------------------------------------------ what appeared

/* "pkg.C" of "setUpClass (pkg.C)"; empty where it does not say. */
static struct slice
owner_of(struct book *book, uint32_t extra)
{
    buf_reset(&book->owner);
    items_plain_id(book->items, extra, &book->owner);
    struct slice id = buf_slice(&book->owner);
    size_t open = slice_find_part(id, SLICE(" ("));
    if (open == id.len || !slice_ends_with(id, SLICE(")"))) {
        return (struct slice){NULL, 0};
    }
    struct slice owner = slice_skip(id, open + 2);
    return slice_first(owner, owner.len - 1);
}

bool
book_owns(struct book *book, uint32_t extra, uint32_t item)
{
    struct slice owner = owner_of(book, extra);
    uint32_t job = items_peek(book->items, item)->job;
    if (owner.len == 0 ||
        slice_equals_text(owner, items_job_name(book->items, job))) {
        return true;
    }
    buf_reset(&book->id);
    items_plain_id(book->items, item, &book->id);
    struct slice id = buf_slice(&book->id);
    return slice_take(&id, owner) && slice_take(&id, SLICE("."));
}

void
book_move_extras(struct book *book, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < book->extras.count; i++) {
        if (book->extras.items[i].job == from) {
            book->extras.items[i].job = to;
        }
    }
}

struct book_whole *
book_find_whole(struct book *book, uint32_t job)
{
    for (size_t i = 0; i < book->wholes.count; i++) {
        if (book->wholes.items[i].job == job) {
            return &book->wholes.items[i];
        }
    }
    return NULL;
}

static bool
is_program(const struct book *book, uint32_t job)
{
    return items_peek_job(book->items, job)->kind == JOB_COMMAND;
}

/* The item appeared, and was set aside in this attempt of `job`. */
static void
add_aside(struct book *book, uint32_t job, uint32_t item)
{
    if (is_program(book, job)) {
        struct book_whole *whole = book_find_whole(book, job);
        if (whole != NULL) {
            whole->aside = true;
        } else {
            ARRAY_ADD(&book->wholes, ((struct book_whole){job, true}));
        }
        return;
    }
    for (size_t i = 0; i < book->extras.count; i++) {
        if (book->extras.items[i].item == item) {
            book->extras.items[i].job = job;
            return;
        }
    }
    ARRAY_ADD(&book->extras, ((struct book_extra){item, job}));
}

/* Whether something that runs again kept this item of `job` from running. */
static bool
is_kept_out(struct book *book, uint32_t job, uint32_t item)
{
    for (size_t i = 0; i < book->extras.count; i++) {
        const struct book_extra *extra = &book->extras.items[i];
        if (extra->job == job && book_owns(book, extra->item, item)) {
            return true;
        }
    }
    return false;
}

// ---------------------------------------------------------------- results

static void
tell(struct book *book, const struct chronicle_place *place,
     const struct ledger_word *word, bool quarantined)
{
    bool bad = state_is_bad(word->outcome->state);
    bool unrun = word->outcome->state == STATE_NOT_RUN;
    bool counts = !quarantined;
    bool refused =
        word->flaky && counts && book->chances.settings->flaky == FLAKY_FAIL;
    struct chronicle_ending ending = {
        .outcome = word->outcome,
        .flaky = word->flaky,
        .refused = refused,
        .quarantined = quarantined && (bad || unrun || word->flaky),
    };
    chronicle_test_finished(book->chronicle, place, &ending);
    book->bad += (bad && counts) || refused;
}

/* Patterns are looked at only where it matters. */
static bool
is_quarantined(struct book *book, uint32_t item, const struct outcome *outcome)
{
    bool pending = (items_peek(book->items, item)->flags & ITEM_PENDING) != 0;
    return (pending || state_is_bad(outcome->state) ||
            outcome->state == STATE_NOT_RUN) &&
           chances_quarantined(&book->chances, item);
}

static bool
runs_again(struct book *book, const struct chronicle_place *place,
           const struct outcome *outcome, bool kept)
{
    if (!chances_are_given(&book->chances) ||
        !ledger_awaits(book->ledger, place->job, place->attempt, place->item)) {
        return false;
    }
    kept = kept || (outcome->state == STATE_NOT_RUN &&
                    is_kept_out(book, place->job, place->item));
    return chances_take(&book->chances, place->job, place->item, outcome, kept);
}

static void
hear(struct book *book, const struct chronicle_place *place,
     const struct outcome *outcome, bool kept)
{
    struct ledger_word word;
    struct ledger_said said = {
        .job = place->job,
        .attempt = place->attempt,
        .item = place->item,
        .outcome = outcome,
        .again = runs_again(book, place, outcome, kept),
    };
    said.quarantined = place->item < items_count(book->items) &&
                       is_quarantined(book, place->item, outcome);
    switch (ledger_take(book->ledger, &said, &word)) {
    case LEDGER_TAKEN:
        tell(book, place, &word, said.quarantined);
        break;
    case LEDGER_ASIDE:
        chronicle_test_attempt(book->chronicle, place,
                               &(struct chronicle_ending){
                                   .outcome = outcome,
                                   .quarantined = said.quarantined,
                               });
        if ((items_peek(book->items, place->item)->flags & ITEM_APPEARED) !=
            0) {
            add_aside(book, place->job, place->item);
        }
        break;
    case LEDGER_LATE:
    case LEDGER_FOREIGN:
        log_debug("book: a result for item %u of job %u attempt %u is late",
                  place->item, place->job, place->attempt);
        break;
    }
}

void
book_take(struct book *book, const struct chronicle_place *place,
          const struct outcome *outcome)
{
    hear(book, place, outcome, false);
}

void
book_decide(struct book *book, const struct chronicle_place *place,
            const struct outcome *outcome)
{
    struct ledger_word word;
    struct ledger_said said = {.item = place->item, .outcome = outcome};
    said.quarantined = is_quarantined(book, place->item, outcome);
    if (ledger_decide(book->ledger, &said, &word)) {
        tell(book, place, &word, said.quarantined);
    }
}

void
book_take_rest(struct book *book, uint32_t job, int slot,
               const struct outcome *outcome, bool kept)
{
    uint32_t count = items_peek_job(book->items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        struct chronicle_place place = {
            .job = job,
            .attempt = items_peek_job(book->items, job)->attempt,
            .item = items_of_job(book->items, job, i),
            .slot = slot,
        };
        if (items_is_due(book->items, place.item)) {
            hear(book, &place, outcome, kept);
        }
    }
}

/* What waits for its next attempt in this very job, by its id. */
static uint32_t
find_extra(struct book *book, uint32_t job, struct slice id)
{
    for (size_t i = 0; i < book->extras.count; i++) {
        const struct book_extra *extra = &book->extras.items[i];
        unsigned flags = items_peek(book->items, extra->item)->flags;
        if (extra->job != job || (flags & ITEM_ANSWERED) != 0) {
            continue;
        }
        buf_reset(&book->id);
        items_plain_id(book->items, extra->item, &book->id);
        if (slice_equals(buf_slice(&book->id), id)) {
            return extra->item;
        }
    }
    return ITEM_NONE;
}

/*
 * A point that this attempt of the program has not told of yet: the k-th of
 * one name is the k-th of that name before.
 */
static uint32_t
find_point(struct book *book, uint32_t job, struct slice id)
{
    uint32_t origin = items_peek_job(book->items, job)->origin;
    uint32_t found = items_find(book->items, id);
    for (uint32_t serial = 2; found != ITEM_NONE; serial++) {
        const struct item *item = items_peek(book->items, found);
        if (item->job == origin && (item->flags & ITEM_APPEARED) != 0 &&
            (item->flags & (ITEM_BEGUN | ITEM_ANSWERED)) == 0) {
            break;
        }
        buf_reset(&book->id);
        buf_addf(&book->id, "%.*s#%u", SLICE_ARG(id), serial);
        found = items_find(book->items, buf_slice(&book->id));
    }
    return found;
}

static uint32_t
add_new(struct book *book, uint32_t job, struct slice id, uint32_t line)
{
    uint32_t origin = items_peek_job(book->items, job)->origin;
    uint32_t item = items_add(book->items, origin, id, line);
    if (item != ITEM_NONE) {
        ledger_add(book->ledger, item);
    }
    return item;
}

void
book_appear(struct book *book, struct chronicle_place *place, struct slice id,
            uint32_t line, const struct outcome *outcome)
{
    bool again = book_find_whole(book, place->job) != NULL &&
                 ledger_rounds(book->ledger, place->job) > 0;
    place->item = again ? find_point(book, place->job, id)
                        : find_extra(book, place->job, id);
    if (place->item == ITEM_NONE) {
        place->item = add_new(book, place->job, id, line);
    } else if (items_peek(book->items, place->item)->state != STATE_NONE) {
        // It was decided before; its program runs for others.
        items_get(book->items, place->item)->flags |= ITEM_BEGUN;
        return;
    }
    if (place->item == ITEM_NONE) {
        book->full = true;
        return;
    }
    book_take(book, place, outcome);
}

/* It was selected again until its points appear, and they did not. */
static bool
stands_for_points(struct book *book, uint32_t item)
{
    uint32_t job = items_peek(book->items, item)->job;
    return (items_peek(book->items, item)->flags & ITEM_APPEARED) == 0 &&
           is_program(book, job) && book_find_whole(book, job) != NULL &&
           book_is_open(book->items, item) &&
           ledger_last(book->ledger, item) == NULL;
}

void
book_close(struct book *book, const char *reason)
{
    struct verdict verdict;
    verdict_not_run(&verdict, reason);
    book->chances.closed = true;
    for (uint32_t item = 0; item < items_count(book->items); item++) {
        uint32_t job = items_peek(book->items, item)->job;
        struct chronicle_place place = {
            .job = job,
            .attempt = items_peek_job(book->items, job)->attempt,
            .item = item,
            .slot = -1,
        };
        if (stands_for_points(book, item)) {
            ledger_drop(book->ledger, item);
        } else {
            book_decide(book, &place, &verdict.outcome);
        }
    }
}
