/*
 * The book of a run: which attempt of each job counts, and the one state of
 * each item. It is told what was given out, what came back and what died; it
 * says what to believe and what has to run again. Pure: no clock, no I/O.
 *
 * Rules. (1) A result counts once, and only from the current attempt of its
 * job; any other is a late duplicate: counted and dropped. (2) A crash is
 * final for the item that ran, unless it is to run again; the items behind it
 * go into a new job. (3) A loss gives the job out again as the next attempt; a
 * second loss of the same job makes what is left of it `lost`. (4) When the
 * run is closed, an item without a state is `not run`, and says why. (5) A
 * result that does not decide its item sets it aside: it keeps that outcome
 * while it waits and runs again in a job of its own. Only a pass, or an
 * expected failure, makes up for a bad outcome; whatever else it meets, the
 * last bad outcome is its state.
 */
#ifndef MODEL_LEDGER_H
#define MODEL_LEDGER_H

#include "model/items.h"
#include "model/tally.h"

struct ledger;

/* Borrows `items`, which must live longer. */
struct ledger *ledger_new(struct items *items);
void ledger_free(struct ledger *ledger);

/* Notes that `job` was given out; gives the number of this attempt, from 1. */
uint16_t ledger_give(struct ledger *ledger, uint32_t job);

enum ledger_answer {
    LEDGER_TAKEN,   // the item is decided
    LEDGER_ASIDE,   // it ended, and runs again: nothing is decided
    LEDGER_LATE,    // superseded or second: counted, to be dropped
    LEDGER_FOREIGN, // the job has no such item: a breach by whoever said it
};

/* What is said of an item. */
struct ledger_said {
    uint32_t job;
    uint16_t attempt;
    uint32_t item;
    const struct outcome *outcome;
    bool again;       // there is another attempt for it: do not decide
    bool quarantined; // if it is bad, it does not count as such
};

/*
 * What counts of an item that is decided. The outcome may be that of an
 * earlier attempt; it is valid until the ledger is called again.
 */
struct ledger_word {
    const struct outcome *outcome;
    bool flaky; // passed, and had failed before
};

/*
 * A result. When taken, the state is entered into the items and the tally; the
 * caller tells the world what `word` says. A job that was never given out is
 * in attempt 0: so the caller itself decides what became of its items.
 */
enum ledger_answer ledger_take(struct ledger *ledger,
                               const struct ledger_said *said,
                               struct ledger_word *word);

/* Whether a result for that item would count, and not be late or foreign. */
bool ledger_awaits(struct ledger *ledger, uint32_t job, uint16_t attempt,
                   uint32_t item);

/*
 * The caller's own word on an item, whatever its job is doing (job, attempt
 * and `again` mean nothing): it does not run any more, it is given up. False,
 * and nothing is changed or counted, when it has a state or is not selected.
 */
bool ledger_decide(struct ledger *ledger, const struct ledger_said *said,
                   struct ledger_word *word);

/* An item of `job` began to run in that attempt: it used up one try. */
void ledger_begin(struct ledger *ledger, uint32_t job, uint16_t attempt,
                  uint32_t item);

/*
 * The job ended, in whatever way. Items of it without a state that did not end
 * in this attempt go into a new job, whose number is given: JOB_NONE when
 * nothing is left, or when this is not the running attempt. What appeared
 * while it ran cannot be asked for again and stays with the caller. `progress`
 * says whether any item of it ended in this attempt: an attempt that ends
 * without progress twice in a row must not come back for ever, so that then,
 * and when nothing can be blamed, the caller decides their state.
 */
uint32_t ledger_end(struct ledger *ledger, uint32_t job, uint16_t attempt,
                    bool *progress);

enum ledger_loss {
    LEDGER_AGAIN,    // give the job out again
    LEDGER_GIVEN_UP, // it, or what it is the rest of, was lost before: the
                     // caller takes `lost` for each item that is left
    LEDGER_NOTHING,  // nothing is left of it, or it was not running
};

/* The attempt vanished: what it may still say is late. */
enum ledger_loss ledger_lose(struct ledger *ledger, uint32_t job,
                             uint16_t attempt);

// ------------------------------------------------------- what runs again

/* The last outcome of an item that waits to run again; NULL: it does not. */
const struct outcome *ledger_last(const struct ledger *ledger, uint32_t item);

/* How often it was set aside for a bad outcome, or beside one. */
uint32_t ledger_retries(const struct ledger *ledger, uint32_t item);

/*
 * Of a job that does not run any more: a new job of items that were set aside
 * in it and are of one number of tries. To be called until it gives JOB_NONE.
 */
uint32_t ledger_next_retry(struct ledger *ledger, uint32_t job);

/*
 * The same for a job of one item, a program, where others were set aside that
 * stand for it: the job itself is ready for its next attempt, and the item is
 * selected again until they appear. False when the item has a state.
 */
bool ledger_retry_whole(struct ledger *ledger, uint32_t job);

/*
 * The same where all that was set aside had passed, to be repeated: mostly it
 * is the job itself that is given, ready for its next attempt.
 */
uint32_t ledger_repeat(struct ledger *ledger, uint32_t job);
/* How often the job, or what it is a part of, was repeated. */
uint32_t ledger_rounds(const struct ledger *ledger, uint32_t job);

/* It was set aside in an attempt that is over: the next may answer for it. */
void ledger_wait(struct ledger *ledger, uint32_t item);

// ------------------------------------------------------------ the counts

/* True when every selected item has a state. */
bool ledger_is_settled(const struct ledger *ledger);

const struct tally *ledger_tally(const struct ledger *ledger);
/* Counts that the ledger does not see by itself. */
void ledger_count_leak(struct ledger *ledger);
void ledger_count_late(struct ledger *ledger);

/* Flaky items count as failures from here on. */
void ledger_refuse_flaky(struct ledger *ledger);

/* Counts what is selected anew, after a selection; goes through all items. */
void ledger_count_selected(struct ledger *ledger);

/* An item appeared while its job ran: it is selected, and counted from now. */
void ledger_add(struct ledger *ledger, uint32_t item);

/*
 * An item without a state is no longer one, because others stand for it now:
 * the points of a TAP program. False when it has a state.
 */
bool ledger_drop(struct ledger *ledger, uint32_t item);

#endif
