#include "command/rerun.h"

#include "command/adopt.h"
#include "command/scope.h"
#include "model/chain.h"
#include "run/chances.h"
#include "store/builds.h"
#include "store/outstanding.h"
#include "store/site.h"
#include "store/store.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/path.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RERUN_TEXT_MAX ((size_t)64 << 20)

// So many tests that are no longer there are named.
#define RERUN_NAMED 5

struct rerun {
    struct filter filter;
    struct event_sink sink;
    struct event_sink *inner;
    struct site site;
    struct suite_key suite;
    const struct settings *settings;
    struct history *history;
    struct chain *chain;
    struct scope own;   // what the words of this run say
    struct scope joint; // what it and the builds before were asked for
    struct buf asked;   // `own` as JSON
    struct buf kept;    // what the store has of `joint`
    char *parent;       // the build before this one; NULL: none
    bool loaded;
    bool blind; // what is still to pass could not be read: all is
    bool chosen;
    bool covers;
    bool mends;          // the chain says what storing the build does not
    filter_note_fn note; // for what is gone, with `ctx`
    void *ctx;
    uint32_t gone;
    int64_t wall_ms; // of the event that is told
    uint64_t us;
};

// ---------------------------------------------------------------- reading

static bool
on_newest(void *ctx, const struct build_entry *entry)
{
    struct rerun *rerun = ctx;
    rerun->parent = alloc_dup(entry->id);
    return false;
}

/* The chain, the scope and the newest build of a suite that is there. */
static bool
read_suite(struct rerun *rerun, struct store *store, int64_t suite,
           struct err *err)
{
    buf_reset(&rerun->kept);
    return outstanding_load(store, suite, rerun->chain, err) &&
           outstanding_scope(store, suite, &rerun->kept, err) &&
           (rerun->parent != NULL ||
            builds_read(store, suite, 1, on_newest, rerun, err));
}

/*
 * Nothing but the command line and mule.yaml says what is executed, so that
 * words of a store can only be compared with them.
 */
static bool
refuse_other(struct store *store, struct err *err)
{
    struct buf words = BUF_INIT(1024);
    bool fine = outstanding_last_words(store, &words, err);
    if (fine && words.len > 0) {
        fine = err_set(err, ERR_USAGE,
                       "no build of this suite is known; the last one here "
                       "was run %s",
                       buf_text(&words));
        err_hint(err, "give the same --adapter, --runner, --top and --basedir "
                      "as that build; a store is never executed");
    }
    buf_release(&words);
    return fine;
}

static bool
load(struct rerun *rerun, struct err *err)
{
    const char *folder = rerun->site.folder;
    struct store *store = store_open(folder, STORE_READS, err);
    int64_t suite = 0;
    if (store == NULL && err->kind != ERR_NOTHING) {
        return false;
    }
    err_clear(err); // there is no build yet
    if (adopt_cut_builds(&rerun->site, &rerun->suite, store)) {
        store_close(store);
        store = store_open(folder, STORE_READS, err);
    }
    if (store == NULL) {
        return !err_is_set(err);
    }
    bool fine = store_find_suite(store, &rerun->suite, &suite, err);
    if (fine && suite > 0) {
        fine = read_suite(rerun, store, suite, err);
    } else if (fine && rerun->settings->failed) {
        fine = refuse_other(store, err);
    }
    store_close(store);
    return fine;
}

/* What cannot be read is said by whoever stores the build, and once. */
static bool
load_if_possible(struct rerun *rerun, struct err *err)
{
    rerun->loaded = true;
    if (load(rerun, err)) {
        return true;
    }
    if (err->kind == ERR_USAGE) {
        return false;
    }
    log_info("rerun: %s", err->text);
    err_clear(err);
    chain_free(rerun->chain);
    rerun->chain = chain_new();
    rerun->blind = true;
    return true;
}

// ------------------------------------------------------- before the run

static bool
check(const struct settings *settings, struct err *err)
{
    if (settings->no_store) {
        err_set(err, ERR_USAGE, "--failed and --no-store cannot go together");
        return err_hint(err, "what failed is known from the store");
    }
    if (settings->shard > 0) {
        err_set(err, ERR_USAGE, "--failed and --shard cannot go together");
        return err_hint(err, "each machine knows what failed on it alone: run "
                             "it without --shard");
    }
    return true;
}

