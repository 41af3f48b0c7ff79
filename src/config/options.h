/*
 * The one table of options: what each is called, what it takes, which commands
 * know it and where its value goes. The command line, mule.yaml and the help
 * all read it; a new option is a row here and a field in model/settings.h.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

enum option_command {
    COMMAND_TEST = 1,
    COMMAND_LIST = 2,
    COMMAND_DOCTOR = 4,
    COMMAND_ADAPTER_CHECK = 8,
    COMMAND_WORKER = 16,
    COMMAND_STATUS = 32,
    COMMAND_HISTORY = 64,
    COMMAND_REPLAY = 128,
    COMMAND_REPORT = 256,
    COMMAND_BISECT = 512,
    COMMAND_SIMULATE = 1024,
};

enum option_group {
    GROUP_SELECT,
    GROUP_RUN,
    GROUP_PYTHON,
    GROUP_DATABASES,
    GROUP_LIMITS,
    GROUP_ORDER,
    GROUP_AGAIN,
    GROUP_HISTORY,
    GROUP_FLEET,
    GROUP_OUTPUT,
    GROUP_GENERAL,
    GROUP_COUNT
};

enum option_kind {
    OPTION_NOTHING,  // is accepted and changes nothing
    OPTION_HELP,     // asks for the help
    OPTION_FLAG,     // bool: true
    OPTION_CONSTANT, // int or uint32_t: becomes `min`
    OPTION_MORE,     // int: one more, up to `max`
    OPTION_NUMBER,   // int or uint32_t between `min` and `max`
    OPTION_FAILURES, // the same, and max_fail_wait: "3", "3:wait"
    OPTION_BUDGET,   // retry_budget or retry_share: "20", "5%"
    OPTION_CHOICE,   // an enum, by name
    OPTION_SWITCH,   // uint32_t: 1; in mule.yaml also 0
    OPTION_SHUFFLE,  // a seed, and a random order: "17", or nothing
    OPTION_SHARD,    // two numbers, the first one at most the second: "2/5"
    OPTION_SLOWEST,  // a number as above, else a file: "10", "times.txt"
    OPTION_DURATION, // uint32_t, in milliseconds
    OPTION_SIZE,     // uint64_t, in bytes
    OPTION_TEXT,     // char *
    OPTION_TEXTS,    // struct texts: one more
    OPTION_LIST,     // struct texts: those between commas
    OPTION_WORDS,    // struct texts: words, with a shell's quotes
};

enum option_flags {
    OPTION_IN_FILE = 1,    // may stand in mule.yaml
    OPTION_IS_PATH = 2,    // in mule.yaml it is relative to the file's folder
    OPTION_IS_PROGRAM = 4, // likewise, but only when it has a slash
    OPTION_OPTIONAL = 8,   // its value may be missing, else follows "="
    OPTION_HIDDEN = 16,    // between parts of mule: not in the help
    OPTION_DIGITS = 32,    // its value may be missing, but digits are it
};

struct option_choice {
    const char *name; // NULL ends the list
    int value;
};

struct option {
    const char *name;     // without the dashes
    char letter;          // or 0
    const char *argument; // what the help calls its value; NULL: takes none
    enum option_kind kind;
    enum option_group group;
    unsigned commands; // enum option_command
    unsigned flags;    // enum option_flags
    size_t field;      // offset in what it is set in: struct settings
    int64_t min;
    int64_t max;
    const struct option_choice *choices;
    const char *help;
};

/* The table, in the order of the help. *count rows. */
const struct option *options_all(size_t *count);

/* The option of that name, or NULL. `len` bytes, without dashes. */
const struct option *options_find(enum option_command command, const char *name,
                                  size_t len);
const struct option *options_find_letter(enum option_command command,
                                         char letter);

/*
 * The name among the options of a command, or among those of mule.yaml when
 * `command` is 0, that may have been meant, or "". Static.
 */
const char *options_nearest(unsigned command, const char *name, size_t len);

/*
 * Sets an option in `target`. `value` is NULL where there is none. Texts are
 * copied, lists grow. The error says what is wrong with the value only.
 */
bool option_set(const struct option *option, void *target, const char *value,
                struct err *err);

/*
 * What `false` means in mule.yaml: a flag is not set, a constant not in force,
 * a text not there.
 */
void option_unset(const struct option *option, void *target);

/* Empties the list of an option that has one, so that it begins anew. */
void option_forget(const struct option *option, void *target);

/* The options of a command, by group, on lines of at most 80 columns. */
void options_help(enum option_command command, struct buf *buf);

#endif
