#include "config/option_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/escape.h"

// What decides how a test is found and run.
static const char *const names[] = {
    "basedir",        "pattern",      "top",         "isolation",
    "start",          "adapter",      "runner",      "format",
    "capture",        "python-args",  "grace",       "tap",
    "import-timeout", "output-limit", "db-prefix",   "keepdb",
    "auto-bootstrap", "tag",          "exclude-tag", "prepare-timeout",
};

static void
add(struct texts *words, const char *name, const char *value)
{
    char *option = alloc_printf("--%s", name);
    texts_add(words, option);
    free(option);
    if (value != NULL) {
        texts_add(words, value);
    }
}

static const char *
name_choice(const struct option *option, int value)
{
    const struct option_choice *choice = option->choices;
    while (choice->name != NULL && choice->value != value) {
        choice++;
    }
    return choice->name;
}

static void
add_words(const struct option *option, const struct texts *list,
          struct texts *words)
{
    struct buf line = BUF_INIT((size_t)1 << 20);
    for (int i = 0; i < list->count; i++) {
        buf_add_text(&line, i > 0 ? " " : "");
        escape_shell(&line, slice_of(list->at[i]));
    }
    if (list->count > 0) {
        add(words, option->name, buf_text(&line));
    }
    buf_release(&line);
}

/* Each behind the option's name. */
static void
add_each(const struct option *option, const struct texts *list,
         struct texts *words)
{
    for (int i = 0; i < list->count; i++) {
        add(words, option->name, list->at[i]);
    }
}

static void
add_number(const struct option *option, uint64_t number, const char *unit,
           struct texts *words)
{
    char text[40];
    snprintf(text, sizeof(text), "%" PRIu64 "%s", number, unit);
    add(words, option->name, text);
}

static void
add_option(const struct option *option, const void *settings,
           struct texts *words)
{
    const char *field = (const char *)settings + option->field;
    const char *text = NULL;
    uint64_t size = 0;
    uint32_t number = 0;
    bool flag = false;

    switch (option->kind) {
    case OPTION_TEXT:
        memcpy(&text, field, sizeof(text));
        if (text != NULL) {
            add(words, option->name, text);
        }
        break;
    case OPTION_CHOICE:
        memcpy(&number, field, sizeof(number));
        text = name_choice(option, (int)number);
        if (text != NULL) {
            add(words, option->name, text);
        }
        break;
    case OPTION_WORDS:
        add_words(option, (const struct texts *)(const void *)field, words);
        break;
    case OPTION_TEXTS:
        add_each(option, (const struct texts *)(const void *)field, words);
        break;
    case OPTION_DURATION:
        memcpy(&number, field, sizeof(number));
        add_number(option, number, "ms", words);
        break;
    case OPTION_SIZE:
        memcpy(&size, field, sizeof(size));
        add_number(option, size, "", words);
        break;
    case OPTION_FLAG:
        memcpy(&flag, field, sizeof(flag));
        if (flag) {
            add(words, option->name, NULL);
        }
        break;
    case OPTION_NOTHING:
    case OPTION_HELP:
    case OPTION_CONSTANT:
    case OPTION_MORE:
    case OPTION_NUMBER:
    case OPTION_FAILURES:
    case OPTION_BUDGET:
    case OPTION_LIST:
    case OPTION_SWITCH:
    case OPTION_SHUFFLE:
    case OPTION_SHARD:
    case OPTION_SLOWEST:
        break; // none of ours
    }
}

/* What a command's format is means nothing where none is run. */
static bool
is_meant(const struct settings *settings, const char *name)
{
    bool format = strcmp(name, "format") == 0;
    return !format || settings->runner != NULL;
}

/*
 * An engine collects tests to know them, but no programs: those come with each
 * order, and there may be very many. One stands for all, as --tap wants one.
 */
static int
count_labels(const struct settings *settings)
{
    bool programs = settings->tap || settings->runner != NULL;
    int count = settings->labels.count;
    return programs && count > 1 ? 1 : count;
}

void
option_words(const struct settings *settings, struct texts *words)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct option *option =
            options_find(COMMAND_TEST, names[i], strlen(names[i]));
        if (is_meant(settings, names[i])) {
            add_option(option, settings, words);
        }
    }
    texts_add(words, "--");
    for (int i = 0; i < count_labels(settings); i++) {
        texts_add(words, settings->labels.at[i]);
    }
}
