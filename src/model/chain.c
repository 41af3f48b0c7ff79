#include "model/chain.h"

#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_ID_MAX ((size_t)1 << 20)

struct chain_link {
    struct chain_entry entry;
    char *id; // of the entry, owned
    char *job;
    bool closed;  // passed, or is gone
    bool gone;    // closed, and no event of its own said so
    bool absent;  // no selected item is it: something that appears, if at all
    bool touched; // this build had a word on it
};

/* A job, or what is above jobs, that absent entries stand for. */
struct chain_job {
    bool ran;      // an item of it came to an end
    bool hampered; // one did not
};

struct chain {
    ARRAY(struct chain_link *) links;
    struct map by_id;  // -> struct chain_link, of `links`
    struct map absent; // by the job's name -> struct chain_job
    struct map builds; // names of builds, once each
    const char *build; // that is noted, in `builds`; "" before one is
    uint32_t open;
    bool changed;
    struct chain_terms terms; // of what was chosen
};

static const char *
keep_build(struct chain *chain, const char *build)
{
    char *kept = map_find(&chain->builds, slice_of(build));
    if (kept == NULL) {
        kept = alloc_dup(build);
        map_set(&chain->builds, slice_of(build), kept);
    }
    return kept;
}

struct chain *
chain_new(void)
{
    struct chain *chain = ALLOC(struct chain);
    map_init(&chain->by_id, MAP_BORROWS_KEYS);
    chain->build = keep_build(chain, "");
    return chain;
}

static void
release_values(struct map *map)
{
    const struct map_entry *entry = NULL;
    size_t at = 0;
    while ((entry = map_next(map, &at)) != NULL) {
        free(entry->value);
    }
    map_release(map);
}

void
chain_free(struct chain *chain)
{
    if (chain == NULL) {
        return;
    }
    map_release(&chain->by_id);
    for (size_t i = 0; i < chain->links.count; i++) {
        free(chain->links.items[i]->id);
        free(chain->links.items[i]->job);
        free(chain->links.items[i]);
    }
    ARRAY_RELEASE(&chain->links);
    release_values(&chain->absent);
    release_values(&chain->builds);
    free(chain);
}

static struct chain_link *
find_link(const struct chain *chain, struct slice id)
{
    return map_find(&chain->by_id, id);
}

static struct chain_link *
put_in(struct chain *chain, const struct chain_entry *entry)
{
    struct chain_link *link = find_link(chain, slice_of(entry->id));
    if (link == NULL) {
        link = ALLOC(struct chain_link);
        link->entry.id = link->id = alloc_dup(entry->id);
        link->entry.job = link->job = alloc_dup(entry->job);
        link->closed = true;
        ARRAY_ADD(&chain->links, link);
        map_set(&chain->by_id, slice_of(link->id), link);
    }
    if (link->closed) {
        link->closed = false;
        link->gone = false;
        link->entry.build = keep_build(chain, entry->build);
        chain->open++;
    }
    link->entry.state = entry->state;
    return link;
}

static void
take_out(struct chain *chain, struct chain_link *link)
{
    if (!link->closed) {
        link->closed = true;
        chain->open--;
        chain->changed = true;
    }
}

/* It did not pass: there was nothing that could. */
static void
take_gone(struct chain *chain, struct chain_link *link)
{
    take_out(chain, link);
    link->gone = true;
}

void
chain_add(struct chain *chain, const struct chain_entry *entry)
{
    put_in(chain, entry);
    chain->changed = false;
}

uint32_t
chain_count(const struct chain *chain)
{
    return chain->open;
}

const struct chain_entry *
chain_next(const struct chain *chain, uint32_t *at)
{
    while (*at < chain->links.count) {
        const struct chain_link *link = chain->links.items[(*at)++];
        if (!link->closed) {
            return &link->entry;
        }
    }
    return NULL;
}

const struct chain_entry *
chain_next_gone(const struct chain *chain, uint32_t *at)
{
    while (*at < chain->links.count) {
        const struct chain_link *link = chain->links.items[(*at)++];
        if (link->gone) {
            return &link->entry;
        }
    }
    return NULL;
}

bool
chain_has_older(const struct chain *chain)
{
    for (size_t i = 0; i < chain->links.count; i++) {
        const struct chain_link *link = chain->links.items[i];
        if (!link->closed && !link->touched) {
            return true;
        }
    }
    return false;
}

bool
chain_has_changed(const struct chain *chain)
{
    return chain->changed;
}

// -------------------------------------------------------------- choosing

/*
 * The absent entries whose job this is, or is below of: classes of a module
 * that could not be loaded. NULL: there are none.
 */
