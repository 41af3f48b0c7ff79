/*
 * The interpreter, and the words that start an adapter with it: the one for
 * unittest, or one that was named with $PYTHON among its words.
 */
#ifndef COMMAND_INTERPRETER_H
#define COMMAND_INTERPRETER_H

#include "config/python.h"
#include "model/settings.h"
#include "util/array.h"
#include "util/err.h"

/* Zeroed = none. */
struct interpreter {
    struct python python;
    char *package; // the folder of the package `mule`; NULL: not needed
    char *adapter; // the file that is started, or NULL
    ARRAY(const char *) argv;
};

/*
 * Borrows the settings. False with err when there is none, or when mule's own
 * package is missing; to be released then too.
 */
bool interpreter_find(struct interpreter *interpreter,
                      const struct settings *settings, struct err *err);

/* What stands for the interpreter and its arguments. */
#define INTERPRETER_WORD "$PYTHON"
bool interpreter_is_wanted(const struct texts *words);

/*
 * The same for a command in whose words $PYTHON stands for the interpreter.
 * Borrows settings and words. False with err when there is none.
 */
bool interpreter_find_for(struct interpreter *interpreter,
                          const struct settings *settings,
                          const struct texts *words, struct err *err);
void interpreter_release(struct interpreter *interpreter);

/* The words that start the adapter; NULL at their end. */
const char *const *interpreter_argv(const struct interpreter *interpreter);

#endif
