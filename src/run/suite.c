#include "run/suite.h"

#include "loop/deadline.h"
#include "loop/listener.h"
#include "run/callers.h"
#include "run/crew.h"
#include "run/leak.h"
#include "run/remark.h"
#include "run/tidy.h"
#include "schedule/batch.h"
#include "util/alloc.h"
#include "util/escape.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

// How often pages and limits are looked at.
#define SUITE_TICK_MS 50
struct suite {
    struct source source;
    struct executor executor;
    struct suite_params params;
    struct slot_shared shared;
    struct request_welcome welcome;
    struct zygote *zygote;
    struct crew crew;
    struct listener *listener;
    struct callers callers;
    struct batch batch;
    struct deadline tick;
    struct tidy tidy;
    bool cancelled;
    bool draining;
    bool zygote_stopping;
    bool drained;
    bool finished; // only the items were wanted
};

static struct suite *
of_source(struct source *source)
{
    return (struct suite *)(void *)((char *)source -
                                    offsetof(struct suite, source));
}

static struct suite *
of_executor(struct executor *executor)
{
    return (struct suite *)(void *)((char *)executor -
                                    offsetof(struct suite, executor));
}

// ---------------------------------------------------------------- greeting

static void
refuse(struct suite *suite, struct session *session,
       const struct adapter_hello *hello)
{
    struct err err = {0};
    struct buf line = BUF_INIT(1024);
    err_set(&err, ERR_PROTOCOL,
            "adapter \"%s\" speaks protocol %.*s, this mule speaks %s",
            suite->params.command->name, SLICE_ARG(hello->protocol),
            ADAPTER_PROTOCOL);
    err_hint(&err, "install the adapter and mule from the same release");
    request_add_refused(&line, err.text);
    session_send(session, buf_slice(&line));
    buf_release(&line);
    session_drop(session);
    suite->params.events->on_broken(suite->params.ctx, &err);
}

static void
seat(struct suite *suite, struct session *session,
     const struct adapter_hello *hello)
{
    struct slot *slot = crew_find(&suite->crew, hello->slot);
    if (hello->major != ADAPTER_PROTOCOL_MAJOR) {
        refuse(suite, session, hello);
    } else if (hello->role == ADAPTER_ZYGOTE) {
        zygote_greeted(suite->zygote, session, hello);
    } else if (slot != NULL) {
        slot_greeted(slot, session, hello);
    } else {
        log_warn("suite: a worker greeted for slot %d", hello->slot);
        session_drop(session);
    }
}

static void
on_greeting(void *ctx, struct session *session,
            const struct adapter_hello *hello)
{
    seat(ctx, session, hello);
}

static void
on_stranger(void *ctx, const char *what)
{
    struct suite *suite = ctx;
    char *text = alloc_printf("somebody called mule's socket and was not "
                              "an adapter: %s",
                              what);
    suite->params.events->on_note(suite->params.ctx, NOTE_WARNING, text, NULL);
    free(text);
}

static void
on_connection(void *ctx, struct connection *connection)
{
    struct suite *suite = ctx;
    callers_add(&suite->callers, connection);
}

// ------------------------------------------------------------------- ticks

static void
on_tick(void *ctx)
{
    struct suite *suite = ctx;
    crew_tick(&suite->crew, (uint64_t)loop_now_us(suite->params.loop));
    if (crew_is_working(&suite->crew)) {
        deadline_arm(&suite->tick, SUITE_TICK_MS);
    }
}

// ---------------------------------------------------------------- draining

static void
end_drain(void *ctx)
{
    struct suite *suite = ctx;
    if (!suite->drained) {
        suite->drained = true;
        suite->params.events->on_drained(suite->params.ctx);
    }
}

static void
on_tidied(void *ctx, const char *problem)
{
    struct suite *suite = ctx;
    if (problem != NULL) {
        suite->params.events->on_note(
            suite->params.ctx, NOTE_WARNING, problem,
            "`mule doctor` names the databases that are left");
    }
    end_drain(suite);
}

/* All that the tests left is gone, but for what is not on this machine. */
static void
on_settled(void *ctx)
{
    struct suite *suite = ctx;
    if (!zygote_owes(suite->zygote)) {
        end_drain(suite);
        return;
    }
    const struct suite_params *params = &suite->params;
    tidy_init(&suite->tidy, &(struct tidy_params){
                                .loop = params->loop,
                                .guardians = params->guardians,
                                .command = params->command,
                                .on_done = on_tidied,
                                .ctx = suite,
                            });
    tidy_start(&suite->tidy);
}

