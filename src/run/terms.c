#include "run/terms.h"

#include "util/alloc.h"
#include "util/glob.h"

static void
take_first(uint32_t *member, uint32_t said)
{
    if (*member == OVERRIDE_UNSAID) {
        *member = said;
    }
}

/* What an override says of what none before it has said anything. */
static void
merge(struct override *merged, const struct override *override)
{
    take_first(&merged->timeout_ms, override->timeout_ms);
    take_first(&merged->test_timeout_ms, override->test_timeout_ms);
    take_first(&merged->slow_ms, override->slow_ms);
    take_first(&merged->expect_ms, override->expect_ms);
    take_first(&merged->alone, override->alone);
    take_first(&merged->retries, override->retries);
    take_first(&merged->retry_delay_ms, override->retry_delay_ms);
    if (merged->need_count < 0) {
        merged->need_count = override->need_count;
        merged->needs = override->needs;
    }
}

static void
merge_overrides(struct override *merged, const struct settings *settings,
                struct slice name, struct slice file)
{
    override_init(merged);
    for (int i = 0; i < settings->override_count; i++) {
        const struct override *override = &settings->overrides[i];
        struct slice pattern = slice_of(override->match);
        if (glob_match(pattern, name) || glob_match(pattern, file)) {
            merge(merged, override);
        }
    }
}

static uint32_t
first_of(uint32_t wanted, uint32_t otherwise)
{
    return wanted != OVERRIDE_UNSAID ? wanted : otherwise;
}

void
terms_of_name(struct terms *terms, const struct settings *settings,
              struct slice name, struct slice file)
{
    struct override said; // by all of them; its texts belong to others
    merge_overrides(&said, settings, name, file);
    *terms = (struct terms){
        .timeout_ms = first_of(said.timeout_ms, settings->timeout_ms),
        .test_timeout_ms =
            first_of(said.test_timeout_ms, settings->test_timeout_ms),
        .slow_ms = first_of(said.slow_ms, settings->slow_ms),
        .expect_ms = first_of(said.expect_ms, 0),
        .retries = first_of(said.retries, settings->retries),
        .retry_delay_ms =
            first_of(said.retry_delay_ms, settings->retry_delay_ms),
        .alone = first_of(said.alone, 0) != 0,
        .need_count = said.need_count > 0 ? said.need_count : 0,
        .needs = said.needs,
    };
}

void
terms_of_job(struct terms *terms, const struct settings *settings,
             const struct items *items, uint32_t job)
{
    terms_of_name(terms, settings, slice_of(items_job_name(items, job)),
                  slice_of(items_job_file(items, job)));
    if ((items_peek_job(items, job)->flags & JOB_ALONE) != 0) {
        terms->alone = true;
    }
}

// ------------------------------------------------------------------- index

static bool
are_equal(const struct terms *a, const struct terms *b)
{
    return a->timeout_ms == b->timeout_ms &&
           a->test_timeout_ms == b->test_timeout_ms &&
           a->slow_ms == b->slow_ms && a->expect_ms == b->expect_ms &&
           a->retries == b->retries && a->retry_delay_ms == b->retry_delay_ms &&
           a->alone == b->alone && a->needs == b->needs;
}

static uint32_t
find_kind(const struct terms_index *index, const struct terms *terms)
{
    // Jobs that lie side by side are mostly alike.
    size_t count = index->kinds.count;
    uint32_t last = index->of.count > 0 ? ARRAY_LAST(&index->of) : 0;
    if (last < count && are_equal(&index->kinds.items[last], terms)) {
        return last;
    }
    uint32_t at = 0;
    while (at < count && !are_equal(&index->kinds.items[at], terms)) {
        at++;
    }
    return at;
}

static uint32_t
tell_queue(struct queue *queue, const struct terms *terms)
{
    struct queue_need *needs =
        alloc_zero((size_t)terms->need_count, sizeof(*needs));
    for (int i = 0; i < terms->need_count; i++) {
        needs[i].resource = terms->needs[i].resource;
        needs[i].units = terms->needs[i].units;
    }
    uint32_t number = queue_needs(queue, needs, (size_t)terms->need_count);
    free(needs);
    return number;
}

void
terms_index_build(struct terms_index *index, const struct settings *settings,
                  const struct items *items, struct queue *queue)
{
    terms_index_release(index);
    uint32_t jobs = items_job_count(items);
    ARRAY_RESERVE(&index->of, jobs);
    for (uint32_t job = 0; job < jobs; job++) {
        struct terms terms;
        terms_of_job(&terms, settings, items, job);
        uint32_t kind = find_kind(index, &terms);
        if (kind == index->kinds.count) {
            terms.queue_needs = tell_queue(queue, &terms);
            ARRAY_ADD(&index->kinds, terms);
        }
        ARRAY_ADD(&index->of, kind);
    }
}

void
terms_index_release(struct terms_index *index)
{
    ARRAY_RELEASE(&index->kinds);
    ARRAY_RELEASE(&index->of);
}

const struct terms *
terms_index_find(const struct terms_index *index, const struct items *items,
                 uint32_t job)
{
    uint32_t origin = items_peek_job(items, job)->origin;
    assert(origin < index->of.count);
    return &index->kinds.items[index->of.items[origin]];
}

struct queue_wants
terms_wants(const struct terms *terms)
{
    return (struct queue_wants){
        .alone = terms->alone,
        .needs = terms->queue_needs,
    };
}
