/*
 * `mule history export FILE` and `mule history import FILE...`.
 */
#ifndef COMMAND_HISTORY_MOVE_H
#define COMMAND_HISTORY_MOVE_H

#include "model/settings.h"
#include "store/site.h"

/* Files are the labels behind the first. Print what they did. */
bool history_export(const struct site *site, const struct settings *settings,
                    struct err *err);
bool history_import(const struct site *site, const struct settings *settings,
                    struct err *err);

#endif
