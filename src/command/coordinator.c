#include "command/coordinator.h"

#include "config.h"
#include "config/broker.h"
#include "config/option_words.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

bool
coordinator_init(struct coordinator *coordinator,
                 const struct settings *settings,
                 const struct executor_events *events, struct err *err)
{
    const char *origin = NULL;
    *coordinator = (struct coordinator){
        .settings = settings,
        .events = events,
        .paired = settings->slots > 0,
    };
    coordinator->urls = broker_choose(settings, &origin, err);
    bool ok = coordinator->urls != NULL &&
              secret_read(&coordinator->secret, settings->secret_file, err);
    broker_hide();
    return ok;
}

void
coordinator_release(struct coordinator *coordinator)
{
    coordinator_stop(coordinator);
    fleet_free(coordinator->fleet);
    json_decref(coordinator->plan);
    secret_release(&coordinator->secret);
    free(coordinator->urls);
    *coordinator = (struct coordinator){0};
}

void
coordinator_stop(struct coordinator *coordinator)
{
    shipment_free(coordinator->shipment);
    coordinator->shipment = NULL;
}

int
coordinator_slots(const struct coordinator *coordinator)
{
    return coordinator->settings->slots;
}

const struct executor_events *
coordinator_events(const struct coordinator *coordinator)
{
    return coordinator->paired ? pair_events() : coordinator->events;
}

// ---------------------------------------------------------------- the plan

static void
set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL) {
        // Words may be any bytes; JSON takes UTF-8 only.
        json_t *value = json_string(text);
        json_object_set_new(object, name,
                            value != NULL ? value : json_string(""));
    }
}

static json_t *
plan_options(const struct settings *settings, struct err *err)
{
    struct texts words = {0};
    json_t *list = json_array();
    option_words(settings, &words);
    for (int i = 0; i < words.count && !err_is_set(err); i++) {
        if (json_array_append_new(list, json_string(words.at[i])) != 0) {
            err_set(err, ERR_USAGE, "\"%.80s\" is not UTF-8", words.at[i]);
            err_hint(err, "what goes to other machines has to be");
        }
    }
    texts_release(&words);
    return list;
}

static const struct workspace *
find_workspace(const struct settings *settings)
{
    for (int i = 0; i < settings->workspace_count; i++) {
        if (settings->workspace != NULL &&
            strcmp(settings->workspaces[i].name, settings->workspace) == 0) {
            return &settings->workspaces[i];
        }
    }
    return NULL;
}

/* Workers that allow it run these where they have none of that name. */
static json_t *
plan_workspace(const struct settings *settings)
{
    const struct workspace *found = find_workspace(settings);
    if (found == NULL) {
        return json_null();
    }
    json_t *object = json_object();
    set_text(object, "name", found->name);
    set_text(object, "setup", found->setup);
    set_text(object, "teardown", found->teardown);
    if (found->root != NULL && found->root[0] == '/') {
        set_text(object, "root", found->root); // means the same elsewhere
    }
    json_object_set_new(object, "setup_timeout_ms",
                        json_integer(found->setup_timeout_ms));
    json_object_set_new(object, "teardown_timeout_ms",
                        json_integer(found->teardown_timeout_ms));
    return object;
}

/* The revision that somebody named, or NULL. */
static const char *
wanted_revision(const struct settings *settings)
{
    const struct workspace *workspace = find_workspace(settings);
    if (settings->revision != NULL) {
        return settings->revision;
    }
    if (workspace != NULL && workspace->revision != NULL) {
        return workspace->revision;
    }
    return getenv("MULE_REVISION");
}

static json_t *
make_plan(const struct coordinator *coordinator,
          const struct coordinator_params *params, struct err *err)
{
    const struct settings *settings = coordinator->settings;
    const char *revision = wanted_revision(settings);
    json_t *plan = json_object();
    set_text(plan, "build", params->identity->build_id);
    set_text(plan, "revision", revision != NULL ? revision : "");
    set_text(plan, "hash_seed", params->hash_seed);
    json_object_set_new(plan, "options", plan_options(settings, err));
    json_object_set_new(plan, "tree", json_object());
    json_object_set_new(plan, "workspace", plan_workspace(settings));
    return plan;
}

