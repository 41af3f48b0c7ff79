#include "command/command.h"
#include "command/place.h"
#include "config.h"
#include "config/cpus.h"
#include "fleet/noop.h"
#include "fleet/serving.h"
#include "loop/signals.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/path.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* mule worker --engine: serves one build, through the socket of its worker. */
struct engine_command {
    struct loop *loop;
    struct signals *signals;
    struct guardians *first;     // those who get the sources
    struct guardians *guardians; // those who work in them, maybe the same
    struct serving *serving;
    struct settings settings;
    bool configured;
    struct identity identity;
    const struct plan *plan; // the serving's
    char *revision;
    struct scripts *scripts; // of the workspace, or NULL
    struct items *items;
    struct place place;
    struct noop *noop; // instead of the place, or NULL
    bool in_order;
    char *home; // of the private folder
};

static void
on_leak(void *ctx, const struct guardian_leak *leak)
{
    struct engine_command *command = ctx;
    place_leaked(&command->place, leak);
}

static void
on_guardian_died(void *ctx, const struct err *err)
{
    (void)ctx;
    log_warn("guardian: %s", err->text);
}

// ----------------------------------------------------------- the serving

/* Forks them: whatever they start has the folder that we are in now. */
static struct guardians *
make_guardians(struct engine_command *command, struct err *err)
{
    static const struct guardians_events events = {
        .on_leak = on_leak,
        .on_died = on_guardian_died,
    };
    const struct plan *plan = command->plan;
    int cpus = cpus_usable();
    struct guardians_params params = {
        .count = plan->noop           ? 1
                 : plan->slots < cpus ? plan->slots
                                      : cpus,
    };
    return guardians_new(command->loop, &params, &events, command, err);
}

static bool
on_plan(void *ctx, const struct plan *plan, struct guardians **guardians,
        struct err *err)
{
    struct engine_command *command = ctx;
    if (strlen(plan->build) >= sizeof(command->identity.build_id)) {
        return err_set(err, ERR_PROTOCOL, "the id of the build is too long");
    }
    command->plan = plan;
    command->first = make_guardians(command, err);
    *guardians = command->first;
    return command->first != NULL;
}

/* The options of the build, on top of the mule.yaml that lies here. */
static bool
configure_here(struct engine_command *command, struct err *err)
{
    const struct plan *plan = command->plan;
    struct settings *settings = &command->settings;
    struct configured configured = {0};
    bool fine = configure(settings, &configured, COMMAND_TEST,
                          plan->options.count, plan->options.at, err);
    command->configured = true;
    configured_release(&configured);
    if (!fine) {
        return err_wrap(err, "the options of the build");
    }
    if (settings->pdb || settings->capture == CAPTURE_NONE) {
        return err_set(err, ERR_USAGE, "a worker has no terminal for tests");
    }
    free(settings->build_id);
    settings->build_id = alloc_dup(plan->build);
    free(settings->workspace);
    settings->workspace =
        plan->has_workspace ? alloc_dup(plan->workspace.name) : NULL;
    return identity_init(&command->identity, settings, err);
}

/* Scripts have the environment of the build, and none of our secrets. */
static bool
make_place(struct engine_command *command, struct err *err)
{
    const struct plan *plan = command->plan;
    struct place_params params = {
        .loop = command->loop,
        .guardians = command->guardians,
        .settings = &command->settings,
        .identity = &command->identity,
        .items = command->items,
        .revision = command->revision,
        .hash_seed = plan->hash_seed[0] != '\0' ? plan->hash_seed : NULL,
        .slots = plan->slots,
        .cpus = cpus_usable(),
        .base = plan->base,
        // How many others will come is not known to anybody.
        .total = plan->total > plan->base + plan->slots
                     ? plan->total
                     : plan->base + plan->slots,
        .needs_no_suite = true,
        .home = command->home,
        .events = desk_events(),
    };
    return place_init(&command->place, &params, err);
}

static void
make_scripts(struct engine_command *command, const struct serving_tree *tree)
{
    command->scripts = scripts_new(&(struct scripts_params){
        .loop = command->loop,
        .guardians = command->guardians,
        .workspace = &command->plan->workspace,
        .build_id = command->plan->build,
        .revision = command->revision,
        .output_limit = command->settings.output_limit,
        .grace_ms = command->settings.grace_ms,
        .on_said = tree->said,
        .ctx = tree->said_ctx,
    });
}

static bool
on_tree(void *ctx, const struct serving_tree *tree, struct scripts **scripts,
        struct err *err)
{
    struct engine_command *command = ctx;
    const struct plan *plan = command->plan;
    command->guardians = command->first;
    if (tree->folder != NULL) {
        if (chdir(tree->folder) != 0) {
            return err_set_errno(err, ERR_SYSTEM, errno, "enter %s",
                                 tree->folder);
        }
        command->guardians = make_guardians(command, err);
        if (command->guardians == NULL) {
            return false;
        }
    }
    command->revision = alloc_dup(tree->revision);
    command->items = items_new();
    if (!configure_here(command, err) ||
        (!plan->noop && !make_place(command, err))) {
        return false;
    }
    if (plan->has_workspace) {
        make_scripts(command, tree);
    }
    *scripts = command->scripts;
    return true;
}

