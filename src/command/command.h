/*
 * The table of commands, their help, and the one place that prints an error.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "config/configure.h"
#include "util/err.h"

/* Exit statuses, as pytest has them. */
enum {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_STOPPED = 2, // early, by choice
    EXIT_BROKEN = 3,  // mule could not do its work
    EXIT_USAGE = 4,
    EXIT_NOTHING = 5, // nothing was selected
};

/* main() without its file. */
int command_main(int argc, char **argv);

/*
 * Prints "mule: ", `before` and the text on standard error, as a terminal may
 * have it: names in it may come from tests and stores. NULL: nothing.
 */
void command_say(const char *before, const char *text);

/* Prints "mule: error: ..." and the hint; gives the exit status of its kind. */
int command_fail(const struct err *err);

/*
 * What every command begins with: settings from its words. False when there
 * is nothing more to do, with *status to exit with: help was given, or the
 * words are wrong and that was said.
 */
bool command_configure(enum option_command command, int argc, char **argv,
                       struct settings *settings, int *status);

int cmd_test(int argc, char **argv);
int cmd_bisect(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_adapter_check(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_worker(int argc, char **argv);
int cmd_history(int argc, char **argv);

/* mule worker --engine, which takes its words from its worker. */
int cmd_engine(void);

#endif
