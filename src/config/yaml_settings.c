#include "config/yaml_settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "config/resources.h"
#include "config/yaml_reader.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/distance.h"
#include "util/path.h"

// The keys of one mapping, and what they set.
struct keys {
    const struct option *rows;
    size_t count;
    void *target;
};

struct context {
    struct yaml_reader reader;
    const struct yaml_source *source;
    struct settings *settings;
    // What an earlier document said: it is weaker.
    int old_workspaces;
    int old_overrides;
};

enum {
    ROWS_MAX = 128
};

#define FIELD(type, name) .field = offsetof(struct type, name)

static const struct option workspace_rows[] = {
    {"setup", .kind = OPTION_TEXT, FIELD(workspace, setup)},
    {"teardown", .kind = OPTION_TEXT, FIELD(workspace, teardown)},
    {"root", .kind = OPTION_TEXT, .flags = OPTION_IS_PATH,
     FIELD(workspace, root)},
    {"git", .kind = OPTION_TEXT, FIELD(workspace, git)},
    {"revision", .kind = OPTION_TEXT, FIELD(workspace, revision)},
    {"setup-timeout", .kind = OPTION_DURATION,
     FIELD(workspace, setup_timeout_ms)},
    {"teardown-timeout", .kind = OPTION_DURATION,
     FIELD(workspace, teardown_timeout_ms)},
};

static const struct option override_rows[] = {
    {"match", .kind = OPTION_TEXT, FIELD(override, match)},
    {"timeout", .kind = OPTION_DURATION, FIELD(override, timeout_ms)},
    {"test-timeout", .kind = OPTION_DURATION, FIELD(override, test_timeout_ms)},
    {"slow", .kind = OPTION_DURATION, FIELD(override, slow_ms)},
    {"alone", .kind = OPTION_SWITCH, FIELD(override, alone)},
    {"expect", .kind = OPTION_DURATION, FIELD(override, expect_ms)},
    {"needs", .kind = OPTION_LIST, FIELD(override, need_words)},
    {"retries", .kind = OPTION_NUMBER, FIELD(override, retries), .min = 0,
     .max = SETTINGS_RETRIES_MAX},
    {"retry-delay", .kind = OPTION_DURATION, FIELD(override, retry_delay_ms)},
};

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

// As model/settings.c has it for what is not said: 0 is no limit.
enum {
    SETUP_TIMEOUT_MS = 600000,
    TEARDOWN_TIMEOUT_MS = 120000
};

static bool
fail(const struct context *context, struct err *err, const char *what,
     const char *name)
{
    const struct yaml_reader *reader = &context->reader;

    return yaml_reader_fail(reader, reader->event.start_mark, err, "%.60s: %s",
                            name, what);
}

// Whether a value is a path that has to be seen from where mule was started.
static bool
is_relative_path(const struct option *option, const char *value)
{
    bool is_path = (option->flags & OPTION_IS_PATH) != 0 ||
                   ((option->flags & OPTION_IS_PROGRAM) != 0 &&
                    strchr(value, '/') != NULL);

    bool is_number = option->kind == OPTION_SLOWEST &&
                     value[strspn(value, "0123456789")] == '\0';

    return is_path && !is_number && value[0] != '\0' && value[0] != '/' &&
           strcmp(value, "-") != 0;
}

static bool
set_value(const struct context *context, const struct option *option,
          void *target, struct err *err)
{
    const struct yaml_reader *reader = &context->reader;
    const char *value = yaml_reader_text(reader);
    const char *folder = context->source->folder;
    char *moved = NULL;

    if (is_relative_path(option, value) && strcmp(folder, ".") != 0) {
        moved = path_join(folder, value);
        value = moved;
    }
    bool ok = option_set(option, target, value, err);
    free(moved);
    if (!ok) {
        err->kind = ERR_CONFIG;
        err_wrap(err, "%.120s:%zu:%zu: %s", reader->path,
                 reader->event.start_mark.line + 1,
                 reader->event.start_mark.column + 1, option->name);
    }
    return ok;
}

static bool
is_list(const struct option *option)
{
    return option->kind == OPTION_LIST || option->kind == OPTION_TEXTS ||
           option->kind == OPTION_WORDS;
}

// The elements of a list are taken as they are: without commas or quotes that
// mean something.
static bool
read_list(struct context *context, const struct option *option, void *target,
          struct err *err)
{
    struct option element = *option;

