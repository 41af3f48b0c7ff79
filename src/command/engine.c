#include "command/engine.h"

#include "command/aftermath.h"
#include "command/command.h"
#include "command/identity.h"
#include "command/interpreter.h"
#include "config.h"
#include "config/cpus.h"
#include "run/commands.h"
#include "run/run.h"
#include "run/suite.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/path.h"

#include <stdlib.h>
#include <string.h>

struct engine {
    struct engine_params params;
    struct loop *loop;
    struct guardians *guardians;
    struct workplace *workplace;
    struct items *items;
    struct suite *suite;       // where tests go through an adapter, or NULL
    struct commands *commands; // where programs are run, or NULL
    struct scripts *scripts;   // of the workspace, or NULL
    struct run *run;
    struct outside *outside;
    struct interpreter interpreter;
    struct adapter_command adapter;
    struct identity identity;
    struct event_run about;
    char *coverage_dir;
    char *profile_dir;
    int slots;
    int cpus; // that this process may use
    bool finished;
    int status;
};

static void
on_leak(void *ctx, const struct guardian_leak *leak)
{
    struct engine *engine = ctx;
    if (engine->suite != NULL) {
        suite_leaked(engine->suite, leak);
    } else if (engine->commands != NULL) {
        commands_leaked(engine->commands, leak);
    }
}

static void
on_guardian_died(void *ctx, const struct err *err)
{
    (void)ctx;
    log_warn("guardian: %s", err->text);
}

// ----------------------------------------------------------------- wiring

static bool
needs_adapter(const struct settings *settings)
{
    bool named = settings->labels.count > 0 || settings->jobs_from != NULL;
    return !settings->tap && (settings->runner == NULL || !named);
}

static char *
make_folder(const struct engine *engine, const char *name, bool wanted)
{
    struct err ignored = {0};
    if (!wanted) {
        return NULL;
    }
    char *path = path_join(workplace_folder(engine->workplace), name);
    path_make_folders(path, 0700, &ignored);
    return path;
}

/* The one that was named, or that for unittest. */
static bool
choose_adapter(struct engine *engine, struct err *err)
{
    const struct settings *settings = engine->params.settings;
    engine->adapter.terminal =
        settings->pdb || settings->capture == CAPTURE_NONE;
    if (settings->adapter.count > 0) {
        engine->adapter.argv = (const char *const *)settings->adapter.at;
        engine->adapter.name = engine->identity.adapter;
        return true;
    }
    if (!interpreter_find(&engine->interpreter, settings, err)) {
        return false;
    }
    engine->adapter.argv = interpreter_argv(&engine->interpreter);
    engine->adapter.name = "unittest";
    return true;
}

static bool
make_suite(struct engine *engine, struct err *err)
{
    const struct settings *settings = engine->params.settings;
    if (!choose_adapter(engine, err)) {
        return false;
    }
    engine->coverage_dir =
        make_folder(engine, "coverage", settings->coverage != NULL);
    if (settings->profile) {
        engine->profile_dir = path_absolute(AFTERMATH_PROFILES, err);
        if (engine->profile_dir == NULL ||
            !aftermath_make_profiles(engine->profile_dir, err)) {
            return false;
        }
    }
    engine->suite = suite_new(
        &(struct suite_params){
            .loop = engine->loop,
            .guardians = engine->guardians,
            .settings = settings,
            .items = engine->items,
            .workplace = engine->workplace,
            .command = &engine->adapter,
            .build_id = engine->identity.build_id,
            .version = MULE_VERSION,
            .coverage_dir = engine->coverage_dir,
            .profile_dir = engine->profile_dir,
            .slots = engine->slots,
            .events = run_executor_events(),
        },
        err);
    return engine->suite != NULL;
}

static void
make_commands(struct engine *engine)
{
    engine->commands = commands_new(&(struct commands_params){
        .loop = engine->loop,
        .guardians = engine->guardians,
        .settings = engine->params.settings,
        .items = engine->items,
        .workplace = engine->workplace,
        .build_id = engine->identity.build_id,
        .revision = getenv("MULE_REVISION"),
        .slots = engine->slots,
        .events = run_executor_events(),
    });
}