/* Where the builds before looked, this one looks, unless it is told where. */
static bool
follow(struct rerun *rerun, struct settings *settings, struct err *err)
{
    if (!scope_is_all(&rerun->own)) {
        rerun->covers = scope_equals(&rerun->own, &rerun->joint);
        return true;
    }
    rerun->covers = true;
    if (rerun->joint.programs) {
        err_set(err, ERR_USAGE, "--failed needs the names of the programs");
        return err_hint(err, "give them as you did before: words of a store "
                             "are never executed");
    }
    scope_apply(&rerun->joint, settings);
    settings->labels_kept = rerun->joint.labels.count > 0;
    return true;
}

static bool
prepare(struct rerun *rerun, struct settings *settings, struct err *err)
{
    if (!settings->failed) {
        return true;
    }
    if (!check(settings, err) || !load_if_possible(rerun, err)) {
        return false;
    }
    scope_read(&rerun->joint, buf_text(&rerun->kept));
    return follow(rerun, settings, err);
}

// ------------------------------------------------------------ the filter

static void
on_gone(void *ctx, const struct chain_entry *entry)
{
    struct rerun *rerun = ctx;
    if (rerun->gone++ < RERUN_NAMED) {
        char *text =
            alloc_printf("%s did not pass and is no longer there", entry->id);
        rerun->note(rerun->ctx, NOTE_INFO, text, NULL);
        free(text);
    }
}

/* The same once items were chosen. */
static void
tell_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    const struct rerun *rerun = ctx;
    struct event event = {
        .kind = EVENT_NOTE,
        .wall_ms = rerun->wall_ms,
        .us = rerun->us,
        .note = {level, text, hint},
    };
    struct err err = {0}; // a fan-out looks after those that fail
    rerun->inner->ops->on_event(rerun->inner, &event, &err);
}

static void
tell_take(const struct rerun *rerun, const struct chain_take *take)
{
    struct buf text = BUF_INIT(1024);
    if (rerun->gone > RERUN_NAMED) {
        buf_addf(&text, "%" PRIu32 " more are no longer there",
                 rerun->gone - RERUN_NAMED);
        rerun->note(rerun->ctx, NOTE_INFO, buf_text(&text), NULL);
        buf_reset(&text);
    }
    if (rerun->blind) {
        rerun->note(rerun->ctx, NOTE_WARNING,
                    "--failed: what is still to pass cannot be read",
                    "all tests run instead");
    }
    if (take->failed + take->unrun + take->whole + take->fresh == 0) {
        buf_add_text(&text, "--failed: nothing is left, all of it has passed");
    } else {
        buf_add_text(&text, "--failed: ");
        chain_describe(take, &text);
    }
    if (rerun->parent != NULL) {
        buf_addf(&text, " (after build %s)", rerun->parent);
    } else {
        buf_add_text(&text, " (no build is known)");
    }
    rerun->note(rerun->ctx, NOTE_INFO, buf_text(&text), NULL);
    buf_release(&text);
}

static bool
is_spared(void *ctx, const struct items *items, uint32_t item)
{
    const struct rerun *rerun = ctx;
    struct chances chances;
    chances_init(&chances, rerun->settings, items, NULL);
    bool spared = chances_quarantined(&chances, item);
    chances_release(&chances);
    return spared;
}

static void
choose(struct filter *filter, struct items *items, filter_note_fn note,
       void *ctx)
{
    struct rerun *rerun = (struct rerun *)(void *)filter;
    struct err err = {0};
    struct chain_take take;
    rerun->note = note;
    rerun->ctx = ctx;
    if (!rerun->loaded) {
        load_if_possible(rerun, &err);
        scope_read(&rerun->joint, buf_text(&rerun->kept));
        rerun->covers = scope_is_all(&rerun->own) ||
                        scope_equals(&rerun->own, &rerun->joint);
    }
    chain_choose(rerun->chain, items,
                 &(struct chain_terms){
                     .rerun = rerun->settings->failed,
                     .covers = rerun->covers && rerun->settings->shard == 0,
                     .history = rerun->blind ? NULL : rerun->history,
                     .is_spared = is_spared,
                     .on_gone = on_gone,
                     .ctx = rerun,
                 },
                 &take);
    rerun->chosen = true;
    rerun->mends = take.gone > 0;
    if (rerun->settings->failed) {
        tell_take(rerun, &take);
    }
    rerun->note = tell_note;
    rerun->ctx = rerun;
}

