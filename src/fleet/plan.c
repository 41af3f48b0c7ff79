#include "fleet/plan.h"

#include <stdlib.h>

#include "util/field.h"

static const struct field_range milliseconds = {0, UINT32_MAX};

static bool
take_text(const json_t *object, const char *name, bool needed, char **text,
          struct err *err)
{
    struct slice value = {0};
    bool fine = needed ? field_text(object, name, &value, err)
                       : field_text_optional(object, name, &value, err);

    if (!fine) {
        return false;
    }
    if (slice_has(value, '\0') || (needed && value.len == 0)) {
        return err_set(err, ERR_PROTOCOL, "field \"%s\" is empty or has a NUL",
                       name);
    }
    *text = slice_dup(value);
    return true;
}

/* The same, and NULL where there is none. */
static bool
take_some(const json_t *object, const char *name, char **text, struct err *err)
{
    if (json_object_get(object, name) == NULL ||
        json_is_null(json_object_get(object, name))) {
        return true;
    }
    return take_text(object, name, true, text, err);
}

static bool
take_number(const json_t *object, const char *name, struct field_range range,
            int *number, struct err *err)
{
    int64_t value = range.min;

    if (!field_int_optional(object, name, range, &value, err)) {
        return false;
    }
    *number = (int)value;
    return true;
}

static bool
take_ms(const json_t *object, const char *name, uint32_t *ms, struct err *err)
{
    int64_t value = 0;

    if (!field_int_optional(object, name, milliseconds, &value, err)) {
        return false;
    }
    *ms = (uint32_t)value;
    return true;
}

static bool
take_options(struct plan *plan, const json_t *object, struct err *err)
{
    const json_t *list = NULL;

    if (!field_array_optional(object, "options", &list, err)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct slice word = {0};
        if (!field_element_text(list, i, &word, err)) {
            return err_wrap(err, "field \"options\"");
        }
        if (slice_has(word, '\0')) {
            return err_set(err, ERR_PROTOCOL,
                           "a word of \"options\" has a NUL");
        }
        char *text = slice_dup(word);
        texts_add(&plan->options, text);
        free(text);
    }
    return true;
}

static bool
take_workspace(struct plan *plan, const json_t *object, struct err *err)
{
    const json_t *found = NULL;
    struct workspace *workspace = &plan->workspace;

    if (!field_object_optional(object, "workspace", &found, err)) {
        return false;
    }
    if (found == NULL) {
        return true;
    }
    plan->has_workspace = true;
    if (!take_text(found, "name", true, &workspace->name, err) ||
        !take_some(found, "setup", &workspace->setup, err) ||
        !take_some(found, "teardown", &workspace->teardown, err) ||
        !take_some(found, "root", &workspace->root, err) ||
        !take_ms(found, "setup_timeout_ms", &workspace->setup_timeout_ms,
                 err) ||
        !take_ms(found, "teardown_timeout_ms", &workspace->teardown_timeout_ms,
                 err)) {
        return err_wrap(err, "field \"workspace\"");
    }
    return true;
}

bool
plan_decode(struct plan *plan, json_t *object, struct err *err)
{
    static const struct field_range slots = {1, PLAN_SLOTS_MAX};
    static const struct field_range total = {0, PLAN_TOTAL_MAX};

    *plan = (struct plan){.root = json_incref(object)};
    if (!take_text(object, "build", true, &plan->build, err) ||
        !take_text(object, "revision", false, &plan->revision, err) ||
        !take_text(object, "hash_seed", false, &plan->hash_seed, err) ||
        !take_text(object, "home", false, &plan->home, err) ||
        !take_text(object, "node", false, &plan->node, err) ||
        !take_options(plan, object, err) ||
        !take_number(object, "base", total, &plan->base, err) ||
        !take_number(object, "slots", slots, &plan->slots, err) ||
        !take_number(object, "total", total, &plan->total, err) ||
        !field_object_optional(object, "tree", &plan->tree, err) ||
        !take_workspace(plan, object, err) ||
        !field_bool_optional(object, "prepared", &plan->prepared, err) ||
        !field_bool_optional(object, "noop", &plan->noop, err)) {
        return err_wrap(err, "plan");
    }
    return true;
}

void
plan_release(struct plan *plan)
{
    json_decref(plan->root);
    free(plan->build);
    free(plan->revision);
    free(plan->hash_seed);
    free(plan->home);
    free(plan->node);
    texts_release(&plan->options);
    free(plan->workspace.name);
    free(plan->workspace.setup);
    free(plan->workspace.teardown);
    free(plan->workspace.root);
    *plan = (struct plan){0};
}
