#include "command/history_show.h"

#include "command/adopt.h"
#include "command/cut_builds.h"
#include "command/history_json.h"
#include "command/reporters.h"
#include "report/lookback.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/path.h"

#include <stdlib.h>
#include <string.h>

// Builds that are looked at where nothing is said.
#define HISTORY_LAST 20

struct show {
    struct store *store;
    const struct settings *settings;
    struct sheet sheet;
    struct cut_builds *cut;
    char *recordings; // the folder
    const char *test;
    uint32_t builds;
    ARRAY(struct lookback_attempt) attempts;
    ARRAY(struct lookback_rank) ranks;
    ARRAY(char *) texts; // that both have, owned
};

/* A copy that lives as long as what is shown. */
static const char *
keep(struct show *show, const char *text)
{
    ARRAY_ADD(&show->texts, alloc_dup(text));
    return ARRAY_LAST(&show->texts);
}

/* So many builds are looked at; 0: all. */
static uint32_t
count_builds(const struct settings *settings)
{
    if (settings->last == SETTINGS_LAST_UNSAID) {
        return settings->history_flaky ? 0 : HISTORY_LAST;
    }
    return (uint32_t)settings->last;
}

// ----------------------------------------------------------------- builds

static void
show_build(struct show *show, const struct build_entry *entry,
           enum cut_state state, const char *recording)
{
    static const char *const words[] = {
        [CUT_ENDED] = "ended",
        [CUT_RUNNING] = "running",
        [CUT_OFF] = "cut off",
    };
    if (show->settings->list_json) {
        history_json_build(&show->sheet.writer.buf, entry, recording,
                           words[state]);
        writer_relieve(&show->sheet.writer);
        return;
    }
    struct lookback_build build = {
        .id = entry->id,
        .command = entry->command,
        .wall_ms = entry->began_ms,
        .us = entry->us,
        .flaky = entry->flaky,
        .exit_status = entry->exit_status,
        .stop = entry->stop,
        .recorded = recording != NULL,
        .cut = state == CUT_OFF,
        .running = state == CUT_RUNNING,
    };
    memcpy(build.states, entry->states, sizeof(build.states));
    lookback_builds(&show->sheet, &build, 1);
}

/* Builds that left nothing but a recording, and are newer than `began_ms`. */
static void
show_cut(struct show *show, int64_t began_ms)
{
    const struct cut_build *cut = NULL;
    uint32_t last = count_builds(show->settings);
    while (!(last > 0 && show->builds >= last) &&
           (cut = cut_builds_next(show->cut, began_ms)) != NULL) {
        show_build(show, &cut->entry, cut->state, cut->path);
        show->builds++;
    }
}

static bool
on_build(void *ctx, const struct build_entry *entry)
{
    struct show *show = ctx;
    uint32_t last = count_builds(show->settings);
    show_cut(show, entry->began_ms);
    if (last > 0 && show->builds >= last) {
        return false;
    }
    char *path = path_join(show->recordings, entry->recording);
    bool recorded = entry->recording[0] != '\0' && path_is_file(path);
    bool cut = entry->exit_status == ADOPT_NO_STATUS;
    show_build(show, entry, cut ? CUT_OFF : CUT_ENDED, recorded ? path : NULL);
    show->builds++;
    free(path);
    return true;
}

static bool
show_builds(struct show *show, struct err *err)
{
    show->cut = cut_builds_find(show->store, show->recordings, err);
    bool fine = show->cut != NULL &&
                builds_read(show->store, 0, 0, on_build, show, err);
    if (fine) {
        show_cut(show, INT64_MIN);
    }
    if (fine && show->builds == 0 && !show->settings->list_json) {
        sheet_add(&show->sheet, STYLE_PLAIN, "There is no build yet.\n");
    }
    cut_builds_free(show->cut);
    return fine;
}

/* There is a database once a build has ended: before that, recordings alone. */
static bool
show_first(struct show *show, struct err *err)
{
    const struct settings *settings = show->settings;
    struct err none = *err;
    if (show->test != NULL || settings->slowest > 0 ||
        settings->history_flaky) {
        return false; // nothing is known of tests
    }
    err_clear(err);
    show->cut = cut_builds_find(NULL, show->recordings, err);
    if (show->cut != NULL) {
        show_cut(show, INT64_MIN);
    }
    cut_builds_free(show->cut);
    if (show->builds == 0 && !err_is_set(err)) {
        *err = none;
    }
    return !err_is_set(err);
}

// ---------------------------------------------------------- slow and flaky

static void
on_ranked(void *ctx, const struct ranked *ranked)
{
    struct show *show = ctx;
    if (show->settings->list_json) {
        history_json_ranked(&show->sheet.writer.buf, ranked);
        writer_relieve(&show->sheet.writer);
        return;
    }
    struct lookback_rank rank = {
        .id = keep(show, ranked->name),
        .us = ranked->us,
        .state = ranked->state,
        .runs = ranked->runs,
        .flaky = ranked->flaky,
        .turns = ranked->turns,
        .wall_ms = ranked->wall_ms,
    };
    ARRAY_ADD(&show->ranks, rank);
}