// -------------------------------------------------------------- the sink

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct rerun *rerun =
        (struct rerun *)(void *)((char *)sink - offsetof(struct rerun, sink));
    struct event told = *event;
    uint32_t before = chain_count(rerun->chain);
    rerun->wall_ms = event->wall_ms;
    rerun->us = event->us;
    chain_note(rerun->chain, event);
    if (event->kind == EVENT_RUN_STARTED && rerun->settings->failed) {
        told.run.parent = rerun->parent;
    }
    if (event->kind == EVENT_RUN_FINISHED) {
        rerun->mends = rerun->mends || chain_count(rerun->chain) != before;
        told.finished.chained = rerun->settings->failed && rerun->chosen;
        told.finished.outstanding =
            told.finished.chained ? chain_count(rerun->chain) : 0;
    }
    return rerun->inner->ops->on_event(rerun->inner, &told, err);
}

static void
on_free(struct event_sink *sink)
{
    (void)sink; // it is a part of the rerun
}

// ------------------------------------------------------------- afterwards

/*
 * A first build has nobody to join. Builds of which nobody kept what they were
 * asked for may have been asked for all.
 */
static void
choose_scope(void *ctx, struct slice kept, struct buf *scope)
{
    const struct rerun *rerun = ctx;
    bool first = kept.len == 0 && rerun->parent == NULL;
    if (first) {
        scope_write(&rerun->own, scope);
    } else {
        scope_widen(kept, &rerun->own, rerun->settings->failed && kept.len > 0,
                    scope);
    }
}

static bool
mend(struct rerun *rerun, struct err *err)
{
    const struct outstanding_changes changes = {
        .chain = rerun->chain,
        .scope = choose_scope,
        .ctx = rerun,
    };
    char *path = path_join(rerun->site.folder, STORE_DATABASE);
    bool there = path_is_file(path);
    free(path);
    if (!there) {
        return true; // this build was not kept
    }
    struct store *store = store_open(rerun->site.folder, STORE_WRITES, err);
    int64_t suite = 0;
    bool fine = store != NULL &&
                store_find_suite(store, &rerun->suite, &suite, err) &&
                (suite == 0 || outstanding_mend(store, suite, &changes, err));
    store_close(store);
    return fine;
}

void
rerun_finish(struct rerun *rerun)
{
    struct buf scope = BUF_INIT(RERUN_TEXT_MAX);
    struct err err = {0};
    if (!rerun->chosen || rerun->settings->no_store) {
        return;
    }
    choose_scope(rerun, buf_slice(&rerun->kept), &scope);
    bool same = slice_equals(buf_slice(&scope), buf_slice(&rerun->kept));
    if ((rerun->mends || !same) && !mend(rerun, &err)) {
        log_warn("rerun: %s", err.text);
    }
    buf_release(&scope);
}

// ----------------------------------------------------------- from outside

struct rerun *
rerun_new(struct settings *settings, int argc, char **argv, struct err *err)
{
    static const struct filter_ops filter_ops = {.choose = choose};
    static const struct event_sink_ops sink_ops = {
        .name = "what is still to pass",
        .on_event = on_event,
        .free = on_free,
    };
    struct rerun *rerun = ALLOC(struct rerun);
    rerun->filter.ops = &filter_ops;
    rerun->sink.ops = &sink_ops;
    rerun->settings = settings;
    rerun->chain = chain_new();
    buf_init(&rerun->asked, RERUN_TEXT_MAX);
    buf_init(&rerun->kept, RERUN_TEXT_MAX);
    scope_of(&rerun->own, settings, argc, argv);
    scope_write(&rerun->own, &rerun->asked);
    bool fine = settings->no_store ||
                (site_find(&rerun->site, settings, err) &&
                 suite_key_make(&rerun->suite, &rerun->site, settings, err));
    if (!fine || !prepare(rerun, settings, err)) {
        rerun_free(rerun);
        return NULL;
    }
    return rerun;
}

void
rerun_free(struct rerun *rerun)
{
    if (rerun == NULL) {
        return;
    }
    chain_free(rerun->chain);
    suite_key_release(&rerun->suite);
    site_release(&rerun->site);
    scope_release(&rerun->own);
    scope_release(&rerun->joint);
    buf_release(&rerun->asked);
    buf_release(&rerun->kept);
    free(rerun->parent);
    free(rerun);
}

struct filter *
rerun_filter(struct rerun *rerun)
{
    return rerun->settings->no_store ? NULL : &rerun->filter;
}

struct event_sink *
rerun_sink(struct rerun *rerun, struct event_sink *inner)
{
    rerun->inner = inner;
    return &rerun->sink;
}

void
rerun_know(struct rerun *rerun, struct history *history)
{
    rerun->history = history;
}

const char *
rerun_asked(const struct rerun *rerun)
{
    return buf_text(&rerun->asked);
}
