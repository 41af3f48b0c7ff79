#include "model/settings.h"

#include <stdlib.h>

#include "util/alloc.h"

void
settings_init(struct settings *settings)
{
    *settings = (struct settings){
        .basedir = alloc_dup("."),
        .pattern = alloc_dup("test*.py"),
        .import_timeout_ms = 60 * 1000,
        .grace_ms = 5 * 1000,
        .slow_ms = 60 * 1000,
        .output_limit = UINT64_C(1024) * 1024,
        .db_prefix = alloc_dup("test"),
        .prepare_timeout_ms = 10 * 60 * 1000,
        .retry_delay_ms = 250,
        .retry_budget = RETRY_BUDGET_NONE,
        .verbosity = 1,
        .durations = 5,
        .last = SETTINGS_LAST_UNSAID,
        .queue = alloc_dup("default"),
        .lease_ms = 30 * 1000,
        .wait_ms = 60 * 1000,
        .ship_limit = UINT64_C(200) * 1024 * 1024,
        .keep_builds = 100,
        .keep_size = UINT64_C(1024) * 1024 * 1024,
    };
}

const char *
order_mode_name(enum order_mode order)
{
    switch (order) {
    case ORDER_HISTORY:
        return "history";
    case ORDER_GIVEN:
        return "given";
    case ORDER_RANDOM:
        break;
    }
    return "random";
}

void
override_init(struct override *override)
{
    *override = (struct override){
        .timeout_ms = OVERRIDE_UNSAID,
        .test_timeout_ms = OVERRIDE_UNSAID,
        .slow_ms = OVERRIDE_UNSAID,
        .expect_ms = OVERRIDE_UNSAID,
        .alone = OVERRIDE_UNSAID,
        .need_count = -1,
        .retries = OVERRIDE_UNSAID,
        .retry_delay_ms = OVERRIDE_UNSAID,
    };
}

void
override_release(struct override *override)
{
    free(override->match);
    free(override->needs);
    texts_release(&override->need_words);
    *override = (struct override){0};
}

void
texts_add(struct texts *texts, const char *text)
{
    texts->at =
        alloc_resize(texts->at, (size_t)texts->count + 2, sizeof(*texts->at));
    texts->at[texts->count++] = alloc_dup(text);
    texts->at[texts->count] = NULL;
}

void
texts_release(struct texts *texts)
{
    for (int i = 0; i < texts->count; i++) {
        free(texts->at[i]);
    }
    free(texts->at);
    *texts = (struct texts){0};
}

void
workspace_release(struct workspace *workspace)
{
    free(workspace->name);
    free(workspace->setup);
    free(workspace->teardown);
    free(workspace->root);
    free(workspace->git);
    free(workspace->revision);
    *workspace = (struct workspace){0};
}

static void
release_workspaces(struct settings *settings)
{
    for (int i = 0; i < settings->workspace_count; i++) {
        workspace_release(&settings->workspaces[i]);
    }
    free(settings->workspaces);
}

static void
release_overrides(struct settings *settings)
{
    for (int i = 0; i < settings->override_count; i++) {
        override_release(&settings->overrides[i]);
    }
    free(settings->overrides);
}

static void
release_resources(struct settings *settings)
{
    for (int i = 0; i < settings->resource_count; i++) {
        free(settings->resources[i].name);
    }
    free(settings->resources);
}

void
settings_release(struct settings *settings)
{
    char *const texts[] = {
        settings->trace,         settings->html,      settings->record,
        settings->store,         settings->jobs_from, settings->runner,
        settings->build,         settings->basedir,   settings->pattern,
        settings->top,           settings->python,    settings->coverage,
        settings->build_id,      settings->workspace, settings->json,
        settings->xunit_output,  settings->log,       settings->config_path,
        settings->broker,        settings->queue,     settings->secret_file,
        settings->live,          settings->revision,  settings->name,
        settings->state,         settings->db_prefix, settings->defaults,
        settings->defaults_name, settings->rerun,     settings->suite,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    free(settings->seed);
    free(settings->durations_file);
    texts_release(&settings->labels);
    texts_release(&settings->patterns);
    texts_release(&settings->include);
    texts_release(&settings->exclude);
    texts_release(&settings->adapter);
    texts_release(&settings->simulated_shared);
    free(settings->distribution);
    texts_release(&settings->tags);
    texts_release(&settings->quarantine);
    texts_release(&settings->exclude_tags);
    texts_release(&settings->python_args);
    release_workspaces(settings);
    release_overrides(settings);
    release_resources(settings);
    *settings = (struct settings){0};
}
