#include "run/program.h"

#include "adapter/report_reader.h"
#include "run/keeper.h"
#include "run/program_words.h"
#include "run/run_request.h"
#include "run/variables.h"
#include "run/verdict.h"
#include "run/watch.h"
#include "util/alloc.h"
#include "util/log.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct program {
    struct program_shared *shared;
    int slot; // unique in the build
    int local_slot;
    bool busy;
    struct order order;
    uint32_t item;      // what the job was collected as
    bool whole;         // its points stand for it
    uint32_t processes; // so far: each job is one
    struct child *child;
    struct report_reader *reader;
    struct keeper kept[2]; // stdout, stderr
    struct watch watch;
    uint64_t began_us;
    struct err err; // why it could not be started
    struct buf id;
};

static uint64_t
program_now(const struct program *program)
{
    return (uint64_t)loop_now_us(program->shared->params.loop);
}

static uint64_t
watch_time(const struct program *program, uint64_t us)
{
    return working_time_at(&program->shared->time, us);
}

// ---------------------------------------------------------------- points

/* What was announced and does not come is told as missing points. */
static void
on_plan(void *ctx, const struct report_plan *plan)
{
    const struct program *program = ctx;
    log_debug("program %d: plans %zu points", program->slot, plan->count);
}

static void
on_point(void *ctx, const struct report_point *point)
{
    struct program *program = ctx;
    const struct program_shared *shared = program->shared;
    uint64_t now = program_now(program);
    uint64_t us = point->outcome->us;
    // A point of TAP has a name within its program only.
    buf_reset(&program->id);
    if (report_reader_format(program->reader) == FORMAT_TAP) {
        buf_addf(&program->id, "%s: ",
                 items_job_name(shared->params.items, program->order.job));
    }
    buf_add_slice(&program->id, point->id);
    struct order_appeared appeared = {
        .id = buf_slice(&program->id),
        .file = point->file,
        .line = point->line,
        .slot = program->slot,
        .whole = !program->whole,
        .began_us = now > us ? now - us : 0,
        .outcome = point->outcome,
    };
    program->whole = true;
    shared->params.events->on_appeared(shared->ctx, program->order.job,
                                       program->order.attempt, &appeared);
}

static void
on_bail(void *ctx, struct slice reason)
{
    struct program *program = ctx;
    const struct program_shared *shared = program->shared;
    shared->params.events->on_bail(shared->ctx, program->order.job, reason);
}

static const struct report_events report_events = {
    .on_plan = on_plan,
    .on_point = on_point,
    .on_bail = on_bail,
};

// ------------------------------------------------------------- the end

/* The outcome of the program as a whole, told once. */
static void
tell_outcome(struct program *program, const struct outcome *outcome)
{
    const struct program_shared *shared = program->shared;
    const struct executor_events *events = shared->params.events;
    const struct order *order = &program->order;
    if (!program->whole) {
        struct order_result result = {
            .job = order->job,
            .attempt = order->attempt,
            .item = program->item,
            .slot = program->slot,
            .began_us = program->began_us,
            .outcome = outcome,
        };
        events->on_result(shared->ctx, &result);
        return;
    }
    buf_reset(&program->id);
    buf_addf(&program->id, "program (%s)",
             items_job_name(shared->params.items, order->job));
    struct order_appeared appeared = {
        .id = buf_slice(&program->id),
        .slot = program->slot,
        .began_us = program->began_us,
        .outcome = outcome,
    };
    events->on_appeared(shared->ctx, order->job, order->attempt, &appeared);
}

static void
tell_verdict(struct program *program, const struct child_exit *exit)
{
    struct report_verdict verdict =
        report_reader_end(program->reader, exit->status, exit->wall_us);
    if (!verdict.counts) {
        return;
    }
    struct outcome outcome = *verdict.outcome;
    // What was not part of a report is the program's own output; where there
    // was no report, that is all of it.
    if (!program->whole) {
        outcome.out = keeper_output(&program->kept[0]);
    }
    outcome.err = keeper_output(&program->kept[1]);
    tell_outcome(program, &outcome);
}

static void
tell_failure(struct program *program)
{
    struct finding finding = {
        .kind = FINDING_ERROR,
        .type = SLICE("spawn"),
        .message = slice_of(program->err.text),
    };
    struct outcome outcome = {
        .state = STATE_ERROR,
        .findings = &finding,
        .finding_count = 1,
        .ran = true,
        .counted = true,
    };
    tell_outcome(program, &outcome);
}