/* Slots first, then the zygote, then what they all left behind. */
static void
go_on_draining(struct suite *suite)
{
    if (!suite->draining || suite->zygote_stopping ||
        crew_is_working(&suite->crew)) {
        return;
    }
    suite->zygote_stopping = true;
    zygote_stop(suite->zygote);
}

static void
on_slot_empty(void *ctx)
{
    go_on_draining(ctx);
}

static void
on_job_us(void *ctx, uint64_t us)
{
    struct suite *suite = ctx;
    batch_learn(&suite->batch, us);
}

// ------------------------------------------------------------- the zygote

static void
on_zygote_ready(void *ctx)
{
    struct suite *suite = ctx;
    unsigned can = zygote_can(suite->zygote);
    bool fork = (can & ADAPTER_CAN_FORK) != 0;
    suite->shared.spawn = !fork || suite->params.settings->start == START_SPAWN;
    suite->shared.inside = suite->params.command->terminal;
    suite->params.events->on_room(suite->params.ctx);
}

static void
on_preparing(void *ctx, struct slice text)
{
    struct suite *suite = ctx;
    suite->params.events->on_preparing(suite->params.ctx, text);
}

static void
on_prepared(void *ctx, uint64_t us, struct slice said)
{
    struct suite *suite = ctx;
    const struct executor_events *events = suite->params.events;
    events->on_prepared(suite->params.ctx, us);
    if (said.len > 0) {
        struct buf text = BUF_INIT(2 * LAST_WORDS_MAX);
        buf_add_text(&text, "printed while preparing:\n");
        escape_terminal(&text, said, ESCAPE_KEEP_LINES);
        events->on_note(suite->params.ctx, NOTE_INFO, buf_text(&text), NULL);
        buf_release(&text);
    }
    events->on_room(suite->params.ctx);
}

static void
on_unfit(void *ctx, const struct adapter_unfit *unfit)
{
    struct suite *suite = ctx;
    remark_unfit(unfit, suite->params.events, suite->params.ctx);
}

static void
on_zygote_note(void *ctx, const struct adapter_note *note)
{
    struct suite *suite = ctx;
    remark_note(note, suite->params.events, suite->params.ctx);
}

static struct slot *
find_slot(const struct suite *suite, int number)
{
    return crew_find(&suite->crew, number);
}

static void
on_forked(void *ctx, int number, int pid)
{
    struct slot *slot = find_slot(ctx, number);
    if (slot != NULL) {
        slot_forked(slot, pid);
    }
}

static void
on_failed(void *ctx, int number, struct slice reason)
{
    struct slot *slot = find_slot(ctx, number);
    if (slot != NULL) {
        slot_fork_failed(slot, reason);
    }
}

static void
on_exited(void *ctx, const struct adapter_slot *exit)
{
    struct slot *slot = find_slot(ctx, exit->slot);
    if (slot != NULL && slot_has(slot, exit->pid)) {
        slot_exited(slot, exit->status, &exit->usage);
    }
}

static void
on_zygote_message(void *ctx, const struct adapter_message *message)
{
    struct suite *suite = ctx;
    if (suite->shared.inside) {
        slot_message(suite->crew.slots[0], message);
    } else {
        log_warn("suite: the zygote said \"%s\"",
                 adapter_kind_name(message->kind));
    }
}

/*
 * A test killed it, as one does that signals the process in which its module
 * was loaded. What ran is lost and, like the rest, runs in workers that load
 * it themselves: there that process is their own.
 */
static bool
go_on_without_zygote(struct suite *suite, const struct err *err)
{
    if (suite->shared.inside || suite->cancelled || suite->shared.spawn ||
        (zygote_can(suite->zygote) & ADAPTER_CAN_RUN) == 0 ||
        !zygote_prepare(suite->zygote)) {
        return false;
    }
    suite->shared.spawn = true;
    char *text = alloc_printf("%s; what has not run yet is loaded again in"
                              " processes of its own",
                              err->text);
    suite->params.events->on_note(suite->params.ctx, NOTE_WARNING, text, NULL);
    free(text);
    return true;
}

