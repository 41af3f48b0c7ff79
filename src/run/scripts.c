#include "run/scripts.h"

#include "loop/deadline.h"
#include "loop/sweep.h"
#include "run/keeper.h"
#include "run/variables.h"
#include "run/verdict.h"
#include "util/alloc.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

struct scripts {
    struct scripts_params params;
    struct child *child;
    struct keeper kept;
    struct deadline deadline;
    bool setup; // which one runs
    bool timed_out;
    bool terminated;
    bool cancelled;
    struct err err;
    scripts_done_fn done;
    void *ctx;
};

static const char *
line_of(const struct scripts *scripts, bool setup)
{
    const struct workspace *workspace = scripts->params.workspace;
    return setup ? workspace->setup : workspace->teardown;
}

static uint32_t
limit_of(const struct scripts *scripts)
{
    const struct workspace *workspace = scripts->params.workspace;
    return scripts->setup ? workspace->setup_timeout_ms
                          : workspace->teardown_timeout_ms;
}

static void
describe(const struct scripts *scripts, const struct child_exit *exit,
         char *text, size_t size)
{
    text[0] = '\0';
    if (err_is_set(&scripts->err)) {
        snprintf(text, size, "%s", scripts->err.text);
    } else if (scripts->cancelled) {
        snprintf(text, size, "it was stopped");
    } else if (scripts->timed_out) {
        snprintf(text, size, "it took longer than %g s (%s-timeout)",
                 limit_of(scripts) / 1000.0,
                 scripts->setup ? "setup" : "teardown");
    } else if (exit->lost) {
        snprintf(text, size, "its process vanished");
    } else if (exit->status != 0) {
        verdict_describe_status(exit->status, text, size);
    }
}

static void
tell(struct scripts *scripts, const struct child_exit *exit)
{
    char problem[300];
    describe(scripts, exit, problem, sizeof(problem));
    deadline_disarm(&scripts->deadline);
    struct event_script script = {
        .name = scripts->setup ? "setup" : "teardown",
        .workspace = scripts->params.workspace->name,
        .ok = problem[0] == '\0',
        .us = exit->wall_us,
        .out = keeper_output(&scripts->kept),
        .problem = problem,
    };
    scripts->done(scripts->ctx, &script);
}

static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct scripts *scripts = ctx;
    (void)stream;
    keeper_add(&scripts->kept, bytes);
    if (scripts->params.on_said != NULL) {
        scripts->params.on_said(scripts->params.ctx, bytes);
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct scripts *scripts = ctx;
    scripts->err = *err;
}

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct scripts *scripts = ctx;
    scripts->child = NULL;
    tell(scripts, exit);
}

/* First it is asked to end, then it is killed. */
static void
on_deadline(void *ctx)
{
    struct scripts *scripts = ctx;
    if (scripts->child == NULL) {
        return;
    }
    if (!scripts->terminated) {
        scripts->terminated = true;
        scripts->timed_out = !scripts->cancelled;
        child_signal(scripts->child, SIGTERM);
        deadline_arm(&scripts->deadline, scripts->params.grace_ms);
    } else {
        child_signal(scripts->child, SIGKILL);
    }
}

static void
tell_unstarted(void *ctx)
{
    tell(ctx, &(struct child_exit){.failed = true});
}

static bool
start_child(struct scripts *scripts, struct err *err)
{
    static const struct child_events events = {
        .on_output = on_output,
        .on_failed = on_failed,
        .on_gone = on_gone,
    };
    const struct scripts_params *params = &scripts->params;
    const char *argv[] = {"bash", "-c", line_of(scripts, scripts->setup), NULL};
    struct variables env = {0};
    variables_set_script(&env, params->build_id, params->workspace->name,
                         params->revision);
    if (scripts->setup) {
        // What it starts here may go on until teardown; see loop/sweep.h.
        variables_set(&env, SWEEP_SERVICE, "1");
    }
    struct child_params child = {
        .argv = argv,
        .env = variables_list(&env),
        .cwd = params->workspace->root,
        .zygote = scripts->setup,
    };
    scripts->child =
        child_start(params->guardians, &child, &events, scripts, err);
    variables_release(&env);
    return scripts->child != NULL;
}

struct scripts *
scripts_new(const struct scripts_params *params)
{
    struct scripts *scripts = ALLOC(struct scripts);
    scripts->params = *params;
    keeper_init(&scripts->kept, params->output_limit);
    deadline_init(&scripts->deadline, params->loop, on_deadline, scripts);
    return scripts;
}

void
scripts_free(struct scripts *scripts)
{
    if (scripts == NULL) {
        return;
    }
    assert(scripts->child == NULL);
    deadline_release(&scripts->deadline);
    keeper_release(&scripts->kept);
    free(scripts);
}

void
scripts_start(struct scripts *scripts, bool setup, scripts_done_fn done,
              void *ctx)
{
    assert(scripts->child == NULL && scripts_has(scripts, setup));
    scripts->setup = setup;
    scripts->timed_out = scripts->terminated = scripts->cancelled = false;
    scripts->done = done;
    scripts->ctx = ctx;
    scripts->err = (struct err){0};
    keeper_reset(&scripts->kept);
    if (!start_child(scripts, &scripts->err)) {
        loop_post(scripts->params.loop, tell_unstarted, scripts);
        return;
    }
    if (limit_of(scripts) > 0) {
        deadline_arm(&scripts->deadline, limit_of(scripts));
    }
}

bool
scripts_has(const struct scripts *scripts, bool setup)
{
    return line_of(scripts, setup) != NULL;
}

const char *
scripts_name(const struct scripts *scripts)
{
    return scripts->params.workspace->name;
}

void
scripts_cancel(struct scripts *scripts, bool now)
{
    if (scripts == NULL || scripts->child == NULL) {
        return;
    }
    if (!scripts->cancelled) {
        scripts->cancelled = true;
        on_deadline(scripts);
    }
    if (now) {
        child_signal(scripts->child, SIGKILL);
    }
}