static void
end_order(struct program *program, const struct child_exit *exit)
{
    const struct program_shared *shared = program->shared;
    char problem[256] = "";
    enum order_end end = exit->lost ? ORDER_LOST : ORDER_DONE;
    if (!verdict_of_watch(&program->watch, true, &end, problem,
                          sizeof(problem)) &&
        exit->lost) {
        snprintf(problem, sizeof(problem), "its guardian vanished");
    }
    if (exit->failed || err_is_set(&program->err)) {
        tell_failure(program);
    } else if (end == ORDER_DONE) {
        tell_verdict(program, exit);
    }
    struct order_report report = {
        .job = program->order.job,
        .attempt = program->order.attempt,
        .slot = program->slot,
        .end = end,
        .running = end == ORDER_DONE ? ITEM_NONE : program->item,
        .running_us = program_now(program) - program->began_us,
        .status = exit->status,
        .problem = problem,
        .usage = {exit->usage.user_us, exit->usage.system_us,
                  exit->usage.maxrss_kib},
        .us = exit->wall_us,
    };
    if (program->whole || end != ORDER_DONE) {
        report.err = keeper_output(&program->kept[1]);
    }
    if (end != ORDER_DONE) {
        report.out = keeper_output(&program->kept[0]);
    }
    report_reader_free(program->reader);
    program->reader = NULL;
    program->busy = false;
    shared->params.events->on_end(shared->ctx, &report);
    shared->on_free(shared->owner);
}

// ---------------------------------------------------------------- child

static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct program *program = ctx;
    bool out = stream == CHILD_OUT;
    keeper_add(&program->kept[out ? 0 : 1], bytes);
    if (out) {
        report_reader_feed(program->reader, bytes);
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct program *program = ctx;
    program->err = *err;
}

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct program *program = ctx;
    program->child = NULL;
    end_order(program, exit);
}

static void
make_environment(struct program *program, const char *tag,
                 struct variables *variables)
{
    const struct commands_params *params = &program->shared->params;
    const char *workspace = params->settings->workspace;
    variables_set_number(variables, "MULE_SLOT", program->slot);
    variables_set_number(variables, "MULE_LOCAL_SLOT", program->local_slot);
    variables_set_number(variables, "MULE_ATTEMPT",
                         items_peek(params->items, program->item)->tries);
    variables_set(variables, "MULE_JOB", tag);
    variables_set(variables, "TMPDIR",
                  workplace_tmp(params->workplace, program->local_slot, 0));
    variables_set_script(variables, params->build_id, workspace,
                         params->revision);
    variables_set(variables, "TEST",
                  items_job_name(params->items, program->order.job));
}

static bool
start_child(struct program *program, const char *tag, struct err *err)
{
    static const struct child_events events = {
        .on_output = on_output,
        .on_failed = on_failed,
        .on_gone = on_gone,
    };
    const struct commands_params *params = &program->shared->params;
    const struct settings *settings = params->settings;
    const char *name = items_job_name(params->items, program->order.job);
    struct program_words words;
    if (settings->tap) {
        if (!program_words_of_file(&words, name, err)) {
            program_words_release(&words);
            return false;
        }
    } else {
        program_words_init(&words, settings->runner, name);
    }
    struct variables variables = {0};
    make_environment(program, tag, &variables);
    bool terminal = settings->capture == CAPTURE_NONE;
    struct child_params child = {
        .argv = words.argv,
        .env = variables_list(&variables),
        .tag = tag,
        .input = terminal ? CHILD_INPUT_TERMINAL : CHILD_INPUT_NULL,
        .out = terminal ? CHILD_OUTPUT_TERMINAL : CHILD_OUTPUT_PIPE,
        .err = terminal                              ? CHILD_OUTPUT_TERMINAL
               : settings->capture == CAPTURE_MERGED ? CHILD_OUTPUT_SAME
                                                     : CHILD_OUTPUT_PIPE,
        .leads = terminal ? CHILD_LEADS_TERMINAL : CHILD_LEADS_GROUP,
    };
    program->child =
        child_start(params->guardians, &child, &events, program, err);
    program_words_release(&words);
    variables_release(&variables);
    return program->child != NULL;
}

static void
end_unstarted(void *ctx)
{
    struct program *program = ctx;
    end_order(program, &(struct child_exit){.failed = true});
}