    element.kind = OPTION_TEXTS;
    for (;;) {
        if (!yaml_reader_next(&context->reader, err)) {
            return false;
        }
        if (context->reader.event.type == YAML_SEQUENCE_END_EVENT) {
            return true;
        }
        if (!yaml_reader_is_scalar(&context->reader)) {
            return fail(context, err, "its elements must be texts",
                        option->name);
        }
        if (!set_value(context, &element, target, err)) {
            return false;
        }
    }
}

static bool
read_switch(struct context *context, const struct option *option, void *target,
            struct err *err)
{
    bool value = false;

    if (!yaml_reader_is_bool(&context->reader, &value)) {
        return fail(context, err, "must be true or false", option->name);
    }
    if (!value) {
        option_unset(option, target);
    }
    return !value || option_set(option, target, NULL, err);
}

static bool
read_scalar(struct context *context, const struct option *option, void *target,
            struct err *err)
{
    bool value = false;

    if (option->argument == NULL &&
        (option->kind == OPTION_FLAG || option->kind == OPTION_CONSTANT ||
         option->kind == OPTION_SWITCH)) {
        return read_switch(context, option, target, err);
    }
    if (yaml_reader_is_null(&context->reader)) {
        return fail(context, err, "has no value", option->name);
    }
    if (option->kind == OPTION_TEXT && (option->flags & OPTION_OPTIONAL) != 0 &&
        yaml_reader_is_bool(&context->reader, &value)) {
        option_unset(option, target);
        return !value || option_set(option, target, NULL, err);
    }
    return set_value(context, option, target, err);
}

static bool
read_value(struct context *context, const struct option *option, void *target,
           struct err *err)
{
    option_forget(option, target);
    if (yaml_reader_is_scalar(&context->reader)) {
        return read_scalar(context, option, target, err);
    }
    if (context->reader.event.type != YAML_SEQUENCE_START_EVENT) {
        return fail(context, err, "must not be a mapping", option->name);
    }
    if (!is_list(option)) {
        return fail(context, err, "must not be a list", option->name);
    }
    return read_list(context, option, target, err);
}

// Only what may stand in the file; the inner tables say nothing of that.
static bool
is_offered(const struct keys *keys, size_t row)
{
    return keys->rows[row].commands == 0 ||
           (keys->rows[row].flags & OPTION_IN_FILE) != 0;
}

static size_t
find_row(const struct keys *keys, const char *name)
{
    size_t row = 0;

    while (row < keys->count && (!is_offered(keys, row) ||
                                 strcmp(keys->rows[row].name, name) != 0)) {
        row++;
    }
    return row;
}

