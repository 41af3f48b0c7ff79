#include "config/configure.h"

#include <stdlib.h>

#include "config/choices.h"
#include "config/command_line.h"
#include "config/config_file.h"

// What a program that starts this one passes on: its place stands in errors.
static bool
read_defaults(struct settings *settings, const struct command_line *line,
              struct err *err)
{
    const char *text = command_line_value(line, "defaults");
    const char *name = command_line_value(line, "defaults-name");

    return text == NULL ||
           config_file_parse(settings, name != NULL ? name : "--defaults",
                             slice_of(text), err);
}

// mule.yaml belongs to a project; an adapter is checked anywhere.
static bool
read_file(struct settings *settings, const struct command_line *line,
          enum option_command command, struct err *err)
{
    const char *named = command_line_value(line, "config");

    if (command == COMMAND_ADAPTER_CHECK) {
        return true;
    }
    if (named != NULL) {
        return config_file_read(settings, named, err);
    }
    char *found = config_file_find(err);
    bool ok = found != NULL ? config_file_read(settings, found, err)
                            : !err_is_set(err);
    free(found);
    return ok;
}

static void
forget(char **text)
{
    free(*text);
    *text = NULL;
}

// What mule.yaml has a run write is not written again by what looks back.
static void
forget_reports(struct settings *settings, enum option_command command)
{
    if (command != COMMAND_REPLAY && command != COMMAND_REPORT) {
        return;
    }
    settings->xunit = false;
    forget(&settings->xunit_output);
    forget(&settings->json);
    forget(&settings->trace);
    forget(&settings->html);
    if (command == COMMAND_REPORT) {
        settings->verbosity = 0;
    }
}

// Whether the words name a part of what mule.yaml and discovery make.
static bool
is_narrowed(const struct settings *settings, const struct command_line *line)
{
    static const char *const names[] = {
        "include",   "exclude", "tag",    "exclude-tag",
        "jobs-from", "shard",   "failed",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (command_line_has(line, names[i])) {
            return true;
        }
    }
    return settings->labels.count > 0 || settings->patterns.count > 0;
}

bool
configure(struct settings *settings, struct configured *configured,
          enum option_command command, int count, char *const words[],
          struct err *err)
{
    struct command_line line = {0};
    bool ok = command_line_read(&line, command, count, words, err);

    settings_init(settings);
    configured->wants_help = ok && line.wants_help;
    if (ok && !configured->wants_help) {
        ok = read_defaults(settings, &line, err) &&
             read_file(settings, &line, command, err);
        forget_reports(settings, command);
        ok = ok && command_line_apply(&line, settings, err) &&
             choices_settle(settings, command, &configured->notes, err);
    }
    settings->narrowed = is_narrowed(settings, &line);
    settings->python_asked = command_line_value(&line, "python") != NULL;
    command_line_release(&line);
    return ok;
}

void
configured_release(struct configured *configured)
{
    texts_release(&configured->notes);
}