static bool
show_slowest(struct show *show, struct err *err)
{
    bool fine = ranking_slowest(show->store, (uint32_t)show->settings->slowest,
                                on_ranked, show, err);
    if (fine && !show->settings->list_json) {
        lookback_slowest(&show->sheet, show->ranks.items, show->ranks.count);
    }
    if (fine && !show->settings->list_json && show->ranks.count == 0) {
        sheet_add(&show->sheet, STYLE_PLAIN, "No test has run yet.\n");
    }
    return fine;
}

static bool
show_flaky(struct show *show, struct err *err)
{
    bool fine = ranking_flaky(show->store, count_builds(show->settings),
                              on_ranked, show, err);
    if (fine && !show->settings->list_json) {
        lookback_flaky(&show->sheet, show->ranks.items, show->ranks.count);
    }
    if (fine && !show->settings->list_json && show->ranks.count == 0) {
        sheet_add(&show->sheet, STYLE_PLAIN, "No test was flaky.\n");
    }
    return fine;
}

// --------------------------------------------------------------- one test

static void
on_seen(void *ctx, const struct seen *seen)
{
    struct show *show = ctx;
    if (show->settings->list_json) {
        history_json_seen(&show->sheet.writer.buf, show->test, seen);
        writer_relieve(&show->sheet.writer);
        return;
    }
    struct lookback_attempt attempt = {
        .build = keep(show, seen->build),
        .wall_ms = seen->wall_ms,
        .state = seen->state,
        .us = seen->us,
        .slot = seen->slot,
        .tries = seen->tries,
        .worker = keep(show, seen->worker),
        .flaky = seen->flaky,
    };
    ARRAY_ADD(&show->attempts, attempt);
}

static bool
refuse_unknown(struct show *show, struct err *err)
{
    char *nearest = ranking_nearest(show->store, show->test, err);
    if (err_is_set(err)) {
        return false;
    }
    if (nearest != NULL) {
        err_set(err, ERR_USAGE,
                "no build knows a test \"%.90s\"; did you mean \"%.90s\"?",
                show->test, nearest);
    } else {
        err_set(err, ERR_USAGE, "no build knows a test \"%.180s\"", show->test);
    }
    free(nearest);
    return err_hint(err, "`mule history` takes the whole id of a test, as "
                         "`mule list` prints it; or prune, export, import. "
                         "`mule replay BUILD` shows a build");
}

static bool
show_test(struct show *show, struct err *err)
{
    struct ranking_test wanted = {
        .name = show->test,
        .limit = count_builds(show->settings),
        .each = on_seen,
        .ctx = show,
    };
    if (!ranking_of_test(show->store, &wanted, err)) {
        return false;
    }
    if (!wanted.found) {
        return refuse_unknown(show, err);
    }
    if (!show->settings->list_json) {
        lookback_test(&show->sheet, show->test, show->attempts.items,
                      show->attempts.count);
    }
    return true;
}

// ----------------------------------------------------------- from outside

static void
open_sheet(struct sheet *sheet, const struct settings *settings)
{
    struct terminal_params params;
    reporters_describe_terminal(settings, &params);
    *sheet = (struct sheet){
        .width = params.width,
        .colour = params.colour,
        .unicode = params.unicode,
    };
    writer_init(&sheet->writer, params.fd);
}

/* False with err when not all of it got out, unless that is known by now. */
static bool
close_sheet(struct sheet *sheet, bool fine, struct err *err)
{
    if (!writer_flush(&sheet->writer) && fine) {
        *err = sheet->writer.err;
        fine = err_wrap(err, "writing to standard output");
    }
    writer_release(&sheet->writer);
    return fine;
}

static void
release(struct show *show)
{
    for (size_t i = 0; i < show->texts.count; i++) {
        free(show->texts.items[i]);
    }
    ARRAY_RELEASE(&show->texts);
    ARRAY_RELEASE(&show->attempts);
    ARRAY_RELEASE(&show->ranks);
    free(show->recordings);
}

bool
history_show(struct store *store, const char *folder,
             const struct settings *settings, struct err *err)
{
    struct show show = {
        .store = store,
        .settings = settings,
        .recordings = store_recordings(folder),
        .test = settings->labels.count > 0 ? settings->labels.at[0] : NULL,
    };
    bool fine = false;
    open_sheet(&show.sheet, settings);
    if (store == NULL) {
        fine = show_first(&show, err);
    } else if (show.test != NULL) {
        fine = show_test(&show, err);
    } else if (settings->slowest > 0) {
        fine = show_slowest(&show, err);
    } else if (settings->history_flaky) {
        fine = show_flaky(&show, err);
    } else {
        fine = show_builds(&show, err);
    }
    fine = close_sheet(&show.sheet, fine, err);
    release(&show);
    return fine;
}
