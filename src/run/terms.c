#include "run/terms.h"

#include "util/glob.h"

static const struct override *
find_override(const struct settings *settings, const struct items *items,
              uint32_t job)
{
    struct slice name = slice_of(items_job_name(items, job));
    struct slice file = slice_of(items_job_file(items, job));
    for (int i = 0; i < settings->override_count; i++) {
        const struct override *override = &settings->overrides[i];
        struct slice pattern = slice_of(override->match);
        if (glob_match(pattern, name) || glob_match(pattern, file)) {
            return override;
        }
    }
    return NULL;
}

static uint32_t
first_of(uint32_t wanted, uint32_t otherwise)
{
    return wanted != OVERRIDE_UNSAID ? wanted : otherwise;
}

void
terms_of_job(struct terms *terms, const struct settings *settings,
             const struct items *items, uint32_t job)
{
    *terms = (struct terms){
        .timeout_ms = settings->timeout_ms,
        .test_timeout_ms = settings->test_timeout_ms,
        .slow_ms = settings->slow_ms,
        .alone = (items_peek_job(items, job)->flags & JOB_ALONE) != 0,
    };
    const struct override *override = find_override(settings, items, job);
    if (override == NULL) {
        return;
    }
    terms->timeout_ms = first_of(override->timeout_ms, terms->timeout_ms);
    terms->test_timeout_ms =
        first_of(override->test_timeout_ms, terms->test_timeout_ms);
    terms->slow_ms = first_of(override->slow_ms, terms->slow_ms);
    terms->alone = terms->alone || override->alone;
}
