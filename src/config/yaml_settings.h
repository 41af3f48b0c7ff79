/*
 * The YAML of mule.yaml -> settings. Reads events and builds no tree, so that
 * a document costs no more than its bytes; anchors, aliases and tags are
 * refused. Opens nothing.
 *
 * A document that is read after another wins over it: its values replace
 * those of the other, its workspaces those of the same name, and its overrides
 * come first.
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
