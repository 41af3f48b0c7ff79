#include "run/tidy.h"

#include "run/verdict.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/escape.h"

#include <signal.h>
#include <stdlib.h>

#define TIDY_MS 60000
#define TIDY_HURRY_MS 10000

static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct tidy *tidy = ctx;
    if (stream == CHILD_ERR) {
        last_words_add(&tidy->said, bytes);
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct tidy *tidy = ctx;
    tidy->err = *err;
}

static void
describe(const struct tidy *tidy, const struct child_exit *exit, char *text,
         size_t size)
{
    if (err_is_set(&tidy->err)) {
        snprintf(text, size, "%s", tidy->err.text);
    } else if (tidy->late) {
        snprintf(text, size, "did not end within %g s",
                 tidy->limit_ms / 1000.0);
    } else if (exit->lost) {
        snprintf(text, size, "its process vanished");
    } else if (exit->status != 0) {
        verdict_describe_status(exit->status, text, size);
    }
}

static void
tell(struct tidy *tidy, const struct child_exit *exit)
{
    char what[300] = "";
    struct slice said = last_words_get(&tidy->said);
    describe(tidy, exit, what, sizeof(what));
    if (what[0] == '\0' && said.len == 0) {
        tidy->params.on_done(tidy->params.ctx, NULL);
        return;
    }
    struct buf text = BUF_INIT(4 * LAST_WORDS_MAX);
    buf_add_text(&text, "removing what the adapter had left outside");
    buf_addf(&text, "%s%s", what[0] != '\0' ? ": " : "", what);
    if (said.len > 0) {
        buf_add_text(&text, "; it printed:\n");
        escape_terminal(&text, said, ESCAPE_KEEP_LINES);
    }
    tidy->params.on_done(tidy->params.ctx, buf_text(&text));
    buf_release(&text);
}

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct tidy *tidy = ctx;
    tidy->child = NULL;
    deadline_disarm(&tidy->deadline);
    tell(tidy, exit);
}

static void
tell_unstarted(void *ctx)
{
    tell(ctx, &(struct child_exit){.failed = true});
}

static void
on_deadline(void *ctx)
{
    struct tidy *tidy = ctx;
    if (tidy->child != NULL) {
        tidy->late = true;
        child_signal(tidy->child, SIGKILL);
    }
}

// ----------------------------------------------------------- from outside

void
tidy_init(struct tidy *tidy, const struct tidy_params *params)
{
    *tidy = (struct tidy){.params = *params, .limit_ms = TIDY_MS};
    last_words_init(&tidy->said);
    deadline_init(&tidy->deadline, params->loop, on_deadline, tidy);
}

void
tidy_release(struct tidy *tidy)
{
    if (tidy->params.loop != NULL) {
        loop_cancel(tidy->params.loop, tidy);
        deadline_release(&tidy->deadline);
        last_words_release(&tidy->said);
    }
    *tidy = (struct tidy){0};
}

void
tidy_start(struct tidy *tidy)
{
    static const struct child_events events = {
        .on_output = on_output,
        .on_failed = on_failed,
        .on_gone = on_gone,
    };
    struct adapter_start start = {
        .command = tidy->params.command,
        .slot = -1,
        .tidy = true,
    };
    tidy->child = adapter_command_start(tidy->params.guardians, &start, &events,
                                        tidy, &tidy->err);
    if (tidy->child == NULL) {
        loop_post(tidy->params.loop, tell_unstarted, tidy);
        return;
    }
    deadline_arm(&tidy->deadline, tidy->limit_ms);
}

void
tidy_hurry(struct tidy *tidy)
{
    if (tidy->child == NULL) {
        return;
    }
    if (tidy->hurried) {
        child_signal(tidy->child, SIGKILL);
        return;
    }
    tidy->hurried = true;
    tidy->limit_ms = TIDY_HURRY_MS;
    deadline_arm(&tidy->deadline, tidy->limit_ms);
}
