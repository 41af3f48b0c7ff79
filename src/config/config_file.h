/*
 * mule.yaml: choices that belong to a project. Every option that may stand
 * there goes by its long name; workspaces and overrides stand nowhere else.
 * What is not understood is an error that names line and column: a setting
 * that is misspelt must not be one that is ignored.
 */
#ifndef CONFIG_CONFIG_FILE_H
#define CONFIG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/settings.h"
#include "util/err.h"
#include "util/slice.h"

/* A file that is larger, or nested deeper, is not read. */
#define CONFIG_FILE_MAX ((size_t)1 << 20)
#define CONFIG_FILE_DEPTH_MAX 8

/*
 * The nearest mule.yaml from the current folder upward, up to the folder that
 * holds .git or .hg; to be freed. NULL without an error when there is none.
 */
char *config_file_find(struct err *err);

/* Reads a file into the settings, and notes its path there. */
bool config_file_read(struct settings *settings, const char *path,
                      struct err *err);

/* The same with the text at hand; `path` is for messages and relative paths. */
bool config_file_parse(struct settings *settings, const char *path,
                       struct slice text, struct err *err);

#endif
