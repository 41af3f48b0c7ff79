#include "celery/names.h"
#include "command/command.h"
#include "command/notify.h"
#include "config.h"
#include "config/broker.h"
#include "config/cpus.h"
#include "config/os_machine.h"
#include "fleet/member.h"
#include "fleet/native_carrier.h"
#include "fleet/python_carrier.h"
#include "loop/guardians.h"
#include "loop/signals.h"
#include "util/alloc.h"
#include "util/escape.h"
#include "util/log.h"
#include "util/path.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * mule worker: the wiring of a member, the carrier that brings it work, and
 * the engines it starts. With --carrier the work comes from a Python worker.
 */

enum {
    AGAIN_MS = 200,
    FOLDER_PATH_MAX = 60, // leaves room for sockets in folders in it
};

struct worker {
    struct settings settings;
    struct loop *loop;
    struct guardians *guardians;
    struct signals *signals;
    struct notify *notify;
    struct secret secret;
    struct member *member;
    struct native_carrier *native;
    struct python_carrier *python;
    struct engine_link_params engine;
    const char *engine_words[4];
    char *program; // this one
    char *folder;  // private
    char *urls;
    char *node;
    char *state; // folder
    char *joins; // folder of the markers, in it
    int slots;
    int asked; // how often to end
    msec asked_at;
    bool ready; // once
    bool over;
    struct err err;
};

// ------------------------------------------------------------------ saying

static void
say(const struct worker *worker, const char *text)
{
    struct buf line = BUF_INIT((size_t)64 * 1024);

    if (worker->settings.verbosity == 0) {
        return;
    }
    escape_terminal(&line, slice_of(text), ESCAPE_ONE_LINE);
    fprintf(stderr, "mule: %s: %s\n",
            worker->node != NULL ? worker->node : "worker", buf_text(&line));
    buf_release(&line);
}

static void
on_said(void *ctx, const char *line)
{
    struct worker *worker = ctx;

    say(worker, line);
    notify_status(worker->notify, line);
}

// ------------------------------------------------------------------ ending

static void
on_over(void *ctx, const struct err *err)
{
    struct worker *worker = ctx;

    worker->over = true;
    if (err != NULL) {
        worker->err = *err;
    }
    loop_stop(worker->loop);
}

static void
on_signal(void *ctx, int signo)
{
    static const enum carrier_stop stops[] = {STOP_WARM, STOP_SOFT, STOP_COLD};
    static const char *const words[] = {
        "ending: what runs may end; once more gives it ten seconds",
        "ending within ten seconds; once more ends it now",
        "ending now",
    };
    struct worker *worker = ctx;
    msec now = now_msec();

    // One wish comes twice where a group and its leader are told (timeout(1),
    // a terminal): that is no second thought.
    if (worker->asked > 0 && now - worker->asked_at < AGAIN_MS) {
        return;
    }
    worker->asked_at = now;
    // As Celery has it: SIGQUIT does not wait for what runs.
    if (signo == SIGQUIT && worker->asked == 0) {
        worker->asked = 1;
    }
    int how = worker->asked < 2 ? worker->asked : 2;
    worker->asked++;
    say(worker, words[how]);
    notify_say(worker->notify, "STOPPING=1");
    if (worker->member == NULL) {
        on_over(worker, NULL);
        return;
    }
    member_carrier_events.on_stop(worker->member, stops[how]);
}

// -------------------------------------------------------------- the member

static struct member_params
member_of(struct worker *worker)
{
    return (struct member_params){
        .loop = worker->loop,
        .secret = &worker->secret,
        .node = worker->node,
        .kind = "native",
        .python = "",
        .program = MULE_VERSION,
        .queue = worker->settings.queue,
        .slots = worker->slots,
        .state = worker->joins,
        .home = worker->state,
        .workspaces = worker->settings.workspaces,
        .workspace_count = worker->settings.workspace_count,
        .allow_scripts = worker->settings.allow_scripts,
        .once = worker->settings.once,
        .noop = worker->settings.noop,
        .start_engine = engine_link_start,
        .engine = &worker->engine,
        .say = on_said,
        .ctx = worker,
    };
}

