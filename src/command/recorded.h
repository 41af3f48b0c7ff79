/*
 * Which recording is meant by a word: the file of that name, or one of the
 * store's by the id of its build. Reads the first event of each of these.
 */
#ifndef COMMAND_RECORDED_H
#define COMMAND_RECORDED_H

#include "model/settings.h"
#include "util/err.h"

/*
 * The path of a recording, to be freed: `word` is a path, the id of a build,
 * or a beginning that only one id has; NULL: any build of the store. Of
 * several builds it is the one that began last, as `mule history` has them.
 * NULL with err.
 */
char *recorded_find(const struct settings *settings, const char *word,
                    struct err *err);

#endif