static struct chain_job *
find_absent(const struct chain *chain, const char *job)
{
    struct slice name = slice_of(job);
    struct chain_job *found = NULL;
    while (chain->absent.count > 0 && name.len > 0) {
        found = map_find(&chain->absent, name);
        if (found != NULL) {
            return found;
        }
        while (name.len > 0 && name.data[name.len - 1] != '.') {
            name.len--;
        }
        name.len -= name.len > 0;
    }
    return NULL;
}

static void
mark_present(struct chain *chain, const struct items *items, struct buf *id)
{
    for (size_t i = 0; i < chain->links.count; i++) {
        chain->links.items[i]->absent = true;
    }
    for (uint32_t item = 0; item < items_count(items); item++) {
        if ((items_peek(items, item)->flags & ITEM_SELECTED) != 0) {
            buf_reset(id);
            items_id(items, item, id);
            struct chain_link *link = find_link(chain, buf_slice(id));
            if (link != NULL) {
                link->absent = false;
            }
        }
    }
    for (size_t i = 0; i < chain->links.count; i++) {
        const struct chain_link *link = chain->links.items[i];
        struct slice job = slice_of(link->entry.job);
        if (link->absent && !link->closed &&
            map_find(&chain->absent, job) == NULL) {
            map_set(&chain->absent, job, ALLOC(struct chain_job));
        }
    }
}

/* What past builds say of an item that is no entry. */
enum word {
    WORD_WELL,
    WORD_NEW,
    WORD_BAD,   // it was not there for a while, and failed before
    WORD_UNRUN, // likewise, and never ran
};

static bool
is_unrun(enum state state)
{
    return state == STATE_NONE || state == STATE_NOT_RUN;
}

static enum word
find_word(const struct chain_terms *terms, const struct items *items,
          uint32_t item, struct slice id)
{
    struct history *history = terms->history;
    uint32_t job = items_peek(items, item)->job;
    struct past past;
    if (history == NULL) {
        return WORD_NEW;
    }
    // Of a program whose points were the tests only the job is known; and if
    // it was a test once, that is not how it ended last.
    if (items_peek_job(items, job)->kind == JOB_COMMAND &&
        history->ops->find_job(history, slice_of(items_job_name(items, job)),
                               &past)) {
        return WORD_WELL;
    }
    if (!history->ops->find_item(history, id, &past)) {
        return WORD_NEW;
    }
    if ((!is_unrun(past.state) && !state_is_bad(past.state)) ||
        (terms->is_spared != NULL &&
         terms->is_spared(terms->ctx, items, item))) {
        return WORD_WELL;
    }
    return is_unrun(past.state) ? WORD_UNRUN : WORD_BAD;
}

/* Whether the item runs in a rerun. */
static bool
takes(const struct chain *chain, const struct items *items, uint32_t item,
      bool whole, struct slice id, struct chain_take *take)
{
    const struct chain_link *link = find_link(chain, id);
    enum word word = WORD_WELL;
    if (link != NULL && !link->closed) {
        word = is_unrun(link->entry.state) ? WORD_UNRUN : WORD_BAD;
    } else {
        word = find_word(&chain->terms, items, item, id);
    }
    take->failed += word == WORD_BAD;
    take->unrun += word == WORD_UNRUN;
    take->fresh += word == WORD_NEW;
    take->whole += word == WORD_WELL && whole;
    return word != WORD_WELL || whole;
}

static void
take_away(const struct chain *chain, struct items *items,
          struct chain_take *take, struct buf *id)
{
    uint32_t job = JOB_NONE; // items of a job lie side by side
    bool whole = false;
    for (uint32_t item = 0; item < items_count(items); item++) {
        struct item *it = items_get(items, item);
        if ((it->flags & ITEM_SELECTED) == 0) {
            continue;
        }
        if (it->job != job) {
            job = it->job;
            whole = find_absent(chain, items_job_name(items, job)) != NULL;
        }
        buf_reset(id);
        items_id(items, item, id);
        if (!takes(chain, items, item, whole, buf_slice(id), take)) {
            it->flags &= (uint8_t)~ITEM_SELECTED;
        }
    }
}

/* Jobs that absent entries stand for and that are still there. */
static void
mark_jobs(struct chain *chain, const struct items *items)
{
    for (uint32_t job = 0; job < items_job_count(items); job++) {
        struct chain_job *absent =
            find_absent(chain, items_job_name(items, job));
        if (absent != NULL) {
            absent->ran = true; // for now: it is there
        }
    }
}

/* What stands for nothing that was collected is gone. */
static void
forget_gone(struct chain *chain, const struct chain_terms *terms,
            struct chain_take *take)
{
    for (size_t i = 0; terms->covers && i < chain->links.count; i++) {
        struct chain_link *link = chain->links.items[i];
        if (link->closed || !link->absent) {
            continue;
        }
        const struct chain_job *job =
            map_find(&chain->absent, slice_of(link->entry.job));
        if (job == NULL || !job->ran) {
            take_gone(chain, link);
            take->gone++;
            if (terms->on_gone != NULL) {
                terms->on_gone(terms->ctx, &link->entry);
            }
        }
    }
    const struct map_entry *entry = NULL;
    size_t at = 0;
    while ((entry = map_next(&chain->absent, &at)) != NULL) {
        ((struct chain_job *)entry->value)->ran = false;
    }
}

