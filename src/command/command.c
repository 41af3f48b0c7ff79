#include "command/command.h"

#include "command/jobs_from.h"
#include "config.h"
#include "util/buf.h"
#include "util/distance.h"
#include "util/escape.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAID_MAX ((size_t)1 << 20)

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    enum option_command options;
    const char *help;
};

static const struct command commands[] = {
    {"test", cmd_test, COMMAND_TEST,
     "run tests, on every core of this machine"},
    {"list", cmd_list, COMMAND_LIST, "print what would run"},
    {"bisect", cmd_bisect, COMMAND_BISECT,
     "find which tests before a test make it fail or pass"},
    {"doctor", cmd_doctor, COMMAND_DOCTOR,
     "say what is wrong with the interpreter, the adapter, this machine"},
    {"adapter-check", cmd_adapter_check, COMMAND_ADAPTER_CHECK,
     "play every role of the adapter protocol against an adapter"},
    {"worker", cmd_worker, COMMAND_WORKER, "serve builds from a broker"},
    {"status", cmd_status, COMMAND_STATUS,
     "print which builds and workers a broker has"},
    {"simulate", cmd_simulate, COMMAND_SIMULATE,
     "run the scheduler in virtual time"},
    {"replay", cmd_replay, COMMAND_REPLAY, "show a build again"},
    {"report", cmd_report, COMMAND_REPORT,
     "write reports of a build, or of its shards"},
    {"history", cmd_history, COMMAND_HISTORY,
     "print past builds, or one test over time"},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

void
command_say(const char *before, const char *text)
{
    struct buf shown = BUF_INIT(SAID_MAX);
    if (text != NULL) {
        escape_terminal(&shown, slice_of(text), ESCAPE_KEEP_LINES);
        fprintf(stderr, "mule: %s%s\n", before, buf_text(&shown));
    }
    buf_release(&shown);
}

int
command_fail(const struct err *err)
{
    command_say("error: ", err->text);
    command_say("hint: ", err_help(err));
    switch (err->kind) {
    case ERR_USAGE:
    case ERR_CONFIG:
        return EXIT_USAGE;
    case ERR_NOTHING:
        return EXIT_NOTHING;
    case ERR_INTERRUPTED:
        return EXIT_STOPPED;
    case ERR_NONE:
    case ERR_SYSTEM:
    case ERR_SPAWN:
    case ERR_PROTOCOL:
    case ERR_LIMIT:
    case ERR_INTERNAL:
        break;
    }
    return EXIT_BROKEN;
}

static void
print_command_help(const struct command *command)
{
    struct buf help = BUF_INIT((size_t)64 * 1024);
    options_help(command->options, &help);
    fputs(buf_text(&help), stdout);
    buf_release(&help);
}

static int
print_help(FILE *to)
{
    fprintf(to, "Usage: mule COMMAND [OPTION...]\n\n"
                "Runs test suites in parallel.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(to, "\n`mule COMMAND --help` tells all about one; "
                "`mule --version` its version.\n");
    return to == stdout ? EXIT_PASSED : EXIT_USAGE;
}

/* NULL with err, which names the command that was probably meant. */
static const struct command *
find_command(const char *name, struct err *err)
{
    struct distance_nearest nearest = {.wanted = slice_of(name)};

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
        distance_offer(&nearest, slice_of(commands[i].name));
    }
    struct slice best = distance_best(&nearest);
    if (best.len > 0) {
        err_set(err, ERR_USAGE,
                "there is no command \"%.60s\"; did you mean \"%.*s\"?", name,
                SLICE_ARG(best));
    } else {
        err_set(err, ERR_USAGE, "there is no command \"%.60s\"", name);
    }
    err_hint(err, "`mule --help` names them all");
    return NULL;
}

bool
command_configure(enum option_command option_command, int argc, char **argv,
                  struct settings *settings, int *status)
{
    struct configured configured = {0};
    struct err err = {0};
    bool fine =
        configure(settings, &configured, option_command, argc, argv, &err);
    if (!fine) {
        *status = command_fail(&err);
    } else if (configured.wants_help) {
        for (size_t i = 0; i < COMMAND_COUNT; i++) {
            if (commands[i].options == option_command) {
                print_command_help(&commands[i]);
            }
        }
        *status = EXIT_PASSED;
        fine = false;
    }
    for (int i = 0; fine && i < configured.notes.count; i++) {
        fprintf(stderr, "mule: note: %s\n", configured.notes.at[i]);
    }
    configured_release(&configured);
    if (fine && !jobs_from_read(settings, &err)) {
        *status = command_fail(&err);
        fine = false;
    }
    if (fine && settings->log != NULL) {
        char spec[4096];
        snprintf(spec, sizeof(spec), "debug:%s", settings->log);
        fine = log_configure(spec, &err);
        if (!fine) {
            *status = command_fail(&err);
        }
    }
    if (!fine) {
        settings_release(settings);
    }
    return fine;
}

static int
help_about(const char *name)
{
    struct err err = {0};
    const struct command *command = NULL;

    if (name == NULL) {
        return print_help(stdout);
    }
    command = find_command(name, &err);
    if (command == NULL) {
        return command_fail(&err);
    }
    print_command_help(command);
    return EXIT_PASSED;
}

static int
run_command(int argc, char **argv)
{
    struct err err = {0};
    const char *name = argv[1];

    if (argc < 2) {
        return print_help(stderr);
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("mule %s\n", MULE_VERSION);
        return EXIT_PASSED;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        strcmp(name, "help") == 0) {
        return help_about(argv[2]);
    }
    const struct command *command = find_command(name, &err);
    if (command == NULL) {
        return command_fail(&err);
    }
    return command->run(argc - 2, argv + 2);
}

/* What is still in the buffer of stdout may not get out: a full disk. */
static int
close_output(int status)
{
    struct err err = {0};

    if (fflush(stdout) != 0) {
        err_set_errno(&err, ERR_SYSTEM, errno, "writing to standard output");
    } else if (ferror(stdout) != 0) {
        err_set(&err, ERR_SYSTEM, "standard output took only a part");
    } else {
        return status;
    }
    return command_fail(&err);
}

int
command_main(int argc, char **argv)
{
    struct err err = {0};
    if (!log_configure(getenv("MULE_LOG"), &err)) {
        return command_fail(&err);
    }
    int status = close_output(run_command(argc, argv));
    log_close();
    return status;
}
