/*
 * The interpreter and the words that start the unittest adapter with it.
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
    char *package; // the folder of the package `mule`
    char *adapter; // the file that is started
    ARRAY(const char *) argv;
};

/*
 * Borrows the settings. False with err when there is none, or when mule's own
 * package is missing; to be released then too.
 */
bool interpreter_find(struct interpreter *interpreter,
                      const struct settings *settings, struct err *err);
void interpreter_release(struct interpreter *interpreter);

/* The words that start the adapter; NULL at their end. */
const char *const *interpreter_argv(const struct interpreter *interpreter);

#endif