// ---------------------------------------------------------------- sources

static void
on_said(void *ctx, const char *text)
{
    struct coordinator *coordinator = ctx;
    fleet_say(coordinator->fleet, text);
}

static void
on_ready(void *ctx)
{
    struct coordinator *coordinator = ctx;
    const struct shipment *shipment = coordinator->shipment;
    json_t *plan = coordinator->plan;
    const char *named = json_string_value(json_object_get(plan, "revision"));
    json_object_set_new(plan, "tree", json_deep_copy(shipment_tree(shipment)));
    if (named == NULL || named[0] == '\0') {
        set_text(plan, "revision", shipment_revision(shipment));
    }
    fleet_set_plan(coordinator->fleet, plan);
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct coordinator *coordinator = ctx;
    fleet_fail(coordinator->fleet, err);
}

static void
on_piece(void *ctx, const char *join, struct slice body)
{
    struct coordinator *coordinator = ctx;
    fleet_give(coordinator->fleet, join, body);
}

static bool
on_want(void *ctx, const char *join, const json_t *want, struct err *err)
{
    struct coordinator *coordinator = ctx;
    return coordinator->shipment == NULL ||
           shipment_want(coordinator->shipment, join, want, err);
}

static void
on_settled(void *ctx, const char *join)
{
    struct coordinator *coordinator = ctx;
    if (coordinator->shipment != NULL) {
        shipment_forget(coordinator->shipment, join);
    }
}

static const struct fleet_supply supply = {
    .on_want = on_want,
    .on_settled = on_settled,
};

static void
start_shipment(struct coordinator *coordinator,
               const struct coordinator_params *params)
{
    static const struct shipment_events events = {
        .on_said = on_said,
        .on_ready = on_ready,
        .on_failed = on_failed,
        .on_piece = on_piece,
    };
    const struct settings *settings = coordinator->settings;
    const struct workspace *workspace = find_workspace(settings);
    coordinator->shipment = shipment_new(
        &(struct shipment_params){
            .loop = params->loop,
            .guardians = params->guardians,
            .folder = ".",
            .scratch = params->scratch,
            .ship = settings->ship,
            .limit = settings->ship_limit,
            .git = workspace != NULL ? workspace->git : NULL,
            .revision = wanted_revision(settings),
        },
        &events, coordinator);
    shipment_start(coordinator->shipment);
}

// ----------------------------------------------------------- from outside

bool
coordinator_start(struct coordinator *coordinator,
                  const struct coordinator_params *params, struct err *err)
{
    const struct settings *settings = coordinator->settings;
    coordinator->plan = make_plan(coordinator, params, err);
    if (err_is_set(err)) {
        return false;
    }
    pair_init(&coordinator->pair, coordinator->events, NULL);
    coordinator->fleet = fleet_new(
        &(struct fleet_params){
            .loop = params->loop,
            .items = params->items,
            .urls = coordinator->urls,
            .queue = settings->queue,
            .build_id = params->identity->build_id,
            .version = MULE_VERSION,
            .secret = &coordinator->secret,
            .supply = &supply,
            .supply_ctx = coordinator,
            .lease_ms = settings->lease_ms,
            .wait_ms = settings->wait_ms,
            .grace_ms = settings->grace_ms,
            .max_workers = (uint32_t)settings->max_workers,
            .batch = settings->batch,
            .live = settings->live,
            .first_slot = coordinator_slots(coordinator),
            .events = coordinator_events(coordinator),
        },
        err);
    if (coordinator->fleet == NULL) {
        return false;
    }
    start_shipment(coordinator, params);
    pair_join(&coordinator->pair, params->here,
              fleet_executor(coordinator->fleet));
    return true;
}

void *
coordinator_listen(struct coordinator *coordinator, void *ctx)
{
    struct pair *pair = &coordinator->pair;
    pair->ctx = ctx;
    bool paired = coordinator->paired;
    fleet_listen(coordinator->fleet, paired ? &pair->there : ctx);
    return paired ? &pair->here : ctx;
}

struct executor *
coordinator_executor(struct coordinator *coordinator)
{
    return coordinator->paired ? pair_executor(&coordinator->pair)
                               : fleet_executor(coordinator->fleet);
}
