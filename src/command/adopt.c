#include "command/adopt.h"

#include "command/cut_builds.h"
#include "command/scope.h"
#include "config/configure.h"
#include "model/chain.h"
#include "report/recording_reader.h"
#include "store/outstanding.h"
#include "store/record.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/log.h"
#include "util/map.h"
#include "util/path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A test that was selected, until it ends. */
struct awaited {
    uint32_t item;
    char *id;
    char *job;
    bool ended;
};

struct adoption {
    struct event_sink *record;
    struct tally tally;
    ARRAY(struct awaited *) tests;
    struct map by_id; // -> struct awaited, of `tests`
    struct event last;
};

// ---------------------------------------------------------- whose it was

/* A build that is ours, and what its command line asked for. */
struct claim {
    const struct cut_build *cut;
    struct suite_key suite;
    struct scope scope;
    bool rerun;
};

static void
release_claim(struct claim *claim)
{
    suite_key_release(&claim->suite);
    scope_release(&claim->scope);
}

/*
 * What its command line means; it is read as ours was, and not executed.
 * False: nothing, as things are now.
 */
static bool
read_command(struct claim *claim, const struct site *site, const char *command)
{
    static const struct option words_option = {.name = "command",
                                               .kind = OPTION_WORDS};
    struct texts words = {0};
    struct settings settings = {0};
    struct configured configured = {0};
    struct err err = {0};
    bool fine = option_set(&words_option, &words, command, &err) &&
                words.count >= 2 && strcmp(words.at[1], "test") == 0;
    if (fine) {
        fine = configure(&settings, &configured, COMMAND_TEST, words.count - 2,
                         words.at + 2, &err) &&
               suite_key_make(&claim->suite, site, &settings, &err);
        if (fine) {
            claim->rerun = settings.failed;
            scope_of(&claim->scope, &settings, words.count - 2, words.at + 2);
        }
        settings_release(&settings);
        configured_release(&configured);
    }
    texts_release(&words);
    return fine;
}

static bool
is_of(const struct claim *claim, const struct suite_key *suite)
{
    return strcmp(claim->suite.folder, suite->folder) == 0 &&
           strcmp(claim->suite.words, suite->words) == 0;
}

/* `suite` NULL: any will do. False: not ours; there is nothing to release. */
static bool
claim_build(struct claim *claim, const struct site *site,
            const struct suite_key *suite, const struct cut_build *cut)
{
    char *here = getcwd(NULL, 0);
    *claim = (struct claim){.cut = cut};
    bool ours = cut->state != CUT_RUNNING && here != NULL &&
                strcmp(cut->cwd, here) == 0 &&
                read_command(claim, site, cut->entry.command) &&
                (suite == NULL || is_of(claim, suite));
    free(here);
    if (!ours) {
        release_claim(claim);
    }
    return ours;
}

// ------------------------------------------------------------- telling it

static void
tell(struct adoption *adoption, const struct event *event)
{
    struct err err = {0}; // it never fails
    adoption->record->ops->on_event(adoption->record, event, &err);
}

static void
await(struct adoption *adoption, const struct recording_selected *selected)
{
    struct awaited *test = ALLOC(struct awaited);
    test->item = selected->item;
    test->id = alloc_dup(selected->id);
    test->job = alloc_dup(selected->job_name);
    ARRAY_ADD(&adoption->tests, test);
    map_set(&adoption->by_id, slice_of(test->id), test);
}

static void
note(struct adoption *adoption, const struct event *event)
{
    adoption->last.us = event->us;
    adoption->last.wall_ms = event->wall_ms;
    if (event->kind == EVENT_RUN_FINISHED) {
        return; // told at the end
    }
    if (event->kind == EVENT_TEST_FINISHED) {
        struct awaited *test =
            map_find(&adoption->by_id, slice_of(event->test.id));
        if (test != NULL) {
            test->ended = true;
        }
        adoption->tally.selected++;
        adoption->tally.flaky += event->test.flaky;
        tally_add(&adoption->tally, event->test.outcome);
    }
    tell(adoption, event);
}

/* What was selected and never ended did not run. */
static void
tell_rest(struct adoption *adoption)
{
    const struct outcome outcome = {
        .state = STATE_NOT_RUN,
        .reason = SLICE("mule was killed"),
    };
    for (size_t i = 0; i < adoption->tests.count; i++) {
        const struct awaited *test = adoption->tests.items[i];
        if (test->ended) {
            continue;
        }
        adoption->tally.selected++;
        tally_add(&adoption->tally, &outcome);
        tell(adoption, &(struct event){
                           .kind = EVENT_TEST_FINISHED,
                           .wall_ms = adoption->last.wall_ms,
                           .us = adoption->last.us,
                           .test = {.number = test->item,
                                    .id = test->id,
                                    .job = test->job,
                                    .file = "",
                                    .slot = -1,
                                    .attempt = 1,
                                    .worker = "",
                                    .rerun = "",
                                    .outcome = &outcome},
                       });
    }
}

