/*
 * The words behind a command: which options with which values, which labels.
 * As `getopt_long` has it (--name value, --name=value, -j4, -fq, -- ends the
 * options, options and labels in any order), but nothing is abbreviated.
 * Words are read first and applied later, since mule.yaml, which --config may
 * name, comes between and gives way.
 */
#ifndef CONFIG_COMMAND_LINE_H
#define CONFIG_COMMAND_LINE_H

#include "config/options.h"
#include "model/settings.h"

struct command_line_use {
    const struct option *option;
    const char *value; // borrowed from the words; NULL: none
};

/* Zeroed = empty. */
struct command_line {
    struct command_line_use *uses;
    size_t use_count;
    size_t use_capacity;
    const char **labels; // borrowed from the words
    size_t label_count;
    size_t label_capacity;
    bool wants_help;
};

/*
 * Reads `count` words, which must live as long as `line`. The command decides
 * which options there are, whether labels may stand there, and, for
 * adapter-check, that the first label ends the options.
 */
bool command_line_read(struct command_line *line, enum option_command command,
                       int count, char *const words[], struct err *err);
void command_line_release(struct command_line *line);

/* Whether an option is used. */
bool command_line_has(const struct command_line *line, const char *name);

/* The last value of an option, or NULL. */
const char *command_line_value(const struct command_line *line,
                               const char *name);

/*
 * Puts everything into the settings. A list begins anew with the first option
 * that adds to it, so that what mule.yaml said of it is gone.
 */
bool command_line_apply(const struct command_line *line,
                        struct settings *settings, struct err *err);

#endif
