#include "fleet/git_run.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include "fleet/git_words.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/escape.h"

enum {
    OUT_MAX = 256 * 1024 * 1024,
    COMPLAINTS_MAX = 64 * 1024,
    LINE_MAX_LEN = 2000,
};

// Settings of each command; the user's own stay where they do no harm.
static const char *const settings[] = {
    "core.hooksPath=/dev/null",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "credential.interactive=never",
    "fetch.recurseSubmodules=no",
    "submodule.recurse=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.fsmonitor=false",
};

static const char *const environment[] = {
    "GIT_TERMINAL_PROMPT=0",
    "GIT_LFS_SKIP_SMUDGE=1",
    "GIT_OPTIONAL_LOCKS=0",
    "SSH_ASKPASS_REQUIRE=never",
    "SSH_ASKPASS",
    "LC_ALL=C",
    // Those of a hook, or of another repository.
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_TRACE",
};

// The URL, which may hold a password, is not among the words of a command.
#define URL_VARIABLE "MULE_GIT_URL"
#define URL_SETTING "--config-env=remote.mule.url=" URL_VARIABLE

static void
say_line(struct git_run *run, struct slice line)
{
    struct buf masked = BUF_INIT(2UL * LINE_MAX_LEN);

    line = slice_trim_end(line);
    if (line.len == 0) {
        return;
    }
    git_words_add_masked(&masked, slice_first(line, LINE_MAX_LEN));
    buf_reset(&run->line);
    escape_terminal(&run->line, buf_slice(&masked), ESCAPE_ONE_LINE);
    if (run->said != NULL) {
        run->said(run->ctx, buf_slice(&run->line));
    }
    buf_release(&masked);
}

// Whole lines only: a password may come in two pieces.
static void
take_complaints(struct git_run *run, struct slice bytes)
{
    while (bytes.len > 0) {
        size_t end = slice_find(bytes, '\n');
        bool whole = end < bytes.len;
        buf_add_slice(&run->complaints, slice_first(bytes, end));
        bytes = slice_skip(bytes, end + 1);
        if (whole) {
            say_line(run, buf_slice(&run->complaints));
            buf_reset(&run->complaints);
        }
    }
}

static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct git_run *run = ctx;

    if (stream == CHILD_ERR) {
        take_complaints(run, bytes);
    } else if (!buf_add_slice(&run->out, bytes) && !err_is_set(&run->err)) {
        err_set(&run->err, ERR_LIMIT, "git said more than %d MiB",
                OUT_MAX / 1024 / 1024);
        child_signal(run->child, SIGKILL);
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct git_run *run = ctx;

    run->err = *err;
    err_hint(&run->err, "git must be installed");
}

static void
finish(struct git_run *run, int status)
{
    git_run_fn done = run->done;
    const struct git_end end = {
        .ok = status == 0,
        .out = buf_slice(&run->out),
        .said = buf_text(&run->line),
    };
    struct err err = run->err;

    run->done = NULL;
    done(run->ctx, &end, err_is_set(&err) ? &err : NULL);
}

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct git_run *run = ctx;

    run->child = NULL;
    say_line(run, buf_slice(&run->complaints));
    buf_reset(&run->complaints);
    if (exit->lost && !err_is_set(&run->err)) {
        err_set(&run->err, ERR_SYSTEM, "git's process vanished");
    }
    finish(run, exit->status);
}

static void
tell_unstarted(void *ctx)
{
    finish(ctx, -1);
}

static bool
start_child(struct git_run *run, const struct git_call *call)
{
    static const struct child_events events = {
        .on_output = on_output,
        .on_failed = on_failed,
        .on_gone = on_gone,
    };
    ARRAY(const char *) argv = {0};
    ARRAY(const char *) env = {0};
    char *url = NULL;

    ARRAY_ADD(&argv, "git");
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        ARRAY_ADD(&argv, "-c");
        ARRAY_ADD(&argv, settings[i]);
    }
    for (size_t i = 0; i < sizeof(environment) / sizeof(environment[0]); i++) {
        ARRAY_ADD(&env, environment[i]);
    }
    if (call->url != NULL) {
        url = alloc_printf("%s=%s", URL_VARIABLE, call->url);
        ARRAY_ADD(&argv, URL_SETTING);
        ARRAY_ADD(&env, url);
    }
    for (const char *const *word = call->words; *word != NULL; word++) {
        ARRAY_ADD(&argv, *word);
    }
    ARRAY_ADD(&argv, NULL);
    ARRAY_ADD(&env, NULL);
    struct child_params params = {
        .argv = argv.items,
        .env = env.items,
        .cwd = call->folder,
    };
    run->child = child_start(run->guardians, &params, &events, run, &run->err);
    ARRAY_RELEASE(&argv);
    ARRAY_RELEASE(&env);
    free(url);
    return run->child != NULL;
}

void
git_run_start(struct git_run *run, const struct git_call *call, git_run_fn done)
{
    assert(!git_run_is_busy(run));
    run->done = done;
    run->err = (struct err){0};
    run->out.max = OUT_MAX;
    run->complaints.max = COMPLAINTS_MAX;
    run->line.max = 8UL * LINE_MAX_LEN;
    buf_reset(&run->out);
    buf_reset(&run->complaints);
    buf_reset(&run->line);
    if (!start_child(run, call)) {
        loop_post(run->loop, tell_unstarted, run);
    }
}

bool
git_run_is_busy(const struct git_run *run)
{
    return run->done != NULL;
}

void
git_run_release(struct git_run *run)
{
    child_drop(run->child);
    run->child = NULL;
    run->done = NULL;
    if (run->loop != NULL) {
        loop_cancel(run->loop, run);
    }
    buf_release(&run->out);
    buf_release(&run->complaints);
    buf_release(&run->line);
}
