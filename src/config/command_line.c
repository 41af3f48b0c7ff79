#include "config/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/slice.h"

struct reader {
    struct command_line *line;
    enum option_command command;
    char *const *words;
    int count;
    int at;
};

static const char *
command_name(enum option_command command)
{
    switch (command) {
    case COMMAND_TEST:
        return "mule test";
    case COMMAND_LIST:
        return "mule list";
    case COMMAND_DOCTOR:
        return "mule doctor";
    case COMMAND_ADAPTER_CHECK:
        return "mule adapter-check";
    case COMMAND_WORKER:
        return "mule worker";
    case COMMAND_STATUS:
        return "mule status";
    case COMMAND_HISTORY:
        return "mule history";
    case COMMAND_REPLAY:
        return "mule replay";
    case COMMAND_REPORT:
        return "mule report";
    case COMMAND_BISECT:
        return "mule bisect";
    case COMMAND_SIMULATE:
        return "mule simulate";
    }
    return "mule";
}

static void
add_use(struct command_line *line, const struct option *option,
        const char *value)
{
    line->uses = array_grow(line->uses, &line->use_capacity,
                            line->use_count + 1, sizeof(*line->uses));
    line->uses[line->use_count++] =
        (struct command_line_use){.option = option, .value = value};
    line->wants_help = line->wants_help || option->kind == OPTION_HELP;
}

static bool
add_label(struct reader *reader, const char *label, struct err *err)
{
    struct command_line *line = reader->line;

    if (reader->command == COMMAND_DOCTOR ||
        reader->command == COMMAND_WORKER ||
        reader->command == COMMAND_STATUS) {
        return err_set(err, ERR_USAGE, "%s takes no \"%.100s\"",
                       command_name(reader->command), label);
    }
    line->labels = array_grow(line->labels, &line->label_capacity,
                              line->label_count + 1, sizeof(*line->labels));
    line->labels[line->label_count++] = label;
    return true;
}

// The word that follows, as the value of `shown`.
static bool
take_value(struct reader *reader, const struct option *option,
           const char *shown, struct err *err)
{
    if (reader->at >= reader->count) {
        return err_set(err, ERR_USAGE, "%.60s needs a value: %s", shown,
                       option->argument);
    }
    add_use(reader->line, option, reader->words[reader->at++]);
    return true;
}

static bool
next_is_number(const struct reader *reader)
{
    if (reader->at >= reader->count) {
        return false;
    }
    const char *word = reader->words[reader->at];
    return word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';
}

static bool
unknown(const struct reader *reader, const char *word, size_t len,
        struct err *err)
{
    const char *nearest =
        options_nearest((unsigned)reader->command, word + 2, len - 2);
    bool is_elsewhere = false;
    size_t count = 0;
    const struct option *all = options_all(&count);

    for (size_t i = 0; i < count; i++) {
        is_elsewhere =
            is_elsewhere ||
            slice_equals_text(slice_make(word + 2, len - 2), all[i].name);
    }
    if (is_elsewhere) {
        err_set(err, ERR_USAGE, "%s has no option %.*s",
                command_name(reader->command), (int)len, word);
    } else if (nearest[0] != '\0') {
        err_set(err, ERR_USAGE, "unknown option %.*s; did you mean --%s?",
                (int)(len < 80 ? len : 80), word, nearest);
    } else {
        err_set(err, ERR_USAGE, "unknown option %.*s",
                (int)(len < 80 ? len : 80), word);
    }
    return err_hint(err, "the option --help lists what there is");
}

// "--name", "--name=value"
static bool
read_long(struct reader *reader, const char *word, struct err *err)
{
    const char *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct option *option =
        options_find(reader->command, word + 2, len - 2);

    if (option == NULL) {
        return unknown(reader, word, len, err);
    }
    if (equals != NULL && option->argument == NULL) {
        return err_set(err, ERR_USAGE, "--%s takes no value", option->name);
    }
    if (equals != NULL) {
        add_use(reader->line, option, equals + 1);
        return true;
    }
    if (option->argument != NULL && (option->flags & OPTION_OPTIONAL) == 0) {
        return take_value(reader, option, word, err);
    }
    if ((option->flags & OPTION_DIGITS) != 0 && next_is_number(reader)) {
        return take_value(reader, option, word, err);
    }
    add_use(reader->line, option, NULL);
    return true;
}

// "-f", "-fq", "-j4", "-j 4"
static bool
read_short(struct reader *reader, const char *word, struct err *err)
{
    for (size_t i = 1; word[i] != '\0'; i++) {
        const char shown[] = {'-', word[i], '\0'};
        const struct option *option =
            options_find_letter(reader->command, word[i]);
        if (option == NULL) {
            err_set(err, ERR_USAGE, "unknown option %s in %.60s", shown, word);
            return err_hint(err, "the option --help lists what there is");
        }
        if (option->argument == NULL) {
            add_use(reader->line, option, NULL);
        } else if (word[i + 1] != '\0') {
            add_use(reader->line, option, word + i + 1);
            break;
        } else {
            return take_value(reader, option, shown, err);
        }
    }
    return true;
}

bool
command_line_read(struct command_line *line, enum option_command command,
                  int count, char *const words[], struct err *err)
{
    struct reader reader = {
        .line = line, .command = command, .words = words, .count = count};
    bool ended = false;

    while (reader.at < count) {
        const char *word = words[reader.at++];
        bool ok = true;
        if (ended || word[0] != '-' || word[1] == '\0') {
            ok = add_label(&reader, word, err);
            ended = ended || command == COMMAND_ADAPTER_CHECK;
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else if (word[1] == '-') {
            ok = read_long(&reader, word, err);
        } else {
            ok = read_short(&reader, word, err);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

void
command_line_release(struct command_line *line)
{
    free(line->uses);
    free(line->labels);
    *line = (struct command_line){0};
}

bool
command_line_has(const struct command_line *line, const char *name)
{
    for (size_t i = 0; i < line->use_count; i++) {
        if (strcmp(line->uses[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *
command_line_value(const struct command_line *line, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < line->use_count; i++) {
        if (strcmp(line->uses[i].option->name, name) == 0) {
            value = line->uses[i].value;
        }
    }
    return value;
}

// Whether a use before the one at `at` has the same field.
static bool
was_used(const struct command_line *line, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (line->uses[i].option->field == line->uses[at].option->field) {
            return true;
        }
    }
    return false;
}

bool
command_line_apply(const struct command_line *line, struct settings *settings,
                   struct err *err)
{
    for (size_t i = 0; i < line->use_count; i++) {
        const struct command_line_use *use = &line->uses[i];
        if (!was_used(line, i)) {
            option_forget(use->option, settings);
        }
        if (!option_set(use->option, settings, use->value, err)) {
            return use->option->name[1] != '\0'
                       ? err_wrap(err, "--%s", use->option->name)
                       : err_wrap(err, "-%c", use->option->letter);
        }
    }
    for (size_t i = 0; i < line->label_count; i++) {
        texts_add(&settings->labels, line->labels[i]);
    }
    return true;
}
