#include "config/choices.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/resources.h"
#include "util/alloc.h"
#include "util/distance.h"
#include "util/slice.h"

enum {
    BUILD_ID_MAX = 60
};

static bool
is_dash(const char *text)
{
    return text != NULL && strcmp(text, "-") == 0;
}

// Two things that cannot both be meant.
struct pair {
    bool both;
    const char *what;
    const char *hint;
};

static bool
refuse_pairs(const struct pair *pairs, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].both) {
            err_set(err, ERR_USAGE, "%s do not go together", pairs[i].what);
            return err_hint(err, pairs[i].hint);
        }
    }
    return true;
}

static bool
check_repeats(const struct settings *settings, struct err *err)
{
    bool repeats = settings->repeat > 1 || settings->until_fail;
    bool retries = settings->retries > 0;
    const struct pair pairs[] = {
        {settings->repeat > 1 && settings->until_fail,
         "--repeat and --until-fail", "each says how often: leave one out"},
        {retries && repeats, "--retries and running tests again that pass",
         "what is repeated must pass each time: give --retries 0"},
        {settings->pdb && (retries || repeats),
         "--pdb and running tests more than once",
         "the debugger stops where a test fails: run it once"},
    };

    return refuse_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]), err);
}

static bool
check_pairs(const struct settings *settings, struct err *err)
{
    bool runs_commands = settings->runner != NULL || settings->tap;
    bool has_terminal = settings->pdb || settings->capture == CAPTURE_NONE;
    const struct pair pairs[] = {
        {settings->tap && settings->runner != NULL, "--tap and --runner",
         "--tap runs its labels itself; a --runner takes --format tap"},
        {settings->tap && settings->format != FORMAT_AUTO &&
             settings->format != FORMAT_TAP,
         "--tap and another --format", "leave --format out"},
        {settings->tap && settings->adapter.count > 0, "--tap and --adapter",
         "programs that print TAP need no adapter"},
        {settings->labels.count > 0 && settings->jobs_from != NULL,
         "labels and --jobs-from", "both say what to run: leave one out"},
        {settings->pdb && runs_commands, "--pdb and a command",
         "the debugger is for Python tests that mule loads itself"},
        {settings->coverage != NULL && runs_commands,
         "--coverage and a command",
         "let the command measure: coverage run --parallel-mode"},
        {settings->profile && runs_commands, "--profile and a command",
         "profiles are made of Python tests that mule loads itself"},
        {has_terminal && is_dash(settings->json),
         "--json - and tests that have the terminal",
         "write the JSON to a file"},
        {settings->distributed && has_terminal,
         "--distributed and tests that have the terminal",
         "run that test on this machine"},
        {settings->distributed && settings->coverage != NULL,
         "--distributed and --coverage",
         "measure on this machine: the data would stay with the workers"},
        {settings->distributed && settings->profile,
         "--distributed and --profile",
         "profile on this machine: the data would stay with the workers"},
        {settings->distributed && settings->collect == COLLECT_WORKER,
         "--distributed and --collect worker",
         "tests are found here, where their ids are compared with what the "
         "workers found"},
        {settings->live != NULL && !settings->distributed,
         "--live and a run on this machine alone",
         "it shows what tests on workers print: --distributed"},
        {settings->pdb && is_dash(settings->jobs_from),
         "--pdb and --jobs-from -",
         "the debugger reads standard input: give the jobs in a file"},
    };

    if (!refuse_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]), err)) {
        return false;
    }
    if (settings->format != FORMAT_AUTO && !runs_commands) {
        err_set(err, ERR_USAGE, "--format says what a --runner prints");
        return err_hint(err, "give a --runner, or leave --format out");
    }
    return true;
}

// What runs is not found by these: it has to be said.
static bool
check_work(const struct settings *settings, struct err *err)
{
    if (settings->labels.count > 0) {
        return true;
    }
    if (settings->tap && settings->jobs_from == NULL) {
        err_set(err, ERR_USAGE, "--tap needs programs to run");
        return err_hint(err, "as in: mule test --tap t/*.t");
    }
    if (settings->exactly) {
        err_set(err, ERR_USAGE, "--exactly needs the ids of tests");
        return err_hint(err, "as `mule bisect` prints them");
    }
    return true;
}

// As in mule test "$CHANGED", which is not meant to run nothing, or everything.
static bool
check_labels(const struct texts *labels, struct err *err)
{
    for (int i = 0; i < labels->count; i++) {
        if (labels->at[i][0] == '\0') {
            err_set(err, ERR_USAGE, "a label is empty");
            return err_hint(err, "leave it out to run everything");
        }
    }
    return true;
}

