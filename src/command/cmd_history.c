#include "command/command.h"
#include "command/history_move.h"
#include "command/history_show.h"
#include "store/prune.h"
#include "store/site.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* mule history: looks at the store, tidies it, takes it along. */

static bool
run_prune(const struct site *site, const struct settings *settings,
          struct err *err)
{
    struct store *store = store_open(site->folder, STORE_WRITES, err);
    struct bounds bounds = {
        .thorough = true,
        .builds = settings->keep_builds,
        .bytes = settings->keep_size,
    };
    struct pruned pruned = {0};
    bool fine = store != NULL && prune(store, &bounds, &pruned, err);
    if (fine) {
        printf("%" PRIu32 " %s, %" PRIu32 " %s and %" PRIu32
               " %s removed; the store takes %.1f MB\n",
               pruned.builds, pruned.builds == 1 ? "build" : "builds",
               pruned.recordings,
               pruned.recordings == 1 ? "recording" : "recordings",
               pruned.tests, pruned.tests == 1 ? "test" : "tests",
               (double)pruned.size / 1e6);
    }
    store_close(store);
    return fine;
}

static bool
check_words(const struct settings *settings, int most, const char *usage,
            struct err *err)
{
    if (settings->labels.count > most) {
        err_set(err, ERR_USAGE, "mule history takes no \"%.100s\" there",
                settings->labels.at[most]);
        return err_hint(err, usage);
    }
    return true;
}

/* A test, --slowest and --flaky are one thing each to look at. */
static bool
check_one(const struct settings *settings, struct err *err)
{
    bool slowest = settings->slowest > 0;
    bool flaky = settings->history_flaky;
    const char *one = settings->labels.count > 0 ? "a test" : "--slowest";
    const char *other = flaky ? "--flaky" : "--slowest";
    if (slowest && settings->last != SETTINGS_LAST_UNSAID) {
        err_set(err, ERR_USAGE, "--slowest and --last do not go together");
        return err_hint(err, "what a test should take is learnt from all its "
                             "builds, and not kept for each");
    }
    if ((settings->labels.count > 0) + slowest + flaky < 2) {
        return true;
    }
    err_set(err, ERR_USAGE, "%s and %s do not go together", one, other);
    return err_hint(err, "each shows something else: leave one out");
}

static bool
show(const struct site *site, const struct settings *settings, struct err *err)
{
    if (!check_words(settings, 1, "`mule history TEST` takes one test", err) ||
        !check_one(settings, err)) {
        return false;
    }
    struct store *store = store_open(site->folder, STORE_READS, err);
    if (store == NULL && err->kind == ERR_NOTHING) {
        err_hint(err, "the first `mule test` begins one; --store looks "
                      "elsewhere");
    }
    bool fine = (store != NULL || err->kind == ERR_NOTHING) &&
                history_show(store, site->folder, settings, err);
    store_close(store);
    return fine;
}

static bool
dispatch(const struct site *site, struct settings *settings, struct err *err)
{
    const char *word = settings->labels.count > 0 ? settings->labels.at[0] : "";
    if (strcmp(word, "prune") == 0) {
        return check_words(settings, 1, "mule history prune [OPTION...]",
                           err) &&
               run_prune(site, settings, err);
    }
    if (strcmp(word, "export") == 0) {
        return check_words(settings, 2, "mule history export FILE", err) &&
               history_export(site, settings, err);
    }
    if (strcmp(word, "import") == 0) {
        return history_import(site, settings, err);
    }
    return show(site, settings, err);
}

int
cmd_history(int argc, char **argv)
{
    struct settings settings;
    struct site site = {0};
    struct err err = {0};
    int status = 0;
    if (!command_configure(COMMAND_HISTORY, argc, argv, &settings, &status)) {
        return status;
    }
    bool fine =
        site_find(&site, &settings, &err) && dispatch(&site, &settings, &err);
    site_release(&site);
    settings_release(&settings);
    return fine ? EXIT_PASSED : command_fail(&err);
}
