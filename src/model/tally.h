/*
 * Counts of a run and the verdict they add up to. Two ways of counting stand
 * side by side: items (each in exactly one state; the ledger's line) and
 * findings (what unittest would have counted; `Ran N`, `FAILED (...)`, JUnit).
 */
#ifndef MODEL_TALLY_H
#define MODEL_TALLY_H

#include "model/outcome.h"
#include "util/buf.h"

struct tally {
    uint32_t selected;
    uint32_t states[STATE_COUNT];
    uint32_t ran; // as unittest counts
    uint32_t failures;
    uint32_t errors;
    uint32_t skips;
    uint32_t xfails;
    uint32_t xpasses;
    uint32_t retried;
    uint32_t late;        // results of superseded attempts, and second ones
    uint32_t leaks;       // processes that outlived their job
    uint32_t flaky;       // items that passed after they had failed
    uint32_t quarantined; // items that ended badly and do not count as such
    uint32_t excused;     // items that did not run, of which nobody minds
    uint32_t refused;     // flaky items that count as failures
};

/* Counts one final outcome. */
void tally_add(struct tally *tally, const struct outcome *outcome);
/*
 * The same where one that is quarantined and bad, or did not run, must not turn
 * the build red.
 */
void tally_add_test(struct tally *tally, const struct outcome *outcome,
                    bool quarantined);

/* True when every selected item has a state. */
bool tally_adds_up(const struct tally *tally);
/* True when no item ended badly but quarantined ones, or flaky by `fail`. */
bool tally_is_green(const struct tally *tally);
/* How many items did not run and should have. */
uint32_t tally_unrun(const struct tally *tally);

/* "412 selected = 409 passed + 2 failed + 1 skipped + 0 not run (...)" */
void tally_line(const struct tally *tally, struct buf *buf);
/* "OK (skipped=1)" or "FAILED (failures=1, errors=2)", as unittest prints. */
void tally_unittest_line(const struct tally *tally, struct buf *buf);

#endif