static void
on_connected(void *ctx, const char *address)
{
    struct worker *worker = ctx;
    char *line = alloc_printf("connected to %s", address);

    on_said(worker, line);
    free(line);
    if (!worker->ready) {
        worker->ready = true;
        notify_say(worker->notify, "READY=1");
    }
}

static void
on_note(void *ctx, const char *text, const char *hint)
{
    struct worker *worker = ctx;
    char *line =
        alloc_printf("%s%s%s%s", text, hint != NULL ? " (" : "",
                     hint != NULL ? hint : "", hint != NULL ? ")" : "");

    on_said(worker, line);
    free(line);
}

static bool
start_native(struct worker *worker, struct err *err)
{
    static const struct native_carrier_events events = {
        .on_connected = on_connected,
        .on_note = on_note,
        .on_over = on_over,
    };
    struct member_params params = member_of(worker);

    if (!names_node_check(worker->node, err)) {
        return false;
    }
    worker->member = member_new(&params);
    worker->native = native_carrier_new(
        &(struct native_carrier_params){
            .loop = worker->loop,
            .urls = worker->urls,
            .node = worker->node,
            .queues = worker->settings.queue,
            .version = MULE_VERSION,
            .slots = worker->slots,
            .allow_control = worker->settings.allow_control,
        },
        &member_carrier_events, worker->member, &events, worker, err);
    return worker->native != NULL &&
           member_start(worker->member, native_carrier_base(worker->native),
                        err);
}

// ------------------------------------------------------------ of Python's

static void
on_hello(void *ctx, const struct python_hello *hello)
{
    struct worker *worker = ctx;

    worker->node = alloc_dup(hello->node);
    worker->slots = hello->slots;
    struct member_params params = member_of(worker);
    params.kind = "celery";
    params.python = hello->python;
    params.results = true;
    worker->member = member_new(&params);
    if (python_carrier_serve(worker->python, &member_carrier_events,
                             worker->member, &worker->err) &&
        member_start(worker->member, python_carrier_base(worker->python),
                     &worker->err)) {
        return;
    }
    worker->over = true;
    loop_stop(worker->loop);
}

static void
start_python(struct worker *worker)
{
    static const struct python_carrier_events events = {
        .on_hello = on_hello,
        .on_over = on_over,
    };

    worker->python =
        python_carrier_new(worker->loop, STDIN_FILENO, &events, worker);
}

// ------------------------------------------------------------------ wiring

/* "%h" is the host. */
static char *
node_name(const char *name)
{
    char host[256] = "localhost";
    struct slice rest = slice_of(name != NULL ? name : "mule@%h");
    struct buf full = BUF_INIT(4096);
    size_t at = 0;

    gethostname(host, sizeof(host) - 1);
    while ((at = slice_find_part(rest, SLICE("%h"))) < rest.len) {
        buf_add_slice(&full, slice_first(rest, at));
        buf_add_text(&full, host);
        rest = slice_skip(rest, at + 2);
    }
    buf_add_slice(&full, rest);
    char *node = names_node(buf_text(&full));
    buf_release(&full);
    return node;
}

static char *
state_folder(const struct settings *settings, struct err *err)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (settings->state != NULL) {
        return path_absolute(settings->state, err);
    }
    // Relative ones are to be ignored, says the specification.
    if (state != NULL && state[0] == '/') {
        return path_join(state, "mule");
    }
    if (home != NULL && home[0] == '/') {
        return path_join(home, ".local/state/mule");
    }
    err_set(err, ERR_CONFIG, "there is no home for what a worker keeps");
    err_hint(err, "pass --state FOLDER");
    return NULL;
}

static bool
find_program(struct worker *worker, struct err *err)
{
    worker->program = os_machine_executable();
    if (worker->program == NULL) {
        return err_set(err, ERR_SYSTEM, "this program cannot be found again");
    }
    worker->engine_words[0] = worker->program;
    worker->engine_words[1] = "worker";
    worker->engine_words[2] = "--engine";
    worker->engine_words[3] = NULL;
    return true;
}