void
program_start(struct program *program, const struct order *order)
{
    const struct program_shared *shared = program->shared;
    const struct commands_params *params = &shared->params;
    assert(!program->busy);
    program->busy = true;
    program->order = *order;
    program->item = items_of_job(params->items, order->job, 0);
    program->whole = false;
    program->err = (struct err){0};
    program->began_us = program_now(program);
    keeper_reset(&program->kept[0]);
    keeper_reset(&program->kept[1]);
    program->reader = report_reader_new(&(struct report_params){
        .format = params->settings->tap ? FORMAT_TAP : params->settings->format,
        .output_limit = params->settings->output_limit,
        .events = &report_events,
        .ctx = program,
    });
    struct watch_limits limits = {
        .job_ms = order->timeout_ms,
        .item_ms = order->test_timeout_ms,
        .slow_ms = order->slow_ms,
        .grace_ms = params->settings->grace_ms,
    };
    watch_begin(&program->watch, &limits,
                watch_time(program, program->began_us));
    watch_item(&program->watch, watch_time(program, program->began_us));
    shared->params.events->on_job_begin(shared->ctx,
                                        &(struct order_begin){
                                            .job = order->job,
                                            .attempt = order->attempt,
                                            .slot = program->slot,
                                            .process = ++program->processes,
                                        });
    shared->params.events->on_begin(shared->ctx, order->job, order->attempt,
                                    program->item, program->slot,
                                    program->began_us);
    char tag[RUN_REQUEST_TAG_SIZE];
    run_request_tag(tag, params->build_id, order->job, order->attempt);
    if (!start_child(program, tag, &program->err)) {
        loop_post(params->loop, end_unstarted, program);
    }
}

// ----------------------------------------------------------- from outside

struct program *
program_new(struct program_shared *shared, int slot)
{
    struct program *program = ALLOC(struct program);
    program->shared = shared;
    program->slot = shared->params.base + slot;
    program->local_slot = slot;
    uint64_t limit = shared->params.settings->output_limit;
    buf_init(&program->id, (size_t)1 << 20);
    keeper_init(&program->kept[0], limit);
    keeper_init(&program->kept[1], limit);
    return program;
}

void
program_free(struct program *program)
{
    if (program == NULL) {
        return;
    }
    assert(!program->busy);
    keeper_release(&program->kept[0]);
    keeper_release(&program->kept[1]);
    buf_release(&program->id);
    free(program);
}

bool
program_is_free(const struct program *program)
{
    return !program->busy;
}

static void
send_signal(struct program *program, int signo)
{
    if (program->child != NULL) {
        log_debug("program %d: signal %d", program->slot, signo);
        child_signal(program->child, signo);
    }
}

void
program_tick(struct program *program, uint64_t now_us)
{
    if (!program->busy || program->child == NULL) {
        return;
    }
    const struct program_shared *shared = program->shared;
    enum watch_action action;
    while (
        (action = watch_step(&program->watch, watch_time(program, now_us))) !=
        WATCH_NOTHING) {
        switch (action) {
        case WATCH_SAY_SLOW:
            shared->params.events->on_slow(shared->ctx, program->order.job,
                                           program->item, program->slot,
                                           now_us - program->began_us);
            break;
        case WATCH_DUMP:
            send_signal(program, SIGABRT);
            break;
        case WATCH_TERMINATE:
            send_signal(program, SIGTERM);
            break;
        case WATCH_KILL:
        case WATCH_GIVE_UP:
            send_signal(program, SIGKILL);
            break;
        case WATCH_NOTHING:
            break;
        }
    }
}

bool
program_view(const struct program *program, uint32_t job,
             struct order_view *view)
{
    if (!program->busy || program->order.job != job) {
        return false;
    }
    view->item = program->item;
    view->printed[VIEW_OUT] = program->kept[VIEW_OUT].total;
    view->printed[VIEW_ERR] = program->kept[VIEW_ERR].total;
    return true;
}

/* What lies between two places of a part that begins at `start`. */
static void
add_part(struct slice part, uint64_t start, uint64_t from, uint64_t to,
         struct buf *text)
{
    uint64_t skip = from > start ? from - start : 0;
    uint64_t end = to > start ? to - start : 0;
    if (skip < part.len && end > skip) {
        part = slice_first(part, end < part.len ? (size_t)end : part.len);
        buf_add_slice(text, slice_skip(part, (size_t)skip));
    }
}

void
program_read(struct program *program, int stream, uint64_t from, uint64_t to,
             struct buf *text)
{
    struct keeper *keeper = &program->kept[stream];
    struct output kept = keeper_output(keeper);
    add_part(kept.head, 0, from, to, text);
    add_part(kept.tail, keeper->total - kept.tail.len, from, to, text);
}

bool
program_has(const struct program *program, uint32_t job, uint16_t attempt)
{
    return program->busy && program->order.job == job &&
           program->order.attempt == attempt;
}

void
program_cancel(struct program *program, bool now)
{
    if (program->busy) {
        watch_cancel(&program->watch, now);
        program_tick(program, program_now(program));
    }
}
