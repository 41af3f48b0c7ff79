#include "adapter/report_core.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "util/alloc.h"

enum {
    EXIT_SKIP = 77,
    EXIT_HARD_ERROR = 99,
    PROBLEMS_MAX = 20,
};

#define LIMIT_DEFAULT ((size_t)1 << 20)

void
report_core_init(struct report_core *core, const struct report_params *params)
{
    *core = (struct report_core){
        .events = params->events,
        .ctx = params->ctx,
        .limit = params->output_limit == 0 || params->output_limit > SIZE_MAX
                     ? LIMIT_DEFAULT
                     : (size_t)params->output_limit,
        .guessed = params->format == FORMAT_AUTO,
    };
    clip_init(&core->printed, core->limit);
}

void
report_core_release(struct report_core *core)
{
    clip_release(&core->printed);
    keep_release(&core->keep);
    ARRAY_RELEASE(&core->problems);
    ARRAY_RELEASE(&core->findings);
}

void
report_core_printed(struct report_core *core, struct slice bytes)
{
    clip_add(&core->printed, bytes);
}

void
report_core_plan(struct report_core *core, const struct report_plan *plan)
{
    if (core->planned) {
        return;
    }
    core->planned = true;
    core->events->on_plan(core->ctx, plan);
}

void
report_core_point(struct report_core *core, const struct report_point *point,
                  bool takes_printed)
{
    struct report_point told = *point;
    struct outcome outcome = *point->outcome;

    if (takes_printed && outcome.out.head.len == 0) {
        outcome.out = clip_output(&core->printed);
    }
    told.outcome = &outcome;
    core->points++;
    core->bad += state_is_bad(outcome.state) ? 1 : 0;
    core->events->on_point(core->ctx, &told);
    if (takes_printed) {
        clip_reset(&core->printed);
    }
}

void
report_core_missing(struct report_core *core, struct slice id)
{
    const struct finding finding = {
        .kind = FINDING_ERROR,
        .where = SLICE("test"),
        .type = SLICE("missing"),
        .message = SLICE("planned, but the program did not tell its result"),
    };
    struct outcome outcome = {
        .state = STATE_ERROR,
        .findings = &finding,
        .finding_count = 1,
        .ran = true,
        .counted = true,
    };

    if (core->bailed) {
        outcome = (struct outcome){
            .state = STATE_NOT_RUN,
            .reason = SLICE("the program bailed out before"),
            .counted = true,
        };
    }
    report_core_point(
        core, &(struct report_point){.id = id, .outcome = &outcome}, false);
}

void
report_core_bail(struct report_core *core, struct slice reason)
{
    if (core->bailed) {
        return;
    }
    core->bailed = true;
    report_core_problem(core, "Bail out! %.*s",
                        SLICE_ARG(slice_first(reason, 1000)));
    core->events->on_bail(core->ctx, reason);
}

void
report_core_skip(struct report_core *core, struct slice reason)
{
    core->skipped = true;
    core->skip_reason = keep_text(&core->keep, reason);
}

void
report_core_problem(struct report_core *core, const char *format, ...)
{
    va_list arguments;

    if (core->problems.count >= PROBLEMS_MAX) {
        return;
    }
    va_start(arguments, format);
    char *text = alloc_vprintf(format, arguments);
    va_end(arguments);
    ARRAY_ADD(&core->problems,
              ((struct finding){
                  .kind = FINDING_ERROR,
                  .where = SLICE("test"),
                  .type = SLICE("report"),
                  .message = keep_text(&core->keep, slice_of(text)),
              }));
    free(text);
}

static void
add_ending(struct report_core *core, enum finding_kind kind, const char *type,
           struct slice message)
{
    ARRAY_ADD(&core->findings, ((struct finding){
                                   .kind = kind,
                                   .where = SLICE("test"),
                                   .type = slice_of(type),
                                   .message = message,
                               }));
}

// The state as the exit status alone has it.
static enum state
judge_status(struct report_core *core, int status)
{
    if (WIFSIGNALED(status)) {
        add_ending(core, FINDING_ERROR, "signal",
                   keep_printf(&core->keep, "ended by signal %d%s",
                               WTERMSIG(status),
                               WCOREDUMP(status) ? ", core dumped" : ""));
        return STATE_CRASHED;
    }
    switch (WEXITSTATUS(status)) {
    case EXIT_SUCCESS:
        return STATE_PASSED;
    case EXIT_SKIP:
        return STATE_SKIPPED;
    case EXIT_HARD_ERROR:
        add_ending(core, FINDING_ERROR, "exit",
                   SLICE("exit status 99: a hard error"));
        return STATE_ERROR;
    default:
        add_ending(
            core, FINDING_FAILURE, "exit",
            keep_printf(&core->keep, "exit status %d", WEXITSTATUS(status)));
        return STATE_FAILED;
    }
}

// What the report adds to the exit status.
static enum state
judge_report(const struct report_core *core, enum state state)
{
    if (state == STATE_CRASHED) {
        return state;
    }
    if (core->problems.count > 0) {
        return STATE_ERROR;
    }
    if (core->bad > 0 && (state == STATE_PASSED || state == STATE_SKIPPED)) {
        return STATE_FAILED;
    }
    if (core->skipped && state == STATE_PASSED) {
        return STATE_SKIPPED;
    }
    return state;
}

// Whether there is more to say than the points do.
static bool
counts(const struct report_core *core, enum state by_status, enum state state)
{
    if (core->points == 0 || core->problems.count > 0) {
        return true;
    }
    if (by_status == STATE_FAILED && core->bad > 0) {
        return false; // it ended like this because points failed
    }
    return by_status != STATE_PASSED && state == by_status;
}

struct report_verdict
report_core_end(struct report_core *core, int status, uint64_t us)
{
    enum state by_status = judge_status(core, status);
    enum state state = judge_report(core, by_status);

    for (size_t i = 0; i < core->problems.count; i++) {
        ARRAY_ADD(&core->findings, core->problems.items[i]);
    }
    core->outcome = (struct outcome){
        .state = state,
        .us = us,
        .findings = core->findings.items,
        .finding_count = core->findings.count,
        .out = clip_output(&core->printed),
        .ran = true,
        .counted = true,
    };
    if (state == STATE_SKIPPED) {
        core->outcome.reason =
            core->skipped ? core->skip_reason : SLICE("exit status 77");
    }
    return (struct report_verdict){
        .outcome = &core->outcome,
        .counts = counts(core, by_status, state),
        .points = core->points,
    };
}
