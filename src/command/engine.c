#include "command/engine.h"

#include "command/aftermath.h"
#include "command/command.h"
#include "command/interpreter.h"
#include "config.h"
#include "config/cpus.h"
#include "loop/deadline.h"
#include "loop/keyboard.h"
#include "loop/signals.h"
#include "run/commands.h"
#include "run/run.h"
#include "run/suite.h"
#include "util/alloc.h"
#include "util/escape.h"
#include "util/log.h"
#include "util/path.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define ENGINE_TICK_MS 100

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
    struct signals *signals;
    struct keyboard *keyboard;
    struct deadline tick;
    struct interpreter interpreter;
    struct adapter_command adapter;
    char *adapter_line; // NULL: the one for unittest
    struct event_run about;
    char build_id[64];
    char hostname[256];
    char *cwd;
    char *rerun;
    char *coverage_dir;
    char *profile_dir;
    int slots;
    int cpus;   // that this process may use
    int signal; // that ended the run
    bool finished;
    int status;
    usec began;
};

// ------------------------------------------------------------------ names

static void
draw_build_id(struct engine *engine)
{
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    const char *given = engine->params.settings->build_id;
    if (given != NULL) {
        snprintf(engine->build_id, sizeof(engine->build_id), "%s", given);
        return;
    }
    unsigned char random[8];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        uint64_t now = (uint64_t)now_wall_usec();
        memcpy(random, &now, sizeof(random));
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        engine->build_id[i] = letters[random[i] % 32];
    }
    engine->build_id[sizeof(random)] = '\0';
}

static void
add_word(struct buf *buf, const char *word)
{
    buf_add_char(buf, ' ');
    escape_shell(buf, slice_of(word));
}

static void
add_option(struct buf *buf, const char *option, const char *value)
{
    if (value != NULL) {
        add_word(buf, option);
        add_word(buf, value);
    }
}

/* The words of the adapter as a shell would have them; NULL: none. */
static char *
join_adapter(const struct texts *words)
{
    struct buf line = BUF_INIT((size_t)64 * 1024);
    if (words->count == 0) {
        return NULL;
    }
    for (int i = 0; i < words->count; i++) {
        buf_add_text(&line, i > 0 ? " " : "");
        escape_shell(&line, slice_of(words->at[i]));
    }
    return buf_take(&line);
}

/* The command that runs one more item, without the item. */
static void
make_rerun(struct engine *engine)
{
    const struct settings *settings = engine->params.settings;
    struct buf buf = BUF_INIT((size_t)64 * 1024);
    buf_add_text(&buf, "mule test");
    if (strcmp(settings->basedir, ".") != 0) {
        add_option(&buf, "--basedir", settings->basedir);
    }
    if (strcmp(settings->pattern, "test*.py") != 0) {
        add_option(&buf, "--pattern", settings->pattern);
    }
    add_option(&buf, "--top", settings->top);
    add_option(&buf, "--python", settings->python);
    add_option(&buf, "--runner", settings->runner);
    engine->adapter_line = join_adapter(&settings->adapter);
    add_option(&buf, "--adapter", engine->adapter_line);
    add_option(&buf, "--workspace", settings->workspace);
    if (settings->tap) {
        add_word(&buf, "--tap");
    }
    engine->rerun = buf_take(&buf);
}

static const char *
name_isolation(const struct settings *settings)
{
    if (settings->tap || settings->runner != NULL) {
        return "command";
    }
    switch (settings->isolation) {
    case ISOLATION_CLASS:
        return "class";
    case ISOLATION_WORKER:
        return "worker";
    case ISOLATION_TEST:
        return "test";
    }
    return "";
}

static bool
describe(struct engine *engine, struct err *err)
{
    draw_build_id(engine);
    make_rerun(engine);
    gethostname(engine->hostname, sizeof(engine->hostname) - 1);
    engine->cwd = getcwd(NULL, 0);
    if (engine->cwd == NULL) {
        return err_set_errno(err, ERR_SYSTEM, errno, "find the current folder");
    }
    engine->about = (struct event_run){
        .build_id = engine->build_id,
        .version = MULE_VERSION,
        .hostname = engine->hostname,
        .cwd = engine->cwd,
        .command = engine->params.command != NULL ? engine->params.command
                                                  : engine->rerun,
        .isolation = name_isolation(engine->params.settings),
        .hash_seed = "",
        .slots = engine->slots,
    };
    return true;
}

// --------------------------------------------------------------- outside

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

