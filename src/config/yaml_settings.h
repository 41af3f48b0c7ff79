/*
 * The YAML of mule.yaml -> settings. Reads events and builds no tree, so that
 * a document costs no more than its bytes; anchors, aliases and tags are
 * refused. Opens nothing.
 */
#ifndef CONFIG_YAML_SETTINGS_H
#define CONFIG_YAML_SETTINGS_H

#include <stdbool.h>

#include "model/settings.h"
#include "util/err.h"
#include "util/slice.h"

struct yaml_source {
    const char *path;   // for messages
    const char *folder; // what relative paths in it are relative to
    struct slice text;
};

bool yaml_settings_read(struct settings *settings,
                        const struct yaml_source *source, struct err *err);

#endif