static void
on_zygote_died(void *ctx, const struct err *err)
{
    struct suite *suite = ctx;
    if (!go_on_without_zygote(suite, err) &&
        (!suite->shared.inside || !suite->cancelled)) {
        suite->params.events->on_broken(suite->params.ctx, err);
    }
    crew_orphaned(&suite->crew);
}

static void
on_zygote_stopped(void *ctx)
{
    struct suite *suite = ctx;
    if (suite->draining) {
        guardians_settle(suite->params.guardians, on_settled, suite);
    }
}

// ------------------------------------------------------- source, executor

static void
source_collect(struct source *source, struct items *items, bool everything,
               const struct source_events *events, void *ctx)
{
    zygote_collect(of_source(source)->zygote, items, everything, events, ctx);
}

static void
source_finish(struct source *source)
{
    struct suite *suite = of_source(source);
    if (!suite->finished) {
        suite->finished = true;
        zygote_stop(suite->zygote);
    }
}

static int
slots_in_use(const struct suite *suite)
{
    return suite->shared.inside ? 1 : suite->params.slots;
}

static uint32_t
executor_room(struct executor *executor, const struct demand *demand)
{
    struct suite *suite = of_executor(executor);
    bool ready = zygote_is_ready(suite->zygote) || suite->shared.spawn;
    if (!ready || suite->draining || suite->cancelled) {
        return 0;
    }
    if (demand->waiting > 0 && !zygote_prepare(suite->zygote)) {
        return 0;
    }
    return crew_room(&suite->crew, slots_in_use(suite), &suite->batch, demand);
}

static void
executor_start(struct executor *executor, const struct order *order)
{
    struct suite *suite = of_executor(executor);
    crew_give(&suite->crew, slots_in_use(suite), &suite->batch, order);
    if (!deadline_is_armed(&suite->tick)) {
        deadline_arm(&suite->tick, SUITE_TICK_MS);
    }
}

static void
executor_cancel(struct executor *executor, bool now)
{
    struct suite *suite = of_executor(executor);
    suite->cancelled = true;
    crew_cancel(&suite->crew, now);
    if (now) {
        zygote_hurry(suite->zygote);
        tidy_hurry(&suite->tidy);
    }
}

static void
executor_cancel_order(struct executor *executor, uint32_t job, uint16_t attempt,
                      bool now)
{
    crew_cancel_order(&of_executor(executor)->crew, job, attempt, now);
}

static bool
executor_resize(struct executor *executor, int slots, struct err *err)
{
    struct suite *suite = of_executor(executor);
    workplace_grow(suite->params.workplace, slots);
    bool fine = crew_grow(&suite->crew, slots, err);
    suite->params.slots = fine ? slots : suite->crew.count;
    return fine;
}

static bool
executor_view(struct executor *executor, uint32_t job, struct order_view *view)
{
    return crew_view(&of_executor(executor)->crew, job, view) != NULL;
}

static void
executor_read(struct executor *executor, uint32_t job, int stream,
              uint64_t from, uint64_t to, struct buf *text)
{
    struct order_view view;
    struct slot *slot = crew_view(&of_executor(executor)->crew, job, &view);
    if (slot != NULL) {
        slot_read(slot, stream, from, to, text);
    }
}

static void
executor_pause(struct executor *executor, bool paused)
{
    struct suite *suite = of_executor(executor);
    working_time_pause(&suite->shared.time, paused,
                       (uint64_t)loop_now_us(suite->params.loop));
}

static void
executor_drain(struct executor *executor)
{
    struct suite *suite = of_executor(executor);
    suite->draining = true;
    crew_stop(&suite->crew);
    go_on_draining(suite);
}

// ----------------------------------------------------------- from outside

static void
make_welcome(struct suite *suite)
{
    const struct settings *settings = suite->params.settings;
    bool rcfile = settings->coverage != NULL && settings->coverage[0] != '\0';
    suite->welcome = (struct request_welcome){
        .version = suite->params.version,
        .build = suite->params.build_id,
        .isolation = settings->isolation,
        .verbosity = settings->verbosity,
        .coverage_dir = suite->params.coverage_dir,
        .coverage_rcfile = rcfile ? settings->coverage : NULL,
        .profile_dir = suite->params.profile_dir,
        .debug = settings->pdb                       ? "pdb"
                 : settings->capture == CAPTURE_NONE ? "terminal"
                                                     : NULL,
        .max_output = settings->output_limit,
        .db_prefix = settings->db_prefix,
        .keepdb = settings->keepdb,
        .bootstrap = settings->auto_bootstrap,
        .tags = &settings->tags,
        .exclude_tags = &settings->exclude_tags,
    };
}

