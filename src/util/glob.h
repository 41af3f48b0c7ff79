/*
 * Patterns over dotted names, as a shell has them for files: `*` any run of
 * characters (dots too), `?` one character, `[a-z]` one of these, `[!a-z]` one
 * of all others. A bracket that is never closed is an ordinary character.
 * Time is bounded by the product of both lengths.
 */
#ifndef UTIL_GLOB_H
#define UTIL_GLOB_H

#include <stdbool.h>

#include "util/slice.h"

/* Whether the whole of `text` fits the pattern. Letters are as they are. */
bool glob_match(struct slice pattern, struct slice text);

/* Whether it is a pattern at all: has a `*`, `?` or `[`. */
bool glob_is_pattern(struct slice text);

#endif
