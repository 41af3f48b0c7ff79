/*
 * Whether an item runs again after it ended: what --retries, its overrides,
 * --retry-budget and --repeat say. Also knows who is quarantined. Decides;
 * starts nothing and waits for nothing.
 */
#ifndef RUN_CHANCES_H
#define RUN_CHANCES_H

#include "model/ledger.h"
#include "model/settings.h"

struct chances {
    const struct settings *settings;
    const struct items *items;
    const struct ledger *ledger;
    uint32_t left;  // items that may yet be retried
    uint32_t limit; // of all
    bool closed;    // nothing runs again any more
    bool refused;   // there was no budget for one
    struct buf id;
};

/* Borrows all three. */
void chances_init(struct chances *chances, const struct settings *settings,
                  const struct items *items, const struct ledger *ledger);
void chances_release(struct chances *chances);

/* So many items are selected: the budget may be a share of them. */
void chances_count(struct chances *chances, uint32_t selected);

/* Whether anything runs more than once at all. */
bool chances_are_given(const struct chances *chances);

/*
 * Whether an item of `job` that ended like this runs again. Where that costs
 * a part of the budget it is gone. `kept`: it did not run because of something
 * that runs again, and does so with it.
 */
bool chances_take(struct chances *chances, uint32_t job, uint32_t item,
                  const struct outcome *outcome, bool kept);

/* Whether all is repeated, rather than what failed retried. */
bool chances_repeat(const struct chances *chances);

/* How long a retry of items of `job` waits that were set aside so often. */
uint32_t chances_delay_ms(const struct chances *chances, uint32_t job,
                          uint32_t retries);

bool chances_quarantined(struct chances *chances, uint32_t item);

#endif