/* All that may hold a password leaves the environment before anything is
 * started. */
static bool
read_choices(struct worker *worker, struct err *err)
{
    const struct settings *settings = &worker->settings;
    const char *origin = "";

    if (!settings->carrier) {
        worker->node = node_name(settings->name);
        worker->urls = broker_choose(settings, &origin, err);
    }
    if (!err_is_set(err)) {
        secret_read(&worker->secret, settings->secret_file, err);
    }
    broker_hide();
    if (err_is_set(err) || !find_program(worker, err)) {
        return false;
    }
    worker->state = state_folder(settings, err);
    if (worker->state == NULL) {
        return false;
    }
    worker->joins = path_join(worker->state, "joins");
    worker->slots =
        settings->concurrency > 0 ? settings->concurrency : cpus_usable();
    return true;
}

static void
on_leak(void *ctx, const struct guardian_leak *leak)
{
    (void)ctx;
    log_info("left by an engine: %d %s", (int)leak->pid, leak->command);
}

static void
on_guardian_died(void *ctx, const struct err *err)
{
    (void)ctx;
    log_warn("guardian: %s", err->text);
}

static bool
start(struct worker *worker, struct err *err)
{
    static const struct guardians_events events = {
        .on_leak = on_leak,
        .on_died = on_guardian_died,
    };
    static const int signos[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};

    if (!read_choices(worker, err)) {
        return false;
    }
    worker->loop = loop_new();
    worker->notify = notify_new(worker->loop);
    worker->guardians =
        guardians_new(worker->loop, &(struct guardians_params){.count = 1},
                      &events, worker, err);
    if (worker->guardians == NULL) {
        return false;
    }
    worker->folder = path_make_private("mule-", FOLDER_PATH_MAX, err);
    if (worker->folder == NULL) {
        return false;
    }
    guardians_remove_at_end(worker->guardians, worker->folder);
    worker->signals =
        signals_new(worker->loop, signos, sizeof(signos) / sizeof(signos[0]),
                    on_signal, worker, err);
    if (worker->signals == NULL) {
        return false;
    }
    worker->engine = (struct engine_link_params){
        .loop = worker->loop,
        .guardians = worker->guardians,
        .words = worker->engine_words,
        .folder = worker->folder,
    };
    if (worker->settings.carrier) {
        start_python(worker);
        return true;
    }
    return start_native(worker, err);
}

static void
on_guardians_gone(void *ctx)
{
    struct worker *worker = ctx;

    loop_stop(worker->loop);
}

static void
release(struct worker *worker)
{
    member_free(worker->member);
    native_carrier_free(worker->native);
    python_carrier_free(worker->python);
    signals_free(worker->signals);
    if (worker->guardians != NULL) {
        guardians_stop(worker->guardians, on_guardians_gone, worker);
        loop_run(worker->loop);
        guardians_free(worker->guardians);
    }
    notify_free(worker->notify);
    loop_free(worker->loop);
    secret_release(&worker->secret);
    settings_release(&worker->settings);
    if (worker->folder != NULL) {
        struct err err = {0};
        path_remove_tree(worker->folder, &err);
    }
    free(worker->folder);
    free(worker->program);
    free(worker->urls);
    free(worker->node);
    free(worker->state);
    free(worker->joins);
}

int
cmd_worker(int argc, char **argv)
{
    struct worker worker = {0};
    int status = EXIT_PASSED;

    if (!command_configure(COMMAND_WORKER, argc, argv, &worker.settings,
                           &status)) {
        return status;
    }
    if (worker.settings.engine) {
        settings_release(&worker.settings);
        return cmd_engine();
    }
    struct err err = {0};
    if (!start(&worker, &err)) {
        status = command_fail(&err);
    } else {
        while (!worker.over) {
            loop_run(worker.loop);
        }
        if (err_is_set(&worker.err)) {
            // Whatever it is, nobody could say it from the words alone.
            command_fail(&worker.err);
            status = EXIT_BROKEN;
        }
    }
    release(&worker);
    return status;
}