static uint64_t
output_limit(void *ctx)
{
    const struct engine_command *command = ctx;
    return command->settings.output_limit;
}

static void
make_noop(struct engine_command *command, struct serving_place *place)
{
    command->noop = noop_new(&(struct noop_params){
        .loop = command->loop,
        .items = command->items,
        .slots = command->plan->slots,
        .base = command->plan->base,
        .events = desk_events(),
    });
    place->executor = noop_executor(command->noop);
    place->jobs = FINDER_NOTHING;
}

static bool
on_order(void *ctx, const struct plan *plan, struct serving_place *place,
         struct err *err)
{
    struct engine_command *command = ctx;
    place->items = command->items;
    if (plan->noop) {
        make_noop(command, place);
        return true;
    }
    if (!place_open(&command->place, plan->slots, err)) {
        return false;
    }
    place->executor = place_executor(&command->place);
    bool programs = command->place.commands != NULL;
    place->source = programs ? NULL : place_source(&command->place);
    place->jobs = programs ? FINDER_PROGRAMS : FINDER_COLLECTED;
    return true;
}

/* Of what is below here no trace may keep the tree busy. */
static void
on_leave_tree(void *ctx)
{
    (void)ctx;
    if (chdir("/") != 0) {
        log_warn("engine: cannot leave the tree");
    }
}

static void
on_desk(void *ctx, struct desk *desk)
{
    struct engine_command *command = ctx;
    if (command->noop != NULL) {
        noop_listen(command->noop, desk);
    } else {
        place_listen(&command->place, desk);
    }
}

static void
on_over(void *ctx, bool in_order)
{
    struct engine_command *command = ctx;
    command->in_order = in_order;
    loop_stop(command->loop);
}

// ---------------------------------------------------------------- the way

static int
call_worker(struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("MULE_SOCKET");
    if (path == NULL || strlen(path) >= sizeof(address.sun_path)) {
        err_set(err, ERR_USAGE, "an engine is started by a worker only");
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "call the worker at %s", path);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* A terminal's Ctrl-C reaches us too; what to do is the worker's to say. */
static void
on_signal(void *ctx, int signo)
{
    struct engine_command *command = ctx;
    if (signo == SIGTERM) {
        serving_abort(command->serving);
    }
}

static bool
begin(struct engine_command *command, struct err *err)
{
    static const struct serving_events events = {
        .on_plan = on_plan,
        .on_tree = on_tree,
        .output_limit = output_limit,
        .on_order = on_order,
        .on_leave_tree = on_leave_tree,
        .on_desk = on_desk,
        .on_over = on_over,
    };
    static const int signos[] = {SIGINT, SIGHUP, SIGTERM};
    int fd = call_worker(err);
    if (fd < 0) {
        return false;
    }
    // What the worker's guardian removes if all of us are killed.
    command->home = path_folder(getenv("MULE_SOCKET"));
    unsetenv("MULE_SOCKET"); // tests have sockets of their own
    for (const char *const *name = workplace_secrets(); *name != NULL; name++) {
        unsetenv(*name); // what gets the sources needs none of them
    }
    command->loop = loop_new();
    command->serving = serving_new(&(struct serving_params){
        .loop = command->loop,
        .fd = fd,
        .version = MULE_VERSION,
        .events = &events,
        .ctx = command,
    });
    command->signals =
        signals_new(command->loop, signos, 3, on_signal, command, err);
    return command->signals != NULL;
}

static void
on_stopped(void *ctx)
{
    struct engine_command *command = ctx;
    loop_stop(command->loop);
}

static void
stop_guardians(struct engine_command *command)
{
    if (command->guardians != NULL) {
        guardians_stop(command->guardians, on_stopped, command);
        loop_run(command->loop);
    }
    if (command->first != NULL && command->first != command->guardians) {
        guardians_stop(command->first, on_stopped, command);
        loop_run(command->loop);
    }
}

static void
end(struct engine_command *command)
{
    signals_free(command->signals);
    serving_free(command->serving);
    if (command->first != command->guardians) {
        guardians_free(command->first);
    }
    guardians_free(command->guardians);
    place_release(&command->place);
    noop_free(command->noop);
    scripts_free(command->scripts);
    items_free(command->items);
    loop_free(command->loop);
    free(command->revision);
    free(command->home);
    if (command->configured) {
        identity_release(&command->identity);
        settings_release(&command->settings);
    }
}

int
cmd_engine(void)
{
    struct engine_command command = {0};
    struct err err = {0};
    if (!begin(&command, &err)) {
        return command_fail(&err);
    }
    loop_run(command.loop);
    stop_guardians(&command);
    if (!command.in_order) {
        // Everything that ran was ended, and nobody waits for its last words.
        log_close();
        _exit(EXIT_BROKEN);
    }
    end(&command);
    return EXIT_PASSED;
}