static void
stop(struct engine *engine, enum stop_reason reason)
{
    if (engine->finished) {
        return;
    }
    bool again = engine->signal != 0 && reason == STOP_INTERRUPTED;
    run_stop(engine->run, reason, again);
}

/* Ctrl-Z: everything stands still, mule last; everything goes on after it. */
static void
stand_still(struct engine *engine)
{
    if (engine->params.on_hide != NULL) {
        engine->params.on_hide(engine->params.ctx);
    }
    guardians_pause(engine->guardians, true);
    loop_pause_deadlines(engine->loop, true);
    run_pause(engine->run, true);
    keyboard_hold(engine->keyboard, true);
    signals_stop_self();
    keyboard_hold(engine->keyboard, false);
    run_pause(engine->run, false);
    loop_pause_deadlines(engine->loop, false);
    guardians_pause(engine->guardians, false);
}

static void
ask(struct engine *engine)
{
    if (engine->params.on_asked != NULL) {
        engine->params.on_asked(engine->params.ctx,
                                (uint64_t)(now_usec() - engine->began));
    }
}

static void
on_signal(void *ctx, int signo)
{
    struct engine *engine = ctx;
    switch (signo) {
    case SIGINT:
    case SIGTERM:
    case SIGHUP:
        stop(engine, STOP_INTERRUPTED);
        engine->signal = signo;
        break;
    case SIGTSTP:
        stand_still(engine);
        break;
    case SIGUSR1:
        ask(engine);
        break;
    case SIGWINCH:
        if (engine->params.on_resize != NULL) {
            engine->params.on_resize(engine->params.ctx);
        }
        break;
    default:
        break;
    }
}

static void
on_key(void *ctx, enum keyboard_key key)
{
    struct engine *engine = ctx;
    switch (key) {
    case KEYBOARD_ENTER:
        ask(engine);
        break;
    case KEYBOARD_QUIT:
        stop(engine, STOP_ASKED);
        break;
    }
}

static void
on_tick(void *ctx)
{
    struct engine *engine = ctx;
    engine->params.on_tick(engine->params.ctx,
                           (uint64_t)(now_usec() - engine->began));
    deadline_arm(&engine->tick, ENGINE_TICK_MS);
}

static bool
listen_outside(struct engine *engine, struct err *err)
{
    static const int signos[] = {SIGINT,  SIGTERM, SIGHUP,
                                 SIGTSTP, SIGUSR1, SIGWINCH};
    engine->signals =
        signals_new(engine->loop, signos, sizeof(signos) / sizeof(signos[0]),
                    on_signal, engine, err);
    if (engine->signals == NULL) {
        return false;
    }
    const struct settings *settings = engine->params.settings;
    bool mine = settings->capture != CAPTURE_NONE && !settings->pdb;
    if (mine && engine->params.on_asked != NULL) {
        engine->keyboard =
            keyboard_new(engine->loop, STDIN_FILENO, on_key, engine);
    }
    return true;
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
        engine->adapter.name = engine->adapter_line;
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
    engine->profile_dir = make_folder(engine, "profile", settings->profile);
    engine->suite = suite_new(
        &(struct suite_params){
            .loop = engine->loop,
            .guardians = engine->guardians,
            .settings = settings,
            .items = engine->items,
            .workplace = engine->workplace,
            .command = &engine->adapter,
            .build_id = engine->build_id,
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
        .build_id = engine->build_id,
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
                .workplace = engine->workplace,
                .build_id = engine->build_id,
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
    engine->workplace =
        workplace_new(engine->slots, engine->cpus, engine->build_id, err);
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
    deadline_disarm(&engine->tick);
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
        .rerun = engine->rerun,
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
    deadline_init(&engine->tick, engine->loop, on_tick, engine);
    if (engine->guardians == NULL || !describe(engine, err)) {
        engine_free(engine);
        return NULL;
    }
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
    keyboard_free(engine->keyboard);
    if (engine->signals != NULL) {
        signals_free(engine->signals);
    }
    deadline_release(&engine->tick);
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
    free(engine->cwd);
    free(engine->rerun);
    free(engine->adapter_line);
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
    if (!listen_outside(engine, err)) {
        return EXIT_BROKEN;
    }
    make_run(engine, sink);
    engine->began = now_usec();
    if (engine->params.on_tick != NULL) {
        deadline_arm(&engine->tick, ENGINE_TICK_MS);
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
    return engine->signal;
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
