#include "config/resources.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/distance.h"
#include "util/slice.h"

static int
find_resource(const struct settings *settings, struct slice name)
{
    int at = 0;
    while (at < settings->resource_count &&
           !slice_equals_text(name, settings->resources[at].name)) {
        at++;
    }
    return at;
}

bool
resources_set(struct settings *settings, const char *name, const char *units,
              struct err *err)
{
    int64_t number = 0;
    if (!slice_to_int(slice_of(units), 1, RESOURCE_UNITS_MAX, &number)) {
        return err_set(err, ERR_CONFIG,
                       "\"%.60s\" is not a number from 1 to %d", units,
                       RESOURCE_UNITS_MAX);
    }
    if (name[0] == '\0' || strpbrk(name, "=,") != NULL) {
        return err_set(err, ERR_CONFIG,
                       "a resource needs a name without = and commas");
    }
    int at = find_resource(settings, slice_of(name));
    if (at == settings->resource_count) {
        settings->resources = alloc_resize(settings->resources, (size_t)at + 1,
                                           sizeof(*settings->resources));
        settings->resource_count++;
        settings->resources[at] = (struct resource){.name = alloc_dup(name)};
    }
    settings->resources[at].units = (uint32_t)number;
    return true;
}

static bool
refuse_unknown(const struct settings *settings, struct slice name,
               struct err *err)
{
    struct distance_nearest nearest = {.wanted = name};
    for (int i = 0; i < settings->resource_count; i++) {
        distance_offer(&nearest, slice_of(settings->resources[i].name));
    }
    struct slice best = distance_best(&nearest);
    struct slice shown = slice_first(name, 60);
    if (best.len > 0) {
        return err_set(err, ERR_CONFIG,
                       "there is no resource \"%.*s\"; did you mean \"%.*s\"?",
                       SLICE_ARG(shown), SLICE_ARG(slice_first(best, 60)));
    }
    err_set(err, ERR_CONFIG, "there is no resource \"%.*s\"", SLICE_ARG(shown));
    return err_hint(err, "add 'resources: {NAME: NUMBER}' to mule.yaml");
}

static bool
add_need(const struct settings *settings, struct override *override,
         struct slice word, struct err *err)
{
    struct slice units = word;
    struct slice name;
    struct need need = {.units = 1};
    slice_split(&units, '=', &name);
    int at = find_resource(settings, name);
    if (at == settings->resource_count) {
        return refuse_unknown(settings, name, err);
    }
    uint32_t most = settings->resources[at].units;
    int64_t number = 1;
    if (name.len < word.len && !slice_to_int(units, 1, most, &number)) {
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\": its number must be from 1 to %" PRIu32
                       ", for there is no more",
                       SLICE_ARG(slice_first(word, 60)), most);
    }
    need.resource = (uint32_t)at;
    need.units = (uint32_t)number;
    for (int i = 0; i < override->need_count; i++) {
        if (override->needs[i].resource == need.resource) {
            return err_set(err, ERR_CONFIG, "\"%.*s\" stands there twice",
                           SLICE_ARG(slice_first(name, 60)));
        }
    }
    override->needs[override->need_count++] = need;
    return true;
}

static bool
settle_override(const struct settings *settings, struct override *override,
                struct err *err)
{
    if (override->need_words.count == 0) {
        return true;
    }
    free(override->needs);
    override->needs = alloc_zero((size_t) override->need_words.count,
                                 sizeof(*override->needs));
    override->need_count = 0;
    for (int i = 0; i < override->need_words.count; i++) {
        struct slice word = slice_of(override->need_words.at[i]);
        if (!add_need(settings, override, word, err)) {
            err_wrap(err, "%.120s: what \"%.60s\" needs",
                     settings->config_path != NULL ? settings->config_path
                                                   : "mule.yaml",
                     override->match);
            return false;
        }
    }
    return true;
}

bool
resources_settle(struct settings *settings, struct err *err)
{
    for (int i = 0; i < settings->override_count; i++) {
        if (!settle_override(settings, &settings->overrides[i], err)) {
            return false;
        }
    }
    return true;
}
