#include "command/engine.h"

#include "command/aftermath.h"
#include "command/command.h"
#include "command/coordinator.h"
#include "command/identity.h"
#include "command/place.h"
#include "command/read_durations.h"
#include "config/cpus.h"
#include "run/run.h"
#include "util/alloc.h"
#include "util/log.h"

#include <stdlib.h>

struct engine {
    struct engine_params params;
    struct loop *loop;
    struct guardians *guardians;
    struct place place;
    struct coordinator coordinator; // where there is a fleet
    bool distributed;
    struct executor_events probing; // where there is a prober
    struct items *items;
    struct durations *durations; // of jobs, or NULL
    struct scripts *scripts;     // of the workspace, or NULL
    struct run *run;
    struct outside *outside;
    struct identity identity;
    struct event_run about;
    int slots;
    int cpus; // that this process may use
    bool finished;
    int status;
};

static void
on_leak(void *ctx, const struct guardian_leak *leak)
{
    struct engine *engine = ctx;
    place_leaked(&engine->place, leak);
}

static void
on_guardian_died(void *ctx, const struct err *err)
{
    (void)ctx;
    log_warn("guardian: %s", err->text);
}

// ----------------------------------------------------------------- wiring

static const struct executor_events *
choose_events(struct engine *engine)
{
    if (engine->distributed) {
        return coordinator_events(&engine->coordinator);
    }
    if (engine->params.prober == NULL) {
        return run_executor_events();
    }
    run_probe_events(&engine->probing);
    return &engine->probing;
}

/* Everything below is the run's own; the run is made when a sink is there. */
static bool
wire(struct engine *engine, struct err *err)
{
    struct place_params params = {
        .loop = engine->loop,
        .guardians = engine->guardians,
        .settings = engine->params.settings,
        .identity = &engine->identity,
        .items = engine->items,
        .revision = getenv("MULE_REVISION"),
        .slots = engine->slots,
        .cpus = engine->cpus,
        .hash_seed = engine->params.hash_seed,
        .events = choose_events(engine),
    };
    if (!place_init(&engine->place, &params, err) ||
        !place_open(&engine->place, engine->slots, err)) {
        return false;
    }
    engine->about.hash_seed = workplace_hash_seed(engine->place.workplace);
    if (engine_python(engine) != NULL) {
        engine->about.python = engine_python(engine);
        engine->about.python_origin = engine_python_origin(engine);
    }
    if (engine->about.slots > 0) {
        engine->scripts = place_scripts(&params, err);
    }
    return !err_is_set(err);
}

static bool
start_fleet(struct engine *engine, struct err *err)
{
    struct coordinator_params params = {
        .loop = engine->loop,
        .guardians = engine->guardians,
        .scratch = workplace_folder(engine->place.workplace),
        .identity = &engine->identity,
        .items = engine->items,
        .hash_seed = engine->about.hash_seed,
        .here = place_executor(&engine->place),
    };
    return coordinator_start(&engine->coordinator, &params, err);
}

static void
on_finished(void *ctx, int status)
{
    struct engine *engine = ctx;
    engine->finished = true;
    engine->status = status;
    outside_close(engine->outside);
    loop_stop(engine->loop);
}

static void
make_run(struct engine *engine, struct event_sink *sink)
{
    struct place *place = &engine->place;
    struct coordinator *coordinator = &engine->coordinator;
    engine->run = run_new(&(struct run_params){
        .settings = engine->params.settings,
        .loop = engine->loop,
        .items = engine->items,
        .source = place_source(place),
        .executor = engine->distributed ? coordinator_executor(coordinator)
                                        : place_executor(place),
        .scripts = engine->scripts,
        .sink = sink,
        .about = engine->about,
        .rerun = engine->identity.rerun,
        .history = engine->params.history,
        .durations = engine->durations,
        .filter = engine->params.filter,
        .sequence = engine->params.sequence,
        .prober = engine->params.prober,
        .commands = place->commands != NULL && place->suite != NULL,
        .elsewhere = engine->distributed && engine->about.slots == 0,
        .list_only = engine->params.list_only,
        .on_finished = on_finished,
        .ctx = engine,
    });
    place_listen(place, engine->distributed
                            ? coordinator_listen(coordinator, engine->run)
                            : engine->run);
}

static bool
listen_outside(struct engine *engine, struct err *err)
{
    static const struct outside_events none = {0};
    const struct settings *settings = engine->params.settings;
    const struct outside_events *events = engine->params.outside;
    struct outside_params params = {
        .events = events != NULL ? events : &none,
        .ctx = engine->params.ctx,
        .loop = engine->loop,
        .guardians = engine->guardians,
        .run = engine->run,
        .keys = settings->capture != CAPTURE_NONE && !settings->pdb,
    };
    engine->outside = outside_new(&params, err);
    return engine->outside != NULL;
}