static void
tell_end(struct adoption *adoption, const struct cut_build *cut)
{
    bool ended = cut->state == CUT_ENDED;
    tell(adoption, &(struct event){
                       .kind = EVENT_RUN_FINISHED,
                       .wall_ms = adoption->last.wall_ms,
                       .us = adoption->last.us,
                       .finished =
                           {
                               .tally = &adoption->tally,
                               .us = adoption->last.us,
                               .stop = ended ? cut->entry.stop : STOP_BROKEN,
                               .exit_status = ended ? cut->entry.exit_status
                                                    : ADOPT_NO_STATUS,
                           },
                   });
}

static void
release(struct adoption *adoption)
{
    for (size_t i = 0; i < adoption->tests.count; i++) {
        free(adoption->tests.items[i]->id);
        free(adoption->tests.items[i]->job);
        free(adoption->tests.items[i]);
    }
    ARRAY_RELEASE(&adoption->tests);
    map_release(&adoption->by_id);
    adoption->record->ops->free(adoption->record);
}

static void
on_remark(void *ctx, const struct event *event)
{
    (void)ctx;
    log_warn("adopt: %s", event->note.text);
}

static void
choose_scope(void *ctx, struct slice kept, struct buf *scope)
{
    const struct claim *claim = ctx;
    if (kept.len == 0) {
        scope_write(&claim->scope, scope);
    } else {
        scope_widen(kept, &claim->scope, claim->rerun, scope);
    }
}

/* There is none where nothing was to be stored. */
static bool
has_database(const struct site *site)
{
    char *path = path_join(site->folder, STORE_DATABASE);
    bool there = path_is_file(path);
    free(path);
    return there;
}

/* From now on --failed looks where this build looked, too. */
static void
join_scope(const struct site *site, struct claim *claim)
{
    struct chain *chain = chain_new(); // what is gone is not known
    const struct outstanding_changes changes = {
        .chain = chain,
        .scope = choose_scope,
        .ctx = claim,
    };
    struct err err = {0};
    struct store *store = store_open(site->folder, STORE_WRITES, &err);
    int64_t suite = 0;
    bool fine = store != NULL &&
                store_find_suite(store, &claim->suite, &suite, &err) &&
                (suite == 0 || outstanding_mend(store, suite, &changes, &err));
    if (!fine) {
        log_warn("adopt: %s", err.text);
    }
    store_close(store);
    chain_free(chain);
}

/* False: it cannot be stored. */
static bool
adopt(const struct site *site, struct claim *claim)
{
    const struct cut_build *cut = claim->cut;
    struct err err = {0};
    struct recording_reader *reader =
        recording_reader_open(cut->path, RECORDING_WANT_SELECTED, &err);
    if (reader == NULL) {
        return false;
    }
    struct adoption adoption = {
        .record = record_new(&(struct record_params){
            .site = site,
            .suite = &claim->suite,
            .once = true,
            .on_remark = on_remark,
        }),
    };
    struct recording_entry entry;
    record_name_recording(adoption.record, path_base(cut->path));
    while (recording_reader_next(reader, &entry)) {
        if (entry.kind == RECORDING_SELECTED) {
            await(&adoption, &entry.selected);
        } else {
            note(&adoption, &entry.event);
        }
    }
    recording_reader_free(reader);
    tell_rest(&adoption);
    tell_end(&adoption, cut);
    bool stored = !record_gave_up(adoption.record);
    release(&adoption);
    if (stored && has_database(site)) {
        join_scope(site, claim);
    }
    return stored;
}

// ------------------------------------------------------------- all of them

/* From the newest to the oldest; they are to be told the other way round. */
static bool
adopt_in_turn(const struct site *site, const struct suite_key *suite,
              struct cut_builds *cut, uint32_t *left)
{
    ARRAY(struct claim) ours = {0};
    const struct cut_build *build = NULL;
    struct claim claim;
    while ((build = cut_builds_next(cut, INT64_MIN)) != NULL) {
        if (claim_build(&claim, site, suite, build)) {
            ARRAY_ADD(&ours, claim);
        } else if (build->state != CUT_RUNNING) {
            ++*left;
        }
    }
    bool any = ours.count > 0;
    while (ours.count > 0) {
        claim = ARRAY_POP(&ours);
        *left += !adopt(site, &claim);
        release_claim(&claim);
    }
    ARRAY_RELEASE(&ours);
    return any;
}

static bool
adopt_those(const struct site *site, const struct suite_key *suite,
            struct store *store, uint32_t *left)
{
    struct err err = {0};
    char *folder = store_recordings(site->folder);
    struct cut_builds *cut = cut_builds_find(store, folder, &err);
    bool any = cut != NULL && adopt_in_turn(site, suite, cut, left);
    cut_builds_free(cut);
    free(folder);
    return any;
}

// ----------------------------------------------------------- from outside

bool
adopt_cut_builds(const struct site *site, const struct suite_key *suite,
                 struct store *store)
{
    uint32_t left = 0;
    return adopt_those(site, suite, store, &left);
}

bool
adopt_all_cut_builds(const struct site *site, struct store *store,
                     uint32_t *left)
{
    *left = 0;
    return adopt_those(site, NULL, store, left);
}