static bool
make_scripts(struct engine *engine, struct err *err)
{
    const struct settings *settings = engine->params.settings;
    if (settings->workspace == NULL) {
        return true;
    }
    for (int i = 0; i < settings->workspace_count; i++) {
        const struct workspace *workspace = &settings->workspaces[i];
        if (strcmp(workspace->name, settings->workspace) == 0) {
            engine->scripts = scripts_new(&(struct scripts_params){
                .loop = engine->loop,
                .guardians = engine->guardians,
                .workspace = workspace,
                .build_id = engine->identity.build_id,
                .revision = getenv("MULE_REVISION"),
                .output_limit = settings->output_limit,
                .grace_ms = settings->grace_ms,
            });
            return true;
        }
    }
    err_set(err, ERR_CONFIG, "there is no workspace \"%s\"",
            settings->workspace);
    return err_hint(err, "mule.yaml names them under `workspaces:`");
}

/* Everything below is the run's own; the run is made when a sink is there. */
static bool
wire(struct engine *engine, struct err *err)
{
    const struct settings *settings = engine->params.settings;
    engine->workplace = workplace_new(engine->slots, engine->cpus,
                                      engine->identity.build_id, err);
    if (engine->workplace == NULL) {
        return false;
    }
    guardians_remove_at_end(engine->guardians,
                            workplace_folder(engine->workplace));
    guardians_environment(engine->guardians,
                          workplace_environment(engine->workplace));
    engine->about.hash_seed = workplace_hash_seed(engine->workplace);
    if (needs_adapter(settings) && !make_suite(engine, err)) {
        return false;
    }
    if (settings->tap || settings->runner != NULL) {
        make_commands(engine);
    }
    if (engine_python(engine) != NULL) {
        engine->about.python = engine_python(engine);
        engine->about.python_origin = engine_python_origin(engine);
    }
    return make_scripts(engine, err);
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
    bool programs = engine->commands != NULL;
    engine->run = run_new(&(struct run_params){
        .settings = engine->params.settings,
        .loop = engine->loop,
        .items = engine->items,
        .source = engine->suite != NULL ? suite_source(engine->suite)
                                        : commands_source(engine->commands),
        .executor = programs ? commands_executor(engine->commands)
                             : suite_executor(engine->suite),
        .scripts = engine->scripts,
        .sink = sink,
        .about = engine->about,
        .rerun = engine->identity.rerun,
        .commands = programs && engine->suite != NULL,
        .list_only = engine->params.list_only,
        .on_finished = on_finished,
        .ctx = engine,
    });
    if (engine->suite != NULL) {
        suite_listen(engine->suite, engine->run);
    }
    if (programs) {
        commands_listen(engine->commands, engine->run);
    }
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

struct engine *
engine_new(const struct engine_params *params, struct err *err)
{
    struct engine *engine = ALLOC(struct engine);
    engine->params = *params;
    const struct settings *settings = params->settings;
    engine->cpus = cpus_usable();
    int cpus = engine->cpus;
    engine->slots = settings->slots > 0 ? settings->slots : cpus;
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
        engine_free(engine);
        return NULL;
    }
    identity_describe(&engine->identity, settings, params->command,
                      &engine->about);
    engine->about.slots = engine->slots;
    engine->items = items_new();
    if (!wire(engine, err)) {
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
    if (engine->guardians != NULL) {
        guardians_stop(engine->guardians, on_stopped, engine);
        loop_run(engine->loop);
        guardians_free(engine->guardians);
    }
    run_free(engine->run);
    suite_free(engine->suite);
    commands_free(engine->commands);
    scripts_free(engine->scripts);
    items_free(engine->items);
    workplace_free(engine->workplace);
    loop_free(engine->loop);
    interpreter_release(&engine->interpreter);
    identity_release(&engine->identity);
    free(engine->coverage_dir);
    free(engine->profile_dir);
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
    return engine->interpreter.python.program;
}

const char *
engine_python_origin(const struct engine *engine)
{
    return python_source_name(engine->interpreter.python.source);
}

const char *
engine_package(const struct engine *engine)
{
    return engine->interpreter.package;
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
        .interpreter = &engine->interpreter,
        .fd = fd,
    };
    if (engine->coverage_dir != NULL &&
        !aftermath_combine_coverage(&aftermath, engine->coverage_dir,
                                    engine->params.settings->coverage, err)) {
        return false;
    }
    return engine->profile_dir == NULL ||
           aftermath_list_hottest(&aftermath, engine->profile_dir, err);
}
