/*
 * The interpreter and the words that start the unittest adapter with it.
 */
#ifndef COMMAND_INTERPRETER_H
#define COMMAND_INTERPRETER_H

#include "model/settings.h"
#include "util/err.h"

struct interpreter {
    char *path;
    const char *origin; // "--python", "VIRTUAL_ENV", ...: static
    char *package;      // folder of the package `mule`
    char *adapter;      // the file that is started
    const char *argv[72];
};

/* False with err when there is none, or when the package is missing. */
bool interpreter_find(struct interpreter *interpreter,
                      const struct settings *settings, struct err *err);
void interpreter_release(struct interpreter *interpreter);

const char *const *interpreter_argv(const struct interpreter *interpreter);

#endif