static bool
check_build_id(const char *id, struct err *err)
{
    size_t len = strlen(id);
    bool ok = len <= BUILD_ID_MAX && id[0] != '.' && id[0] != '-';

    for (size_t i = 0; i < len; i++) {
        ok = ok &&
             (isalnum((unsigned char)id[i]) || strchr("._-", id[i]) != NULL);
    }
    if (!ok) {
        err_set(err, ERR_USAGE, "--id: \"%.80s\" cannot be a build's id", id);
        return err_hint(err, "use up to 60 letters, digits, '.', '_' and '-', "
                             "a letter or digit first");
    }
    return true;
}

static bool
check_workspace(const struct settings *settings, struct err *err)
{
    struct distance_nearest nearest = {.wanted = slice_of(settings->workspace)};

    for (int i = 0; i < settings->workspace_count; i++) {
        const char *name = settings->workspaces[i].name;
        if (strcmp(name, settings->workspace) == 0) {
            return true;
        }
        distance_offer(&nearest, slice_of(name));
    }
    struct slice best = distance_best(&nearest);
    const char *file =
        settings->config_path != NULL ? settings->config_path : "mule.yaml";
    if (best.len > 0) {
        return err_set(err, ERR_CONFIG,
                       "%.80s has no workspace \"%.60s\"; did you mean "
                       "\"%.*s\"?",
                       file, settings->workspace,
                       SLICE_ARG(slice_first(best, 60)));
    }
    err_set(err, ERR_CONFIG, "%s \"%.60s\"",
            settings->config_path != NULL
                ? "mule.yaml has no workspace"
                : "there is no mule.yaml, so there is no workspace",
            settings->workspace);
    return err_hint(err, "add 'workspaces: {NAME: {setup: COMMAND}}' to "
                         "mule.yaml");
}

// With the terminal in a test's hands there is one test at a time, and nobody
// knows how long somebody looks at a debugger.
static void
hand_over_terminal(struct settings *settings, struct texts *notes)
{
    const char *why = settings->pdb ? "--pdb" : "--no-capture";
    char note[160];

    if (settings->slots > 1) {
        snprintf(note, sizeof(note),
                 "%s runs one test at a time: the %d jobs asked for are not "
                 "used",
                 why, settings->slots);
        texts_add(notes, note);
    }
    if (settings->timeout_ms > 0 || settings->test_timeout_ms > 0) {
        snprintf(note, sizeof(note), "%s switches time limits off", why);
        texts_add(notes, note);
    }
    settings->slots = 1;
    settings->capture = CAPTURE_NONE;
    settings->timeout_ms = settings->test_timeout_ms = 0;
}

// Events are lines that can be read as they come; these are files.
static bool
check_files(const struct settings *settings, struct err *err)
{
    const struct {
        const char *option;
        const char *path;
    } files[] = {
        {"--html", settings->html},
        {"--trace", settings->trace},
        {"--xunit-output", settings->xunit_output},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i].path != NULL && strcmp(files[i].path, "-") == 0) {
            err_set(err, ERR_USAGE, "%s cannot write to standard output",
                    files[i].option);
            return err_hint(err, "name a file; --json - prints events");
        }
    }
    return true;
}

static void
note_durations(const struct settings *settings, struct texts *notes)
{
    if (settings->durations_file != NULL && settings->shard == 0) {
        char *note = alloc_printf("--durations %s: it balances shards, and "
                                  "there is no --shard",
                                  settings->durations_file);
        texts_add(notes, note);
        free(note);
    }
}

bool
choices_settle(struct settings *settings, enum option_command command,
               struct texts *notes, struct err *err)
{
    if (!check_files(settings, err)) {
        return false;
    }
    if (settings->xunit_output != NULL) {
        settings->xunit = true;
    } else if (settings->xunit) {
        settings->xunit_output = alloc_dup("xunit");
    }
    if (command == COMMAND_SIMULATE) {
        return resources_settle(settings, err);
    }
    if (command != COMMAND_TEST && command != COMMAND_LIST) {
        return true;
    }
    if (!settings->distributed && settings->max_workers > 0 &&
        settings->slots == 0) {
        settings->slots = settings->max_workers;
    }
    if (!check_pairs(settings, err) || !check_repeats(settings, err) ||
        (settings->build_id != NULL &&
         !check_build_id(settings->build_id, err)) ||
        (settings->workspace != NULL && !check_workspace(settings, err))) {
        return false;
    }
    if (!check_labels(&settings->labels, err) ||
        !resources_settle(settings, err)) {
        return false;
    }
    note_durations(settings, notes);
    if (settings->tap) {
        settings->format = FORMAT_TAP;
    }
    if (!check_work(settings, err)) {
        return false;
    }
    if (settings->pdb || settings->capture == CAPTURE_NONE) {
        hand_over_terminal(settings, notes);
    }
    return true;
}