void
chain_choose(struct chain *chain, struct items *items,
             const struct chain_terms *terms, struct chain_take *take)
{
    struct buf id = BUF_INIT(CHAIN_ID_MAX);
    *take = (struct chain_take){0};
    chain->terms = *terms;
    if (chain->open > 0) {
        mark_present(chain, items, &id);
    }
    if (chain->absent.count > 0) {
        mark_jobs(chain, items);
        forget_gone(chain, terms, take);
    }
    if (terms->rerun) {
        take_away(chain, items, take, &id);
    }
    buf_release(&id);
}

// ----------------------------------------------------------------- events

static void
note_test(struct chain *chain, const struct event_test *test)
{
    enum state state = test->outcome->state;
    bool ended = state != STATE_NOT_RUN;
    struct chain_job *job = find_absent(chain, test->job);
    if (job != NULL) {
        job->ran = job->ran || ended;
        job->hampered = job->hampered || !ended;
    }
    if ((ended && !state_is_bad(state)) || test->quarantined) {
        struct chain_link *link =
            chain->open > 0 ? find_link(chain, slice_of(test->id)) : NULL;
        if (link != NULL) {
            link->touched = true;
            take_out(chain, link);
        }
        return;
    }
    struct chain_link *link = put_in(chain, &(struct chain_entry){
                                                .id = test->id,
                                                .job = test->job,
                                                .build = chain->build,
                                                .state = state,
                                            });
    link->touched = true;
    chain->changed = true;
}

/* "m.A.test_1" of the job "m.A": no fixture, but a test of its own. */
static bool
is_test(const struct chain_entry *entry)
{
    size_t len = strlen(entry->job);
    return strncmp(entry->id, entry->job, len) == 0 && entry->id[len] == '.';
}

/* What did not appear again, though its job ran, is well or no longer there. */
static void
settle_absent(struct chain *chain)
{
    const struct chain_terms *terms = &chain->terms;
    for (size_t i = 0; chain->absent.count > 0 && i < chain->links.count; i++) {
        struct chain_link *link = chain->links.items[i];
        const struct chain_job *job =
            link->absent ? find_absent(chain, link->entry.job) : NULL;
        if (job != NULL && !link->closed && !link->touched && job->ran &&
            !job->hampered) {
            take_gone(chain, link);
            if (is_test(&link->entry) && terms->on_gone != NULL) {
                terms->on_gone(terms->ctx, &link->entry);
            }
        }
    }
}

void
chain_note(struct chain *chain, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        chain->build = keep_build(chain, event->run.build_id);
        break;
    case EVENT_TEST_FINISHED:
        note_test(chain, &event->test);
        break;
    case EVENT_RUN_FINISHED:
        settle_absent(chain);
        break;
    case EVENT_COLLECTING:
    case EVENT_COLLECTED:
    case EVENT_PREPARING:
    case EVENT_PREPARED:
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
    case EVENT_JOB_STARTED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_ATTEMPT:
    case EVENT_JOB_FINISHED:
    case EVENT_LEAKED:
    case EVENT_WORKER:
    case EVENT_ELSEWHERE:
    case EVENT_NOTE:
    case EVENT_STOPPING:
    case EVENT_KIND_COUNT:
        break;
    }
}

void
chain_note_selected(struct chain *chain, const char *id, const char *job)
{
    struct chain_link *link = find_link(chain, slice_of(id));
    if (link == NULL || link->closed) {
        link = put_in(chain, &(struct chain_entry){
                                 .id = id,
                                 .job = job,
                                 .build = chain->build,
                                 .state = STATE_NONE,
                             });
        chain->changed = true;
    }
    link->touched = true;
}

// ------------------------------------------------------------------ words

static void
add_count(struct buf *buf, uint32_t count, const char *one, const char *many)
{
    if (count > 0) {
        buf_addf(buf, "%s%" PRIu32 " %s", buf->len > 0 ? ", " : "", count,
                 count == 1 ? one : many);
    }
}

void
chain_describe(const struct chain_take *take, struct buf *buf)
{
    struct buf words = BUF_INIT(256);
    add_count(&words, take->failed, "failed", "failed");
    add_count(&words, take->unrun, "never ran", "never ran");
    add_count(&words, take->whole, "beside what failed", "beside what failed");
    add_count(&words, take->fresh, "is new", "are new");
    buf_add_slice(buf, buf_slice(&words));
    buf_release(&words);
}