static bool
is_option(const char *name)
{
    size_t count = 0;
    const struct option *rows = options_all(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
unknown_key(const struct context *context, const struct keys *keys, bool is_top,
            struct err *err)
{
    const char *name = yaml_reader_text(&context->reader);
    struct distance_nearest nearest = {.wanted = slice_of(name)};

    if (is_top && is_option(name)) {
        return fail(context, err, "stands on the command line only", name);
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (is_offered(keys, i)) {
            distance_offer(&nearest, slice_of(keys->rows[i].name));
        }
    }
    if (is_top) {
        distance_offer(&nearest, SLICE("workspaces"));
        distance_offer(&nearest, SLICE("overrides"));
        distance_offer(&nearest, SLICE("resources"));
    }
    struct slice best = distance_best(&nearest);
    yaml_mark_t mark = context->reader.event.start_mark;
    if (best.len == 0) {
        return yaml_reader_fail(&context->reader, mark, err,
                                "unknown key \"%.60s\"", name);
    }
    return yaml_reader_fail(&context->reader, mark, err,
                            "unknown key \"%.60s\"; did you mean \"%.*s\"?",
                            name, SLICE_ARG(best));
}

// One step through a mapping: gives the next key as the current event, or sets
// *ended.
static bool
next_key(struct context *context, bool *ended, struct err *err)
{
    if (!yaml_reader_next(&context->reader, err)) {
        return false;
    }
    *ended = context->reader.event.type == YAML_MAPPING_END_EVENT;
    if (!*ended && !yaml_reader_is_scalar(&context->reader)) {
        return yaml_reader_fail(&context->reader,
                                context->reader.event.start_mark, err,
                                "a key must be a word");
    }
    return true;
}

static bool
read_mapping(struct context *context, const struct keys *keys, struct err *err)
{
    bool seen[ROWS_MAX] = {false};
    bool ended = false;

    assert(keys->count <= ROWS_MAX);
    if (context->reader.event.type != YAML_MAPPING_START_EVENT) {
        return yaml_reader_fail(&context->reader,
                                context->reader.event.start_mark, err,
                                "here must be keys with values");
    }
    for (;;) {
        if (!next_key(context, &ended, err) || ended) {
            return ended;
        }
        size_t row = find_row(keys, yaml_reader_text(&context->reader));
        if (row >= keys->count) {
            return unknown_key(context, keys, false, err);
        }
        if (seen[row]) {
            return fail(context, err, "stands here twice",
                        keys->rows[row].name);
        }
        seen[row] = true;
        if (!yaml_reader_next(&context->reader, err) ||
            !read_value(context, &keys->rows[row], keys->target, err)) {
            return false;
        }
    }
}

// A new workspace, or an older document's of that name, emptied. NULL: this
// document has one of that name.
static struct workspace *
add_workspace(const struct context *context, const char *name)
{
    struct settings *settings = context->settings;
    const char *folder = context->source->folder;
    int count = settings->workspace_count;
    int at = 0;

    while (at < count && strcmp(settings->workspaces[at].name, name) != 0) {
        at++;
    }
    if (at < count && at >= context->old_workspaces) {
        return NULL;
    }
    if (at < count) {
        workspace_release(&settings->workspaces[at]);
    } else {
        settings->workspaces =
            alloc_resize(settings->workspaces, (size_t)count + 1,
                         sizeof(*settings->workspaces));
        settings->workspace_count++;
    }
    settings->workspaces[at] = (struct workspace){
        .name = alloc_dup(name),
        .root = strcmp(folder, ".") != 0 ? alloc_dup(folder) : NULL,
        .setup_timeout_ms = SETUP_TIMEOUT_MS,
        .teardown_timeout_ms = TEARDOWN_TIMEOUT_MS,
    };
    return &settings->workspaces[at];
}

static bool
read_workspaces(struct context *context, struct err *err)
{
    bool ended = false;

    if (context->reader.event.type != YAML_MAPPING_START_EVENT) {
        return fail(context, err, "must be names with their scripts",
                    "workspaces");
    }
    for (;;) {
        if (!next_key(context, &ended, err) || ended) {
            return ended;
        }
        const char *name = yaml_reader_text(&context->reader);
        if (name[0] == '\0') {
            return fail(context, err, "a workspace needs a name", "workspaces");
        }
        struct workspace *workspace = add_workspace(context, name);
        if (workspace == NULL) {
            return fail(context, err, "stands here twice", name);
        }
        struct keys keys = {workspace_rows, COUNT_OF(workspace_rows),
                            workspace};
        if (!yaml_reader_next(&context->reader, err) ||
            !read_mapping(context, &keys, err)) {
            return false;
        }
    }
}

static bool
read_override(struct context *context, struct err *err)
{
    struct settings *settings = context->settings;
    size_t count = (size_t)settings->override_count;
    yaml_mark_t mark = context->reader.event.start_mark;

    settings->overrides = alloc_resize(settings->overrides, count + 1,
                                       sizeof(*settings->overrides));
    override_init(&settings->overrides[count]);
    settings->override_count++;
    struct keys keys = {override_rows, COUNT_OF(override_rows),
                        &settings->overrides[count]};
    if (!read_mapping(context, &keys, err)) {
        return false;
    }
    if (settings->overrides[count].match == NULL) {
        return yaml_reader_fail(&context->reader, mark, err,
                                "an override needs the key \"match\"");
    }
    return true;
}

// The first that matches wins: those of the older document go to the end.
static void
move_old_overrides(const struct context *context)
{
    struct settings *settings = context->settings;
    size_t old = (size_t)context->old_overrides;
    size_t count = (size_t)settings->override_count;
    struct override *moved = NULL;

    if (old == 0 || old == count) {
        return;
    }
    moved = alloc_resize(NULL, count, sizeof(*moved));
    memcpy(moved, settings->overrides + old, (count - old) * sizeof(*moved));
    memcpy(moved + (count - old), settings->overrides, old * sizeof(*moved));
    free(settings->overrides);
    settings->overrides = moved;
}

static bool
read_overrides(struct context *context, struct err *err)
{
    if (context->reader.event.type != YAML_SEQUENCE_START_EVENT) {
        return fail(context, err, "must be a list", "overrides");
    }
    for (;;) {
        if (!yaml_reader_next(&context->reader, err)) {
            return false;
        }
        if (context->reader.event.type == YAML_SEQUENCE_END_EVENT) {
            move_old_overrides(context);
            return true;
        }
        if (!read_override(context, err)) {
            return false;
        }
    }
}

static bool
is_among(const struct texts *texts, const char *text)
{
    for (int i = 0; i < texts->count; i++) {
        if (strcmp(texts->at[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool
read_resource(struct context *context, const char *name, struct texts *seen,
              struct err *err)
{
    const struct yaml_reader *reader = &context->reader;

    if (is_among(seen, name)) {
        return fail(context, err, "stands here twice", name);
    }
    texts_add(seen, name);
    if (!yaml_reader_next(&context->reader, err)) {
        return false;
    }
    if (!yaml_reader_is_scalar(reader)) {
        return fail(context, err, "must be a number", name);
    }
    if (!resources_set(context->settings, name, yaml_reader_text(reader),
                       err)) {
        struct err why = *err;
        *err = (struct err){0};
        return fail(context, err, why.text, name);
    }
    return true;
}

static bool
read_resources(struct context *context, struct err *err)
{
    const struct yaml_reader *reader = &context->reader;
    struct texts seen = {0};
    bool ended = false;
    bool fine = true;

    if (reader->event.type != YAML_MAPPING_START_EVENT) {
        return fail(context, err, "must be names with numbers", "resources");
    }
    while (fine && !ended) {
        fine = next_key(context, &ended, err);
        if (fine && !ended) {
            char *name = alloc_dup(yaml_reader_text(reader));
            fine = read_resource(context, name, &seen, err);
            free(name);
        }
    }
    texts_release(&seen);
    return fine;
}

// The keys at the top: options, and those that are something of their own.
enum {
    KEY_WORKSPACES = ROWS_MAX,
    KEY_OVERRIDES,
    KEY_RESOURCES,
    KEY_COUNT
};

static size_t
find_top_key(const struct keys *keys, const char *name)
{
    if (strcmp(name, "workspaces") == 0) {
        return KEY_WORKSPACES;
    }
    if (strcmp(name, "overrides") == 0) {
        return KEY_OVERRIDES;
    }
    if (strcmp(name, "resources") == 0) {
        return KEY_RESOURCES;
    }
    return find_row(keys, name);
}

static bool
read_top_value(struct context *context, const struct keys *keys, size_t key,
               struct err *err)
{
    if (!yaml_reader_next(&context->reader, err)) {
        return false;
    }
    if (key == KEY_WORKSPACES) {
        return read_workspaces(context, err);
    }
    if (key == KEY_OVERRIDES) {
        return read_overrides(context, err);
    }
    if (key == KEY_RESOURCES) {
        return read_resources(context, err);
    }
    return read_value(context, &keys->rows[key], keys->target, err);
}

static bool
read_top(struct context *context, struct err *err)
{
    struct keys keys = {.target = context->settings};
    bool seen[KEY_COUNT] = {false};
    bool ended = false;

    keys.rows = options_all(&keys.count);
    assert(keys.count <= ROWS_MAX);
    if (context->reader.event.type != YAML_MAPPING_START_EVENT) {
        return yaml_reader_fail(&context->reader,
                                context->reader.event.start_mark, err,
                                "here must be keys with values");
    }
    for (;;) {
        if (!next_key(context, &ended, err) || ended) {
            return ended;
        }
        const char *name = yaml_reader_text(&context->reader);
        size_t key = find_top_key(&keys, name);
        if (key == keys.count) {
            return unknown_key(context, &keys, true, err);
        }
        if (seen[key]) {
            return fail(context, err, "stands here twice", name);
        }
        seen[key] = true;
        if (!read_top_value(context, &keys, key, err)) {
            return false;
        }
    }
}

bool
yaml_settings_read(struct settings *settings, const struct yaml_source *source,
                   struct err *err)
{
    struct context context = {
        .source = source,
        .settings = settings,
        .old_workspaces = settings->workspace_count,
        .old_overrides = settings->override_count,
    };
    bool ok =
        yaml_reader_start(&context.reader, source->path, source->text, err);

    // A file with nothing but comments says nothing, which is allowed.
    if (ok && context.reader.event.type != YAML_STREAM_END_EVENT &&
        !yaml_reader_is_null(&context.reader)) {
        ok = read_top(&context, err) && yaml_reader_end(&context.reader, err);
    }
    yaml_reader_release(&context.reader);
    return ok;
}
