#include "command/place.h"

#include "command/aftermath.h"
#include "config.h"
#include "util/path.h"

#include <stdlib.h>
#include <string.h>

static bool
needs_adapter(const struct place_params *params)
{
    const struct settings *settings = params->settings;
    bool named = settings->labels.count > 0 || settings->jobs_from != NULL ||
                 params->needs_no_suite;
    return !settings->tap && (settings->runner == NULL || !named);
}

static char *
make_folder(const struct place *place, const char *name, bool wanted)
{
    struct err ignored = {0};
    if (!wanted) {
        return NULL;
    }
    char *path = path_join(workplace_folder(place->workplace), name);
    path_make_folders(path, 0700, &ignored);
    return path;
}

/* The one that was named, or that for unittest. */
static bool
choose_adapter(struct place *place, struct err *err)
{
    const struct settings *settings = place->params.settings;
    place->adapter.terminal =
        settings->pdb || settings->capture == CAPTURE_NONE;
    const struct texts *named = &settings->adapter;
    if (named->count > 0) {
        place->adapter.argv = (const char *const *)named->at;
        place->adapter.name = place->params.identity->adapter;
    }
    if (named->count > 0 && interpreter_is_wanted(named)) {
        bool fine =
            interpreter_find_for(&place->interpreter, settings, named, err);
        place->adapter.argv = interpreter_argv(&place->interpreter);
        return fine;
    }
    if (named->count > 0) {
        return true;
    }
    if (!interpreter_find(&place->interpreter, settings, err)) {
        return false;
    }
    place->adapter.argv = interpreter_argv(&place->interpreter);
    place->adapter.name = "unittest";
    return true;
}

static bool
make_suite(struct place *place, struct err *err)
{
    const struct place_params *params = &place->params;
    const struct settings *settings = params->settings;
    if (!choose_adapter(place, err)) {
        return false;
    }
    place->coverage_dir =
        make_folder(place, "coverage", settings->coverage != NULL);
    if (settings->profile) {
        place->profile_dir = path_absolute(AFTERMATH_PROFILES, err);
        if (place->profile_dir == NULL ||
            !aftermath_make_profiles(place->profile_dir, err)) {
            return false;
        }
    }
    place->suite = suite_new(
        &(struct suite_params){
            .loop = params->loop,
            .guardians = params->guardians,
            .settings = settings,
            .items = params->items,
            .workplace = place->workplace,
            .command = &place->adapter,
            .build_id = params->identity->build_id,
            .version = MULE_VERSION,
            .coverage_dir = place->coverage_dir,
            .profile_dir = place->profile_dir,
            .slots = params->slots,
            .base = params->base,
            .events = params->events,
        },
        err);
    return place->suite != NULL;
}

static void
make_commands(struct place *place)
{
    const struct place_params *params = &place->params;
    place->commands = commands_new(&(struct commands_params){
        .loop = params->loop,
        .guardians = params->guardians,
        .settings = params->settings,
        .items = params->items,
        .workplace = place->workplace,
        .build_id = params->identity->build_id,
        .revision = params->revision,
        .slots = params->slots,
        .base = params->base,
        .events = params->events,
    });
}

static bool
make_workplace(struct place *place, struct err *err)
{
    const struct place_params *params = &place->params;
    place->workplace = workplace_new(
        &(struct workplace_params){
            .slots = params->slots,
            .cpus = params->cpus,
            .total = params->total,
            .hash_seed = params->hash_seed,
            .build_id = params->identity->build_id,
            .home = params->home,
        },
        err);
    if (place->workplace == NULL) {
        return false;
    }
    guardians_remove_at_end(params->guardians,
                            workplace_folder(place->workplace));
    guardians_environment(params->guardians,
                          workplace_environment(place->workplace));
    return true;
}

// ----------------------------------------------------------- from outside

bool
place_init(struct place *place, const struct place_params *params,
           struct err *err)
{
    *place = (struct place){.params = *params};
    return make_workplace(place, err);
}

bool
place_open(struct place *place, int slots, struct err *err)
{
    const struct settings *settings = place->params.settings;
    place->params.slots = slots;
    workplace_grow(place->workplace, slots);
    if (needs_adapter(&place->params) && !make_suite(place, err)) {
        return false;
    }
    if (settings->tap || settings->runner != NULL) {
        make_commands(place);
    }
    return true;
}

void
place_release(struct place *place)
{
    suite_free(place->suite);
    commands_free(place->commands);
    workplace_free(place->workplace);
    interpreter_release(&place->interpreter);
    free(place->coverage_dir);
    free(place->profile_dir);
    *place = (struct place){0};
}

void
place_listen(struct place *place, void *ctx)
{
    if (place->suite != NULL) {
        suite_listen(place->suite, ctx);
    }
    if (place->commands != NULL) {
        commands_listen(place->commands, ctx);
    }
}

void
place_leaked(struct place *place, const struct guardian_leak *leak)
{
    if (place->suite != NULL) {
        suite_leaked(place->suite, leak);
    } else if (place->commands != NULL) {
        commands_leaked(place->commands, leak);
    }
}

struct source *
place_source(struct place *place)
{
    return place->suite != NULL ? suite_source(place->suite)
                                : commands_source(place->commands);
}

struct executor *
place_executor(struct place *place)
{
    return place->commands != NULL ? commands_executor(place->commands)
                                   : suite_executor(place->suite);
}

struct scripts *
place_scripts(const struct place_params *params, struct err *err)
{
    const struct settings *settings = params->settings;
    if (settings->workspace == NULL) {
        return NULL;
    }
    for (int i = 0; i < settings->workspace_count; i++) {
        const struct workspace *workspace = &settings->workspaces[i];
        if (strcmp(workspace->name, settings->workspace) == 0) {
            return scripts_new(&(struct scripts_params){
                .loop = params->loop,
                .guardians = params->guardians,
                .workspace = workspace,
                .build_id = params->identity->build_id,
                .revision = params->revision,
                .output_limit = settings->output_limit,
                .grace_ms = settings->grace_ms,
            });
        }
    }
    err_set(err, ERR_CONFIG, "there is no workspace \"%s\"",
            settings->workspace);
    err_hint(err, "mule.yaml names them under `workspaces:`");
    return NULL;
}