static void
make_shared(struct suite *suite)
{
    const struct suite_params *params = &suite->params;
    suite->shared = (struct slot_shared){
        .loop = params->loop,
        .guardians = params->guardians,
        .settings = params->settings,
        .items = params->items,
        .workplace = params->workplace,
        .zygote = suite->zygote,
        .command = params->command,
        .welcome = &suite->welcome,
        .build_id = params->build_id,
        .base = params->base,
        .events = params->events,
        .ctx = params->ctx,
        .on_job_us = on_job_us,
        .on_empty = on_slot_empty,
        .suite = suite,
        .line = BUF_INIT(2 * ADAPTER_LINE_MAX),
    };
}

static void
make_zygote(struct suite *suite)
{
    static const struct zygote_events events = {
        .on_ready = on_zygote_ready,
        .on_forked = on_forked,
        .on_failed = on_failed,
        .on_exited = on_exited,
        .on_preparing = on_preparing,
        .on_prepared = on_prepared,
        .on_unfit = on_unfit,
        .on_note = on_zygote_note,
        .on_message = on_zygote_message,
        .on_died = on_zygote_died,
        .on_stopped = on_zygote_stopped,
    };
    suite->zygote = zygote_new(&(struct zygote_params){
        .loop = suite->params.loop,
        .guardians = suite->params.guardians,
        .settings = suite->params.settings,
        .workplace = suite->params.workplace,
        .command = suite->params.command,
        .welcome = &suite->welcome,
        .events = &events,
        .ctx = suite,
    });
}

static bool
open_suite(struct suite *suite, struct err *err)
{
    const struct suite_params *params = &suite->params;
    suite->listener =
        listener_new(params->loop, workplace_socket(params->workplace),
                     on_connection, suite, err);
    if (suite->listener == NULL) {
        return false;
    }
    return crew_init(&suite->crew, &suite->shared, params->slots, err);
}

struct suite *
suite_new(const struct suite_params *params, struct err *err)
{
    static const struct source_ops source_ops = {
        .collect = source_collect,
        .finish = source_finish,
    };
    static const struct callers_events callers_events = {
        .on_greeting = on_greeting,
        .on_stranger = on_stranger,
    };
    static const struct executor_ops executor_ops = {
        .room = executor_room,
        .start = executor_start,
        .cancel = executor_cancel,
        .cancel_order = executor_cancel_order,
        .resize = executor_resize,
        .view = executor_view,
        .read = executor_read,
        .pause = executor_pause,
        .drain = executor_drain,
    };
    struct suite *suite = ALLOC(struct suite);
    suite->params = *params;
    suite->source.ops = &source_ops;
    suite->executor.ops = &executor_ops;
    deadline_init(&suite->tick, params->loop, on_tick, suite);
    callers_init(&suite->callers, &callers_events, suite);
    make_welcome(suite);
    make_zygote(suite);
    make_shared(suite);
    if (!open_suite(suite, err)) {
        suite_free(suite);
        return NULL;
    }
    return suite;
}

void
suite_listen(struct suite *suite, void *ctx)
{
    suite->params.ctx = ctx;
    suite->shared.ctx = ctx;
}

void
suite_free(struct suite *suite)
{
    if (suite == NULL) {
        return;
    }
    deadline_release(&suite->tick);
    tidy_release(&suite->tidy);
    callers_release(&suite->callers);
    crew_release(&suite->crew);
    zygote_free(suite->zygote);
    listener_free(suite->listener);
    buf_release(&suite->shared.line);
    free(suite);
}

struct source *
suite_source(struct suite *suite)
{
    return &suite->source;
}

struct executor *
suite_executor(struct suite *suite)
{
    return &suite->executor;
}

void
suite_leaked(struct suite *suite, const struct guardian_leak *leak)
{
    struct event_leak event;
    leak_describe(&event, leak, suite->params.items, suite->params.build_id);
    suite->params.events->on_leak(suite->params.ctx, &event);
}