// ----------------------------------------------------------- from outside

/* How many jobs run here at a time; a place that only collects needs one. */
static int
choose_slots(const struct engine *engine)
{
    const struct settings *settings = engine->params.settings;
    int usual = engine->distributed ? 1 : engine->cpus;
    return settings->slots > 0 ? settings->slots : usual;
}

static bool
begin(struct engine *engine, struct err *err)
{
    const struct engine_params *params = &engine->params;
    const struct settings *settings = params->settings;
    int cpus = engine->cpus;
    if (engine->distributed && !coordinator_init(&engine->coordinator, settings,
                                                 run_executor_events(), err)) {
        return false;
    }
    engine->loop = loop_new();
    static const struct guardians_events events = {
        .on_leak = on_leak,
        .on_died = on_guardian_died,
    };
    struct guardians_params guardians = {
        .count = engine->slots < cpus ? engine->slots : cpus,
    };
    engine->guardians =
        guardians_new(engine->loop, &guardians, &events, engine, err);
    if (engine->guardians == NULL ||
        !identity_init(&engine->identity, settings, err)) {
        return false;
    }
    identity_describe(&engine->identity, settings, params->command,
                      &engine->about);
    engine->about.slots = engine->distributed
                              ? coordinator_slots(&engine->coordinator)
                              : engine->slots;
    engine->items = items_new();
    return wire(engine, err) &&
           (!engine->distributed || start_fleet(engine, err));
}

/* What is wrong with them is to be said before anything begins. */
static bool
read_files(struct engine *engine, struct err *err)
{
    const struct settings *settings = engine->params.settings;
    if (settings->durations_file == NULL || settings->shard == 0) {
        return true;
    }
    engine->durations = read_durations(settings->durations_file, err);
    return engine->durations != NULL;
}

struct engine *
engine_new(const struct engine_params *params, struct err *err)
{
    struct engine *engine = ALLOC(struct engine);
    engine->params = *params;
    engine->distributed = params->settings->distributed && !params->list_only;
    engine->cpus = cpus_usable();
    engine->slots = choose_slots(engine);
    if (!read_files(engine, err) || !begin(engine, err)) {
        engine_free(engine);
        return NULL;
    }
    return engine;
}

static void
on_stopped(void *ctx)
{
    struct engine *engine = ctx;
    loop_stop(engine->loop);
}

void
engine_free(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    outside_free(engine->outside);
    coordinator_stop(&engine->coordinator);
    if (engine->guardians != NULL) {
        guardians_stop(engine->guardians, on_stopped, engine);
        loop_run(engine->loop);
        guardians_free(engine->guardians);
    }
    run_free(engine->run);
    coordinator_release(&engine->coordinator);
    scripts_free(engine->scripts);
    place_release(&engine->place);
    items_free(engine->items);
    durations_free(engine->durations);
    loop_free(engine->loop);
    identity_release(&engine->identity);
    free(engine);
}

const struct event_run *
engine_about(const struct engine *engine)
{
    return &engine->about;
}

const char *
engine_python(const struct engine *engine)
{
    return engine->place.interpreter.python.program;
}

const char *
engine_python_origin(const struct engine *engine)
{
    return python_source_name(engine->place.interpreter.python.source);
}

const char *
engine_package(const struct engine *engine)
{
    return engine->place.interpreter.package;
}

const char *
engine_rerun(const struct engine *engine)
{
    return engine->identity.rerun;
}

const char *
engine_adapter(const struct engine *engine)
{
    return engine->place.adapter.name;
}

struct items *
engine_items(struct engine *engine)
{
    return engine->items;
}

int
engine_run(struct engine *engine, struct event_sink *sink, struct err *err)
{
    make_run(engine, sink);
    if (!listen_outside(engine, err)) {
        return EXIT_BROKEN;
    }
    run_start(engine->run);
    while (!engine->finished) {
        loop_run(engine->loop);
    }
    if (err_is_set(run_error(engine->run))) {
        *err = *run_error(engine->run);
    }
    return engine->status;
}

int
engine_signal(const struct engine *engine)
{
    return outside_signal(engine->outside);
}

bool
engine_finish(struct engine *engine, int fd, struct err *err)
{
    struct aftermath aftermath = {
        .loop = engine->loop,
        .guardians = engine->guardians,
        .interpreter = &engine->place.interpreter,
        .fd = fd,
    };
    if (engine->place.coverage_dir != NULL &&
        !aftermath_combine_coverage(&aftermath, engine->place.coverage_dir,
                                    engine->params.settings->coverage, err)) {
        return false;
    }
    return engine->place.profile_dir == NULL ||
           aftermath_list_hottest(&aftermath, engine->place.profile_dir, err);
}
