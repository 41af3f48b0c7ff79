#include "run/chances.h"

#include "run/terms.h"
#include "util/glob.h"

enum {
    DELAY_MAX_MS = 60000,
    ATTEMPTS_MAX = SETTINGS_REPEAT_MAX,
    ID_MAX_BYTES = 1 << 20,
};

void
chances_init(struct chances *chances, const struct settings *settings,
             const struct items *items, const struct ledger *ledger)
{
    *chances = (struct chances){
        .settings = settings,
        .items = items,
        .ledger = ledger,
        .left = RETRY_BUDGET_NONE,
        .limit = RETRY_BUDGET_NONE,
        .id = BUF_INIT(ID_MAX_BYTES),
    };
}

void
chances_release(struct chances *chances)
{
    buf_release(&chances->id);
}

void
chances_count(struct chances *chances, uint32_t selected)
{
    const struct settings *settings = chances->settings;
    chances->limit = settings->retry_budget;
    if (settings->retry_share > 0) {
        uint64_t part = (uint64_t)selected * settings->retry_share;
        uint64_t share = (part + 9999) / 10000;
        chances->limit = share > 0 ? (uint32_t)share : 1;
    }
    chances->left = chances->limit;
}

bool
chances_repeat(const struct chances *chances)
{
    return chances->settings->repeat > 1 || chances->settings->until_fail;
}

bool
chances_are_given(const struct chances *chances)
{
    const struct settings *settings = chances->settings;
    bool given = settings->retries > 0 || chances_repeat(chances);
    for (int i = 0; i < settings->override_count && !given; i++) {
        uint32_t retries = settings->overrides[i].retries;
        given = retries != OVERRIDE_UNSAID && retries > 0;
    }
    return given;
}

static bool
may_repeat(const struct chances *chances, uint32_t job,
           const struct outcome *outcome)
{
    const struct settings *settings = chances->settings;
    uint32_t most = settings->until_fail ? ATTEMPTS_MAX : settings->repeat;
    bool passed =
        outcome->state == STATE_PASSED || outcome->state == STATE_XFAILED;
    return passed && ledger_rounds(chances->ledger, job) + 1 < most &&
           items_peek_job(chances->items, job)->attempt < ATTEMPTS_MAX;
}

static struct terms
terms_of(const struct chances *chances, uint32_t job)
{
    struct terms terms;
    terms_of_job(&terms, chances->settings, chances->items, job);
    return terms;
}

/*
 * One item costs one, however often it is retried; what is quarantined fails
 * for reasons that are known, and takes nothing from the others.
 */
static bool
pay(struct chances *chances, uint32_t item)
{
    const struct outcome *last = ledger_last(chances->ledger, item);
    if (chances->left == RETRY_BUDGET_NONE ||
        (last != NULL && state_is_bad(last->state)) ||
        chances_quarantined(chances, item)) {
        return true;
    }
    if (chances->left == 0) {
        chances->refused = true;
        return false;
    }
    chances->left--;
    return true;
}

bool
chances_take(struct chances *chances, uint32_t job, uint32_t item,
             const struct outcome *outcome, bool kept)
{
    if (chances->closed) {
        return false;
    }
    if (chances_repeat(chances)) {
        return may_repeat(chances, job, outcome);
    }
    bool bad = state_is_bad(outcome->state);
    bool kept_out = kept && outcome->state == STATE_NOT_RUN;
    if (!bad && !kept_out) {
        return false;
    }
    struct terms terms = terms_of(chances, job);
    return ledger_retries(chances->ledger, item) < terms.retries &&
           (!bad || pay(chances, item));
}

uint32_t
chances_delay_ms(const struct chances *chances, uint32_t job, uint32_t retries)
{
    uint64_t ms = terms_of(chances, job).retry_delay_ms;
    for (uint32_t i = 1; i < retries && ms < DELAY_MAX_MS; i++) {
        ms *= 2;
    }
    return ms < DELAY_MAX_MS ? (uint32_t)ms : DELAY_MAX_MS;
}

bool
chances_quarantined(struct chances *chances, uint32_t item)
{
    const struct texts *patterns = &chances->settings->quarantine;
    if (patterns->count == 0) {
        return false;
    }
    uint32_t job = items_peek(chances->items, item)->job;
    buf_reset(&chances->id);
    items_plain_id(chances->items, item, &chances->id);
    const struct slice names[] = {
        buf_slice(&chances->id),
        slice_of(items_job_name(chances->items, job)),
        slice_of(items_job_file(chances->items, job)),
    };
    for (int i = 0; i < patterns->count; i++) {
        struct slice pattern = slice_of(patterns->at[i]);
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            // Without a file, no pattern fits it: an empty one would.
            if (names[k].len > 0 && glob_match(pattern, names[k])) {
                return true;
            }
        }
    }
    return false;
}
